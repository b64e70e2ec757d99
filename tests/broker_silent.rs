//! A broker that answers nobody, while its host acknowledges what is asked; and what only looks like it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::{self, Confidence, Judged, Spanning};
use mqttcap::session::Traffic;
use mqttcap::stream::Side;
use support::talk::Talk;
use support::{OwnedSegment, analyse_segments};

const PINGREQ: &[u8] = &[0xC0, 0];
const PINGRESP: &[u8] = &[0xD0, 0];
const CONNACK: &[u8] = &[0x20, 2, 0, 0];

fn connect(id: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\x02\x00\x3C".to_vec();
    body.extend(u16::try_from(id.len()).unwrap().to_be_bytes());
    body.extend(id.bytes());
    [&[0x10, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

/// A client that was let in.
fn let_in(id: &str) -> Talk {
    let mut talk = Talk::opened();
    talk.says(Side::Client, &connect(id));
    talk.says(Side::Server, CONNACK);
    talk.acknowledges(Side::Client);
    talk
}

/// The client asks whether the broker is there; its TCP takes it.
fn asks(talk: &mut Talk) {
    talk.says(Side::Client, PINGREQ);
    talk.acknowledges(Side::Server);
}

fn answered(talk: &mut Talk) {
    talk.says(Side::Client, PINGREQ);
    talk.says(Side::Server, PINGRESP);
    talk.acknowledges(Side::Client);
}

/// Asks after `quiet` seconds, and gives up 10 s later.
fn gives_up(id: &str, quiet: i64) -> Talk {
    let mut talk = let_in(id);
    talk.waits(quiet);
    asks(&mut talk);
    talk.waits(10);
    talk.closes(Side::Client);
    talk
}

/// Asks at once, and every 5 s.
fn is_answered(id: &str, times: u32) -> Talk {
    let mut talk = let_in(id);
    for _ in 0..times {
        talk.waits(5);
        answered(&mut talk);
    }
    talk
}

/// Asks for a connection and gives up after 10 s.
fn knocks(id: &str) -> Talk {
    let mut talk = Talk::opened();
    talk.says(Side::Client, &connect(id));
    talk.acknowledges(Side::Server);
    talk.waits(10);
    talk.closes(Side::Client);
    talk
}

/// What is told of the clients, each with the second at which it begins; the capture goes on for 60 s.
fn told(clients: Vec<(i64, Talk)>) -> Option<Spanning> {
    let mut all: Vec<OwnedSegment> = Vec::new();
    let mut end = let_in("late").into_segments();
    end.truncate(1);
    for (place, (begins, segments)) in
        (0..).zip(clients.into_iter().map(|(begins, talk)| (begins, talk.into_segments())).chain([(60, end)]))
    {
        for mut segment in segments {
            segment.time.0 += begins * 1_000_000_000 + i64::from(place);
            for endpoint in [&mut segment.source, &mut segment.destination] {
                endpoint.port += if endpoint.port == 50_000 { place } else { 0 };
            }
            all.push(segment);
        }
    }
    all.sort_by_key(|segment| segment.time.0);
    let sessions = analyse_segments(&all);
    let verdicts: Vec<_> = sessions.iter().map(diagnosis::diagnose).collect();
    let judged = (1..).zip(sessions.iter().zip(&verdicts));
    let judged: Vec<_> = judged.map(|(number, (session, verdict))| Judged::new(number, session, verdict)).collect();
    let across = diagnosis::across(&judged, &Traffic::default(), &[]);
    across.into_iter().find(|spanning| spanning.finding.id == "broker-silent")
}

#[test]
fn pings_that_nobody_answers() {
    let found = told(vec![(0, gives_up("a", 20)), (1, gives_up("b", 21)), (2, is_answered("c", 3))]).unwrap();
    assert_eq!(found.sessions, [1, 2]);
    assert_eq!(found.finding.confidence, Confidence::VeryLikely);
    let headline = &found.finding.headline;
    assert!(
        headline.starts_with("10.0.0.2:1883 answered nobody for 12 s after frame 26, though 2 clients asked;"),
        "{headline}"
    );
    // CONNECT is a question, too, and the host that takes it goes on opening connections.
    let found = told(vec![(0, gives_up("a", 20)), (22, knocks("b")), (45, is_answered("c", 1))]).unwrap();
    let headline = &found.finding.headline;
    assert!(headline.ends_with("what they sent. Then it answered again (session 3)."), "{headline}");
    assert_eq!(found.sessions, [1, 2]);
}

#[test]
fn only_one_client_or_one_after_the_other() {
    assert!(told(vec![(0, gives_up("a", 20)), (0, is_answered("b", 3))]).is_none());
    assert!(told(vec![(0, gives_up("a", 10)), (25, gives_up("b", 5))]).is_none());
    // One that tries again is no other.
    assert!(told(vec![(0, gives_up("a", 20)), (25, knocks("a"))]).is_none());
}

#[test]
fn a_time_in_which_nobody_asks() {
    let quiet = |id| {
        let mut talk = let_in(id);
        talk.waits(20);
        talk.closes(Side::Client);
        talk
    };
    assert!(told(vec![(0, quiet("a")), (0, quiet("b")), (1, quiet("c"))]).is_none());
    assert!(told(vec![(0, gives_up("a", 20)), (0, quiet("b")), (1, quiet("c"))]).is_none());
}

#[test]
fn somebody_is_answered_meanwhile() {
    let both = || vec![(0, gives_up("a", 20)), (1, gives_up("b", 20))];
    let with = |other: (i64, Talk)| {
        let mut clients = both();
        clients.push(other);
        told(clients)
    };
    assert!(with((25, is_answered("c", 0))).is_none());
    assert!(with((0, is_answered("c", 5))).is_none());
    // Before and after: meanwhile, perhaps.
    let mut silent = let_in("c");
    silent.waits(40);
    answered(&mut silent);
    let found = with((0, silent)).unwrap();
    assert_eq!(found.finding.confidence, Confidence::Likely);
    assert!(found.finding.headline.contains(" left 2 clients without an answer at the same time, for "));
}

#[test]
fn what_does_not_reach_the_host_is_the_networks_fault() {
    let lost = |id| {
        let mut talk = let_in(id);
        talk.waits(20);
        talk.says(Side::Client, PINGREQ);
        talk.waits(10);
        talk.closes(Side::Client);
        talk
    };
    assert!(told(vec![(0, lost("a")), (1, lost("b"))]).is_none());
}

#[test]
fn messages_that_a_broker_takes_without_a_word() {
    let publishes = |id, before: &[&[u8]]| {
        let mut talk = let_in(id);
        for (side, bytes) in [Side::Client, Side::Server].into_iter().zip(before) {
            talk.says(side, bytes);
        }
        talk.waits(5);
        talk.says(Side::Client, b"\x32\x05\0\x01a\0\x07");
        talk.acknowledges(Side::Server);
        talk.waits(10);
        talk.closes(Side::Client);
        talk
    };
    // It may not allow them.
    assert!(told(vec![(0, publishes("a", &[])), (1, publishes("b", &[]))]).is_none());
    let allowed: &[&[u8]] = &[b"\x32\x05\0\x01a\0\x06", b"\x40\x02\0\x06"];
    assert!(told(vec![(0, publishes("a", allowed)), (1, publishes("b", allowed))]).is_some());
}
