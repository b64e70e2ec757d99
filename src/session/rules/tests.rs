//! Conversations by hand from the specification: each rule broken, and a near miss that breaks none.

mod messages;
mod opening;
mod requests;
mod terms;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::*;
use crate::capture::{FrameNumber, Timestamp};
use crate::limits::Limits;
use crate::mqtt::{self, RawPacket, SkipReason, Skipped};
use crate::net::Endpoint;
use crate::session::{CaptureEdge, ClientEvidence, Detail, Neighbours, Peer, Session, Tracker};
use crate::stream::{Gap, GapReason, StreamOffset};

/// A packet of one side, and microseconds since the one before it; none where both lie in one segment.
pub(super) struct Step(Side, u64, Vec<u8>);

/// From the client, 50 ms after the packet before it.
pub(super) fn c(bytes: Vec<u8>) -> Step {
    Step(Side::Client, 50_000, bytes)
}

/// From the server, 50 ms after the packet before it.
pub(super) fn s(bytes: Vec<u8>) -> Step {
    Step(Side::Server, 50_000, bytes)
}

impl Step {
    pub(super) fn after_us(self, microseconds: u64) -> Step {
        Step(self.0, microseconds, self.2)
    }

    /// In the segment of the packet before it.
    pub(super) fn together(self) -> Step {
        self.after_us(0)
    }
}

/// A packet of its first byte and body.
pub(super) fn packet(first: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let length = body.len();
    let mut bytes = vec![first];
    if length < 128 {
        bytes.push(u8::try_from(length).unwrap());
    } else {
        bytes.extend([u8::try_from(length % 128).unwrap() | 0x80, u8::try_from(length / 128).unwrap()]);
    }
    bytes.extend(body);
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [&[0, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn properties(properties: &[u8]) -> Vec<u8> {
    [&[u8::try_from(properties.len()).unwrap()], properties].concat()
}

/// CONNECT of 5.0 as `c`, Clean Start 1.
pub(super) fn connect5(with: &[u8]) -> Vec<u8> {
    packet(0x10, &[b"\0\x04MQTT\x05\x02\0\x3c", &properties(with), b"\0\x01c"])
}

/// CONNECT of 3.1.1 as `c`, Clean Session 1.
pub(super) fn connect4() -> Vec<u8> {
    packet(0x10, &[b"\0\x04MQTT\x04\x02\0\x3c\0\x01c"])
}

pub(super) fn connack5(code: u8, with: &[u8]) -> Vec<u8> {
    packet(0x20, &[&[0, code], &properties(with)])
}

pub(super) fn connack4(code: u8) -> Vec<u8> {
    vec![0x20, 2, 0, code]
}

/// PUBLISH of 3.1.1; `flags` are those of the fixed header.
pub(super) fn publish4(flags: u8, topic: &str, id: u8) -> Vec<u8> {
    let id = if flags & 0x06 == 0 { &[][..] } else { &[0, id] };
    packet(0x30 | flags, &[&text(topic), id, b"x"])
}

pub(super) fn publish5(flags: u8, topic: &str, id: u8, with: &[u8]) -> Vec<u8> {
    let id = if flags & 0x06 == 0 { &[][..] } else { &[0, id] };
    packet(0x30 | flags, &[&text(topic), id, &properties(with), b"x"])
}

/// PUBACK (0x40), PUBREC (0x50), PUBREL (0x62) or PUBCOMP (0x70).
pub(super) fn ack(first: u8, id: u8) -> Vec<u8> {
    vec![first, 2, 0, id]
}

pub(super) fn subscribe4(id: u8, filters: &[(&str, u8)]) -> Vec<u8> {
    let filters: Vec<u8> = filters.iter().flat_map(|(filter, qos)| [text(filter), vec![*qos]].concat()).collect();
    packet(0x82, &[&[0, id], &filters])
}

pub(super) fn subscribe5(id: u8, with: &[u8], filters: &[(&str, u8)]) -> Vec<u8> {
    let filters: Vec<u8> = filters.iter().flat_map(|(filter, qos)| [text(filter), vec![*qos]].concat()).collect();
    packet(0x82, &[&[0, id], &properties(with), &filters])
}

pub(super) fn suback4(id: u8, codes: &[u8]) -> Vec<u8> {
    packet(0x90, &[&[0, id], codes])
}

pub(super) fn suback5(id: u8, codes: &[u8]) -> Vec<u8> {
    packet(0x90, &[&[0, id, 0], codes])
}

/// A connection captured from its SYN.
pub(super) fn wire() -> Wire {
    let peer = |port| Peer { endpoint: Endpoint { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port }, mac: None };
    let at = |milliseconds: i64| Moment { frame: FrameNumber::new(1), time: Timestamp(milliseconds * 1_000_000) };
    let mut wire = Wire {
        stream: Some(0),
        peers: PerSide { client: peer(50_000), server: peer(1883) },
        first: at(0),
        last: at(1),
        syn: crate::tcp::Repeated::default(),
        syn_ack: crate::tcp::Repeated::default(),
        established: Some(at(2)),
        reset: None,
        replaced: None,
        sent: PerSide::default(),
    };
    (wire.syn.count, wire.syn.first) = (1, at(0));
    (wire.syn_ack.count, wire.syn_ack.first) = (1, at(1));
    wire.sent.client.segments = 1;
    wire.sent.server.segments = 1;
    wire
}

/// A conversation that is followed.
pub(super) struct Talk {
    tracker: Tracker,
    now: Moment,
    offsets: PerSide<u64>,
}

impl Talk {
    pub(super) fn new(steps: Vec<Step>) -> Talk {
        let tracker = Tracker::new(&Arc::new(Limits::default()), Detail::Full);
        let now = Moment { frame: FrameNumber::new(3), time: Timestamp(10_000_000) };
        Talk { tracker, now, offsets: PerSide::default() }.on(steps)
    }

    pub(super) fn on(mut self, steps: Vec<Step>) -> Talk {
        for Step(side, after, bytes) in steps {
            self.now.frame = self.now.frame.after(u64::from(after > 0));
            self.now.time.0 += i64::try_from(after).unwrap() * 1000;
            let mut raw = RawPacket::from_bytes(&bytes).unwrap();
            raw.offset = StreamOffset(*self.offsets.of(side));
            (raw.started, raw.completed) = (self.now, self.now);
            *self.offsets.of_mut(side) += bytes.len() as u64;
            let parsed = mqtt::parse(&raw, self.tracker.version());
            assert!(parsed.is_ok(), "{bytes:02x?}");
            self.tracker.packet(side, &raw, &parsed, 0);
        }
        self
    }

    /// A packet of which the capture holds the beginning only.
    fn cut(mut self, side: Side, bytes: &[u8]) -> Talk {
        self.now.frame = self.now.frame.after(1);
        let mut raw = RawPacket::from_bytes(bytes).unwrap();
        (raw.started, raw.completed) = (self.now, self.now);
        let parsed = mqtt::parse(&raw, self.tracker.version());
        assert!(matches!(parsed, Err(mqtt::ParseError::Partial { .. })), "{parsed:?}");
        self.tracker.packet(side, &raw, &parsed, 0);
        self
    }

    pub(super) fn gap(mut self, from: Side) -> Talk {
        let gap = Gap { offset: StreamOffset(0), length: 7, why: GapReason::NotCaptured, at: self.now };
        self.tracker.gap(from, &gap);
        self
    }

    /// The stream of `from` ends within the fixed header of a packet.
    pub(super) fn begun(mut self, from: Side) -> Talk {
        let (offset, at) = (StreamOffset(0), self.now);
        let why = SkipReason::StreamEnded;
        self.tracker.skipped(from, &Skipped { offset, length: 1, missing: 0, why, from: at, until: at });
        self
    }

    pub(super) fn end(self, wire: Wire) -> Session {
        let edge = CaptureEdge { ended: Timestamp(self.now.time.0 + 1_000_000_000), ..CaptureEdge::default() };
        self.tracker.finish(Box::new(wire), ClientEvidence::Connect, Neighbours::default(), edge)
    }

    pub(super) fn violations(self) -> Vec<ViolationFact> {
        self.end(wire()).violations.clone()
    }
}

/// The statements that a conversation breaks.
pub(super) fn broken(steps: Vec<Step>) -> Vec<&'static str> {
    Talk::new(steps).violations().iter().map(|fact| fact.clause).collect()
}

/// Those of a client of 3.1.1 that was accepted.
pub(super) fn broken4(steps: Vec<Step>) -> Vec<&'static str> {
    let mut all = vec![c(connect4()), s(connack4(0))];
    all.extend(steps);
    broken(all)
}

/// Those of a client of 5.0 that was accepted: properties of CONNECT and CONNACK, then what follows.
pub(super) fn broken5(connect: &[u8], connack: &[u8], steps: Vec<Step>) -> Vec<&'static str> {
    let mut all = vec![c(connect5(connect)), s(connack5(0, connack))];
    all.extend(steps);
    broken(all)
}

const NONE: [&str; 0] = [];

#[test]
fn what_a_gap_may_excuse_is_not_said() {
    let reused = || vec![c(connect4()), s(connack4(0)), c(publish4(2, "a", 1)), c(publish4(2, "b", 1))];
    let certain = Talk::new(reused()).violations();
    assert_eq!((certain[0].clause, certain[0].proof), ("MQTT-2.3.1-2", Proof::Connection));
    assert_eq!(certain[0].earlier.map(|at| at.frame), Some(FrameNumber::new(6)));
    assert!(Talk::new(reused()).gap(Side::Server).violations().is_empty());
    let after = vec![c(publish4(2, "b", 2)), c(publish4(2, "c", 2))];
    let opened = Talk::new(vec![c(connect4()), s(connack4(0))]).gap(Side::Client).on(after);
    assert!(opened.violations().is_empty());
    let long_before = Talk::new(reused()).on(vec![c(vec![0xC0, 0]).after_us(11_000_000)]).gap(Side::Server);
    assert_eq!(long_before.violations()[0].proof, Proof::Possible);
}

#[test]
fn the_beginning_of_a_packet_at_the_end_excuses_nothing() {
    let reused = vec![c(connect4()), s(connack4(0)), c(publish4(2, "a", 1)), c(publish4(2, "b", 1))];
    let fact = Talk::new(reused).begun(Side::Server).violations().remove(0);
    assert_eq!((fact.clause, fact.proof), ("MQTT-2.3.1-2", Proof::Connection));
}

#[test]
fn without_the_handshake_it_is_only_possible() {
    let talk = Talk::new(vec![c(connect4()), s(connack4(0)), c(publish4(2, "a", 1)), c(publish4(2, "b", 1))]);
    let mut late = wire();
    (late.syn.count, late.syn_ack.count) = (0, 0);
    assert_eq!(talk.end(late).violations[0].proof, Proof::Possible);
    let mut holed = wire();
    holed.sent.server.missing_bytes = 4;
    let talk = Talk::new(vec![c(connect4()), s(connack4(0)), c(publish4(2, "a", 1)), c(publish4(2, "b", 1))]);
    assert!(talk.end(holed).violations.is_empty());
}

#[test]
fn what_the_direction_that_was_not_captured_may_excuse_is_not_said() {
    let reused = || Talk::new(vec![c(connect4()), c(publish4(2, "a", 1)), c(publish4(2, "b", 1)), c(ack(0x40, 9))]);
    assert_eq!(reused().end(wire()).violations.len(), 2);
    let mut half = wire();
    half.sent.server.segments = 0;
    assert!(reused().end(half).violations.is_empty());
}

#[test]
fn an_answer_before_its_question_shows_that_the_capture_is_out_of_order() {
    let early = vec![s(ack(0x40, 1)), c(publish4(2, "a", 1)).after_us(300), c(publish4(2, "b", 1))];
    assert_eq!(broken4(early), NONE);
    let crossed = vec![c(publish4(2, "a", 1)), c(publish4(2, "b", 1)), s(ack(0x40, 1)).after_us(40)];
    assert_eq!(broken4(crossed), NONE);
}

#[test]
fn an_acknowledgment_that_stands_before_its_message_is_its() {
    let completed = |steps: Vec<Step>| {
        let talk = Talk::new(vec![c(connect4()), s(connack4(0))]).on(steps);
        talk.end(wire()).published.client.completed
    };
    let early = |microseconds| vec![s(ack(0x40, 1)), c(publish4(2, "a", 1)).after_us(microseconds)];
    assert_eq!(completed(early(300)), 1);
    let received = vec![s(ack(0x50, 1)), c(publish4(4, "a", 1)).after_us(300), c(ack(0x62, 1)), s(ack(0x70, 1))];
    assert_eq!(completed(received), 1);
    // Long before it, of another number, and of the client's own.
    assert_eq!(completed(early(50_000)), 0);
    assert_eq!(completed(vec![s(ack(0x40, 2)), c(publish4(2, "a", 1)).after_us(300)]), 0);
    assert_eq!(completed(vec![c(ack(0x40, 1)), c(publish4(2, "a", 1)).after_us(300)]), 0);
}

#[test]
fn a_packet_that_was_cut_says_why_the_session_ends() {
    let opened = || Talk::new(vec![c(connect5(&[])), s(connack5(0, &[]))]);
    let code = |session: Session| session.disconnect.server.as_ref().map(|disconnect| disconnect.code.0);
    assert_eq!(code(opened().cut(Side::Server, &[0xE0, 0x24, 0x8E, 0x22]).end(wire())), Some(0x8E));
    assert_eq!(code(opened().cut(Side::Server, &[0xE0, 0x24]).end(wire())), None);
    let answer = |bytes: &[u8]| {
        let session = Talk::new(vec![c(connect5(&[]))]).cut(Side::Server, bytes).end(wire());
        session.connack.as_ref().map(|connack| connack.code.0)
    };
    assert_eq!(answer(&[0x20, 0x24, 0, 0x87, 0x21]), Some(0x87));
    assert_eq!(answer(&[0x20, 0x24, 0, 0, 0x21]), None);
}

#[test]
fn the_same_breach_is_counted() {
    let more = vec![c(publish4(3, "a", 0)), c(publish5(1, "b", 0, &[])), c(publish5(1, "c", 0, &[]))];
    let talk = Talk::new(vec![c(connect5(&[])), s(connack5(0, &[0x25, 0]))]).on(more.into_iter().skip(1).collect());
    let facts = talk.violations();
    assert_eq!(facts.len(), 1);
    assert_eq!((facts[0].count, facts[0].at.frame.get(), facts[0].latest.frame.get()), (2, 6, 7));
}
