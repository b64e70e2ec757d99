//! What the two formats make of the next bytes of a file.

use std::ops::Range;

use super::damage::Fault;
use crate::capture::{Frame, FrameNumber, LinkType, Moment, Timestamp};

/// A packet record found at the start of the unread bytes.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    pub(super) original_length: u32,
    /// Where in the record the captured bytes are.
    pub(super) data: Range<usize>,
    /// Length of the whole record in the file.
    pub(super) length: usize,
}

impl Record {
    /// The frame of this record, which `bytes` begin with.
    #[inline]
    pub(super) fn frame<'b>(&self, bytes: &'b [u8], number: FrameNumber) -> Frame<'b> {
        Frame {
            at: Moment { frame: number, time: self.time },
            link: self.link,
            data: bytes.get(self.data.clone()).unwrap_or_default(),
            original_length: self.original_length,
        }
    }
}

/// What stands at the start of the unread bytes.
#[derive(Debug)]
pub(super) enum Step {
    /// A packet.
    Record(Record),
    /// This many bytes that are no packet.
    Skip(usize),
    /// This many bytes that are no packet, yet Wireshark gives them a frame number.
    Numbered(usize),
    /// More bytes are needed to tell.
    More,
    /// Nothing that can be read; what comes after it has to be searched for.
    Fault(Fault),
    /// So many bytes that cannot be read; reading goes on behind them.
    Unread(Fault, usize),
}
