//! The same MQTT inside WebSocket, however it is cut into frames, masked, fragmented and cut into segments, is the same
//! session as on plain TCP.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr, clippy::disallowed_methods)] // shared by several test crates
mod support;

use std::collections::{BTreeMap, BTreeSet};

use mqttcap::diagnosis::diagnose;
use mqttcap::net::Endpoint;
use mqttcap::session::{EventKind, Session};
use mqttcap::stream::Side;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use support::talk::Talk;
use support::{OwnedSegment, analyse_segments, root, segments};

const SYN: u8 = 0x02;
const SYN_FIN_RST: u8 = 0x07;

/// Captures of whole TCP connections without loss, in which nothing rests on how bytes lie in segments.
const CAPTURES: [&str; 10] = [
    "healthy-v311-qos2",
    "healthy-v5-qos1",
    "healthy-mqttjs-v5",
    "bad-password-v5",
    "subscription-denied-v5",
    "server-disconnects-v5",
    "takeover-v311",
    "keepalive-timeout-reason",
    "big-publish",
    "client-reset",
];

const REQUEST: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: broker\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// Choices, one after another, again and again.
struct Choices<'c>(std::iter::Cycle<std::slice::Iter<'c, u8>>);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        *self.0.next().unwrap()
    }
}

/// A frame (RFC 6455 §5.2) with its length written in the shortest way.
fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(masked | u8::try_from(length).unwrap()),
        length @ 126..=0xFFFF => {
            frame.push(masked | 0x7E);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(masked | 0x7F);
            frame.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    let key = mask.unwrap_or([0; 4]);
    frame.extend(mask.iter().flatten());
    frame.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ key[index % 4]));
    frame
}

/// `payload` as frames: whole messages, messages of several frames, Pings between.
fn framed(payload: &[u8], side: Side, choices: &mut Choices<'_>) -> Vec<u8> {
    let mut mask = || (side == Side::Client).then(|| [choices.next(), choices.next(), choices.next(), choices.next()]);
    let masks: Vec<_> = (0..4).map(|_| mask()).collect();
    let mut out = Vec::new();
    let mut rest = payload;
    let mut inside = false;
    while !rest.is_empty() {
        let cut = (1 + usize::from(choices.next()) * usize::from(choices.next())).min(rest.len());
        let (now, later) = rest.split_at(cut);
        rest = later;
        let goes_on = choices.next().is_multiple_of(2) && !rest.is_empty();
        let first = if inside { 0x00 } else { 0x02 } | if goes_on { 0x00 } else { 0x80 };
        out.extend(frame(first, masks[cut % 4], now));
        inside = goes_on;
        if choices.next().is_multiple_of(5) {
            out.extend(frame(0x89, masks[0], b"are you there?"));
        }
    }
    out
}

/// The connections of a capture with their MQTT inside WebSocket.
fn inside_websocket(segments: &[OwnedSegment], choices: &[u8]) -> Vec<OwnedSegment> {
    let mut choices = Choices(choices.iter().cycle());
    // Of each connection and direction: the next sequence number, truly and here.
    let mut next: BTreeMap<(u16, u16), (u32, u32)> = BTreeMap::new();
    let mut opened = BTreeSet::new();
    let mut out = Vec::new();
    let mut emit =
        |segment: &OwnedSegment, payload: Vec<u8>, next: &mut BTreeMap<(u16, u16), (u32, u32)>, cut: usize| {
            let (way, back) = ways(segment.source, segment.destination);
            let mut rest = payload;
            loop {
                let tail = if rest.len() > cut { rest.split_off(cut) } else { Vec::new() };
                let flags = if tail.is_empty() { segment.flags } else { segment.flags & !SYN_FIN_RST };
                let sequence = next.get(&way).map_or(segment.sequence, |(_, here)| *here);
                let acknowledgment = next.get(&back).map_or(segment.acknowledgment, |(_, here)| *here);
                let here = sequence.wrapping_add(u32::try_from(rest.len()).unwrap() + u32::from(flags & 0x03 != 0));
                next.entry(way).or_insert((0, 0)).1 = here;
                out.push(OwnedSegment { sequence, acknowledgment, flags, payload: rest, ..segment.clone() });
                if tail.is_empty() {
                    break;
                }
                rest = tail;
            }
        };
    for segment in segments {
        let (way, back) = ways(segment.source, segment.destination);
        if segment.flags & 0x12 == SYN {
            // A port may be used again.
            next.remove(&way);
            next.remove(&back);
            opened.remove(&way);
        }
        let length = u32::try_from(segment.payload.len()).unwrap() + u32::from(segment.flags & 0x03 != 0);
        let truly = next.get(&way).map_or(segment.sequence, |(truly, _)| *truly);
        if segment.sequence != truly && length > 0 {
            continue;
        }
        next.entry(way).or_insert((0, segment.sequence)).0 = truly.wrapping_add(length);
        let client = segment.destination.port == 1883;
        let cut = 1 + usize::from(choices.next()) * 7;
        if segment.payload.is_empty() {
            emit(segment, Vec::new(), &mut next, 1);
            continue;
        }
        let connection = if client { way } else { back };
        if opened.insert(connection) {
            let answer = OwnedSegment { source: segment.destination, destination: segment.source, ..segment.clone() };
            assert!(client, "the client speaks first");
            emit(segment, REQUEST.to_vec(), &mut next, cut);
            emit(&OwnedSegment { flags: answer.flags & !SYN_FIN_RST, ..answer }, ANSWER.to_vec(), &mut next, cut);
        }
        let side = if client { Side::Client } else { Side::Server };
        emit(segment, framed(&segment.payload, side, &mut choices), &mut next, cut);
    }
    assert!(out.iter().all(|segment| segment.flags & SYN == 0 || segment.payload.is_empty()));
    out
}

fn ways(source: Endpoint, destination: Endpoint) -> ((u16, u16), (u16, u16)) {
    ((source.port, destination.port), (destination.port, source.port))
}

/// What a session is to a reader, without frames and times: its outcome, and the packets of client and server in order.
type Story = (String, Vec<EventKind>, Vec<EventKind>);

fn story(session: &Session) -> Story {
    use EventKind::{Established, Fin, Reset, Syn, SynAck, UpgradeAnswer, UpgradeRequest};
    let packets = |side: Side| {
        let events = session.timeline.events().filter(|event| event.side == Some(side)).map(|event| event.kind.clone());
        let below = |kind: &EventKind| {
            matches!(kind, Syn | SynAck | Established | Fin | Reset | UpgradeAnswer { .. } | UpgradeRequest { .. })
        };
        events.filter(|kind| !below(kind)).collect()
    };
    (diagnose(session).outcome.id.to_owned(), packets(Side::Client), packets(Side::Server))
}

#[test]
fn a_session_inside_websocket_is_the_session_on_tcp() {
    for name in CAPTURES {
        let segments = segments(&root().join(format!("captures/{name}.pcapng")));
        let plain: Vec<Story> = analyse_segments(&segments).iter().map(story).collect();
        let config = Config { cases: 24, rng_seed: RngSeed::Fixed(6), failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&proptest::collection::vec(any::<u8>(), 1..60), |choices| {
                let sessions = analyse_segments(&inside_websocket(&segments, &choices));
                for session in &sessions {
                    prop_assert!(session.websocket.is_some(), "{} {:?}", name, story(session));
                }
                let inside: Vec<Story> = sessions.iter().map(story).collect();
                for (inside, plain) in inside.iter().zip(&plain) {
                    prop_assert_eq!(inside, plain, "{}", name);
                }
                prop_assert_eq!(inside.len(), plain.len(), "{}", name);
                Ok(())
            })
            .unwrap();
    }
}

const CONNECT: &[u8] = b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c";
const CONNACK: &[u8] = &[0x20, 2, 0, 0];

/// A client that is connected inside WebSocket; its n-th message of both sides that follow is lost where `lost` says so.
fn connected(lost: &[usize], more: &[(Side, Vec<u8>)]) -> Vec<Session> {
    let mask = |side| (side == Side::Client).then_some([1, 2, 3, 4]);
    let mut talk = Talk::opened();
    talk.says(Side::Client, REQUEST);
    talk.says(Side::Server, ANSWER);
    let first = [(Side::Client, CONNECT.to_vec()), (Side::Server, CONNACK.to_vec())];
    for (number, (side, message)) in first.iter().chain(more).enumerate() {
        talk.says(*side, &frame(0x82, mask(*side), message));
        if lost.contains(&number) {
            talk.lose();
        }
    }
    analyse_segments(&talk.into_segments())
}

fn publish(topic: u8) -> Vec<u8> {
    vec![0x30, 6, 0, 1, topic, b'x', b'y', b'z']
}

#[test]
fn after_a_hole_frames_are_found_again() {
    let ping = [(Side::Client, vec![0xC0, 0]), (Side::Server, vec![0xD0, 0])];
    let published = ['a', 'b', 'c', 'd'].map(|topic| (Side::Server, publish(topic as u8)));
    let more: Vec<_> = published.into_iter().flat_map(|publish| [ping[0].clone(), publish, ping[1].clone()]).collect();
    let whole = connected(&[], &more);
    assert_eq!(whole[0].published.server.by_qos, [4, 0, 0]);
    // The PUBLISH to b is lost, and so are the CONNACK and the second PINGREQ.
    let holed = connected(&[1, 5, 6], &more);
    assert!(holed[0].websocket.is_some());
    assert_eq!(holed[0].published.server.by_qos, [3, 0, 0]);
    assert_eq!(holed[0].malformed.len(), 0);
    assert!(diagnose(&holed[0]).qualifiers.contains(&mqttcap::diagnosis::Qualifier::CaptureGaps));
}

#[test]
fn lengths_without_end_are_no_harm() {
    let mut talk = Talk::opened();
    talk.says(Side::Client, REQUEST);
    talk.says(Side::Server, ANSWER);
    let endless = [&[0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0][..], CONNECT].concat();
    talk.says(Side::Client, &endless);
    talk.says(Side::Server, &[0x82, 0x7F, 0x7F, 255, 255, 255, 255, 255, 255, 255, 0x20, 2, 0, 0]);
    for _ in 0..100 {
        talk.says(Side::Client, &[0xC0, 0].repeat(600));
    }
    let sessions = analyse_segments(&talk.into_segments());
    assert_eq!(sessions[0].counts.client.total(), 1 + 100 * 600);
}

#[test]
fn a_client_leaves_over_an_answer_to_another_key() {
    let told = |answer: &[u8]| {
        let mut talk = Talk::opened();
        talk.says(Side::Client, REQUEST);
        talk.says(Side::Server, answer);
        talk.closes(Side::Client);
        let sessions = analyse_segments(&talk.into_segments());
        assert_eq!(sessions.len(), 1);
        diagnose(&sessions[0]).outcome
    };
    let other = String::from_utf8(ANSWER.to_vec()).unwrap().replace("s3pPLM", "s3pPLN");
    let refused = told(other.as_bytes());
    assert_eq!(refused.id, "ws-upgrade-refused");
    assert!(refused.sentence.contains("does not fit the client's key"), "{}", refused.sentence);
    assert_eq!(told(ANSWER).id, "tcp-open-no-connect");
}
