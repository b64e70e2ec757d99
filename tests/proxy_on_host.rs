//! A proxy on the broker's host: the capture holds each session twice, from the client to the proxy and from there to the
//! broker, on another port of the same address.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::{Judged, across, diagnose};
use mqttcap::net::Endpoint;
use mqttcap::session::{Session, Traffic};
use mqttcap::stream::Side;
use support::talk::Talk;
use support::{OwnedSegment, analyse_segments};

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const HOST: [u8; 4] = [10, 0, 0, 2];

/// A connection of `from` to a port of the broker's host: milliseconds of its first SYN, CONNECT, CONNACK and of its end by
/// the server.
fn connection(from: ([u8; 4], u16), port: u16, [begins, connect, connack, end]: [i64; 4]) -> Vec<OwnedSegment> {
    let mut talk = Talk::opened();
    talk.says(Side::Client, b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c");
    talk.says(Side::Server, &[0x20, 2, 0, 0]);
    talk.acknowledges(Side::Client);
    talk.closes(Side::Server);
    talk.closes(Side::Client);
    let mut segments = talk.into_segments();
    let origin = segments[0].time.0;
    let client = Endpoint { address: from.0.into(), port: from.1 };
    let server = Endpoint { address: HOST.into(), port };
    for (segment, at) in
        segments.iter_mut().zip([begins, begins + 1, begins + 2, connect, connack, connack + 1, end, end + 1])
    {
        segment.time.0 = origin + at * 1_000_000;
        for endpoint in [&mut segment.source, &mut segment.destination] {
            *endpoint = if endpoint.port == 50_000 { client } else { server };
        }
    }
    segments
}

fn sessions(connections: &[Vec<OwnedSegment>]) -> Vec<Session> {
    let mut all = connections.concat();
    all.sort_by_key(|segment| segment.time.0);
    analyse_segments(&all)
}

/// How the session from this port ended, and what is said of it.
fn told(connections: &[Vec<OwnedSegment>], port: u16) -> (&'static str, String) {
    let sessions = sessions(connections);
    let outcome = diagnose(sessions.iter().find(|own| own.wire.peers.client.endpoint.port == port).unwrap()).outcome;
    (outcome.id, outcome.sentence)
}

#[test]
fn the_proxy_s_own_connection_pushes_nobody_out() {
    let outside = connection((CLIENT, 50_000), 1883, [0, 10, 40, 102]);
    let onward = connection((HOST, 40_000), 1884, [15, 20, 30, 100]);
    for port in [50_000, 40_000] {
        let (id, sentence) = told(&[outside.clone(), onward.clone()], port);
        assert_ne!(id, "session-taken-over", "{sentence}");
    }
}

#[test]
fn a_second_device_does() {
    let outside = connection((CLIENT, 50_000), 1883, [0, 10, 40, 2_002]);
    let second = connection((CLIENT, 50_001), 1883, [1_980, 1_990, 2_003, 9_000]);
    let (id, sentence) = told(&[outside.clone(), second.clone()], 50_000);
    assert_eq!(id, "session-taken-over");
    assert!(sentence.contains("10.0.0.1:50001"), "{sentence}");
    // Through the proxy both hold the same story, each on its own port.
    let onward = connection((HOST, 40_000), 1884, [15, 20, 30, 2_000]);
    let second_onward = connection((HOST, 40_001), 1884, [1_992, 1_996, 2_001, 8_990]);
    let all = [outside, onward, second, second_onward];
    for (port, other) in [(50_000, "10.0.0.1:50001"), (40_000, "10.0.0.2:40001")] {
        let (id, sentence) = told(&all, port);
        assert_eq!(id, "session-taken-over", "{port}");
        assert!(sentence.contains(other), "{sentence}");
    }
}

#[test]
fn one_on_another_port_that_comes_later_does() {
    // The same broker, for which TLS is taken off on its host.
    let outside = connection((CLIENT, 50_000), 1883, [0, 10, 40, 2_002]);
    let later = connection((HOST, 40_000), 1884, [1_990, 1_998, 2_003, 9_000]);
    let (id, sentence) = told(&[outside, later], 50_000);
    assert_eq!(id, "session-taken-over");
    assert!(sentence.contains("10.0.0.2:40000"), "{sentence}");
}

#[test]
fn a_fight_through_a_proxy_is_one_between_clients() {
    let round = |(number, begins): (u16, i64)| {
        let outside = connection((CLIENT, 50_000 + number), 1883, [begins, begins + 10, begins + 40, begins + 1_028]);
        let onward = connection((HOST, 40_000 + number), 1884, [begins + 15, begins + 20, begins + 30, begins + 1_026]);
        [outside, onward]
    };
    let rounds: Vec<_> = (0..5).zip((0..).step_by(1_000)).flat_map(round).collect();
    let sessions = sessions(&rounds);
    let verdicts: Vec<_> = sessions.iter().map(diagnose).collect();
    let judged = (1..).zip(sessions.iter().zip(&verdicts));
    let judged: Vec<_> = judged.map(|(number, (session, verdict))| Judged::new(number, session, verdict)).collect();
    let found = across(&judged, &Traffic::default(), &[]);
    let fight = found.iter().find(|found| found.finding.id == "client-id-fight").unwrap();
    assert_eq!(fight.sessions, [1, 3, 5, 7, 9]);
    let headline = &fight.finding.headline;
    assert!(headline.starts_with("Connections from 10.0.0.1 with the client id “c” push each other out"), "{headline}");
}
