//! The client id stands near the front of CONNECT: who the client is, is known of one that never became whole.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::diagnose;
use mqttcap::session::Session;
use mqttcap::stream::Side;
use support::analyse_segments;
use support::talk::Talk;

/// A CONNECT of MQTT 3.1.1 with a will, user name and password as long as they may be: 259,992 bytes.
fn connect() -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\xC6\x00\x3C\x00\x08sensor-1".to_vec();
    for _ in 0..4 {
        body.extend(64_990_u16.to_be_bytes());
        body.extend(vec![b'x'; 64_990]);
    }
    let mut packet = vec![0x10, 0x94, 0xEF, 0x0F];
    assert_eq!(body.len(), 0x14 + (0x6F << 7) + (0x0F << 14));
    packet.extend(body);
    packet
}

/// A client of which only the first `sent` bytes of CONNECT come, closed by `side` then.
fn session(sent: usize, closes: Side) -> Session {
    let mut talk = Talk::opened();
    for part in connect()[..sent].chunks(1400) {
        talk.says(Side::Client, part);
    }
    talk.closes(closes);
    let mut sessions = analyse_segments(&talk.into_segments());
    assert_eq!(sessions.len(), 1, "{sent}");
    sessions.remove(0)
}

#[test]
fn the_beginning_tells_who_it_was() {
    for sent in [24, 1400, 100_000, connect().len() - 1] {
        let closed = session(sent, Side::Server);
        assert_eq!(closed.client_id().unwrap().0.as_ref(), b"sensor-1", "{sent}");
        assert_eq!(closed.version.unwrap().to_string(), "3.1.1");
        let verdict = diagnose(&closed);
        assert_eq!(verdict.outcome.id, "connect-closed");
        assert!(verdict.outcome.sentence.contains("the connection of sensor-1"), "{}", verdict.outcome.sentence);
        assert!(verdict.causes[0].starts_with("CONNECT is incomplete"), "{:?}", verdict.causes);
        // What did not come was not sent.
        assert!(verdict.findings.is_empty(), "{:?}", verdict.findings);
        assert!(closed.connect.is_none());
    }
}

#[test]
fn a_client_that_leaves_amid_its_connect_did_not_wait_for_an_answer() {
    let verdict = diagnose(&session(1400, Side::Client));
    assert_eq!(
        verdict.outcome.sentence,
        "sensor-1 closed the connection before its CONNECT of 259,992 bytes was whole, 1 ms after it began."
    );
    let whole = diagnose(&session(connect().len(), Side::Client));
    assert!(whole.outcome.sentence.ends_with("after CONNECT, before an answer came."), "{}", whole.outcome.sentence);
}

#[test]
fn half_a_client_id_is_none() {
    let closed = session(23, Side::Server);
    assert!(closed.client_id().is_none());
    assert!(diagnose(&closed).outcome.sentence.contains("the connection of 10.0.0.1 "));
}
