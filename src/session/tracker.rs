//! Turns the control packets of one connection into the facts of its [`Session`].

mod asked;
mod early;
mod ending;
mod ledger;
mod messages;
mod questions;
mod requests;
mod standing;
mod tls;
mod websocket;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::attempt::Attempt;
use crate::capture::Moment;
use crate::limits::Limits;
use crate::mqtt::conformance::{Severity, Violation};
use crate::mqtt::{
    Malformed, MalformedReason, Packet, PacketType, ParseError, QoS, RawPacket, Skipped, Text, Version, connect_head,
};
use crate::net::Undeliverable;
use crate::stream::{Gap, Side};
use crate::transport::Protocol;

use super::exchanges::Exchanges;
use super::facts::{
    AuthFacts, Book, ConnackFacts, ConnectFacts, DisconnectFacts, HttpAnswer, KeepAliveFacts, LastPacket,
    MalformedFact, Overlap, PacketCounts, PingFacts, Proof, PublishFacts, Refusal, RetainedBurst, Subscription,
    TextFact, UnfinishedPacket, VersionFrom, ViolationFact, WebSocketFacts,
};
use super::rules::{Arrival, Known, Rules};
use super::timeline::{Detail, EventKind, Timeline};
use super::tls::TlsFacts;
use super::topics::Topics;
use super::wire::PerSide;

use early::EarlyAnswers;
use ledger::Delivered;
use requests::Request;

/// What rules may look at: everything but the rules themselves, which are borrowed apart.
macro_rules! known {
    ($tracker:expr) => {
        Known {
            version: $tracker.version.map(|(version, _)| version),
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

/// Last control packets kept of each side.
const LAST_PACKETS: usize = 3;
/// Refusals, violations and malformed packets kept, each.
const ODDITIES: usize = 32;

/// What few sessions have.
#[derive(Clone, Debug, Default)]
struct Rare {
    undeliverable: Option<Box<(Moment, Undeliverable)>>,
    attempt: Option<Box<Attempt>>,
    second_connect: Option<Moment>,
    foreign_opening: Option<(Protocol, Moment)>,
    foreign_answer: Option<(Protocol, Moment)>,
    http_answer: Option<Box<HttpAnswer>>,
    websocket: Option<Box<WebSocketFacts>>,
    auth: AuthFacts,
    retained: Option<Box<RetainedBurst>>,
    overlap: Option<Box<Overlap>>,
    refusals: Vec<Refusal>,
    malformed: Vec<MalformedFact>,
    partial_packets: PerSide<u64>,
    skipped_bytes: PerSide<u64>,
    unfinished_packet: PerSide<Option<UnfinishedPacket>>,
}

/// Follows the packets of one connection.
#[derive(Clone, Debug)]
pub struct Tracker {
    limits: Arc<Limits>,
    /// Boxed: most sessions have none of it.
    rare: Option<Box<Rare>>,
    version: Option<(Version, VersionFrom)>,
    connect: Option<Box<ConnectFacts>>,
    connack: Option<Box<ConnackFacts>>,
    disconnect: PerSide<Option<Box<DisconnectFacts>>>,
    counts: PerSide<PacketCounts>,
    first_packet: PerSide<Option<Moment>>,
    last_packets: PerSide<SmallVec<[LastPacket; LAST_PACKETS]>>,
    subscriptions: Vec<Subscription>,
    requests: Vec<Request>,
    early: EarlyAnswers,
    exchanges: Exchanges,
    /// Nothing for a side that has not published.
    published: PerSide<Option<Box<PublishFacts>>>,
    ledger: PerSide<Book>,
    row: Option<Box<RetainedBurst>>,
    last_delivered: Option<Delivered>,
    newest: Option<u64>,
    topics: PerSide<Topics>,
    ping: PingFacts,
    keep_alive: KeepAliveFacts,
    violations: Vec<ViolationFact>,
    rules: Rules,
    /// The CONNECT was cut: what it offers is not known.
    connect_cut: bool,
    timeline: Timeline,
    answers_matched: u64,
    tls: Option<Box<TlsFacts>>,
}

impl Tracker {
    /// Follows a connection from here on.
    pub fn new(limits: &Arc<Limits>, detail: Detail) -> Tracker {
        Tracker {
            limits: Arc::clone(limits),
            rare: None,
            version: None,
            connect: None,
            connack: None,
            disconnect: PerSide::default(),
            counts: PerSide::default(),
            first_packet: PerSide::default(),
            last_packets: PerSide::default(),
            subscriptions: Vec::new(),
            requests: Vec::new(),
            early: EarlyAnswers::default(),
            exchanges: Exchanges::new(limits.open_exchanges),
            published: PerSide::default(),
            ledger: PerSide::default(),
            row: None,
            last_delivered: None,
            newest: None,
            topics: PerSide::default(),
            ping: PingFacts::default(),
            keep_alive: KeepAliveFacts::default(),
            violations: Vec::new(),
            rules: Rules::default(),
            connect_cut: false,
            timeline: Timeline::new(detail, limits.timeline_events),
            answers_matched: 0,
            tls: None,
        }
    }

    /// The version was found out without a CONNECT.
    pub fn infer_version(&mut self, version: Version, why: &'static str) {
        if self.version.is_none() {
            self.version = Some((version, VersionFrom::Inferred(why)));
        }
    }

    /// What was taken for the client is the server.
    pub fn swap_sides(&mut self) {
        self.disconnect.swap();
        self.counts.swap();
        self.first_packet.swap();
        self.last_packets.swap();
        self.published.swap();
        self.ledger.swap();
        self.topics.swap();
        self.exchanges.swap_sides();
        self.timeline.swap_sides();
        self.violations.clear();
        self.rules.swap_sides();
        if let Some(rare) = &mut self.rare {
            rare.swap_sides();
        }
        self.keep_alive = KeepAliveFacts::default();
        if let Some(tls) = &mut self.tls {
            tls.swap_sides();
        }
    }

    /// A router or host says that a segment could not be delivered.
    pub fn undeliverable(&mut self, at: Moment, error: Undeliverable) {
        self.rare().undeliverable.get_or_insert_with(|| Box::new((at, error)));
    }

    /// What was tried, when it came to no connection.
    pub fn attempt(&mut self, attempt: Attempt) {
        self.rare().attempt = Some(Box::new(attempt));
    }

    /// The client's first bytes are not MQTT.
    pub fn foreign_opening(&mut self, protocol: Protocol, at: Moment) {
        self.rare().foreign_opening = Some((protocol, at));
        self.timeline.push(at, Some(Side::Client), EventKind::ForeignOpening(protocol));
    }

    /// The server's first bytes are not MQTT.
    pub fn foreign_answer(&mut self, protocol: Protocol, at: Moment) {
        self.rare().foreign_answer = Some((protocol, at));
        self.timeline.push(at, Some(Side::Server), EventKind::ForeignAnswer(protocol));
    }

    /// That answer is HTTP, and says this.
    pub fn http_answer(&mut self, answer: HttpAnswer) {
        self.rare().http_answer = Some(Box::new(answer));
    }

    /// Bytes that the capture does not hold.
    pub fn gap(&mut self, from: Side, gap: &Gap) {
        self.topics.of_mut(from).forget_aliases();
        self.rules.doubt(gap.at);
        self.timeline.push(gap.at, Some(from), EventKind::Gap { bytes: gap.length, why: gap.why });
    }

    /// Bytes passed over while looking for the next packet.
    pub fn skipped(&mut self, from: Side, skipped: &Skipped) {
        self.topics.of_mut(from).forget_aliases();
        self.rules.doubt(skipped.until);
        let bytes = skipped.length.saturating_sub(skipped.missing);
        if bytes > 0 {
            *self.rare().skipped_bytes.of_mut(from) += bytes;
            self.timeline.push(skipped.until, Some(from), EventKind::Skipped { bytes });
        }
    }

    /// A place in the stream from which no packet can be cut: its Remaining Length has five bytes.
    pub fn unframeable(&mut self, from: Side, first_byte: u8, at: Moment) {
        self.malformed(
            from,
            at,
            PacketType(first_byte >> 4),
            Malformed {
                field: "Remaining Length",
                at: 0,
                why: MalformedReason::VariableByteInteger,
                clause: "MQTT 5.0 §2.1.4, MQTT 3.1.1 §2.2.3",
            },
        );
    }

    /// A packet that the stream ended in.
    pub fn unfinished(&mut self, from: Side, raw: &RawPacket<'_>) {
        *self.rare().unfinished_packet.of_mut(from) = Some(UnfinishedPacket {
            packet: raw.header.packet_type(),
            length: packet_length(raw),
            started: raw.started,
        });
    }

    /// A rule that a packet breaks by its bytes alone.
    pub fn violation(&mut self, at: Moment, packet: PacketType, violation: &Violation) {
        let Some(clause) = violation.clause(self.version()) else { return };
        let what = violation.in_words();
        let known = self.violations.iter_mut().find(|known| {
            known.side == violation.side && known.packet == packet && known.clause == clause && known.what == what
        });
        if let Some(known) = known {
            known.count += 1;
            known.latest = at;
        } else if self.violations.len() < ODDITIES {
            self.violations.push(ViolationFact {
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

    /// The next packet of `from`.
    pub fn packet(&mut self, from: Side, raw: &RawPacket<'_>, parsed: &Result<Packet<'_>, ParseError>) {
        let at = raw.completed;
        let packet = raw.header.packet_type();
        self.counts.of_mut(from).add(packet);
        self.first_packet.of_mut(from).get_or_insert(at);
        if from == Side::Client {
            self.note_silence(at);
        }
        let mut last =
            LastPacket { at, packet, length: packet_length(raw), packet_identifier: None, qos: QoS(0), topic: None };
        if raw.missing.is_some() {
            *self.rare().partial_packets.of_mut(from) += 1;
        }
        let arrival = Arrival { from, at, packet, length: last.length, first: raw.offset.0 == 0 };
        let (known, rules) = self.known();
        rules.arrived(&known, &arrival);
        match parsed {
            Ok(parsed) => self.parsed(from, raw, parsed, &mut last),
            Err(ParseError::Malformed(malformed)) => self.malformed(from, at, packet, *malformed),
            Err(ParseError::Partial { .. }) => {
                self.rules.doubt(at);
                self.connect_cut |= packet == PacketType::CONNECT;
                let head = if packet == PacketType::CONNECT { connect_head(raw.body) } else { None };
                if let Some(connect) = head {
                    self.connect_packet(at, raw, &connect);
                } else {
                    self.timeline.push(at, Some(from), EventKind::Partial { packet });
                }
            }
        }
        let newest = self.last_packets.of_mut(from);
        if newest.len() == LAST_PACKETS {
            newest.remove(0);
        }
        newest.push(last);
    }

    fn parsed(&mut self, from: Side, raw: &RawPacket<'_>, parsed: &Packet<'_>, last: &mut LastPacket) {
        let at = raw.completed;
        if self.rules.is_waiting() {
            self.rules.came(from, last.packet, parsed.packet_identifier(), at);
        }
        match parsed {
            Packet::Connect(connect) => self.connect_packet(at, raw, connect),
            Packet::Connack(connack) => self.connack_packet(at, connack),
            Packet::Publish(publish) => self.publish_packet(from, raw, publish, last),
            Packet::Puback(acknowledgment)
            | Packet::Pubrec(acknowledgment)
            | Packet::Pubrel(acknowledgment)
            | Packet::Pubcomp(acknowledgment) => self.acknowledgment_packet(from, raw, acknowledgment, last),
            Packet::Subscribe(subscribe) => self.subscribe_packet(from, at, subscribe, last),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe_packet(from, at, unsubscribe, last),
            Packet::Suback(suback) | Packet::Unsuback(suback) => self.answer_packet(from, at, suback, last),
            Packet::Pingreq => {
                self.pingreq_packet(at);
                self.timeline.push(at, Some(from), EventKind::Pingreq);
            }
            Packet::Pingresp => {
                self.pingresp_packet(at);
                self.timeline.push(at, Some(from), EventKind::Pingresp);
            }
            Packet::Disconnect(disconnect) => self.disconnect_packet(from, at, disconnect),
            Packet::Auth(auth) => {
                let (known, rules) = self.known();
                rules.auth(&known, from, at, auth);
                rules.problem_information(&known, from, at, last.packet, auth.properties);
                let code = auth.reason_code.unwrap_or_default();
                self.rare().auth.last = Some((at, from, code));
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

    fn note_silence(&mut self, at: Moment) {
        if let Some(last) = self.last_packets.client.last() {
            let silence = at.time.nanoseconds_since(last.at.time);
            if self.keep_alive.longest_silence.is_none_or(|(longest, _)| silence > longest) {
                self.keep_alive.longest_silence = Some((silence, at));
            }
        }
    }

    fn malformed(&mut self, from: Side, at: Moment, packet: PacketType, malformed: Malformed) {
        self.rules.doubt(at);
        let known = &mut self.rare().malformed;
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
        let known = &mut self.rare().refusals;
        if known.len() < ODDITIES {
            known.push(refusal);
        }
    }

    /// The rare facts, to add one.
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

impl Rare {
    fn swap_sides(&mut self) {
        self.partial_packets.swap();
        self.skipped_bytes.swap();
        self.unfinished_packet.swap();
        for refusal in &mut self.refusals {
            refusal.by = refusal.by.other();
        }
        for malformed in &mut self.malformed {
            malformed.side = malformed.side.other();
        }
    }
}

/// Adds to a list that mostly stays short: it takes room for one first, where [`Vec::push`] takes it for four.
fn push_tight<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len().max(1));
    }
    list.push(item);
}

fn fact(text: Text<'_>) -> TextFact {
    TextFact::new(text.0)
}

fn packet_length(raw: &RawPacket<'_>) -> u64 {
    u64::from(raw.header.remaining_length) + u64::from(raw.header.length)
}
