//! A TLS hello of which not all came: that it is TLS stands in its first bytes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::diagnose;
use mqttcap::session::Session;
use mqttcap::stream::Side;
use support::analyse_segments;
use support::talk::Talk;

/// A record with a ClientHello of 1,700 bytes, as one with a post-quantum key is.
fn hello() -> Vec<u8> {
    let mut record = vec![22, 3, 1, 0x06, 0xA4, 1, 0, 0x06, 0xA0, 3, 3];
    record.resize(5 + 1700, 7);
    record
}

/// A connection to `port` on which the client says `parts`, of which those that are not `captured` are missing, and leaves.
fn sessions(port: u16, parts: &[(&[u8], bool)]) -> Vec<Session> {
    let mut talk = Talk::opened();
    for (part, captured) in parts {
        talk.says(Side::Client, part);
        if !captured {
            talk.lose();
        }
        talk.acknowledges(Side::Server);
    }
    talk.waits(10);
    talk.closes(Side::Client);
    let mut segments = talk.into_segments();
    for segment in &mut segments {
        for end in [&mut segment.source, &mut segment.destination] {
            if end.port == 1883 {
                end.port = port;
            }
        }
    }
    analyse_segments(&segments)
}

fn outcome(port: u16, parts: &[(&[u8], bool)]) -> Option<&'static str> {
    let sessions = sessions(port, parts);
    sessions.first().map(|session| diagnose(session).outcome.id)
}

#[test]
fn the_beginning_tells_that_it_is_tls() {
    let hello = hello();
    for length in [4, 100, 1448, hello.len() - 1] {
        let part = [(&hello[..length], true)];
        assert_eq!(outcome(8883, &part), Some("tls-handshake-abandoned"), "{length}");
        assert_eq!(outcome(1883, &part), Some("tls-to-plain-port"), "{length}");
    }
}

#[test]
fn the_rest_was_not_captured() {
    let hello = hello();
    let (first, second) = hello.split_at(1448);
    let parts = [(first, true), (second, false)];
    let session = &sessions(8883, &parts)[0];
    let verdict = diagnose(session);
    assert_eq!(verdict.outcome.id, "tls-handshake-abandoned");
    assert!(verdict.outcome.sentence.contains("after a part of the client's hello"), "{}", verdict.outcome.sentence);
    assert!(verdict.causes[0].starts_with("The rest of the hello got lost"), "{:?}", verdict.causes);
}

#[test]
fn what_only_looks_alike_is_none() {
    // No version of TLS, and no record.
    let other = [(&b"\x16\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"[..], true)];
    assert_eq!(outcome(1883, &other), Some("not-mqtt"));
    assert_eq!(outcome(8883, &other), None);
}
