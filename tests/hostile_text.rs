//! Text of a capture that a terminal would obey is harmless in every output of the program, wherever in the capture it
//! stands; and passwords are in none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may fail

use std::path::Path;

use assert_cmd::Command;
use etherparse::PacketBuilder;
use mqttcap::text::is_unseen;

/// Escape sequences, line ends, what hides or turns text around, HTML and a formula.
const POISON: &str = "\x1b[31m\x1b]0;t\x07\r\n\t\u{202e}\u{200b}\u{9b}2J<b>=1+1";
const PASSWORD: &str = "correcthorse";
const SERVER: [u8; 4] = [10, 0, 0, 2];

/// A capture that is written frame by frame.
#[derive(Default)]
struct Capture {
    bytes: Vec<u8>,
    frames: u32,
}

impl Capture {
    fn new() -> Capture {
        let header = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 101];
        Capture { bytes: header.into_iter().flat_map(u32::to_le_bytes).collect(), frames: 0 }
    }

    fn frame(&mut self, data: &[u8]) {
        self.frames += 1;
        let length = u32::try_from(data.len()).unwrap();
        for field in [1_700_000_000, self.frames * 1000, length, length] {
            self.bytes.extend(u32::to_le_bytes(field));
        }
        self.bytes.extend(data);
    }

    /// A connection of client `host` to `port` in which each side says its part, then both close.
    fn talk(&mut self, host: u8, port: u16, says: &[(bool, Vec<u8>)]) {
        let client = [10, 0, 1, host];
        let mut next = [100_u32, 900];
        let mut segment = |next: &mut [u32; 2], by_client: bool, syn: bool, fin: bool, payload: &[u8]| {
            let (from, to) = if by_client { (client, SERVER) } else { (SERVER, client) };
            let ports = if by_client { (40_000, port) } else { (port, 40_000) };
            let me = usize::from(!by_client);
            let mut builder = PacketBuilder::ipv4(from, to, 64).tcp(ports.0, ports.1, next[me], 8192);
            if !(syn && by_client) {
                builder = builder.ack(next[1 - me]);
            }
            if syn {
                builder = builder.syn();
            }
            if fin {
                builder = builder.fin();
            }
            let mut data = Vec::new();
            builder.write(&mut data, payload).unwrap();
            self.frame(&data);
            next[me] += u32::try_from(payload.len()).unwrap() + u32::from(syn) + u32::from(fin);
        };
        segment(&mut next, true, true, false, b"");
        segment(&mut next, false, true, false, b"");
        segment(&mut next, true, false, false, b"");
        for (by_client, payload) in says {
            segment(&mut next, *by_client, false, false, payload);
        }
        segment(&mut next, false, false, true, b"");
        segment(&mut next, true, false, true, b"");
        segment(&mut next, false, false, false, b"");
    }

    /// A name server denies that `label` exists, below a name of brokers.
    fn denied(&mut self, label: &str) {
        let mut message = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in [label, "mqtt", "test"] {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend(label.bytes());
        }
        message.extend([0, 0, 1, 0, 1]);
        let mut question = Vec::new();
        PacketBuilder::ipv4([10, 0, 1, 9], SERVER, 64).udp(5353, 53).write(&mut question, &message).unwrap();
        self.frame(&question);
        let mut answer = Vec::new();
        message.splice(2..4, [0x81, 0x83]);
        PacketBuilder::ipv4(SERVER, [10, 0, 1, 9], 64).udp(53, 5353).write(&mut answer, &message).unwrap();
        self.frame(&answer);
    }
}

fn poisoned(mark: &str) -> String {
    format!("{mark}{POISON}")
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

/// A control packet of fewer than 16,384 bytes.
fn packet(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    // The shortest form of the length: another is malformed.
    let low = u8::try_from(body.len() % 128).unwrap();
    match u8::try_from(body.len() / 128).unwrap() {
        0 => [&[first, low][..], &body].concat(),
        high => [&[first, low | 0x80, high][..], &body].concat(),
    }
}

/// Properties of MQTT 5.0: identifiers of strings and these.
fn properties(all: &[(u8, &str)]) -> Vec<u8> {
    let body: Vec<u8> = all.iter().flat_map(|(id, value)| [vec![*id], text(value)].concat()).collect();
    [vec![u8::try_from(body.len()).unwrap()], body].concat()
}

fn connect(client_id: &str) -> Vec<u8> {
    let user = text(&poisoned("user"));
    packet(0x10, &[b"\0\x04MQTT\x05\xc2\0\x3c\0", &text(client_id), &user, &text(PASSWORD)])
}

fn hello(name: &str) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let entry = [&[0][..], &text(name)].concat();
    let list = [&length(&entry)[..], &entry].concat();
    let extension = [&[0, 0][..], &length(&list), &list].concat();
    let extensions = [&length(&extension)[..], &extension].concat();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &extensions].concat();
    let message = [&[1, 0][..], &length(&body), &body].concat();
    [&[0x16, 3, 1][..], &length(&message), &message].concat()
}

fn capture() -> Capture {
    let mut capture = Capture::new();
    let refusal = packet(0x20, &[&[0, 0x87], &properties(&[(0x1f, &poisoned("why"))])]);
    capture.talk(1, 1883, &[(true, connect(&poisoned("device"))), (false, refusal)]);
    let accepted = vec![0x20, 3, 0, 0, 0];
    let subscribe = packet(0x82, &[&[0, 1, 0], &text(&poisoned("filter")), &[0]]);
    let topic = packet(0x30, &[&text(&poisoned("topic")), &[0], poisoned("payload").as_bytes()]);
    let farewell = packet(0xe0, &[&[0x8b], &properties(&[(0x1f, &poisoned("down"))])]);
    let talk = [(true, connect("plain")), (false, accepted), (true, subscribe), (true, topic), (false, farewell)];
    capture.talk(2, 1883, &talk);
    let upgrade = b"GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    // A line end would end the header.
    let moved =
        "HTTP/1.1 301 Moved\r\nLocation: https://place\u{202e}\u{9b}31m<b>/\r\nContent-Length: 0\r\n\r\n".to_owned();
    capture.talk(3, 8080, &[(true, upgrade.to_vec()), (false, moved.into_bytes())]);
    capture.talk(4, 8883, &[(true, hello(&poisoned("sni"))), (false, vec![0x15, 3, 3, 0, 2, 2, 40])]);
    capture.denied(&poisoned("lookup"));
    capture
}

fn output(file: &Path, arguments: &[&str]) -> String {
    let mut command = Command::cargo_bin("mqttcap").unwrap();
    let command = command.env("TZ", "UTC").args(arguments).arg(file);
    let told = String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap();
    let raw = told.chars().find(|character| *character != '\n' && is_unseen(*character));
    assert_eq!(raw, None, "{arguments:?}: {told}");
    assert!(!told.contains(PASSWORD), "{arguments:?}: {told}");
    told
}

#[test]
fn captured_text_is_harmless_in_every_output() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile.pcap");
    std::fs::write(&file, capture().bytes).unwrap();
    let table = output(&file, &["read"]);
    let json = output(&file, &["read", "--format", "json"]);
    let lines = output(&file, &["read", "--format", "ndjson"]);
    let packets = output(&file, &["packets", "--show-payload"]);
    let packet_lines = output(&file, &["packets", "--show-payload", "--format", "ndjson"]);
    assert_eq!(packet_lines.lines().count(), 7, "{packet_lines}");
    assert!(packet_lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let sessions = document["sessions"].as_array().unwrap().len();
    assert_eq!(sessions, 5, "{table}");
    assert_eq!(lines.lines().count(), sessions + 1);
    let mut shown = String::new();
    for session in 1..=sessions {
        shown += &output(&file, &["show", "-s", &session.to_string()]);
        output(&file, &["show", "--format", "json", "-s", &session.to_string()]);
    }
    for mark in ["device", "user", "why", "down", "filter", "topic", "place", "sni", "lookup"] {
        assert!(json.contains(mark), "{mark}: {json}");
    }
    for mark in ["device", "why", "topic", "payload"] {
        assert!(packets.contains(mark), "{mark}: {packets}");
    }
    for mark in ["why", "down", "place", "lookup"] {
        assert!(table.contains(mark) || shown.contains(mark), "{mark}: {table}{shown}");
    }
}
