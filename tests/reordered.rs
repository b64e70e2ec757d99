//! Captures that hold the two directions of a connection in another order than they were sent, as taps, mirror
//! ports and network cards with several queues write them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::{Confidence, Severity, diagnose};
use mqttcap::net::{Endpoint, TcpFlags};
use mqttcap::session::Session;
use support::{OwnedSegment, analyse_segments, captures, name, root, segments};

/// Frames this near to one another, in nanoseconds, may change places.
const NEAR: i64 = 1_000_000;

/// Outcome of each session, and what is grave beside it.
fn judged(sessions: &[Session]) -> Vec<(&'static str, Vec<String>)> {
    let judged = sessions.iter().map(|session| {
        let verdict = diagnose(session);
        let grave = verdict.findings.iter().filter(|finding| finding.severity >= Severity::Warning);
        (verdict.outcome.id, grave.map(|finding| finding.id.to_string()).collect())
    });
    judged.collect()
}

#[test]
fn two_frames_that_change_places_change_no_outcome() {
    let mut tried = 0;
    for path in captures() {
        let whole = segments(&path);
        if whole.len() > 60 || name(&path).starts_with("any-interface") {
            continue;
        }
        let expected = judged(&analyse_segments(&whole));
        for (index, pair) in whole.windows(2).enumerate() {
            let [first, second] = pair else { continue };
            let near = second.time.nanoseconds_since(first.time) < NEAR;
            let opposite = first.source == second.destination && first.destination == second.source;
            let opening = (first.flags | second.flags) & TcpFlags::SYN != 0;
            // The broker goes on sending after the client's FIN, so that nothing tells which of its packets came before.
            let untold = name(&path) == "server-breaks-rules" && (first.flags | second.flags) & TcpFlags::FIN != 0;
            if !near || !opposite || opening || untold {
                continue;
            }
            let mut swapped = whole.clone();
            swapped.swap(index, index + 1);
            let [one, two] = swapped.get_mut(index..index + 2).unwrap() else { continue };
            std::mem::swap(&mut one.time, &mut two.time);
            let found = judged(&analyse_segments(&swapped));
            let place = format!("{}, frames {}", name(&path), index + 1);
            assert_eq!(found.len(), expected.len(), "{place}");
            for ((id, grave), (expected, gravely)) in found.iter().zip(&expected) {
                let denied = |grave: &[String]| grave.iter().any(|finding| finding == "subscription-denied");
                assert_eq!((id, denied(grave)), (expected, denied(gravely)), "{place}");
                assert!(grave.iter().all(|finding| gravely.contains(finding)), "{place}: {grave:?}");
            }
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn a_server_that_closes_does_so_once_whichever_fin_was_captured_first() {
    let mut segments = segments(&root().join("captures/broker-killed-many.pcapng"));
    let together = |segments: &[OwnedSegment]| -> Vec<u64> {
        let sessions = analyse_segments(segments);
        sessions.iter().map(|session| session.neighbours.closed_together_count).collect()
    };
    assert_eq!(together(&segments), [2, 2, 2]);
    for segment in segments.iter_mut().filter(|segment| segment.flags & TcpFlags::FIN != 0) {
        segment.time.0 += if segment.source.port == 1883 { NEAR } else { 0 };
    }
    segments.sort_by_key(|segment| segment.time);
    assert!(segments.iter().find(|segment| segment.flags & TcpFlags::FIN != 0).unwrap().destination.port == 1883);
    assert_eq!(together(&segments), [2, 2, 2]);
}

fn endpoint(host: u8, port: u16) -> Endpoint {
    Endpoint { address: [192, 0, 2, host].into(), port }
}

/// A connection in which the client sends `bytes` and the server then closes.
fn closed_on(bytes: &[u8], port: u16) -> Vec<OwnedSegment> {
    let (client, server) = (endpoint(1, 50_000), endpoint(2, port));
    let length = u32::try_from(bytes.len()).unwrap();
    let line =
        |index: i64, from: Endpoint, to: Endpoint, numbers: (u32, u32), flags: u8, payload: &[u8]| OwnedSegment {
            time: mqttcap::capture::Timestamp(1_000_000_000 + index * 100_000),
            source: from,
            destination: to,
            sequence: numbers.0,
            acknowledgment: numbers.1,
            flags,
            window: 1000,
            hop_limit: 64,
            payload: payload.to_vec(),
        };
    let (syn, ack, fin) = (TcpFlags::SYN, TcpFlags::ACK, TcpFlags::FIN);
    vec![
        line(0, client, server, (100, 0), syn, b""),
        line(1, server, client, (900, 101), syn | ack, b""),
        line(2, client, server, (101, 901), ack, b""),
        line(3, client, server, (101, 901), ack, bytes),
        line(4, server, client, (901, 101 + length), fin | ack, b""),
        line(5, client, server, (101 + length, 902), fin | ack, b""),
        line(6, server, client, (902, 102 + length), ack, b""),
    ]
}

#[test]
fn an_empty_connect_on_a_port_of_mqtt_is_a_broken_connect() {
    let sessions = analyse_segments(&closed_on(&[0x10, 0x00], 1883));
    let verdict = diagnose(sessions.first().unwrap());
    assert_eq!((verdict.outcome.id, verdict.outcome.confidence), ("connect-closed", Confidence::Certain));
    assert!(verdict.causes.first().unwrap().starts_with("CONNECT cannot be decoded"), "{:?}", verdict.causes);
    for other in [&b"\x10\x01"[..], b"\x10\x00!", b"\x20\x00"] {
        let sessions = analyse_segments(&closed_on(other, 1883));
        assert_eq!(diagnose(sessions.first().unwrap()).outcome.id, "not-mqtt", "{other:?}");
    }
    assert!(analyse_segments(&closed_on(&[0x10, 0x00], 8000)).is_empty());
}

#[test]
fn what_a_close_acknowledges_tells_of_frames_that_the_capture_lacks() {
    let bye = b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02c1\xe0\x00";
    let judge = |segments: &[OwnedSegment]| {
        let sessions = analyse_segments(segments);
        let outcome = diagnose(sessions.first().unwrap()).outcome;
        (outcome.id, outcome.confidence)
    };
    // The client's FIN, frame 5, came first; the broker's, frame 6, acknowledges it.
    let mut client_first = closed_on(bye.get(..16).unwrap(), 1883);
    let [.., server_fin, client_fin, last] = client_first.as_mut_slice() else { unreachable!() };
    (server_fin.sequence, client_fin.acknowledgment) = (901, 901);
    server_fin.acknowledgment += 1;
    last.sequence = 902;
    client_first.swap(4, 5);
    assert_eq!(judge(&client_first).0, "client-closed");
    client_first.remove(4);
    assert_eq!(judge(&client_first), ("client-closed", Confidence::Possible));
    assert_eq!(judge(&closed_on(bye.get(..16).unwrap(), 1883)).0, "connect-closed");

    // The RST stands two bytes behind what the capture holds: a DISCONNECT is missing.
    let mut reset = closed_on(bye.get(..16).unwrap(), 1883);
    reset.truncate(4);
    let mut connack = reset.get(1).unwrap().clone();
    (connack.sequence, connack.acknowledgment, connack.flags) = (901, 117, TcpFlags::ACK);
    connack.payload = vec![0x20, 2, 0, 0];
    connack.time.0 += 1_000_000;
    let mut rst = reset.get(2).unwrap().clone();
    (rst.sequence, rst.acknowledgment, rst.flags) = (117, 905, TcpFlags::RST | TcpFlags::ACK);
    rst.time.0 += 2_000_000;
    reset.extend([connack, rst]);
    assert_eq!(judge(&reset), ("client-closed", Confidence::Certain));
    reset.last_mut().unwrap().sequence += 2;
    assert_eq!(judge(&reset), ("client-closed", Confidence::Possible));
}
