//! A busy gateway: of 100 frames 2 are of MQTT, the others of TLS, HTTP, SSH, UDP, DNS and ARP.

use std::io::{self, Write};

use fastrand::Rng;
use mqttcap::stream::Side;

use super::Tally;
use super::connection::Connection;
use super::small;
use super::wire::{Capture, Host};

/// Of so many frames one is of MQTT.
const ONE_IN: u64 = 50;
const SEED: u64 = 0x0015_e5ee_d000;

/// Writes a capture of at least `bytes` bytes, with so many MQTT clients.
pub(crate) fn write(out: &mut impl Write, clients: u32, bytes: u64) -> io::Result<Tally> {
    let mut capture = Capture::begin(out)?;
    let mut others = Others::new();
    let mut clients: Vec<small::Client> = (0..clients).map(small::Client::new).collect();
    let mut mqtt = 0;
    for turn in 0.. {
        if turn >= clients.len() && capture.tally.bytes >= bytes {
            break;
        }
        let before = capture.tally.frames;
        let client = turn % clients.len();
        if turn < clients.len() {
            clients[client].connect(&mut capture)?;
        } else {
            clients[client].publish(&mut capture)?;
        }
        mqtt += capture.tally.frames - before;
        while capture.tally.frames < mqtt * ONE_IN {
            others.step(&mut capture)?;
        }
    }
    for client in &mut clients {
        client.leave(&mut capture)?;
    }
    Ok(capture.tally)
}

/// Everybody else.
struct Others {
    dice: Rng,
    /// Bytes that look encrypted.
    random: Vec<u8>,
    flows: Vec<Flow>,
    /// Connections begun, and datagrams sent.
    begun: u32,
    sent: u32,
}

impl Others {
    fn new() -> Others {
        let mut dice = Rng::with_seed(SEED);
        let mut random = vec![0; 1 << 16];
        dice.fill(&mut random);
        Others { dice, random, flows: Vec::new(), begun: 0, sent: 0 }
    }

    /// Something happens.
    fn step(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        match self.dice.u32(0..100) {
            0..=2 => self.ask_name(capture),
            3 => self.ask_address(capture),
            4..=19 => self.datagrams(capture),
            _ => self.talk(capture),
        }
    }

    fn talk(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        const SIDE_BY_SIDE: usize = 200;
        if self.flows.len() < SIDE_BY_SIDE {
            let flow = Flow::new(self.begun, &mut self.dice);
            self.begun += 1;
            self.flows.push(flow);
        }
        let chosen = self.dice.usize(0..self.flows.len());
        let Others { flows, dice, random, .. } = self;
        if flows[chosen].step(capture, dice, random)? {
            flows.swap_remove(chosen);
        }
        Ok(())
    }

    /// A tunnel: a packet each way (`WireGuard` §5.4.6: type, receiver, counter, then encrypted data).
    fn datagrams(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        let pair = self.dice.u8(0..20);
        let ends =
            [Host { address: [10, 1, 2, pair], port: 52_000 }, Host { address: [203, 0, 113, pair], port: 41_641 }];
        for [from, to] in [[ends[0], ends[1]], [ends[1], ends[0]]] {
            let length = 16 * self.dice.usize(2..80);
            let mut message = vec![4, 0, 0, 0, 1, 2, 3, pair];
            message.extend(u64::from(self.sent).to_le_bytes());
            message.extend(some(&mut self.dice, &self.random, length, length));
            capture.datagram(from, to, &message)?;
            self.sent += 1;
        }
        Ok(())
    }

    /// A DNS lookup and its answer (RFC 1035 §4.1).
    fn ask_name(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        let number = self.dice.u16(..);
        let client = Host { address: [10, 1, 0, number.to_be_bytes()[1]], port: self.dice.u16(32_768..) };
        let resolver = Host { address: [10, 255, 0, 53], port: 53 };
        let host = format!("host{number:05}");
        let mut message = number.to_be_bytes().to_vec();
        message.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 9]);
        message.extend(host.bytes());
        message.extend(b"\x07example\x03net\x00\x00\x01\x00\x01");
        capture.datagram(client, resolver, &message)?;
        // A response without error, one answer: the name asked for, A, IN, an hour, 4 bytes.
        message[2..4].copy_from_slice(&[0x81, 0x80]);
        message[7] = 1;
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 192, 0, 2, number.to_be_bytes()[1]]);
        capture.datagram(resolver, client, &message)
    }

    fn ask_address(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        let (one, other) = ([10, 1, 0, self.dice.u8(1..)], [10, 1, 1, self.dice.u8(1..)]);
        capture.arp(true, one, other)?;
        capture.arp(false, other, one)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tls,
    Http,
    Ssh,
}

/// A connection that is not MQTT.
struct Flow {
    kind: Kind,
    connection: Connection,
    steps: u32,
    last: u32,
}

impl Flow {
    fn new(number: u32, dice: &mut Rng) -> Flow {
        let kind = match dice.u32(0..10) {
            0..=5 => Kind::Tls,
            6..=8 => Kind::Http,
            _ => Kind::Ssh,
        };
        let port = match kind {
            Kind::Tls => 443,
            Kind::Http => 80,
            Kind::Ssh => 2222,
        };
        let [high, middle, low, _] = (number << 8).to_be_bytes();
        let client = Host { address: [10, 2, middle, low], port: 32_768 + u16::from(high) };
        let server = Host { address: [198, 51, 100, dice.u8(1..250)], port };
        let connection = Connection::new(client, server).with_timestamps();
        Flow { kind, connection, steps: 0, last: dice.u32(3..60) }
    }

    /// The next request and its answer; whether it was the last one.
    fn step(&mut self, capture: &mut Capture<impl Write>, dice: &mut Rng, random: &[u8]) -> io::Result<bool> {
        if self.steps == 0 {
            self.connection.open(capture)?;
        }
        let (request, answer) = match (self.kind, self.steps) {
            (Kind::Tls, 0) => (client_hello(&random[..32]), server_hello(&random[32..64])),
            (Kind::Tls, _) => (records(dice, random, 200), records(dice, random, 16_000)),
            (Kind::Http, _) => http(dice, random),
            (Kind::Ssh, 0) => (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()),
            (Kind::Ssh, _) => (some(dice, random, 36, 80), some(dice, random, 36, 300)),
        };
        self.connection.send(capture, Side::Client, &request)?;
        self.connection.send(capture, Side::Server, &answer)?;
        self.connection.acknowledge(capture, Side::Client)?;
        self.steps += 1;
        if self.steps == self.last {
            self.connection.close(capture, Side::Client)?;
        }
        Ok(self.steps == self.last)
    }
}

/// Between `least` and `most` bytes.
fn some(dice: &mut Rng, random: &[u8], least: usize, most: usize) -> Vec<u8> {
    let length = dice.usize(least..=most);
    let start = dice.usize(0..random.len() - length);
    random[start..start + length].to_vec()
}

/// A TLS record of application data (RFC 8446 §5.2).
fn records(dice: &mut Rng, random: &[u8], most: usize) -> Vec<u8> {
    let data = some(dice, random, 40, most);
    record(23, &data)
}

fn record(content_type: u8, data: &[u8]) -> Vec<u8> {
    let mut record = vec![content_type, 3, 3];
    record.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    record.extend(data);
    record
}

/// A ClientHello of TLS 1.3 with a server's name (RFC 8446 §4.1.2, RFC 6066 §3).
fn client_hello(random: &[u8]) -> Vec<u8> {
    // Name, supported versions, ALPN h2, a group and a signature scheme.
    let extensions = b"\0\0\0\x14\0\x12\0\0\x0fwww.example.org\
        \0\x2b\0\x03\x02\x03\x04\0\x10\0\x05\0\x03\x02h2\0\x0a\0\x04\0\x02\0\x1d\0\x0d\0\x04\0\x02\x04\x03";
    // TLS_AES_128_GCM_SHA256, no compression.
    hello(1, random, b"\0\x02\x13\x01\x01\0", extensions)
}

/// The ServerHello that answers it.
fn server_hello(random: &[u8]) -> Vec<u8> {
    hello(2, random, b"\x13\x01\0", b"\0\x2b\0\x02\x03\x04")
}

fn hello(message: u8, random: &[u8], chosen: &[u8], extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(random);
    body.push(0); // no session id
    body.extend(chosen);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let mut handshake = vec![message, 0];
    handshake.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    handshake.extend(body);
    record(22, &handshake)
}

/// A request and its answer (RFC 9112).
fn http(dice: &mut Rng, random: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let path = dice.u32(..);
    let request = format!(
        "GET /image/{path} HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0\r\nAccept: image/*\r\n\r\n"
    );
    let body = some(dice, random, 200, 20_000);
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n", body.len());
    (request.into_bytes(), [head.into_bytes(), body].concat())
}
