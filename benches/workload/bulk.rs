//! A few clients that publish payloads of 64 KiB at QoS 0 and 1 in turn, in full segments of several clients mixed.

use std::io::{self, Write};

use fastrand::Rng;
use mqttcap::stream::Side;

use super::Tally;
use super::connection::Connection;
use super::packet::{self, Version};
use super::wire::{Capture, Host};

const CLIENTS: u8 = 8;
const PAYLOAD: usize = 65_536;
/// Segments that one client sends at a stretch (RFC 6928).
const BURST: usize = 10;
const SEED: u64 = 0x0b17_50ff_1ce0;
const BROKER: Host = Host { address: [10, 255, 0, 1], port: 1883 };

/// Writes a capture of at least `bytes` bytes.
pub(crate) fn write(out: &mut impl Write, bytes: u64) -> io::Result<Tally> {
    let mut capture = Capture::begin(out)?;
    let mut payload = vec![0; PAYLOAD];
    Rng::with_seed(SEED).fill(&mut payload);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|number| Client::new(number, &payload)).collect();
    for client in &mut clients {
        client.connect(&mut capture)?;
    }
    while capture.tally.bytes < bytes {
        for client in &mut clients {
            client.burst(&mut capture)?;
        }
    }
    for client in &mut clients {
        while !client.is_between_messages() {
            client.burst(&mut capture)?;
        }
        client.leave(&mut capture)?;
    }
    Ok(capture.tally)
}

/// A camera, say.
struct Client {
    id: String,
    version: Version,
    connection: Connection,
    packet_identifier: u16,
    /// The PUBLISH at QoS 0, and that at QoS 1, whose identifier is changed.
    publishes: [Vec<u8>; 2],
    /// Where the identifier stands.
    identifier_at: usize,
    /// QoS of the PUBLISH that is being sent, and how much of it is sent.
    qos: usize,
    sent: usize,
}

impl Client {
    fn new(number: u8, payload: &[u8]) -> Client {
        let id = format!("camera-{number}");
        let version = if number.is_multiple_of(2) { Version::V5 } else { Version::V3 };
        let topic = format!("{id}/image");
        let publishes =
            [None, Some(1)].map(|identifier| packet::publish(version, &topic, identifier, payload.to_vec()));
        let client = Host { address: [10, 0, 1, number], port: 50_000 };
        let connection = Connection::new(client, BROKER).with_timestamps();
        // Type, a length of three bytes, the topic and its length.
        let identifier_at = 4 + 2 + topic.len();
        Client { id, version, connection, packet_identifier: 0, publishes, identifier_at, qos: 0, sent: 0 }
    }

    fn connect(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.connection.open(capture)?;
        self.connection.say(capture, Side::Client, &packet::connect(self.version, &self.id, 60))?;
        self.connection.say(capture, Side::Server, &packet::accepted(self.version))?;
        self.connection.acknowledge(capture, Side::Client)
    }

    fn is_between_messages(&self) -> bool {
        self.sent == 0
    }

    /// Some segments of the message that is being sent; its answer behind the last one.
    fn burst(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        if self.is_between_messages() && self.qos == 1 {
            self.packet_identifier = self.packet_identifier % u16::MAX + 1;
            let identifier = self.packet_identifier.to_be_bytes();
            self.publishes[1][self.identifier_at..self.identifier_at + 2].copy_from_slice(&identifier);
        }
        let publish = &self.publishes[self.qos];
        let end = publish.len().min(self.sent + BURST * self.connection.segment_size());
        self.connection.send(capture, Side::Client, &publish[self.sent..end])?;
        self.sent = end;
        if end < publish.len() {
            return self.connection.acknowledge(capture, Side::Server);
        }
        capture.tally.packets[3] += 1;
        if self.qos == 1 {
            self.connection.say(capture, Side::Server, &packet::puback(self.version, self.packet_identifier))?;
            self.connection.acknowledge(capture, Side::Client)?;
        } else {
            self.connection.acknowledge(capture, Side::Server)?;
        }
        (self.qos, self.sent) = (1 - self.qos, 0);
        Ok(())
    }

    fn leave(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.connection.say(capture, Side::Client, &packet::disconnect(self.version))?;
        self.connection.close(capture, Side::Client)?;
        capture.tally.ended("clean-disconnect");
        Ok(())
    }
}
