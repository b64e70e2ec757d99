//! Many MQTT 5.0 clients that publish small messages with properties at QoS 1, in turn.

use std::io::{self, Write};

use mqttcap::stream::Side;

use super::Tally;
use super::connection::Connection;
use super::lossy::Tap;
use super::packet::{self, Version::V5};
use super::wire::{Capture, Host};

const BROKER: Host = Host { address: [10, 255, 0, 1], port: 1883 };

/// Writes a capture of at least `bytes` bytes in which `clients` connect, publish and leave.
pub(crate) fn write(out: &mut impl Write, clients: u32, bytes: u64) -> io::Result<Tally> {
    let mut capture = Capture::begin(out)?;
    talk(&mut capture, (0..clients).map(Client::new).collect(), bytes)?;
    Ok(capture.tally)
}

/// All connect; they publish in turn until the capture has `bytes`; all leave.
pub(crate) fn talk(capture: &mut Capture<impl Write>, mut clients: Vec<Client>, bytes: u64) -> io::Result<()> {
    for client in &mut clients {
        client.connect(capture)?;
    }
    'full: loop {
        for client in &mut clients {
            if capture.tally.bytes >= bytes {
                break 'full;
            }
            client.publish(capture)?;
        }
    }
    for client in &mut clients {
        client.leave(capture)?;
    }
    Ok(())
}

/// A sensor.
pub(crate) struct Client {
    number: u32,
    connection: Connection,
    packet_identifier: u16,
}

impl Client {
    pub(crate) fn new(number: u32) -> Client {
        let [_, high, middle, low] = number.to_be_bytes();
        let port = 40_000 + u16::try_from(number % 20_000).unwrap();
        let connection = Connection::new(Host { address: [10, high, middle, low], port }, BROKER);
        Client { number, connection, packet_identifier: 0 }
    }

    pub(crate) fn seen_through(mut self, tap: Tap) -> Client {
        self.connection = self.connection.seen_through(tap);
        self
    }

    pub(crate) fn connect(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.connection.open(capture)?;
        let connect = packet::connect(V5, &format!("sensor-{}", self.number), 60);
        self.connection.say(capture, Side::Client, &connect)?;
        self.connection.say(capture, Side::Server, &packet::accepted(V5))?;
        self.connection.acknowledge(capture, Side::Client)
    }

    pub(crate) fn publish(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.packet_identifier = self.packet_identifier % u16::MAX + 1;
        let topic = format!("plant/line-{}/sensor-{}/temperature", self.number % 40, self.number);
        let payload = format!("{{\"t\":{},\"v\":21.5}}", self.packet_identifier).into_bytes();
        let publish = packet::publish(V5, &topic, Some(self.packet_identifier), payload);
        self.connection.say(capture, Side::Client, &publish)?;
        self.connection.say(capture, Side::Server, &packet::puback(V5, self.packet_identifier))?;
        self.connection.acknowledge(capture, Side::Client)
    }

    pub(crate) fn leave(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.connection.say(capture, Side::Client, &packet::disconnect(V5))?;
        self.connection.close(capture, Side::Client)?;
        self.connection.over(capture)?;
        capture.tally.ended("clean-disconnect");
        Ok(())
    }
}
