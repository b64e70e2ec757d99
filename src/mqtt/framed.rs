//! What the framer is told, and what it finds.

use super::{RawPacket, Version};
use crate::capture::Moment;
use crate::stream::{GapReason, Side, StreamOffset};

/// What the session knows and wants of the packets of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hints {
    /// The side that sends this direction.
    pub sender: Option<Side>,
    /// The version, when it is known for certain.
    pub version: Option<Version>,
    /// Most bytes that are kept of a payload in several chunks, unless its sender says that it is text. All where nothing
    /// is said.
    pub payload_bytes: Option<u32>,
}

impl Hints {
    /// Nothing is known, and all is wanted.
    pub const NONE: Hints = Hints { sender: None, version: None, payload_bytes: None };
}

/// What the framer finds.
#[derive(Clone, Copy, Debug)]
pub enum Framed<'p> {
    /// A control packet.
    Packet(RawPacket<'p>),
    /// Bytes passed over while looking for the next packet.
    Skipped(Skipped),
    /// A Remaining Length of more than four bytes: what follows is looked at as after a gap.
    Unframeable {
        /// Where the packet begins.
        offset: StreamOffset,
        /// Its first byte.
        first_byte: u8,
        /// The frame with the byte that shows it.
        at: Moment,
    },
}

/// Bytes passed over while looking for the next packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Offset of the first one.
    pub offset: StreamOffset,
    /// How many, captured or not.
    pub length: u64,
    /// How many of them were not captured.
    pub missing: u64,
    /// Why the framer was out of step.
    pub why: SkipReason,
    /// When it fell out of step.
    pub from: Moment,
    /// When it was in step again, or the last frame before the stream ended.
    pub until: Moment,
}

/// Why a framer is out of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// A packet's first bytes were not captured.
    Gap(GapReason),
    /// The capture began in the middle of the stream.
    LateStart,
    /// A Remaining Length could not be read.
    Unframeable,
    /// The stream ended inside a fixed header.
    StreamEnded,
}
