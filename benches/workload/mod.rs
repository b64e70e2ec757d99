//! Deterministic captures for benchmarks: many MQTT 5.0 clients that publish small messages.
//!
//! The encoder here is only for load; correctness is tested on captures of real programs.

use std::io::{self, Write};

/// Clients that publish side by side.
const CLIENTS: u32 = 10_000;
const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const SERVER: [u8; 4] = [10, 255, 0, 1];

/// Writes a capture of at least `bytes` bytes in which 10,000 MQTT 5.0 clients connect and publish
/// messages of about 100 bytes with properties at QoS 1. Returns the number of frames.
pub(crate) fn small_messages(out: &mut impl Write, bytes: u64) -> io::Result<u64> {
    let mut capture = Capture::begin(out)?;
    let mut clients: Vec<Client> = (0..CLIENTS).map(Client::new).collect();
    for client in &mut clients {
        client.connect(&mut capture)?;
    }
    while capture.bytes < bytes {
        for client in &mut clients {
            client.publish(&mut capture)?;
        }
    }
    for client in &mut clients {
        client.disconnect(&mut capture)?;
    }
    Ok(capture.frames)
}

struct Capture<'w, W: Write> {
    out: &'w mut W,
    frame: Vec<u8>,
    nanoseconds: u64,
    frames: u64,
    bytes: u64,
}

impl<'w, W: Write> Capture<'w, W> {
    fn begin(out: &'w mut W) -> io::Result<Capture<'w, W>> {
        out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
        for field in [2u16, 4] {
            out.write_all(&field.to_le_bytes())?;
        }
        for field in [0u32, 0, 262_144, 1] {
            out.write_all(&field.to_le_bytes())?;
        }
        Ok(Capture { out, frame: Vec::new(), nanoseconds: 0, frames: 0, bytes: 24 })
    }

    fn segment(&mut self, from: &Way<'_>, flags: u8, payload: &[u8]) -> io::Result<()> {
        let frame = &mut self.frame;
        frame.clear();
        frame.extend(from.destination_mac);
        frame.extend(from.source_mac);
        frame.extend([0x08, 0x00, 0x45, 0]);
        let length = u16::try_from(40 + payload.len()).unwrap_or(u16::MAX);
        frame.extend(length.to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(from.source);
        frame.extend(from.destination);
        frame.extend(from.source_port.to_be_bytes());
        frame.extend(from.destination_port.to_be_bytes());
        frame.extend(from.sequence.to_be_bytes());
        frame.extend(from.acknowledgment.to_be_bytes());
        frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend(payload);
        self.nanoseconds += 10_000;
        let seconds = u32::try_from(1_700_000_000 + self.nanoseconds / 1_000_000_000).unwrap_or(u32::MAX);
        let micros = u32::try_from(self.nanoseconds % 1_000_000_000 / 1000).unwrap_or(0);
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        for field in [seconds, micros, length, length] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(frame)?;
        self.frames += 1;
        self.bytes += 16 + u64::from(length);
        Ok(())
    }
}

struct Way<'a> {
    source: [u8; 4],
    destination: [u8; 4],
    source_port: u16,
    destination_port: u16,
    sequence: u32,
    acknowledgment: u32,
    source_mac: &'a [u8; 6],
    destination_mac: &'a [u8; 6],
}

struct Client {
    number: u32,
    address: [u8; 4],
    port: u16,
    sequence: u32,
    server_sequence: u32,
    packet_identifier: u16,
}

impl Client {
    fn new(number: u32) -> Client {
        let [_, _, high, low] = number.to_be_bytes();
        Client {
            number,
            address: [10, 0, high, low],
            port: 40_000 + u16::try_from(number % 20_000).unwrap_or(0),
            sequence: number.wrapping_mul(2_654_435_761),
            server_sequence: number.wrapping_mul(40_503),
            packet_identifier: 0,
        }
    }

    fn send<W: Write>(&mut self, capture: &mut Capture<'_, W>, flags: u8, payload: &[u8]) -> io::Result<()> {
        let way = Way {
            source: self.address,
            destination: SERVER,
            source_port: self.port,
            destination_port: 1883,
            sequence: self.sequence,
            acknowledgment: self.server_sequence,
            source_mac: &CLIENT_MAC,
            destination_mac: &SERVER_MAC,
        };
        capture.segment(&way, flags, payload)?;
        self.sequence = advance(self.sequence, flags, payload);
        Ok(())
    }

    fn receive<W: Write>(&mut self, capture: &mut Capture<'_, W>, flags: u8, payload: &[u8]) -> io::Result<()> {
        let way = Way {
            source: SERVER,
            destination: self.address,
            source_port: 1883,
            destination_port: self.port,
            sequence: self.server_sequence,
            acknowledgment: self.sequence,
            source_mac: &SERVER_MAC,
            destination_mac: &CLIENT_MAC,
        };
        capture.segment(&way, flags, payload)?;
        self.server_sequence = advance(self.server_sequence, flags, payload);
        Ok(())
    }

    fn connect<W: Write>(&mut self, capture: &mut Capture<'_, W>) -> io::Result<()> {
        const SYN: u8 = 0x02;
        const ACK: u8 = 0x10;
        self.send(capture, SYN, b"")?;
        self.receive(capture, SYN | ACK, b"")?;
        self.send(capture, ACK, b"")?;
        let mut body = b"\0\x04MQTT\x05\x02\0\x3c\x05\x11\0\0\x0e\x10".to_vec();
        text(&mut body, &format!("sensor-{}", self.number));
        let connect = packet(0x10, &body);
        self.send(capture, 0x18, &connect)?;
        self.receive(capture, 0x18, &[0x20, 0x06, 0, 0, 3, 0x21, 0, 20])?;
        self.send(capture, ACK, b"")
    }

    fn publish<W: Write>(&mut self, capture: &mut Capture<'_, W>) -> io::Result<()> {
        self.packet_identifier = if self.packet_identifier == u16::MAX { 1 } else { self.packet_identifier + 1 };
        let identifier = self.packet_identifier.to_be_bytes();
        let mut body = Vec::with_capacity(160);
        text(&mut body, &format!("plant/line-{}/sensor-{}/temperature", self.number % 40, self.number));
        body.extend(identifier);
        let mut properties = vec![0x01, 1, 0x02, 0, 0, 0x0e, 0x10, 0x26];
        text(&mut properties, "unit");
        text(&mut properties, "celsius");
        body.push(u8::try_from(properties.len()).unwrap_or(0));
        body.extend(properties);
        body.extend(format!("{{\"t\":{},\"v\":21.5}}", self.packet_identifier).bytes());
        let publish = packet(0x32, &body);
        self.send(capture, 0x18, &publish)?;
        self.receive(capture, 0x18, &[0x40, 0x02, identifier[0], identifier[1]])?;
        self.send(capture, 0x10, b"")
    }

    fn disconnect<W: Write>(&mut self, capture: &mut Capture<'_, W>) -> io::Result<()> {
        self.send(capture, 0x18, &[0xe0, 0])?;
        self.send(capture, 0x11, b"")?;
        self.receive(capture, 0x11, b"")?;
        self.send(capture, 0x10, b"")
    }
}

fn advance(sequence: u32, flags: u8, payload: &[u8]) -> u32 {
    let length = u32::try_from(payload.len()).unwrap_or(0);
    sequence.wrapping_add(length).wrapping_add(u32::from(flags & 0x03 != 0))
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    out.extend(text.bytes());
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length % 128).unwrap_or(0);
        length /= 128;
        out.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    out.extend(body);
    out
}
