//! What a source hands over: one captured frame, borrowed from the source's buffer.
//!
//! Invariant: frames are numbered from 1 in the order of the capture, as Wireshark numbers them,
//! so that a number printed by any layer can be typed into Wireshark. This module does no I/O.

mod batch;
mod order;

use std::fmt;
use std::num::NonZeroU64;

pub use batch::Batch;
pub use order::{Order, Race};

/// Number of a frame in the capture, from 1, as Wireshark's `frame.number`.
///
/// It holds the next number, which is never 0: an `Option` of it, or of a [`Moment`], takes no more room than the thing
/// itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNumber(NonZeroU64);

impl FrameNumber {
    /// That of frame `number`; 0 is before the first. The largest `u64` becomes the one before it.
    pub const fn new(number: u64) -> FrameNumber {
        FrameNumber(NonZeroU64::MIN.saturating_add(number))
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0.get() - 1
    }

    /// The number of the frame so many frames later.
    #[must_use]
    pub const fn after(self, frames: u64) -> FrameNumber {
        FrameNumber(self.0.saturating_add(frames))
    }
}

impl Default for FrameNumber {
    fn default() -> FrameNumber {
        FrameNumber::new(0)
    }
}

impl fmt::Debug for FrameNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameNumber({})", self.get())
    }
}

impl fmt::Display for FrameNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// Capture time in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Nanoseconds from `earlier` to `self`; negative when the capture's clock went back.
    pub fn nanoseconds_since(self, earlier: Timestamp) -> i64 {
        // As far back as forth: the opposite of a span is one.
        self.0.saturating_sub(earlier.0).max(-i64::MAX)
    }

    /// The time so many nanoseconds later.
    #[must_use]
    pub fn after(self, nanoseconds: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(nanoseconds))
    }

    /// Seconds from `earlier` to `self`; negative when the capture's clock went back.
    #[allow(clippy::cast_precision_loss)] // spans of a capture fit f64 to well under a microsecond
    pub fn seconds_since(self, earlier: Timestamp) -> f64 {
        self.nanoseconds_since(earlier) as f64 / 1e9
    }
}

/// A frame and when it was captured: what a fact points at as its evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// The frame.
    pub frame: FrameNumber,
    /// Its capture time.
    pub time: Timestamp,
}

impl Moment {
    /// Frames whose times contradict their order by no more than this were written out of order, in nanoseconds;
    /// beyond it the clock was set back.
    const REORDERED: i64 = 1_000_000_000;

    /// Whether this came before `other`: by its time, as several interfaces or processors write frames out of order;
    /// by its frame when the times are equal or the clock was set back.
    pub fn is_before(self, other: Moment) -> bool {
        let apart = other.time.nanoseconds_since(self.time);
        if apart == 0 || apart.abs() > Moment::REORDERED { self.frame < other.frame } else { apart > 0 }
    }
}

/// Link-layer header type: a `LINKTYPE_` value of <https://www.tcpdump.org/linktypes.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, address family in the byte order of the capturing host.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// Raw IPv4 or IPv6, told by the version nibble.
    pub const RAW: LinkType = LinkType(101);
    /// `OpenBSD` loopback, address family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux cooked capture v1.
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// Raw IPv4.
    pub const IPV4: LinkType = LinkType(228);
    /// Raw IPv6.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: LinkType = LinkType(276);
}

/// One captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its place in the capture and when it was captured.
    pub at: Moment,
    /// What its first byte is.
    pub link: LinkType,
    /// The captured bytes.
    pub data: &'a [u8],
    /// Length on the wire in bytes; more than `data.len()` when the snap length cut it.
    pub original_length: u32,
}

impl Frame<'_> {
    /// Whether the snap length cut it.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.original_length as usize > self.data.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(frame: u64, milliseconds: i64) -> Moment {
        Moment { frame: FrameNumber::new(frame), time: Timestamp(milliseconds * 1_000_000) }
    }

    #[test]
    fn frames_written_out_of_order_are_ordered_by_time() {
        assert!(at(2, 10).is_before(at(1, 12)));
        assert!(!at(1, 12).is_before(at(2, 10)));
        assert!(at(1, 10).is_before(at(2, 10)));
        assert!(!at(1, 10).is_before(at(1, 10)));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_turn_time_round() {
        assert!(at(1, 60_000).is_before(at(2, 0)));
        assert!(!at(2, 0).is_before(at(1, 60_000)));
    }
}
