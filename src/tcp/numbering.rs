//! Ties the 32-bit sequence numbers of one direction to 64-bit stream offsets.
//!
//! Invariant: `expected` and `next` name the same byte, as offset and as sequence number, and
//! `expected` never falls. This module does not see payload.

use super::patience;
use super::sequence::{advance, distance};

/// Where a segment lies in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At this offset; negative before the first byte that the capture holds.
    At(i64),
    /// Far away, but there the stream goes on: the capture lost what lies between.
    Onward(u64),
    /// Nowhere that the receiver would accept.
    Far,
}

/// How surely the first offset is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Nothing was seen of this direction.
    Unknown,
    /// Only acknowledgments and empty segments hint at it.
    Hinted,
    /// A SYN or the first data fixed it.
    Fixed,
}

/// Sequence numbers and offsets of one direction.
#[derive(Debug)]
pub(super) struct Numbering {
    expected: u64,
    next: u32,
    far_next: u32,
    far_run: u8,
    start: Start,
}

impl Numbering {
    pub(super) fn new() -> Numbering {
        Numbering { expected: 0, next: 0, far_next: 0, far_run: 0, start: Start::Unknown }
    }

    /// Offset of the next byte to deliver.
    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    /// Whether a number of this direction was seen, in it or in the other end's acknowledgments.
    pub(super) fn is_hinted(&self) -> bool {
        self.start != Start::Unknown
    }

    /// Whether a SYN or data fixed the first offset.
    pub(super) fn is_fixed(&self) -> bool {
        self.start == Start::Fixed
    }

    /// Whether a segment with this number brings what is expected.
    #[inline]
    pub(super) fn is_next(&self, sequence: u32) -> bool {
        self.next == sequence
    }

    /// A segment came that is not far away.
    #[inline]
    pub(super) fn near(&mut self) {
        self.far_run = 0;
    }

    /// Everything before `offset` is done with.
    pub(super) fn skip_to(&mut self, offset: u64) {
        if offset > self.expected {
            self.next = self.sequence_of(offset);
            self.expected = offset;
        }
    }

    /// The stream starts at `first` for sure.
    pub(super) fn fix(&mut self, first: u32) {
        self.next = first;
        self.start = Start::Fixed;
    }

    /// An empty segment's number, or what the other end waits for: until data comes, the latest
    /// such number is where the stream is thought to begin.
    pub(super) fn hint(&mut self, sequence: u32) {
        let later = match self.start {
            Start::Unknown => true,
            Start::Hinted => distance(self.next, sequence) > 0,
            Start::Fixed => false,
        };
        if later {
            self.next = sequence;
            self.start = Start::Hinted;
        }
    }

    /// How far `sequence` lies beyond where the stream is thought to begin, while that is only hinted at.
    pub(super) fn beyond_hint(&self, sequence: u32) -> i64 {
        if self.start == Start::Hinted { distance(self.next, sequence) } else { 0 }
    }

    /// The sequence number of the byte at `offset`.
    #[allow(clippy::cast_possible_wrap)] // modulo 2³² in the end
    pub(super) fn sequence_of(&self, offset: u64) -> u32 {
        advance(self.next, offset.wrapping_sub(self.expected) as i64)
    }

    /// The offset that `number` names, near `reference`, an offset.
    pub(super) fn offset_near(&self, number: u32, reference: u64) -> i64 {
        reference.cast_signed().saturating_add(distance(self.sequence_of(reference), number))
    }

    /// Where a segment with this sequence number and `length` payload bytes lies. The first data
    /// fixes the start of a stream that has no SYN.
    pub(super) fn place(&mut self, sequence: u32, length: u32, acknowledged: u64) -> Place {
        if length > 0 {
            self.begin(sequence);
        }
        let ahead = distance(self.next, sequence);
        if (-patience::WINDOW..=patience::WINDOW).contains(&ahead) || self.start == Start::Unknown {
            self.far_run = 0;
            return Place::At(self.expected.cast_signed().saturating_add(ahead));
        }
        let offset = self.offset_near(sequence, acknowledged);
        if (offset - acknowledged.cast_signed()).abs() <= patience::WINDOW {
            self.far_run = 0;
            return Place::At(offset);
        }
        self.place_far(sequence, length)
    }

    /// Data or a FIN came: the stream begins there, unless the other end had acknowledged less shortly before.
    #[inline]
    pub(super) fn begin(&mut self, sequence: u32) {
        if self.start == Start::Fixed {
            return;
        }
        let beyond = distance(self.next, sequence);
        if self.start == Start::Unknown || !(0..=patience::LATE_START).contains(&beyond) {
            self.next = sequence;
        }
        self.start = Start::Fixed;
    }

    fn place_far(&mut self, sequence: u32, length: u32) -> Place {
        let follows = self.far_run > 0 && sequence == self.far_next;
        self.far_next = advance(sequence, i64::from(length));
        self.far_run = if follows { self.far_run.saturating_add(1) } else { 1 };
        if self.far_run < patience::FAR_RUN || length == 0 {
            return Place::Far;
        }
        self.far_run = 0;
        // A stretch of 2 GiB and more looks like one of the past: the stream only goes forward.
        Place::Onward(self.expected + u64::from(sequence.wrapping_sub(self.next)))
    }
}
