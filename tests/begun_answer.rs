//! An answer to CONNECT that was begun and never became whole is neither silence nor an answer.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::{Verdict, diagnose};
use mqttcap::stream::Side;
use support::analyse_segments;
use support::talk::Talk;

const CONNECT: &[u8] = b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c";
const CONNACK: &[u8] = &[0x20, 2, 0, 0];

/// The server says `answer` to CONNECT, and 5 s later `closes` closes.
fn verdict(answer: &[u8], closes: Option<Side>) -> Verdict {
    let mut talk = Talk::opened();
    talk.says(Side::Client, CONNECT);
    talk.acknowledges(Side::Server);
    for byte in answer.chunks(1) {
        talk.says(Side::Server, byte);
    }
    talk.acknowledges(Side::Client);
    if let Some(side) = closes {
        talk.waits(5);
        talk.closes(side);
    }
    let sessions = analyse_segments(&talk.into_segments());
    assert_eq!(sessions.len(), 1);
    diagnose(&sessions[0])
}

#[test]
fn the_client_waits_for_the_rest_in_vain() {
    for (length, part) in
        [(1, "1 byte of a packet"), (2, "2 of the 4 bytes of a CONNACK"), (3, "3 of the 4 bytes of a CONNACK")]
    {
        let told = verdict(&CONNACK[..length], Some(Side::Client));
        assert_eq!(told.outcome.id, "connect-unanswered");
        let words = format!("answered the CONNECT of c with {part}, and the rest did not come within 5 s; c gave up.");
        assert!(told.outcome.sentence.ends_with(&words), "{}", told.outcome.sentence);
        assert!(told.causes[0].contains("stopped within its answer"), "{:?}", told.causes);
    }
    let silent = verdict(&[], Some(Side::Client)).outcome;
    assert_eq!(silent.id, "connect-unanswered");
    assert!(silent.sentence.contains("stayed silent"), "{}", silent.sentence);
    assert_eq!(verdict(CONNACK, Some(Side::Client)).outcome.id, "client-closed");
}

#[test]
fn the_server_closes_in_the_middle_of_it() {
    for (length, part) in [(1, "1 byte of a packet"), (3, "3 of the 4 bytes of a CONNACK")] {
        let told = verdict(&CONNACK[..length], Some(Side::Server));
        assert_eq!(told.outcome.id, "connect-closed");
        let words = format!("after CONNECT in the middle of its answer: {part} came.");
        assert!(told.outcome.sentence.ends_with(&words), "{}", told.outcome.sentence);
        assert!(!told.causes.concat().contains("not accepted"), "{:?}", told.causes);
    }
    let silent = verdict(&[], Some(Side::Server)).outcome.sentence;
    assert!(silent.ends_with("without giving a reason."), "{silent}");
    assert_eq!(verdict(CONNACK, Some(Side::Server)).outcome.id, "server-closed");
}

#[test]
fn the_capture_ends_in_the_middle_of_it() {
    let begun = verdict(&CONNACK[..1], None).outcome;
    assert_eq!(begun.id, "unclassified");
    assert!(begun.sentence.ends_with("in the middle of the answer."), "{}", begun.sentence);
    let none = verdict(&[], None).outcome.sentence;
    assert!(none.ends_with("before an answer."), "{none}");
}

#[test]
fn a_byte_that_no_answer_begins_with_is_something_else() {
    assert_eq!(verdict(b"S", Some(Side::Client)).outcome.id, "not-mqtt");
}

const REFUSED: &[u8] = b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 3\r\n\r\nabc";
const UPGRADE: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/// The server answers `question` with `pieces`, a segment each, and closes.
fn answered(question: &[u8], pieces: &[&[u8]]) -> Verdict {
    let mut talk = Talk::opened();
    talk.says(Side::Client, question);
    for piece in pieces {
        talk.says(Side::Server, piece);
        talk.acknowledges(Side::Client);
    }
    talk.closes(Side::Server);
    let sessions = analyse_segments(&talk.into_segments());
    assert_eq!(sessions.len(), 1);
    diagnose(&sessions[0])
}

#[test]
fn an_answer_in_http_cut_anywhere() {
    for cut in 1..REFUSED.len() {
        let (begin, rest) = REFUSED.split_at(cut);
        let told = answered(CONNECT, &[begin, rest]).outcome;
        assert_eq!(told.id, "http-answer", "{cut}");
        assert!(told.sentence.contains("(HTTP 404 Not Found)"), "{cut}: {}", told.sentence);
        let told = answered(UPGRADE, &[begin, rest]).outcome;
        assert_eq!(told.id, "ws-upgrade-refused", "{cut}");
        assert!(told.sentence.contains("HTTP 404 Not Found"), "{cut}: {}", told.sentence);
    }
}

#[test]
fn an_answer_in_http_of_which_only_a_part_came() {
    let line = REFUSED.len() - b"Content-Length: 3\r\n\r\nabc".len();
    for end in 12..line {
        let told = answered(CONNECT, &[&REFUSED[..end]]).outcome;
        assert!(told.sentence.contains("(HTTP 404"), "{end}: {}", told.sentence);
        let told = answered(UPGRADE, &[&REFUSED[..end]]).outcome;
        assert_eq!(told.id, "ws-upgrade-refused", "{end}");
    }
    // Of these no status is known, or it is no refusal.
    assert!(!answered(CONNECT, &[b"HTTP/1.1 4"]).outcome.sentence.contains("HTTP 4"));
    for begun in [&b"HTTP/1.1 4"[..], b"HTTP/1.1 101 Switching Protocols\r\nUpgr"] {
        let told = answered(UPGRADE, &[begun]).outcome.sentence;
        assert!(
            told.contains("in the middle of its answer") && !told.contains("refused") && !told.contains("HTTP"),
            "{told}"
        );
    }
}

#[test]
fn a_hole_within_an_answer_in_http() {
    let mut talk = Talk::opened();
    talk.says(Side::Client, CONNECT);
    talk.says(Side::Server, b"HTTP/1.1 4");
    talk.says(Side::Server, b"04 Not Found\r\n");
    talk.lose();
    talk.says(Side::Server, b"\r\n 200 OK");
    talk.acknowledges(Side::Client);
    talk.closes(Side::Server);
    let told = diagnose(&analyse_segments(&talk.into_segments())[0]).outcome;
    assert_eq!(told.id, "http-answer");
    assert!(told.sentence.ends_with("in HTTP instead of MQTT."), "{}", told.sentence);
}
