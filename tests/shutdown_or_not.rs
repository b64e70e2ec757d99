//! A broker that closes several sessions at once is shutting down; closes that have a reason of their own do not make it so.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::diagnose;
use mqttcap::stream::Side;
use support::talk::Talk;
use support::{OwnedSegment, analyse_segments};

/// A client: its port, client id, when it begins and when the server closes, if ever, in milliseconds, and whether its
/// CONNECT is answered.
struct Client(u16, &'static str, i64, Option<i64>, bool);

fn connect(id: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\x02\x00\x3C".to_vec();
    body.extend(u16::try_from(id.len()).unwrap().to_be_bytes());
    body.extend(id.bytes());
    [&[0x10, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

impl Client {
    /// Handshake in 2 ms, CONNECT 1 ms later, its answer, the close.
    fn segments(&self) -> Vec<OwnedSegment> {
        let &Client(port, id, begins, closed, answered) = self;
        let mut talk = Talk::opened();
        talk.says(Side::Client, &connect(id));
        if answered {
            talk.says(Side::Server, &[0x20, 2, 0, 0]);
            talk.acknowledges(Side::Client);
        } else {
            talk.acknowledges(Side::Server);
        }
        if closed.is_some() {
            talk.closes(Side::Server);
        }
        let mut segments = talk.into_segments();
        let (origin, end) = (segments[0].time.0, segments.len() - 1);
        for (place, segment) in segments.iter_mut().enumerate() {
            let usual = begins + i64::try_from(place).unwrap();
            let at = closed.filter(|_| place == end).unwrap_or(usual);
            segment.time.0 = origin + at * 1_000_000;
            for endpoint in [&mut segment.source, &mut segment.destination] {
                endpoint.port = if endpoint.port == 50_000 { port } else { endpoint.port };
            }
        }
        segments
    }
}

/// How the session of a client that is closed 10 s after its begin ended, beside `others`.
fn outcome(others: &[Client]) -> &'static str {
    let own = Client(50_000, "one", 0, Some(10_000), true);
    let late = Client(60_000, "late", 20_000, None, true);
    let mut all: Vec<OwnedSegment> = [own, late].iter().chain(others).flat_map(Client::segments).collect();
    all.sort_by_key(|segment| segment.time.0);
    let sessions = analyse_segments(&all);
    let own = sessions.iter().find(|session| session.wire.peers.client.endpoint.port == 50_000).unwrap();
    diagnose(own).outcome.id
}

#[test]
fn three_that_are_closed_at_once() {
    let two = Client(50_001, "two", 1_000, Some(10_100), true);
    let three = Client(50_002, "three", 2_000, Some(10_200), true);
    assert_eq!(outcome(&[two, three]), "server-shutdown");
}

#[test]
fn those_that_a_newer_one_pushes_out() {
    let pushed = |port, id, at| [Client(port, id, 1_000, Some(at), true), Client(port + 10, id, at - 10, None, true)];
    let [two, newer_two] = pushed(50_001, "two", 10_100);
    let [three, newer_three] = pushed(50_002, "three", 10_200);
    assert_eq!(outcome(&[two, newer_two, three, newer_three]), "server-closed");
}

#[test]
fn one_that_comes_back_and_is_closed_again() {
    let again = |port, begins| Client(port, "one", begins, Some(begins + 300), true);
    assert_eq!(outcome(&[again(50_001, 10_100), again(50_002, 10_600)]), "server-closed");
}

#[test]
fn those_that_were_turned_away() {
    let away = |port, id, begins| Client(port, id, begins, Some(begins + 10), false);
    assert_eq!(outcome(&[away(50_001, "two", 10_100), away(50_002, "three", 10_200)]), "server-closed");
}

#[test]
fn those_that_began_after_it_was_closed() {
    let two = Client(50_001, "two", 10_100, Some(10_300), true);
    let three = Client(50_002, "three", 10_400, Some(10_700), true);
    assert_eq!(outcome(&[two, three]), "server-closed");
}
