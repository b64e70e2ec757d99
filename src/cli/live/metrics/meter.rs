//! Counts control packets as they pass.
//!
//! Invariant: memory is bounded: what there is no room for is not measured, and what is older than a minute goes.

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::capture::Timestamp;
use crate::mqtt::{Packet, Publish, ReasonCode, Version};
use crate::session::{PacketObserver, SeenPacket};
use crate::stream::Side;

use super::numbers::{Acknowledged, Numbers, Published, Refused};

/// Messages that wait for an answer, and client ids, remembered at once.
const REMEMBERED: usize = 131_072;
/// Within this a client that connects again is one that reconnects; so long an answer is waited for. Nanoseconds.
const MINUTE: i64 = 60_000_000_000;

/// Counts, and remembers what is needed to measure.
#[derive(Debug)]
pub(super) struct Meter {
    numbers: Arc<Numbers>,
    /// PUBLISH packets that wait for an answer, by stream, sender and Packet Identifier.
    waiting: HashMap<(u32, Side, u16), Timestamp>,
    /// The client of each stream, as a fingerprint of its client id.
    clients: HashMap<u32, u64>,
    /// When a packet of each client was last seen.
    heard: HashMap<u64, Timestamp>,
    swept: Timestamp,
    ids: foldhash::quality::RandomState,
}

impl Meter {
    pub(super) fn new(numbers: Arc<Numbers>) -> Meter {
        Meter {
            numbers,
            waiting: HashMap::new(),
            clients: HashMap::new(),
            heard: HashMap::new(),
            swept: Timestamp::default(),
            ids: foldhash::quality::RandomState::default(),
        }
    }

    /// The session on this stream is over.
    pub(super) fn ended(&mut self, stream: u32) {
        self.clients.remove(&stream);
    }

    fn connect(&mut self, stream: u32, client_id: &[u8], now: Timestamp) {
        if client_id.is_empty() {
            return;
        }
        let client = std::hash::BuildHasher::hash_one(&self.ids, client_id);
        if self.heard.get(&client).is_some_and(|last| now.nanoseconds_since(*last) <= MINUTE) {
            self.numbers.reconnects.inc();
        }
        if self.clients.len() < REMEMBERED {
            self.clients.insert(stream, client);
        }
    }

    /// A packet of this stream was seen.
    fn hear(&mut self, stream: u32, now: Timestamp) {
        let Some(client) = self.clients.get(&stream) else { return };
        let room = self.heard.len() < REMEMBERED;
        match self.heard.entry(*client) {
            Entry::Occupied(mut last) => *last.get_mut() = now,
            Entry::Vacant(place) if room => drop(place.insert(now)),
            Entry::Vacant(_) => {}
        }
    }

    fn publish(&mut self, stream: u32, side: Side, publish: &Publish<'_>, now: Timestamp) {
        let Some(qos) = ["0", "1", "2"].get(usize::from(publish.qos.0)) else { return };
        let labels = Published { sender: name(side), qos };
        self.numbers.published.get_or_create(&labels).inc();
        self.numbers.payload.get_or_create(&labels).inc_by(publish.payload_length.into());
        let Some(identifier) = publish.packet_identifier else { return };
        let room = self.waiting.len() < REMEMBERED;
        match self.waiting.entry((stream, side, identifier)) {
            // Sent again, it still waits since it was sent first.
            Entry::Occupied(_) if publish.dup => {}
            Entry::Occupied(mut since) => *since.get_mut() = now,
            Entry::Vacant(place) if room && !publish.dup => drop(place.insert(now)),
            Entry::Vacant(_) => {}
        }
    }

    /// `side` answered a message of the other side.
    fn answer(&mut self, packet: &SeenPacket<'_>, identifier: u16, name_of_packet: &'static str, is_last: bool) {
        let sender = packet.side.other();
        let key = (packet.stream, sender, identifier);
        let since = if is_last { self.waiting.remove(&key) } else { self.waiting.get(&key).copied() };
        let Some(since) = since else { return };
        let seconds = packet.raw.completed.time.seconds_since(since);
        if seconds >= 0.0 {
            let labels = Acknowledged { sender: name(sender), packet: name_of_packet };
            self.numbers.latency.get_or_create(&labels).observe(seconds);
        }
    }

    /// Forgets what is old, once a minute.
    fn sweep(&mut self, now: Timestamp) {
        if now.nanoseconds_since(self.swept).abs() > MINUTE {
            self.swept = now;
            let is_new = |time: &Timestamp| now.nanoseconds_since(*time) <= MINUTE;
            self.waiting.retain(|_, since| is_new(since));
            self.heard.retain(|_, last| is_new(last));
        }
    }
}

impl PacketObserver for Meter {
    fn packet(&mut self, packet: &SeenPacket<'_>) {
        let Ok(parsed) = packet.parsed else { return };
        if !packet.confirmed {
            return;
        }
        let (stream, now) = (packet.stream, packet.raw.completed.time);
        self.sweep(now);
        match parsed {
            Packet::Connect(connect) => self.connect(stream, connect.client_id.0, now),
            Packet::Connack(connack) if connack.reason_code != ReasonCode::SUCCESS => {
                let version = match packet.version {
                    Some(Version::V5) => "5.0",
                    Some(Version::V31) => "3.1",
                    Some(Version::V311) => "3.1.1",
                    None => "unknown",
                };
                let code = format!("0x{:02X}", connack.reason_code.0);
                self.numbers.refused.get_or_create(&Refused { version, code }).inc();
            }
            Packet::Publish(publish) => self.publish(stream, packet.side, publish, now),
            Packet::Puback(answer) => self.answer(packet, answer.packet_identifier, "PUBACK", true),
            Packet::Pubrec(answer) => {
                let failed = answer.reason_code.is_some_and(ReasonCode::is_failure);
                self.answer(packet, answer.packet_identifier, "PUBREC", failed);
            }
            Packet::Pubcomp(answer) => self.answer(packet, answer.packet_identifier, "PUBCOMP", true),
            _ => {}
        }
        self.hear(stream, now);
    }
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}
