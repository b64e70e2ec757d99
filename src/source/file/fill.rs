//! Reading many packets of a file at once.
//!
//! Invariant: what is put into a batch is what [`CaptureFile::next_frame`] would have handed out. Records that
//! are whole and in no way odd are walked in the buffer; all else goes the way of single packets.

use super::{CaptureFile, Format};
use crate::capture::{Batch, FrameNumber, Timestamp};
use crate::source::step::Record;

impl CaptureFile {
    /// Reads what `batch`, which is empty, has room for. What is read for one record alone would have to be moved.
    pub(in crate::source) fn read_ahead(&mut self, batch: &mut Batch) {
        self.buffer.fill(Batch::BYTES, batch);
    }

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
            let start = batch.used();
            if start > 0 {
                self.buffer.leave_room_for(record.length);
            }
            let walked = self.walk(&record, batch, before, is_early);
            self.buffer.hand_over(walked, batch, start);
            last = FrameNumber::new(self.number);
        }
        last
    }

    /// Takes the first record of what is read and not consumed, and the usual ones behind it. Returns how many bytes they
    /// are.
    fn walk(&mut self, first: &Record, batch: &mut Batch, before: u64, is_early: impl Fn(&Record) -> bool) -> usize {
        let CaptureFile { buffer, format, packets, number, .. } = self;
        let (unread, start) = (buffer.unread(), batch.used());
        let mut put = |record: &Record, walked: usize| {
            *packets += 1;
            *number += 1;
            let frame = record.frame(unread.get(walked..).unwrap_or_default(), FrameNumber::new(before + *number));
            let at = start + walked;
            batch.place(&frame, at + record.data.start, at + record.length);
            !batch.is_full()
        };
        if !put(first, 0) {
            return first.length;
        }
        match format {
            Format::Pcap(pcap) => walk(unread, first.length, |rest| pcap.usual(rest).filter(&is_early), put),
            Format::Pcapng(pcapng) => walk(unread, first.length, |rest| pcapng.usual(rest).filter(&is_early), put),
        }
    }
}

/// Puts records behind the first `walked` bytes as long as `usual` finds one and `put` wants more; returns how many bytes
/// of `input` are walked then.
fn walk(
    input: &[u8],
    mut walked: usize,
    mut usual: impl FnMut(&[u8]) -> Option<Record>,
    mut put: impl FnMut(&Record, usize) -> bool,
) -> usize {
    while let Some(record) = input.get(walked..).and_then(&mut usual) {
        let more = put(&record, walked);
        walked += record.length;
        if !more {
            break;
        }
    }
    walked
}
