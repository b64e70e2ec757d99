//! Turns the control packets of one connection into the facts of its [`Session`].

mod asked;
mod early;
mod ending;
mod ledger;
mod messages;
mod newest;
mod questions;
mod requests;
mod seldom;
mod standing;
mod terms;
mod tls;
mod unread;
mod websocket;

use std::num::NonZeroU64;
use std::sync::Arc;

use thin_vec::ThinVec;

use crate::attempt::Attempt;
use crate::capture::Moment;
use crate::fetch::{self, Depth};
use crate::limits::Limits;
use crate::mqtt::conformance::{Severity, Violation};
use crate::mqtt::{
    Malformed, Packet, PacketType, ParseError, QoS, RawPacket, Text, Version, connect_head, cut_verdict,
};
use crate::net::Undeliverable;
use crate::stream::Side;
use crate::transport::Protocol;

use super::exchanges::Exchanges;
use super::facts::{
    Book, ConnackFacts, ConnectFacts, DisconnectFacts, HttpAnswer, KeepAliveFacts, MalformedFact, Oddities, PingFacts,
    Proof, PublishFacts, Rare, Refusal, Subscription, TextFact, ViolationFact,
};
use super::rules::{Arrival, Known, Rules};
use super::timeline::{Detail, EventKind, Timeline};
use super::topics::{TopicId, Topics};
use super::wire::PerSide;

use early::EarlyAnswers;
use newest::{Counts, LastPackets, Newest};
use seldom::Seldom;
use terms::Terms;

/// What rules may look at: everything but the rules themselves, which are borrowed apart.
macro_rules! known {
    ($tracker:expr) => {
        Known {
            version: $tracker.version,
            connect: $tracker.connect.as_deref().filter(|_| !$tracker.connect_cut),
            connack: $tracker.connack.as_deref(),
            disconnect: crate::session::wire::PerSide {
                client: $tracker.disconnect.client.as_deref(),
                server: $tracker.disconnect.server.as_deref(),
            },
            subscriptions: &$tracker.subscriptions,
        }
    };
}
use known;

/// Refusals, violations and malformed packets kept, each.
const ODDITIES: usize = 32;

/// Follows the packets of one connection.
///
/// In this order: what every message changes or is held against lies together at the beginning, so that the session of
/// one client among thousands is fetched from memory in few pieces.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Tracker {
    version: Option<Version>,
    /// The CONNECT was cut: what it offers is not known.
    connect_cut: bool,
    /// The client did not ask for a new session.
    resumes: bool,
    /// An answer fits what it answers.
    answered: bool,
    terms: Terms,
    rules: Rules,
    timeline: Timeline,
    newest: Option<NonZeroU64>,
    published: PerSide<Rare<PublishFacts>>,
    ledger: PerSide<Book>,
    topics: Topics,
    exchanges: Exchanges,
    seldom: Rare<Seldom>,
    keep_alive: KeepAliveFacts,
    counts: Counts,
    last_packets: LastPackets,
    limits: Arc<Limits>,
    /// Boxed: most sessions have none.
    oddities: Option<Box<Oddities>>,
    connect: Option<Box<ConnectFacts>>,
    connack: Option<Box<ConnackFacts>>,
    disconnect: PerSide<Option<Box<DisconnectFacts>>>,
    first_packet: PerSide<Option<Moment>>,
    subscriptions: ThinVec<Subscription>,
    ping: Rare<PingFacts>,
}

impl Tracker {
    /// Follows a connection from here on.
    pub fn new(limits: &Arc<Limits>, detail: Detail) -> Tracker {
        Tracker {
            version: None,
            connect_cut: false,
            resumes: false,
            answered: false,
            terms: Terms::default(),
            rules: Rules::default(),
            timeline: Timeline::new(detail, limits.timeline_events),
            newest: None,
            published: PerSide::default(),
            ledger: PerSide::default(),
            topics: Topics::default(),
            exchanges: Exchanges::new(limits.open_exchanges),
            seldom: Rare::default(),
            keep_alive: KeepAliveFacts::default(),
            counts: Counts::default(),
            last_packets: LastPackets::default(),
            limits: Arc::clone(limits),
            oddities: None,
            connect: None,
            connack: None,
            disconnect: PerSide::default(),
            first_packet: PerSide::default(),
            subscriptions: ThinVec::new(),
            ping: Rare::default(),
        }
    }

    /// Asks for what the next packet will touch.
    pub fn fetch(&self, depth: Depth) {
        match depth {
            Depth::Connection => {}
            Depth::Session => fetch::whole(self, &self.connect_cut),
            Depth::Details => {
                for published in [&self.published.client, &self.published.server] {
                    published.as_ref().into_iter().for_each(fetch::start);
                }
                self.topics.fetch();
                self.exchanges.fetch();
            }
        }
    }

    /// Asks for what tells who the client is.
    pub fn fetch_opening(&self, depth: Depth) {
        match (depth, &self.connect) {
            (Depth::Connection, connect) => fetch::start(connect),
            (Depth::Session, Some(connect)) => fetch::start(&connect.client_id),
            (Depth::Details, Some(connect)) => connect.client_id.0.first().into_iter().for_each(fetch::start),
            (_, None) => {}
        }
    }

    /// Looks for what a packet tells of the version, which is not known.
    pub fn observe_version(&mut self, from: Side, raw: &RawPacket<'_>) {
        self.seldom.version.get_or_insert_default().observe(raw, from);
    }

    /// Takes the version to be what the packets told of it, if that is not known by a CONNECT.
    pub fn infer_version(&mut self) {
        if self.version.is_none()
            && let Some(evidence) = self.seldom.as_mut().and_then(|seldom| seldom.version.as_ref())
            && let Some((version, why)) = evidence.verdict()
        {
            self.version = Some(version);
            self.seldom.inferred = Some(why);
        }
    }

    /// Answers that came before what they answer.
    fn early(&mut self) -> Option<&mut EarlyAnswers> {
        self.seldom.as_mut()?.early.as_deref_mut()
    }

    /// What was taken for the client is the server.
    pub fn swap_sides(&mut self) {
        self.terms.swap_sides();
        self.counts.swap_sides();
        self.disconnect.swap();
        self.first_packet.swap();
        self.last_packets.swap_sides();
        self.published.swap();
        self.ledger.swap();
        self.topics.swap_sides();
        self.exchanges.swap_sides();
        self.timeline.swap_sides();
        self.rules.swap_sides();
        if let Some(oddities) = &mut self.oddities {
            oddities.swap_sides();
        }
        self.keep_alive = KeepAliveFacts::default();
        if let Some(seldom) = self.seldom.as_mut() {
            seldom.tls.iter_mut().for_each(|tls| tls.swap_sides());
        }
    }

    /// A router or host says that a segment could not be delivered.
    pub fn undeliverable(&mut self, at: Moment, error: Undeliverable) {
        self.odd().undeliverable.get_or_insert_with(|| Box::new((at, error)));
    }

    /// What was tried, when it came to no connection.
    pub fn attempt(&mut self, attempt: Attempt) {
        self.odd().attempt = Some(Box::new(attempt));
    }

    /// The client's first bytes are not MQTT.
    pub fn foreign_opening(&mut self, protocol: Protocol, at: Moment) {
        self.odd().foreign_opening = Some((protocol, at));
        self.timeline.push(at, Some(Side::Client), EventKind::ForeignOpening(protocol));
    }

    /// The server's first bytes are not MQTT, which is no event of its own.
    pub fn answered_in(&mut self, protocol: Protocol, at: Moment) {
        self.odd().foreign_answer = Some((protocol, at));
    }

    /// The server's first bytes are not MQTT.
    pub fn foreign_answer(&mut self, protocol: Protocol, at: Moment) {
        self.answered_in(protocol, at);
        self.timeline.push(at, Some(Side::Server), EventKind::ForeignAnswer(protocol));
    }

    /// So many bytes of each side come before those of MQTT.
    pub fn preface(&mut self, bytes: PerSide<u64>) {
        self.odd().preface = bytes;
    }

    /// That answer is HTTP, and says this.
    pub fn http_answer(&mut self, answer: HttpAnswer) {
        self.odd().http_answer = Some(Box::new(answer));
    }

    /// What the server answered in HTTP.
    pub fn http_answered(&self) -> Option<&HttpAnswer> {
        self.oddities.as_ref()?.http_answer.as_deref()
    }

    /// A rule that a packet breaks by its bytes alone, as the standard of `version` has it.
    pub fn violation(&mut self, at: Moment, packet: PacketType, version: Option<Version>, violation: &Violation) {
        let Some(clause) = violation.clause(version) else { return };
        let what = violation.in_words();
        let violations = &mut self.odd().violations;
        let known = violations.iter_mut().find(|known| {
            known.side == violation.side && known.packet == packet && known.clause == clause && known.what == what
        });
        if let Some(known) = known {
            known.count += 1;
            known.latest = at;
        } else if violations.len() < ODDITIES {
            violations.push(ViolationFact {
                at,
                latest: at,
                earlier: None,
                count: 1,
                side: violation.side,
                packet,
                clause,
                what,
                grave: violation.severity == Severity::Ends,
                proof: Proof::Packet,
            });
        }
    }

    /// The next packet of `from`, of whose stream the other host has `acknowledged` so much, as far as that is known.
    pub fn packet(
        &mut self,
        from: Side,
        raw: &RawPacket<'_>,
        parsed: &Result<Packet<'_>, ParseError>,
        acknowledged: u64,
    ) {
        let at = raw.completed;
        let packet = raw.header.packet_type();
        self.counts.add(from, packet);
        match self.last_packets.newest(from) {
            None => *self.first_packet.of_mut(from) = Some(at),
            Some(before) if from == Side::Client => self.keep_alive.heard(before.at, at),
            Some(_) => {}
        }
        if raw.missing.is_some() {
            *self.odd().partial_packets.of_mut(from) += 1;
        }
        let length = packet_length(raw);
        let arrival = Arrival { from, at, packet, length: length.into(), first: raw.offset.0 == 0 };
        if !self.terms.welcome(&arrival) {
            let (known, rules) = self.known();
            rules.arrived(&known, &arrival);
        }
        let mut last = Newest { at, packet, length, packet_identifier: None, qos: QoS(0), topic: None };
        match parsed {
            Ok(parsed) => self.parsed(from, raw, parsed, acknowledged, &mut last),
            Err(ParseError::Malformed(malformed)) => self.malformed(from, at, packet, *malformed),
            Err(ParseError::Partial { .. }) => self.partial(from, raw),
        }
        self.last_packets.push(from, last);
    }

    fn partial(&mut self, from: Side, raw: &RawPacket<'_>) {
        let (at, packet) = (raw.completed, raw.header.packet_type());
        self.rules.doubt(at);
        self.connect_cut |= packet == PacketType::CONNECT;
        let head = if packet == PacketType::CONNECT { connect_head(raw.body) } else { None };
        if let Some(connect) = head {
            self.connect_packet(at, raw, &connect);
        } else if !self.cut_verdict(from, raw) {
            self.timeline.push(at, Some(from), EventKind::Partial { packet });
        }
    }

    /// A packet of which the reason why the session ends, or never began, is left.
    fn cut_verdict(&mut self, from: Side, raw: &RawPacket<'_>) -> bool {
        let at = raw.completed;
        match cut_verdict(raw, self.version()) {
            Some(Packet::Disconnect(disconnect)) => self.disconnect_packet(from, at, &disconnect),
            Some(Packet::Connack(connack)) if from == Side::Server => self.connack_packet(from, at, &connack),
            _ => return false,
        }
        true
    }

    /// A name or filter among the topics, by its place.
    fn share(&mut self, name: &TextFact) -> Option<TopicId> {
        let Tracker { topics, exchanges, last_packets, .. } = self;
        topics.share(name, |mark| spoken_of(exchanges, last_packets).for_each(mark))
    }

    fn parsed(&mut self, from: Side, raw: &RawPacket<'_>, parsed: &Packet<'_>, acknowledged: u64, last: &mut Newest) {
        let at = raw.completed;
        if self.rules.is_waiting() {
            self.came(from, parsed, last.packet, at);
        }
        match parsed {
            Packet::Connect(connect) => self.connect_packet(at, raw, connect),
            Packet::Connack(connack) => self.connack_packet(from, at, connack),
            Packet::Publish(publish) => self.publish_packet(from, raw, publish, last),
            Packet::Puback(acknowledgment)
            | Packet::Pubrec(acknowledgment)
            | Packet::Pubrel(acknowledgment)
            | Packet::Pubcomp(acknowledgment) => {
                self.acknowledgment_packet(from, raw, acknowledgment, acknowledged, last);
            }
            Packet::Subscribe(subscribe) => self.subscribe_packet(from, at, subscribe, last),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe_packet(from, at, unsubscribe, last),
            Packet::Suback(suback) | Packet::Unsuback(suback) => self.answer_packet(from, at, suback, last),
            Packet::Pingreq => {
                if from == Side::Client {
                    self.pingreq_packet(at);
                }
                self.timeline.push(at, Some(from), EventKind::Pingreq);
            }
            Packet::Pingresp => {
                if from == Side::Server {
                    self.pingresp_packet(at);
                }
                self.timeline.push(at, Some(from), EventKind::Pingresp);
            }
            Packet::Disconnect(disconnect) => self.disconnect_packet(from, at, disconnect),
            Packet::Auth(auth) => {
                let (known, rules) = self.known();
                rules.auth(&known, from, at, auth);
                rules.problem_information(&known, from, at, last.packet, auth.properties);
                let code = auth.reason_code.unwrap_or_default();
                self.odd().auth.last = Some((at, from, code));
                self.timeline.push(at, Some(from), EventKind::Auth { code });
            }
            Packet::Reserved => {
                self.timeline.push(at, Some(from), EventKind::Reserved { packet: raw.header.packet_type() });
            }
        }
    }

    /// What the rules may look at, and the rules.
    fn known(&mut self) -> (Known<'_>, &mut Rules) {
        (known!(self), &mut self.rules)
    }

    fn malformed(&mut self, from: Side, at: Moment, packet: PacketType, malformed: Malformed) {
        self.rules.doubt(at);
        let known = &mut self.odd().malformed;
        if known.len() < ODDITIES {
            known.push(MalformedFact { at, side: from, packet, malformed });
        }
        self.timeline.push(
            at,
            Some(from),
            EventKind::Malformed { packet, field: malformed.field, clause: malformed.clause },
        );
    }

    fn refuse(&mut self, refusal: Refusal) {
        let known = &mut self.odd().refusals;
        if known.len() < ODDITIES {
            known.push(refusal);
        }
    }

    /// The oddities, to add one.
    fn odd(&mut self) -> &mut Oddities {
        self.oddities.get_or_insert_default()
    }
}

impl Oddities {
    fn swap_sides(&mut self) {
        self.partial_packets.swap();
        self.skipped_bytes.swap();
        self.unfinished_packet.swap();
        self.begun_header.swap();
        self.violations.clear();
        for refusal in &mut self.refusals {
            refusal.by = refusal.by.other();
        }
        for malformed in &mut self.malformed {
            malformed.side = malformed.side.other();
        }
    }
}

/// The topics that something speaks of.
fn spoken_of(exchanges: &Exchanges, last: &LastPackets) -> impl Iterator<Item = TopicId> {
    exchanges.topics().chain(last.iter().filter_map(|packet| packet.topic))
}

fn fact(text: Text<'_>) -> TextFact {
    TextFact::new(text.0)
}

/// Of the whole packet in bytes: a Remaining Length is below 2^28.
fn packet_length(raw: &RawPacket<'_>) -> u32 {
    raw.header.remaining_length.saturating_add(raw.header.length.into())
}
