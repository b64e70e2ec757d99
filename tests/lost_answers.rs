//! Answers that the capture lost, while the session went on: what is told of who closed and of what was not answered.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::{Confidence, Verdict, diagnose};
use mqttcap::stream::Side;
use support::analyse_segments;
use support::talk::Talk;

const CONNECT: &[u8] = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05dev-1";
const CONNACK: &[u8] = b"\x20\x02\x00\x00";
const PUBLISH: &[u8] = b"\x32\x09\x00\x03a/b\x00\x01hi";
const PUBACK: &[u8] = b"\x40\x02\x00\x01";
/// TLS 1.2, no extensions.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x0311111111111111111111111111111111\x00\x00\x04\x13\x01\x13\x02\x01\x00\x00\x00";

fn verdict(talk: Talk) -> Verdict {
    let sessions = analyse_segments(&talk.into_segments());
    assert_eq!(sessions.len(), 1);
    diagnose(&sessions[0])
}

/// A session that was picked up late: a PUBLISH, and its acknowledgment if that was captured.
fn picked_up(captured: bool, answered: bool) -> Verdict {
    let mut talk = Talk::begun();
    talk.says(Side::Client, PUBLISH);
    if answered {
        talk.says(Side::Server, PUBACK);
        if !captured {
            talk.lose();
        }
        talk.acknowledges(Side::Client);
    }
    talk.waits(10);
    talk.says(Side::Client, b"\xc0\x00");
    talk.says(Side::Server, b"\xd0\x00");
    talk.waits(20);
    talk.closes(Side::Client);
    talk.closes(Side::Server);
    talk.acknowledges(Side::Client);
    verdict(talk)
}

#[test]
fn an_acknowledgment_before_the_first_captured_answer_may_be_the_one_that_is_missing() {
    let told = |verdict: Verdict| verdict.findings.into_iter().find(|finding| finding.is("publish-unacknowledged"));
    assert!(told(picked_up(true, true)).is_none());
    assert!(told(picked_up(false, true)).is_none());
    assert_eq!(told(picked_up(false, false)).map(|finding| finding.confidence), Some(Confidence::Certain));
}

/// A whole session but for the SYN-ACK and the CONNACK, which `closer` ends first.
fn unanswered(closer: Side) -> Verdict {
    let mut talk = Talk::opened();
    talk.says(Side::Client, CONNECT);
    talk.says(Side::Server, CONNACK);
    talk.acknowledges(Side::Client);
    talk.waits(5);
    talk.says(Side::Client, b"\x30\x06\x00\x03a/bx");
    talk.waits(5);
    talk.closes(closer);
    talk.closes(closer.other());
    talk.acknowledges(closer);
    let mut segments = talk.into_segments();
    let lost = |place: usize| place == 1 || place == 4;
    let mut place = 0..;
    segments.retain(|_| !lost(place.next().unwrap()));
    let sessions = analyse_segments(&segments);
    assert_eq!(sessions.len(), 1);
    diagnose(&sessions[0])
}

#[test]
fn who_closes_is_known_without_the_server_s_first_packets() {
    assert_eq!(unanswered(Side::Client).outcome.id, "client-closed");
    assert_eq!(unanswered(Side::Server).outcome.id, "server-closed");
}

#[test]
fn the_status_of_an_http_answer_to_a_tls_hello_is_told() {
    let answer = |answer: &[u8]| {
        let mut talk = Talk::opened();
        talk.says(Side::Client, CLIENT_HELLO);
        talk.says(Side::Server, answer);
        talk.closes(Side::Server);
        talk.closes(Side::Client);
        verdict(talk).outcome
    };
    let told = answer(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<html>");
    assert_eq!(told.id, "http-answer");
    assert!(told.sentence.ends_with("in HTTP instead of MQTT (HTTP 400 Bad Request)."), "{}", told.sentence);
    assert_ne!(answer(CONNACK).id, "http-answer");
}
