//! PUBLISH packets of many connections as TCP segments, the same ones every time, encoded by `mqtt-proto`.

use std::net::{IpAddr, Ipv4Addr};

use mqtt_proto::{Pid, QosPid, TopicName, v3, v5};
use mqttcap::capture::Timestamp;
use mqttcap::net::Endpoint;

use crate::dice::Dice;
use crate::support::OwnedSegment;

/// A PUBLISH that was really sent: who, topic, packet identifier, QoS, payload length.
pub(crate) type Published = (Endpoint, String, Option<u16>, u8, usize);

const CONNECTIONS: u64 = 500;
const SEGMENT: usize = 1448;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const PUSH_ACK: u8 = 0x18;

/// The segments of 500 connections, half of MQTT 3.1.1 and half of 5.0, on which both ends publish,
/// and what they published: at least `publishes`.
pub(crate) fn generate(publishes: usize, dice: &mut Dice) -> (Vec<OwnedSegment>, Vec<Published>) {
    let mut wire = Wire::default();
    let mut connections: Vec<Connection> = (0..CONNECTIONS).map(Connection::new).collect();
    for connection in &mut connections {
        connection.open(&mut wire);
    }
    while wire.published.len() < publishes {
        let chosen = usize::try_from(dice.roll(CONNECTIONS)).unwrap();
        connections[chosen].talk(dice, &mut wire);
    }
    for connection in &mut connections {
        connection.send(CLIENT, b"\xE0\x00", &mut wire);
        connection.send(SERVER_SIDE, b"", &mut wire);
    }
    (wire.segments, wire.published)
}

#[derive(Default)]
struct Wire {
    segments: Vec<OwnedSegment>,
    published: Vec<Published>,
}

const CLIENT: usize = 0;
const SERVER_SIDE: usize = 1;

struct Connection {
    v5: bool,
    /// Client, then server; the fields below alike.
    ends: [Endpoint; 2],
    sequence: [u32; 2],
    packet_identifier: [u16; 2],
}

impl Connection {
    fn new(number: u64) -> Connection {
        let [.., high, low] = number.to_be_bytes();
        let client = Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, high, low)), port: 40_000 };
        let server = Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 255, high, low)), port: 1883 };
        Connection {
            v5: number.is_multiple_of(2),
            ends: [client, server],
            sequence: [u32::MAX, 7],
            packet_identifier: [0, 0],
        }
    }

    fn open(&mut self, wire: &mut Wire) {
        self.segment(CLIENT, SYN, b"", wire);
        self.segment(SERVER_SIDE, SYN | ACK, b"", wire);
        let id = self.ends[CLIENT].address.to_string();
        let (connect, connack) = if self.v5 {
            let connect: v5::Packet = v5::Connect::new(id.into(), 60).into();
            (connect.encode().unwrap(), &b"\x20\x03\x00\x00\x00"[..])
        } else {
            let connect: v3::Packet = v3::Connect::new(id.into(), 60).into();
            (connect.encode().unwrap(), &b"\x20\x02\x00\x00"[..])
        };
        self.send(CLIENT, connect.as_ref(), wire);
        self.send(SERVER_SIDE, connack, wire);
    }

    /// One end publishes once or several times, the other answers.
    fn talk(&mut self, dice: &mut Dice, wire: &mut Wire) {
        let from = usize::try_from(dice.roll(2)).unwrap();
        let (mut sent, mut answer) = (Vec::new(), Vec::new());
        for _ in 0..=dice.roll(6) {
            sent.extend(self.publish(from, dice, wire));
            if let Some((.., Some(identifier), _, _)) = wire.published.last() {
                answer.extend([0x40, 0x02]);
                answer.extend(identifier.to_be_bytes());
            }
        }
        self.send(from, &sent, wire);
        self.send(1 - from, &answer, wire);
    }

    fn publish(&mut self, from: usize, dice: &mut Dice, wire: &mut Wire) -> Vec<u8> {
        let qos = u8::try_from(dice.roll(2)).unwrap();
        let topic = format!("plant/{}/message/{}", dice.roll(20), wire.published.len());
        let payload = payload(dice);
        let identifier = (qos == 1).then(|| {
            self.packet_identifier[from] = self.packet_identifier[from] % u16::MAX + 1;
            self.packet_identifier[from]
        });
        let qos_pid = identifier.map_or(QosPid::Level0, |pid| QosPid::Level1(Pid::try_from(pid).unwrap()));
        let name = TopicName::try_from(topic.as_str()).unwrap();
        wire.published.push((self.ends[from], topic, identifier, qos, payload.len()));
        let encoded = if self.v5 {
            let mut publish = v5::Publish::new(qos_pid, name, payload.into());
            publish.properties.message_expiry_interval = (dice.roll(2) == 0).then_some(3600);
            v5::Packet::Publish(publish).encode().unwrap()
        } else {
            v3::Packet::Publish(v3::Publish::new(qos_pid, name, payload.into())).encode().unwrap()
        };
        encoded.as_ref().to_vec()
    }

    /// Data in as many segments as it needs; an acknowledgment when there is none.
    fn send(&mut self, from: usize, data: &[u8], wire: &mut Wire) {
        if data.is_empty() {
            self.segment(from, ACK, b"", wire);
        }
        for part in data.chunks(SEGMENT) {
            self.segment(from, PUSH_ACK, part, wire);
        }
    }

    fn segment(&mut self, from: usize, flags: u8, payload: &[u8], wire: &mut Wire) {
        let acknowledgment = if flags & ACK == 0 { 0 } else { self.sequence[1 - from] };
        wire.segments.push(OwnedSegment {
            time: Timestamp(0),
            source: self.ends[from],
            destination: self.ends[1 - from],
            sequence: self.sequence[from],
            acknowledgment,
            flags,
            window: 0xFFFF,
            hop_limit: 64,
            payload: payload.to_vec(),
        });
        let length = u32::try_from(payload.len()).unwrap() + u32::from(flags & SYN != 0);
        self.sequence[from] = self.sequence[from].wrapping_add(length);
    }
}

/// Mostly short and JSON; some longer than a segment, some of any bytes or of none but zeros.
fn payload(dice: &mut Dice) -> Vec<u8> {
    let length = match dice.roll(20) {
        0 => 1500 + dice.roll(4500),
        1..=3 => 200 + dice.roll(1200),
        _ => 10 + dice.roll(190),
    };
    let length = usize::try_from(length).unwrap();
    match dice.roll(10) {
        0 => vec![0; length],
        1 | 2 => (0..length).map(|_| dice.roll(256).to_le_bytes()[0]).collect(),
        _ => {
            format!("{{\"temperature\":{}}}\n", dice.roll(1000)).into_bytes().into_iter().cycle().take(length).collect()
        }
    }
}
