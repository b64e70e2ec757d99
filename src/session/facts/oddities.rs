//! What few sessions have: refusals, broken rules, foreign protocols, attempts that came to nothing.
//!
//! Invariant: read through [`Session`], a session without oddities looks like one whose oddities are all empty.

use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use crate::attempt::Attempt;
use crate::capture::Moment;
use crate::net::Undeliverable;
use crate::session::wire::PerSide;
use crate::transport::Protocol;

use super::{
    AuthFacts, HttpAnswer, MalformedFact, Overlap, Refusal, RetainedBurst, Session, TextFact, UnfinishedPacket,
    ViolationFact, WebSocketFacts,
};

/// What few sessions have; read as fields of [`Session`].
#[derive(Clone, Debug, Default)]
pub struct Oddities {
    /// What was tried, if it came to no TCP connection.
    pub attempt: Option<Box<Attempt>>,
    /// The first word of a router or host that a segment of the connection could not be delivered.
    pub undeliverable: Option<Box<(Moment, Undeliverable)>>,
    /// A second CONNECT on the same connection.
    pub second_connect: Option<Moment>,
    /// What the client's first bytes were, when they were not MQTT although the server's port is taken for it.
    pub foreign_opening: Option<(Protocol, Moment)>,
    /// What the server's first bytes were, when they were not MQTT.
    pub foreign_answer: Option<(Protocol, Moment)>,
    /// The HTTP answer that those were, as far as it could be read.
    pub http_answer: Option<Box<HttpAnswer>>,
    /// The WebSocket around it, if there is one.
    pub websocket: Option<Box<WebSocketFacts>>,
    /// AUTH packets.
    pub auth: AuthFacts,
    /// The largest row of retained messages after one SUBSCRIBE.
    pub retained: Option<Box<RetainedBurst>>,
    /// Messages that the server delivered twice at once, because two filters match.
    pub overlap: Option<Box<Overlap>>,
    /// Requests that were answered with a failure code, the first of them.
    pub refusals: Vec<Refusal>,
    /// Packets that break a rule, the first of each kind: by their bytes alone, then by what was sent before.
    pub violations: Vec<ViolationFact>,
    /// Packets that could not be decoded, the first of them.
    pub malformed: Vec<MalformedFact>,
    /// Packets known only in part, by sender.
    pub partial_packets: PerSide<u64>,
    /// Bytes passed over while looking for the next packet, by sender.
    pub skipped_bytes: PerSide<u64>,
    /// A packet begun and not finished when the sender's stream ended: when it began, its type, length and bytes seen.
    pub unfinished_packet: PerSide<Option<UnfinishedPacket>>,
    /// Bytes of a packet of which not even the fixed header came before the sender's stream ended, and the first of them.
    pub begun_header: PerSide<Option<(u64, Moment)>>,
    /// Bytes before those of MQTT: a PROXY header; the request for the tunnel of an HTTP proxy, and its answer.
    pub preface: PerSide<u64>,
    /// Client Identifier of a first CONNECT that is the client's unfinished packet.
    pub begun_client_id: Option<Box<TextFact>>,
}

static NONE: LazyLock<Oddities> = LazyLock::new(Oddities::default);

impl Deref for Session {
    type Target = Oddities;

    fn deref(&self) -> &Oddities {
        self.oddities.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Session {
    /// Makes room: only for an entry.
    fn deref_mut(&mut self) -> &mut Oddities {
        self.oddities.get_or_insert_default()
    }
}
