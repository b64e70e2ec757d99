//! A broker that takes the user name for the client id lets one connection of each user live: clients with different
//! client ids push each other out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::{Confidence, Outcome, diagnose};
use mqttcap::stream::Side;
use support::talk::Talk;
use support::{OwnedSegment, analyse_segments};

/// A client: its port, client id, user name, when it begins and when the server closes, if ever, in milliseconds, and
/// what it is answered.
struct Client(u16, &'static str, &'static str, i64, Option<i64>, u8);

fn connect(id: &str, username: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\x82\x00\x3C".to_vec();
    for text in [id, username] {
        body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        body.extend(text.bytes());
    }
    [&[0x10, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

impl Client {
    /// Handshake in 2 ms, CONNECT 1 ms later, CONNACK 1 ms later, its acknowledgment, the close.
    fn segments(&self) -> Vec<OwnedSegment> {
        let &Client(port, id, username, begins, closed, code) = self;
        let mut talk = Talk::opened();
        talk.says(Side::Client, &connect(id, username));
        talk.says(Side::Server, &[0x20, 2, 0, code]);
        talk.acknowledges(Side::Client);
        if closed.is_some() {
            talk.closes(Side::Server);
        }
        let mut segments = talk.into_segments();
        let origin = segments[0].time.0;
        for (place, segment) in (0..).zip(&mut segments) {
            let at = if place == 6 { closed.unwrap() } else { begins + place };
            segment.time.0 = origin + at * 1_000_000;
            for endpoint in [&mut segment.source, &mut segment.destination] {
                endpoint.port = if endpoint.port == 50_000 { port } else { endpoint.port };
            }
        }
        segments
    }
}

/// How the session of the first client ended.
fn outcome(clients: &[Client]) -> Outcome {
    let mut all: Vec<OwnedSegment> = clients.iter().flat_map(Client::segments).collect();
    // What shows how the others went on, and that the capture did.
    let late = Client(60_000, "late", "late", 20_000, None, 0).segments();
    all.extend(late);
    all.sort_by_key(|segment| segment.time.0);
    let first = clients[0].0;
    let sessions = analyse_segments(&all);
    let own = sessions.iter().find(|session| session.wire.peers.client.endpoint.port == first).unwrap();
    diagnose(own).outcome
}

const PUSHED: Client = Client(50_000, "one", "fleet", 0, Some(10_004), 0);
const NEWER: Client = Client(50_001, "two", "fleet", 10_000, None, 0);

#[test]
fn one_is_closed_as_the_other_is_let_in() {
    let told = outcome(&[PUSHED, NEWER]);
    assert_eq!((told.id, told.confidence), ("session-taken-over", Confidence::Likely));
    let words = "Another connection from 10.0.0.1:50001 (tcp.stream 1) with the same user name “fleet”, but the client id “two”, seems to have pushed this one out";
    assert!(told.sentence.starts_with(words), "{}", told.sentence);
    // Two that were pushed out before tell the same.
    let chain = [PUSHED, NEWER, Client(50_002, "zero", "fleet", -5_000, Some(4), 0)];
    assert_eq!(outcome(&chain).id, "session-taken-over");
}

#[test]
fn devices_that_share_a_user_name_do_not_push_each_other_out() {
    for other in [
        // One that was there before and stays, one that came right after and stays, one that stayed for a while.
        Client(50_002, "three", "fleet", -5_000, None, 0),
        Client(50_002, "three", "fleet", 10_100, None, 0),
        Client(50_002, "three", "fleet", -5_000, Some(4_000), 0),
    ] {
        assert_eq!(outcome(&[PUSHED, NEWER, other]).id, "server-closed");
    }
}

#[test]
fn another_moment_user_or_answer_shows_nothing() {
    let late = Client(50_000, "one", "fleet", 0, Some(10_500), 0);
    assert_eq!(outcome(&[late, NEWER]).id, "server-closed");
    let before = Client(50_000, "one", "fleet", 0, Some(10_002), 0);
    assert_eq!(outcome(&[before, NEWER]).id, "server-closed");
    assert_eq!(outcome(&[PUSHED, Client(50_001, "two", "other", 10_000, None, 0)]).id, "server-closed");
    assert_eq!(outcome(&[PUSHED, Client(50_001, "two", "fleet", 10_000, None, 5)]).id, "server-closed");
    let same = outcome(&[PUSHED, Client(50_001, "one", "fleet", 10_000, None, 0)]);
    assert_eq!((same.id, same.confidence), ("session-taken-over", Confidence::VeryLikely));
    assert!(same.sentence.contains("with the same client id"), "{}", same.sentence);
}
