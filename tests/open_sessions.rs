//! What a session costs while it is open: `live` on a gateway holds ten thousand of them on a small machine.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, clippy::print_stdout)] // a test may fail

use etherparse::PacketBuilder;
use mqttcap::capture::{Frame, FrameNumber, LinkType, Moment, Timestamp};
use mqttcap::engine::{Config, Engine};
use mqttcap::limits::Limits;
use mqttcap::session::Detail;

/// Most heap bytes of an open session in which nothing is unusual and nothing is under way.
const IDLE: u64 = 3_460;
/// The same of one of which only the SYN was seen.
const HALF_OPEN: u64 = 1_170;
/// A little below the size at which tables of 16,384 places grow.
const SESSIONS: u32 = 14_000;

const SYN: u8 = 2;
const ACK: u8 = 16;

struct Capture {
    engine: Engine,
    frames: u64,
}

impl Capture {
    fn segment(
        &mut self,
        from_client: bool,
        client: u32,
        (sequence, acknowledgment): (u32, u32),
        flags: u8,
        data: &[u8],
    ) {
        let [_, high, middle, low] = client.to_be_bytes();
        let (host, broker) = ([10, high, middle, low], [10, 255, 0, 1]);
        let builder = if from_client {
            PacketBuilder::ipv4(host, broker, 64).tcp(49152, 1883, sequence, 8192)
        } else {
            PacketBuilder::ipv4(broker, host, 64).tcp(1883, 49152, sequence, 8192)
        };
        let builder = if flags & SYN != 0 { builder.syn() } else { builder };
        let builder = if flags & ACK != 0 { builder.ack(acknowledgment) } else { builder };
        let mut bytes = Vec::new();
        builder.write(&mut bytes, data).unwrap();
        self.frames += 1;
        let time = Timestamp(1_700_000_000_000_000_000 + i64::try_from(self.frames).unwrap() * 100_000);
        let at = Moment { frame: FrameNumber::new(self.frames), time };
        let original_length = u32::try_from(bytes.len()).unwrap();
        self.engine
            .push(&Frame { at, link: LinkType::RAW, data: &bytes, original_length }, &mut |_| panic!("it is open"));
    }

    /// Connects, subscribes, publishes with QoS 1, pings.
    fn session(&mut self, client: u32) {
        let id = format!("sensor-{client:06}");
        let mut connect = vec![0x10, 10 + 2 + 13 + 2 + 7, 0, 4, b'M', b'Q', b'T', b'T', 4, 0x82, 0, 60, 0, 13];
        connect.extend(id.bytes());
        connect.extend(b"\0\x07gateway");
        let said: [(bool, &[u8]); 8] = [
            (true, &connect),
            (false, &[0x20, 2, 0, 0]),
            (true, b"\x82\x13\0\x01\0\x0esensors/+/temp\x01"),
            (false, &[0x90, 3, 0, 1, 1]),
            (true, b"\x32\x12\0\x0csensors/temp\0\x0221"),
            (false, &[0x40, 2, 0, 2]),
            (true, &[0xc0, 0]),
            (false, &[0xd0, 0]),
        ];
        self.segment(true, client, (0, 0), SYN, b"");
        self.segment(false, client, (0, 1), SYN | ACK, b"");
        self.segment(true, client, (1, 1), ACK, b"");
        let (mut asked, mut answered) = (1, 1);
        for (from_client, data) in said {
            let length = u32::try_from(data.len()).unwrap();
            if from_client {
                self.segment(true, client, (asked, answered), ACK, data);
                asked += length;
            } else {
                self.segment(false, client, (answered, asked), ACK, data);
                answered += length;
            }
        }
        self.segment(true, client, (asked, answered), ACK, b"");
    }
}

/// Heap bytes that each of many clients leaves behind.
fn cost(of_one: impl Fn(&mut Capture, u32)) -> u64 {
    let config = Config { limits: Limits::default(), ports: Vec::new(), detail: Detail::None, hosts: Vec::new() };
    let mut capture = Capture { engine: Engine::new(config), frames: 0 };
    let heap = allocation_counter::measure(|| (0..SESSIONS).for_each(|client| of_one(&mut capture, client)));
    u64::try_from(heap.bytes_current).unwrap() / u64::from(SESSIONS)
}

#[test]
fn an_idle_session_is_small() {
    let cost = cost(Capture::session);
    println!("{cost} bytes of heap for each open, idle session");
    assert!(cost < IDLE, "{cost}");
}

#[test]
fn a_half_open_connection_is_small() {
    let cost = cost(|capture, client| capture.segment(true, client, (0, 0), SYN, b""));
    println!("{cost} bytes of heap for each half-open connection");
    assert!(cost < HALF_OPEN, "{cost}");
}
