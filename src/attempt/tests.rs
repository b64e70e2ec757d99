//! Questions told by hand, and which of them are attempts.

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;

use super::*;
use crate::capture::{FrameNumber, LinkType, Timestamp};
use crate::net::{Decoded, decode};

const CLIENT: [u8; 4] = [10, 0, 0, 11];
const OTHER: [u8; 4] = [10, 0, 0, 12];
const SERVER: [u8; 4] = [10, 0, 0, 1];
const BROKER: [u8; 4] = [10, 0, 0, 2];

/// RFC 1035 §4.1: header, one question for `kind`, and one address for 0 or more.
fn message(id: u16, flags: u16, name: &str, kind: u16, addresses: &[[u8; 4]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let count = u16::try_from(addresses.len()).unwrap();
    for field in [id, flags, 1, count, 0, 0] {
        bytes.extend(field.to_be_bytes());
    }
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend(1u16.to_be_bytes());
    for address in addresses {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        bytes.extend(address);
    }
    bytes
}

struct Story {
    watch: Watch,
    frame: u64,
    now: i64,
    id: u16,
    connections: u64,
    others: u64,
}

impl Story {
    fn new() -> Story {
        Story { watch: Watch::new(&Limits::default()), frame: 0, now: 0, id: 0, connections: 0, others: 0 }
    }

    fn after(mut self, milliseconds: i64) -> Story {
        self.now += milliseconds * 1_000_000;
        self
    }

    fn at(&mut self) -> Moment {
        self.frame += 1;
        Moment { frame: FrameNumber::new(self.frame), time: Timestamp(self.now) }
    }

    fn datagram(mut self, from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Story {
        let mut frame = Vec::new();
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from.0, to.0, 64).udp(from.1, to.1);
        builder.write(&mut frame, payload).unwrap();
        let at = self.at();
        match decode(LinkType::ETHERNET, &frame, u32::try_from(frame.len()).unwrap()) {
            Decoded::Dns(message) => self.watch.dns(&message, at),
            other => panic!("{other:?}"),
        }
        self
    }

    fn asks(mut self, asker: [u8; 4], name: &str) -> Story {
        self.id += 1;
        let bytes = message(self.id, 0x0100, name, 1, &[]);
        self.datagram((asker, 40_000), (SERVER, 53), &bytes)
    }

    fn told(self, asker: [u8; 4], name: &str, code: u16, addresses: &[[u8; 4]]) -> Story {
        let bytes = message(self.id, 0x8180 | code, name, 1, addresses);
        self.datagram((SERVER, 53), (asker, 40_000), &bytes)
    }

    fn fails(self, asker: [u8; 4], name: &str) -> Story {
        self.asks(asker, name).told(asker, name, 3, &[])
    }

    fn finds(self, asker: [u8; 4], name: &str, address: [u8; 4]) -> Story {
        self.asks(asker, name).told(asker, name, 0, &[address])
    }

    fn looks_for(mut self, asker: [u8; 4], target: [u8; 4], times: u32) -> Story {
        for _ in 0..times {
            let at = self.at();
            self.watch.neighbour(Neighbour::Question { asker: asker.into(), mac: None, target: target.into() }, at);
            self = self.after(1000);
        }
        self
    }

    fn answers(mut self, target: [u8; 4]) -> Story {
        let at = self.at();
        self.watch.neighbour(Neighbour::Answer { target: target.into() }, at);
        self
    }

    /// An MQTT connection of so many seconds.
    fn session(mut self, client: [u8; 4], server: [u8; 4], seconds: i64) -> Story {
        let first = self.at();
        let last = Moment { frame: first.frame, time: Timestamp(self.now + seconds * 1_000_000_000) };
        let (client, server) = (client.into(), server.into());
        self.connections += 1;
        self.watch.connection(&Contact { client, server, port: 1883, first, last, mqtt: true, heard: true });
        self
    }

    fn attempts(self) -> Vec<(String, Tie, u64)> {
        let around = Surroundings {
            packets: self.frame,
            connections: self.connections,
            others: self.others,
            ended: Timestamp(self.now + 60_000_000_000),
            wanted: &[],
        };
        let all = self.watch.finish(&around).into_iter();
        all.map(|attempt| match attempt.what {
            Question::Name(lookup) => (lookup.name.to_string(), attempt.tie, lookup.asked.count),
            Question::Host(search) => (search.target.to_string(), attempt.tie, search.asked.count),
        })
        .collect()
    }
}

fn one(name: &str, tie: Tie, count: u64) -> Vec<(String, Tie, u64)> {
    vec![(name.to_owned(), tie, count)]
}

#[test]
fn repeated_failures_are_one_attempt() {
    let mut story = Story::new();
    for _ in 0..50 {
        story = story.fails(CLIENT, "mqtt.lan").after(5000);
    }
    assert_eq!(story.attempts(), one("mqtt.lan", Tie::Name, 50));
}

#[test]
fn a_capture_of_nothing_else_tells_of_any_name() {
    assert_eq!(Story::new().fails(CLIENT, "plant7.lan").attempts(), one("plant7.lan", Tie::Alone, 1));
    let mut busy = Story::new().fails(CLIENT, "plant7.lan");
    (busy.connections, busy.others) = (1, 1);
    assert_eq!(busy.attempts(), []);
}

#[test]
fn names_that_hosts_look_up_for_themselves_are_no_attempts() {
    for name in ["0.pool.ntp.org", "wpad.lan", "5.0.0.10.in-addr.arpa", "_mqtt._tcp.local"] {
        assert_eq!(Story::new().fails(CLIENT, name).attempts(), [], "{name}");
    }
}

#[test]
fn many_failing_names_are_chatter() {
    let mut story = Story::new();
    for host in 0..8 {
        story = story.fails([10, 0, 0, 20 + host], &format!("host{host}.lan")).after(100);
    }
    assert_eq!(story.attempts(), []);
}

#[test]
fn a_name_found_soon_was_not_missing() {
    let searched = Story::new().fails(CLIENT, "broker.lan").after(1).finds(CLIENT, "broker", BROKER);
    assert_eq!(searched.attempts(), []);
    let later = Story::new().fails(CLIENT, "broker").after(1).finds(CLIENT, "broker.lan", BROKER);
    assert_eq!(later.attempts(), []);
    let again = Story::new().finds(CLIENT, "mqtt.lan", BROKER).after(1).fails(CLIENT, "mqtt.lan");
    assert_eq!(again.attempts(), []);
}

#[test]
fn a_name_found_after_a_while_was_missing_before() {
    let story = Story::new().fails(CLIENT, "mqtt.lan").after(40_000).fails(CLIENT, "mqtt.lan").after(5000);
    let story = story.finds(CLIENT, "mqtt.lan", BROKER).session(CLIENT, BROKER, 9);
    assert_eq!(story.attempts(), one("mqtt.lan", Tie::Broker, 2));
}

#[test]
fn search_domains_are_forms_of_one_name() {
    let story = Story::new().fails(CLIENT, "mqtt.plant.lan").after(1).fails(CLIENT, "mqtt");
    assert_eq!(story.attempts(), one("mqtt", Tie::Name, 1));
}

#[test]
fn a_name_known_to_be_a_brokers_needs_no_telling_name() {
    let story = Story::new().finds(OTHER, "plant7.lan", BROKER).session(OTHER, BROKER, 500).after(9000);
    assert_eq!(story.fails(CLIENT, "plant7.lan").attempts(), one("plant7.lan", Tie::Broker, 1));
}

#[test]
fn a_host_that_is_connected_is_not_trying() {
    let story = Story::new().session(CLIENT, BROKER, 500).after(9000).fails(CLIENT, "nas.lan");
    assert_eq!(story.attempts(), []);
    let soon = Story::new().fails(CLIENT, "mqtt.lan").after(20_000).session(CLIENT, BROKER, 9);
    assert_eq!(soon.attempts(), []);
}

#[test]
fn a_question_that_a_server_passes_on_is_told_once() {
    let upstream = [9, 9, 9, 9];
    let story = Story::new().asks(CLIENT, "mqtt.lan").after(2);
    let bytes = message(77, 0x0100, "mqtt.lan", 1, &[]);
    let story = story.datagram((SERVER, 40_001), (upstream, 53), &bytes);
    let answer = message(77, 0x8183, "mqtt.lan", 1, &[]);
    let story = story.datagram((upstream, 53), (SERVER, 40_001), &answer).told(CLIENT, "mqtt.lan", 3, &[]);
    assert_eq!(story.attempts(), one("mqtt.lan", Tie::Name, 1));
}

#[test]
fn an_address_that_is_none_is_a_block() {
    let story = Story::new().finds(CLIENT, "mqtt.lan", [0, 0, 0, 0]);
    let around = Surroundings { packets: 2, connections: 0, others: 0, ended: Timestamp(0), wanted: &[] };
    let found = story.watch.finish(&around);
    let [Attempt { what: Question::Name(lookup), .. }] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(lookup.failure, LookupFailure::Blocked(Ipv4Addr::UNSPECIFIED.into()));
}

#[test]
fn a_host_that_is_looked_for_in_vain() {
    assert_eq!(Story::new().looks_for(CLIENT, BROKER, 3).attempts(), one("10.0.0.2", Tie::Alone, 3));
    assert_eq!(Story::new().looks_for(CLIENT, BROKER, 1).attempts(), []);
    assert_eq!(Story::new().looks_for(CLIENT, BROKER, 3).answers(BROKER).attempts(), []);
}

#[test]
fn scans_are_no_attempts() {
    let mut story = Story::new();
    for host in 0..200 {
        story = story.looks_for(CLIENT, [10, 0, 1, host], 2);
    }
    assert_eq!(story.attempts(), []);
}

#[test]
fn a_broker_that_went_away_is_looked_for() {
    let story = Story::new().session(CLIENT, BROKER, 5).after(60_000).looks_for(CLIENT, BROKER, 3);
    assert_eq!(story.attempts(), one("10.0.0.2", Tie::Broker, 3));
}

#[test]
fn a_router_looks_for_a_host_on_behalf_of_who_knocks() {
    let mut story = Story::new();
    let first = story.at();
    let (client, server) = (CLIENT.into(), BROKER.into());
    story.watch.connection(&Contact { client, server, port: 1883, first, last: first, mqtt: true, heard: false });
    story.connections = 1;
    assert_eq!(story.looks_for(SERVER, BROKER, 3).attempts(), []);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut story = Story::new();
    for host in 0..3000u32 {
        let [_, b, c, d] = host.to_be_bytes();
        story = story.asks([10, b, c, d], "mqtt.lan");
    }
    assert!(story.watch.let_go() > 0);
    assert!(story.attempts().len() <= Limits::default().askers);
}
