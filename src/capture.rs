//! What a source hands over: one captured frame, borrowed from the source's buffer.
//!
//! Invariant: frames are numbered from 1 in the order of the capture, as Wireshark numbers them,
//! so that a number printed by any layer can be typed into Wireshark. This module does no I/O.

use std::fmt;

/// Number of a frame in the capture, from 1, as Wireshark's `frame.number`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNumber(pub u64);

impl fmt::Display for FrameNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Capture time in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Nanoseconds from `earlier` to `self`; negative when the capture's clock went back.
    pub fn nanoseconds_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
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
