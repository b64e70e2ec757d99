//! Reading many packets of a file at once.
//!
//! Invariant: what is put into a batch is what [`CaptureFile::next_frame`] would have handed out. Records that
//! are whole and in no way odd are walked in the buffer; all else goes the way of single packets.

use super::{CaptureFile, Format};
use crate::capture::{Batch, FrameNumber, Timestamp};
use crate::source::step::Record;

impl CaptureFile {
    /// Puts the next packets into `batch` until it is full, or until one was captured at `until` or later; `before` are
    /// the packets that are numbered before this file's. Returns this file's number of the last one.
    pub(in crate::source) fn fill(&mut self, batch: &mut Batch, before: u64, until: Option<Timestamp>) -> FrameNumber {
        let is_early = |record: &Record| until.is_none_or(|until| record.time < until);
        let mut last = FrameNumber::new(self.number);
        while !batch.is_full() {
            let Some(record) = self.ahead.take().or_else(|| self.advance()) else { break };
            if !is_early(&record) {
                self.ahead = Some(record);
                break;
            }
            let mut frame = self.take(&record);
            frame.at.frame = frame.at.frame.after(before);
            batch.push(&frame);
            self.walk(batch, before, is_early);
            last = FrameNumber::new(self.number);
        }
        last
    }

    /// Takes the usual records at the start of what is read and not consumed.
    fn walk(&mut self, batch: &mut Batch, before: u64, is_early: impl Fn(&Record) -> bool) {
        let (unread, number) = (self.buffer.unread(), before + self.number);
        let taken = batch.len();
        let walked = match &mut self.format {
            Format::Pcap(pcap) => walk(unread, batch, number, |rest| pcap.usual(rest).filter(&is_early)),
            Format::Pcapng(pcapng) => walk(unread, batch, number, |rest| pcapng.usual(rest).filter(&is_early)),
        };
        let taken = (batch.len() - taken) as u64;
        self.packets += taken;
        self.number += taken;
        self.buffer.consume(walked);
    }
}

/// Puts records into `batch`, numbered on from `number`, as long as `usual` finds one; returns how many bytes they are.
fn walk(input: &[u8], batch: &mut Batch, mut number: u64, mut usual: impl FnMut(&[u8]) -> Option<Record>) -> usize {
    let mut walked = 0;
    while !batch.is_full()
        && let Some(rest) = input.get(walked..)
        && let Some(record) = usual(rest)
    {
        number += 1;
        batch.push(&record.frame(rest, FrameNumber::new(number)));
        walked += record.length;
    }
    walked
}
