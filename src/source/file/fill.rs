//! Reading many packets of a file at once.
//!
//! Invariant: what is put into a batch is what [`CaptureFile::next_frame`] would have handed out. Records of pcap that
//! are whole and in no way odd are walked in the buffer; all else goes the way of single packets.

use super::{CaptureFile, Format};
use crate::capture::{Batch, FrameNumber, Timestamp};
use crate::source::step::Record;

impl CaptureFile {
    /// Puts the next packets into `batch` until it is full, or until one was captured at `until` or later; `before` are
    /// the packets that are numbered before this file's. Returns this file's number of the last one.
    pub(in crate::source) fn fill(&mut self, batch: &mut Batch, before: u64, until: Option<Timestamp>) -> FrameNumber {
        let is_early = |record: &Record| until.is_none_or(|until| record.time < until);
        let mut last = FrameNumber(self.number);
        while !batch.is_full() {
            let Some(record) = self.ahead.take().or_else(|| self.advance()) else { break };
            if !is_early(&record) {
                self.ahead = Some(record);
                break;
            }
            let mut frame = self.take(&record);
            frame.at.frame.0 += before;
            batch.push(&frame);
            self.walk(batch, before, is_early);
            last = FrameNumber(self.number);
        }
        last
    }

    /// Takes the usual records at the start of what is read and not consumed.
    fn walk(&mut self, batch: &mut Batch, before: u64, is_early: impl Fn(&Record) -> bool) {
        let Format::Pcap(pcap) = &mut self.format else { return };
        let mut rest = self.buffer.unread();
        let length = rest.len();
        while !batch.is_full()
            && let Some(record) = pcap.usual(rest).filter(&is_early)
        {
            self.packets += 1;
            self.number += 1;
            batch.push(&record.frame(rest, FrameNumber(before + self.number)));
            rest = rest.get(record.length..).unwrap_or_default();
        }
        let walked = length - rest.len();
        self.buffer.consume(walked);
    }
}
