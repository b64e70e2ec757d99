//! What client and server agreed on, in a few bytes: what every packet is held against first.
//!
//! Invariant: where the terms have nothing against a packet, no rule has; where they have, the rules look at the facts.

use crate::mqtt::{PacketType, PropertyId, Publish};
use crate::session::facts::{ConnackFacts, ConnectFacts};
use crate::session::rules::Arrival;
use crate::session::wire::PerSide;
use crate::stream::Side;

/// The terms of a connection, by the side that they bind.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// Largest packet in bytes; no packet is larger than `u32::MAX`.
    packet_size: PerSide<u32>,
    /// Most exchanges that may be open; `u32::MAX` when there is no bound.
    pub(super) receive_maximum: PerSide<u32>,
    /// Highest QoS of the client's messages.
    qos: u8,
    /// The client may send messages with RETAIN.
    retain: bool,
    /// A CONNACK has accepted the connection.
    accepted: bool,
    /// The side has sent DISCONNECT.
    left: PerSide<bool>,
}

impl Default for Terms {
    fn default() -> Terms {
        let none = PerSide { client: u32::MAX, server: u32::MAX };
        let left = PerSide { client: false, server: false };
        Terms { packet_size: none, receive_maximum: none, qos: u8::MAX, retain: true, accepted: false, left }
    }
}

impl Terms {
    /// What the client can take.
    pub(super) fn connect(&mut self, connect: &ConnectFacts) {
        self.packet_size.server = connect.maximum_packet_size.unwrap_or(u32::MAX);
        self.receive_maximum.server = connect.receive_maximum.map_or(u32::MAX, u32::from);
    }

    /// What the server can take.
    pub(super) fn connack(&mut self, connack: &ConnackFacts) {
        self.packet_size.client = connack.maximum_packet_size.unwrap_or(u32::MAX);
        self.receive_maximum.client = connack.receive_maximum.map_or(u32::MAX, u32::from);
        self.qos = connack.maximum_qos.map_or(u8::MAX, |qos| qos.0);
        self.retain = connack.retain_available != Some(false);
        self.accepted = connack.code.0 == 0;
    }

    /// `side` has sent DISCONNECT.
    pub(super) fn leave(&mut self, side: Side) {
        *self.left.of_mut(side) = true;
    }

    /// Sides were taken the wrong way round. What was offered stays: only the right sides offer.
    pub(super) fn swap_sides(&mut self) {
        self.left.swap();
    }

    /// Whether nothing speaks against a packet at this time and of this size.
    #[inline]
    pub(super) fn welcome(&self, arrival: &Arrival) -> bool {
        self.accepted
            && arrival.packet != PacketType::CONNACK
            && !*self.left.of(arrival.from)
            && arrival.length <= u64::from(*self.packet_size.of(arrival.from))
    }

    /// Whether nothing that was offered speaks against a message of `from`, which has `open` exchanges with it.
    #[inline]
    pub(super) fn allow(&self, from: Side, publish: &Publish<'_>, open: usize) -> bool {
        let flags = from == Side::Server || publish.qos.0 <= self.qos && (self.retain || !publish.retain);
        flags && !publish.properties.has(PropertyId::TOPIC_ALIAS) && open <= *self.receive_maximum.of(from) as usize
    }
}
