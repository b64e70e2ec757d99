//! Facts of the capture as a whole: how much of it could be read, and what was beside MQTT.

use std::collections::BTreeMap;

use crate::capture::{FrameNumber, Timestamp};
use crate::net::Undecodable;
use crate::transport::Protocol;

use super::traffic::Traffic;

/// Something counted, with the first frame that showed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// The first frame (meaningless while `count` is 0).
    pub first: FrameNumber,
}

impl Tally {
    /// Counts one more, seen at `frame`.
    pub fn add(&mut self, frame: FrameNumber) {
        if self.count == 0 {
            self.first = frame;
        }
        self.count += 1;
    }
}

/// IP packets that came in fragments and could not be put together, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentFacts {
    /// Fragments of them were not captured, or came too late.
    pub incomplete: Tally,
    /// Fragments of them overlap and differ: receivers discard them (RFC 5722).
    pub overlapping: Tally,
    /// Fragments of them were cut short when captured.
    pub cut: Tally,
    /// They were let go for want of room.
    pub evicted: Tally,
}

/// Facts of the capture as a whole.
#[derive(Clone, Debug, Default)]
pub struct CaptureFacts {
    /// Frames read.
    pub packets: u64,
    /// Captured bytes read, file headers not counted.
    pub bytes: u64,
    /// Time of the first frame.
    pub first: Option<Timestamp>,
    /// The latest time of any frame.
    pub last: Option<Timestamp>,
    /// Frames that could not be read down to TCP, by where and why.
    pub undecodable: BTreeMap<Undecodable, Tally>,
    /// IP packets that came in fragments and could not be put together.
    pub fragments: FragmentFacts,
    /// Frames cut by the snap length.
    pub cut_frames: Tally,
    /// Times that a frame is older than the one before it by more than a second.
    pub clock_jumps: Tally,
    /// TCP connections.
    pub connections: u64,
    /// Connections that carried another protocol than MQTT, by protocol and server port (bounded; see `other_more`).
    pub other: BTreeMap<(Protocol, u16), Tally>,
    /// Connections of other protocols beyond those told apart in `other`.
    pub other_more: u64,
    /// Connections let go because too many were open.
    pub evicted: Tally,
    /// Connections that were captured on both sides of an address translation, and are told of once.
    pub translated: Tally,
    /// Frames from or to the hosts that were asked for, as far as they are TCP, DNS, ARP or Neighbour Discovery.
    pub wanted: Tally,
    /// Holes in streams that were given up early, because too much out-of-order data waited behind them.
    pub holes_given_up: u64,
    /// Names and hosts that were asked for and forgotten because there were too many.
    pub questions_let_go: u64,
    /// Times that the bytes of a packet, of a TLS or HTTP message, or of a connection's beginning were not kept, because
    /// too much was unfinished at once.
    pub packets_let_go: u64,
    /// Whose messages went to whom.
    pub traffic: Traffic,
}
