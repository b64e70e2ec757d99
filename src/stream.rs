//! Words that the stream layers share: which end spoke, where in its stream, what is missing.
//!
//! Invariant: within one direction, [`Piece`]s come in rising offset, touch each other, and never
//! deliver a byte twice. This module only names things; it decides nothing.

use crate::capture::Moment;

/// One end of a TCP connection, before it is known which end is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The end that sent the connection's first captured segment.
    A,
    /// The other end.
    B,
}

impl End {
    /// The other end.
    #[must_use]
    pub fn other(self) -> End {
        match self {
            End::A => End::B,
            End::B => End::A,
        }
    }
}

/// The MQTT role of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The MQTT Client: it sends CONNECT.
    Client,
    /// The MQTT Server (broker): it sends CONNACK.
    Server,
}

impl Side {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// Offset in bytes in one direction of a connection; 0 is the first byte after the SYN, or the
/// first byte captured when the SYN was not. It never wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamOffset(pub u64);

/// Stream bytes in order.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Offset of the first byte.
    pub offset: StreamOffset,
    /// The bytes: a slice of the captured frame when the data came in order.
    pub data: &'a [u8],
    /// Frame that carried them.
    pub at: Moment,
    /// Whether `data` starts where a TCP segment's payload started: a likely place for a packet to begin.
    pub starts_segment: bool,
}

/// Stream bytes that the capture does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Offset of the first missing byte.
    pub offset: StreamOffset,
    /// How many bytes are missing.
    pub length: u64,
    /// Why they are missing.
    pub why: GapReason,
    /// Frame at which the gap was known for certain.
    pub at: Moment,
}

/// Why stream bytes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// The receiver acknowledged them, so they were on the wire, but the capture missed them.
    NotCaptured,
    /// The snap length cut the frame that carried them.
    SnapLength,
    /// Out-of-order data beyond [`crate::limits::Limits`] was let go.
    LimitReached,
    /// The connection or the capture ended before the missing bytes were seen.
    NeverSeen,
}

/// What one direction of a connection delivers.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// Bytes in order.
    Chunk(Chunk<'a>),
    /// A hole, then bytes again.
    Gap(Gap),
}
