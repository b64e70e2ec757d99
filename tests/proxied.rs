//! Connections with something before the client's own bytes: a load balancer's PROXY header, or the way through an HTTP
//! proxy's tunnel.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::{Confidence, Verdict, diagnose};
use mqttcap::session::Session;
use mqttcap::stream::Side;
use support::analyse_segments;
use support::talk::Talk;

const CONNECT: &[u8] = b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c";
const CONNACK: &[u8] = &[0x20, 2, 0, 0];
const DISCONNECT: &[u8] = &[0xE0, 0];
const FIRST: &[u8] = b"PROXY TCP4 192.0.2.7 10.0.0.2 51200 1883\r\n";
const SECOND: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\x02\x07\x0A\0\0\x02\xC8\0\x07\x5B";

fn sessions(said: &[(Side, &[u8])]) -> Vec<Session> {
    let mut talk = Talk::opened();
    for (side, bytes) in said {
        talk.says(*side, bytes);
    }
    analyse_segments(&talk.into_segments())
}

/// One session, read whole and well ended, however its bytes were `cut`.
fn assert_whole(sessions: &[Session], cut: usize) {
    assert_eq!(sessions.len(), 1, "{cut}");
    assert_eq!(sessions[0].connect.as_ref().unwrap().client_id.0.as_ref(), b"c");
    let verdict = diagnose(&sessions[0]);
    assert_eq!(verdict.outcome.id, "clean-disconnect", "{cut}");
    assert!(verdict.qualifiers.is_empty(), "{cut}: {:?}", verdict.qualifiers);
}

#[test]
fn a_session_behind_a_header_that_the_broker_takes() {
    for header in [FIRST, SECOND] {
        let together = [header, CONNECT].concat();
        // Cut anywhere: in the header, behind it, in CONNECT.
        for cut in 1..together.len() {
            let (one, other) = together.split_at(cut);
            let said =
                [(Side::Client, one), (Side::Client, other), (Side::Server, CONNACK), (Side::Client, DISCONNECT)];
            assert_whole(&sessions(&said), cut);
        }
    }
}

#[test]
fn a_web_socket_behind_a_header() {
    const REQUEST: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    let masked = [&[0x82, 0x8F, 0, 0, 0, 0], CONNECT].concat();
    let answer = [&[0x82, 4], CONNACK].concat();
    let goodbye = [&[0x82, 0x82, 0, 0, 0, 0], DISCONNECT].concat();
    let rest = [(Side::Server, ANSWER), (Side::Client, &masked), (Side::Server, &answer), (Side::Client, &goodbye)];
    let together = [FIRST, REQUEST].concat();
    for opening in [vec![(Side::Client, FIRST), (Side::Client, REQUEST)], vec![(Side::Client, &*together)]] {
        let sessions = sessions(&[opening, rest.to_vec()].concat());
        assert_eq!(sessions.len(), 1);
        assert!(sessions[0].websocket.is_some());
        assert_eq!(diagnose(&sessions[0]).outcome.id, "clean-disconnect");
    }
}

#[test]
fn a_header_before_something_else() {
    let web =
        [(Side::Client, FIRST), (Side::Client, b"GET / HTTP/1.1\r\n\r\n"), (Side::Server, b"HTTP/1.1 200 OK\r\n\r\n")];
    assert_eq!(diagnose(&sessions(&web)[0]).outcome.id, "not-mqtt");
    let cut = [(Side::Client, &FIRST[..20]), (Side::Server, CONNACK)];
    assert!(sessions(&cut).is_empty());
    let alone = [(Side::Client, FIRST), (Side::Server, CONNACK)];
    assert!(sessions(&alone).is_empty());
}

#[test]
fn a_connect_behind_a_header_that_nobody_answers() {
    let behind = sessions(&[(Side::Client, FIRST), (Side::Client, CONNECT)]);
    assert_eq!(behind.len(), 1);
    assert_eq!(behind[0].connect.as_ref().unwrap().client_id.0.as_ref(), b"c");
    assert!(behind[0].foreign_opening.is_some());
    let alone = sessions(&[(Side::Client, FIRST)]);
    assert!(alone.iter().all(|session| session.connect.is_none()));
}

const ASKED: &[u8] = b"CONNECT broker:1883 HTTP/1.1\r\nHost: broker:1883\r\n\r\n";
const OPENED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

#[test]
fn a_session_inside_the_tunnel_of_an_http_proxy() {
    for (cut, other) in [(1, 1), (9, 12), (ASKED.len() - 1, OPENED.len() - 1)] {
        let (asked, opened) = (ASKED.split_at(cut), OPENED.split_at(other));
        let sessions = sessions(&[
            (Side::Client, asked.0),
            (Side::Client, asked.1),
            (Side::Server, opened.0),
            (Side::Server, opened.1),
            (Side::Client, &CONNECT[..5]),
            (Side::Client, &CONNECT[5..]),
            (Side::Server, CONNACK),
            (Side::Client, DISCONNECT),
        ]);
        assert_whole(&sessions, cut);
    }
}

#[test]
fn a_tunnel_that_is_refused_or_carries_something_else() {
    let refused: &[u8] = b"HTTP/1.1 403 Forbidden\r\n\r\n";
    for (answer, inside) in [(refused, CONNECT), (OPENED, b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n")] {
        let sessions = sessions(&[(Side::Client, ASKED), (Side::Server, answer), (Side::Client, inside)]);
        assert!(sessions.iter().all(|session| session.connect.is_none()));
    }
}

/// What is said through a tunnel in which the server answers `answer` to CONNECT, until `closes` closes 5 s later.
fn through_tunnel(answer: &[u8], closes: Side) -> Verdict {
    let mut talk = Talk::opened();
    talk.says(Side::Client, ASKED);
    talk.says(Side::Server, OPENED);
    talk.says(Side::Client, CONNECT);
    talk.acknowledges(Side::Server);
    if !answer.is_empty() {
        talk.says(Side::Server, answer);
    }
    talk.acknowledges(Side::Client);
    talk.waits(5);
    talk.closes(closes);
    let sessions = analyse_segments(&talk.into_segments());
    assert_eq!(sessions.len(), 1);
    diagnose(&sessions[0])
}

#[test]
fn a_broker_behind_a_tunnel_that_says_nothing() {
    let silent = through_tunnel(&[], Side::Client).outcome;
    assert_eq!(silent.id, "connect-unanswered");
    assert!(
        silent.sentence.ends_with("received the CONNECT of c and stayed silent for 5 s; c gave up."),
        "{}",
        silent.sentence
    );
    let closed = through_tunnel(&[], Side::Server).outcome;
    assert_eq!(closed.id, "connect-closed");
    let begun = through_tunnel(&CONNACK[..3], Side::Client).outcome;
    assert!(begun.sentence.contains("with 3 of the 4 bytes of a CONNACK, and the rest"), "{}", begun.sentence);
    assert_eq!(through_tunnel(CONNACK, Side::Client).outcome.id, "client-closed");
    assert_eq!(through_tunnel(CONNACK, Side::Server).outcome.id, "server-closed");
}

/// What is told of a connection over which only `said` goes, which `closes` closes after so many seconds.
fn headed(said: &[&[u8]], closes: Side, seconds: i64) -> Verdict {
    let mut talk = Talk::opened();
    for bytes in said {
        talk.says(Side::Client, bytes);
    }
    talk.acknowledges(Side::Server);
    talk.waits(seconds);
    talk.closes(closes);
    let sessions = analyse_segments(&talk.into_segments());
    assert_eq!(sessions.len(), 1);
    diagnose(&sessions[0])
}

#[test]
fn a_header_with_nothing_behind_it() {
    for header in [FIRST, SECOND] {
        let alone = headed(&[header], Side::Client, 2);
        assert_eq!((alone.outcome.id, alone.outcome.confidence), ("tcp-open-no-connect", Confidence::Certain));
        let told = "sent nothing but a PROXY header, and closed it again after 2 s.";
        assert!(alone.outcome.sentence.ends_with(told), "{}", alone.outcome.sentence);
        assert!(alone.causes.concat().contains("health check"), "{:?}", alone.causes);
        // The broker waited for a CONNECT; or the header itself was too much for it.
        assert_eq!(headed(&[header], Side::Server, 30).outcome.id, "tcp-open-no-connect");
        assert_eq!(headed(&[header], Side::Server, 0).outcome.id, "proxy-header-mismatch");
    }
}

#[test]
fn a_header_with_something_behind_it_is_not_called_alone() {
    for behind in [&b"GET / HTTP/1.1\r\n\r\n"[..], &CONNECT[..5]] {
        let told = headed(&[FIRST, behind], Side::Client, 2).outcome;
        assert_eq!((told.id, told.confidence), ("not-mqtt", Confidence::Likely));
    }
    assert_eq!(headed(&[&FIRST[..20]], Side::Client, 2).outcome.id, "not-mqtt");
    assert_eq!(headed(&[FIRST, CONNECT], Side::Client, 2).outcome.id, "proxy-header-mismatch");
}
