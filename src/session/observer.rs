//! Control packets as they pass: for an observer that wants each of them, not only what a session keeps.
//!
//! Invariant: an observer changes nothing. Without one, nothing is spent on it.

use std::fmt::Debug;

use crate::capture::{FrameNumber, Order};
use crate::mqtt::{Packet, ParseError, RawPacket, Version};
use crate::net::Endpoint;
use crate::stream::Side;

use super::facts::TextFact;

/// Wants to see every control packet.
pub trait PacketObserver: Debug + Send {
    /// Takes the next packet, in the order in which packets are completed.
    fn packet(&mut self, packet: &SeenPacket<'_>);

    /// What was shown since this was last told, if anything was, belongs here among what other observers were shown.
    fn belongs(&mut self, order: Order) {
        let _ = order;
    }
}

/// A control packet that passes, after the session's tracker took it.
#[derive(Clone, Copy, Debug)]
pub struct SeenPacket<'p> {
    /// Wireshark's `tcp.stream`. Where there are other observers of the same capture, it may not be known yet.
    pub stream: u32,
    /// The first frame of the connection.
    pub opened: FrameNumber,
    /// The side that sent it, as far as is known by now: without the start of a connection the
    /// sides may turn out to be the other way round.
    pub side: Side,
    /// The address and port that sent it.
    pub sender: Endpoint,
    /// Whether the connection is known to carry MQTT by now.
    pub confirmed: bool,
    /// Its bytes and frames.
    pub raw: &'p RawPacket<'p>,
    /// What they say.
    pub parsed: &'p Result<Packet<'p>, ParseError>,
    /// The version of the session, if known.
    pub version: Option<Version>,
    /// The topic of a PUBLISH: its own, or the one that its alias stands for.
    pub topic: Option<&'p TextFact>,
}
