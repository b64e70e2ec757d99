//! What the engine asks a tracker while the session runs.

use std::num::NonZeroU64;

use crate::mqtt::{PacketType, Version};
use crate::session::facts::{ConnackFacts, ConnectFacts, Subscription, TextFact};
use crate::stream::Side;

use super::Tracker;

impl Tracker {
    /// The protocol version, once it is known.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// The CONNECT, once seen.
    pub fn connect(&self) -> Option<&ConnectFacts> {
        self.connect.as_deref()
    }

    /// The CONNACK, once seen.
    pub fn connack(&self) -> Option<&ConnackFacts> {
        self.connack.as_deref()
    }

    /// Control packets so far.
    pub fn packets(&self) -> u64 {
        self.counts.total()
    }

    /// Whether an answer belonged to a request of the other side: strong evidence that this is MQTT.
    pub fn is_answered(&self) -> bool {
        self.answered
    }

    /// The side that behaves as a client: it sent what only clients send, or was sent what only
    /// servers send. `None` until one of these was seen.
    pub fn side_that_acts_as_client(&self) -> Option<Side> {
        const OF_CLIENTS: [PacketType; 4] =
            [PacketType::CONNECT, PacketType::SUBSCRIBE, PacketType::UNSUBSCRIBE, PacketType::PINGREQ];
        const OF_SERVERS: [PacketType; 4] =
            [PacketType::CONNACK, PacketType::SUBACK, PacketType::UNSUBACK, PacketType::PINGRESP];
        let sent = |side: Side, kinds: &[PacketType]| {
            let counts = self.counts.facts(side);
            kinds.iter().any(|kind| counts.of(*kind) > 0)
        };
        let acts_as_client = |side: Side| sent(side, &OF_CLIENTS) || sent(side.other(), &OF_SERVERS);
        match (acts_as_client(Side::Client), acts_as_client(Side::Server)) {
            (true, false) => Some(Side::Client),
            (false, true) => Some(Side::Server),
            _ => None,
        }
    }

    /// What the client subscribed to, in order.
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// What tells the newest PUBLISH, of either side, from others.
    pub fn newest(&self) -> Option<u64> {
        self.newest.map(NonZeroU64::get)
    }

    /// The topic of the last packet of `side`.
    pub fn latest_topic(&self, side: Side) -> Option<&TextFact> {
        self.topics.text(self.last_packets.newest(side)?.topic?)
    }

    /// Whether a packet has said that the connection is to end: DISCONNECT, or a CONNACK that refuses.
    pub fn end_was_announced(&self) -> bool {
        self.disconnect.client.is_some()
            || self.disconnect.server.is_some()
            || self.connack.as_ref().is_some_and(|connack| connack.code.0 != 0)
    }

    /// Packets that could not be decoded so far (the first few are counted).
    pub fn malformed_packets(&self) -> usize {
        self.oddities.as_ref().map_or(0, |oddities| oddities.malformed.len())
    }
}
