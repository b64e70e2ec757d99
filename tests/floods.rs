//! Floods: traffic made to exhaust memory or patience. Each is read to its end, the heap stays under a mark, and the
//! report says what was dropped.
//!
//! `MQTTCAP_FLOODS=large cargo test --release --test floods -- --nocapture --test-threads=1` makes them as large as
//! `docs/robustness.md` has them, under the program's own limits, and prints that table's rows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, clippy::print_stdout)] // a test may fail

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use etherparse::PacketBuilder;
use flate2::{Compression, write::GzEncoder};
use mqttcap::capture::{Frame, FrameNumber, LinkType, Moment, Timestamp};
use mqttcap::diagnosis;
use mqttcap::engine::{Config, Engine};
use mqttcap::limits::Limits;
use mqttcap::report::{CaptureSummary, Report, json};
use mqttcap::session::{Detail, Session};
use mqttcap::source::CaptureFile;

const SERVER: [u8; 4] = [10, 255, 0, 1];
/// Bytes of payload in a large segment.
const LARGE: usize = 60_000;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// What a capture passes through, as `mqttcap read` wires it.
struct Run {
    engine: Engine,
    limits: Limits,
    cases: Vec<(Session, diagnosis::Verdict)>,
    left_out: u64,
    frames: u64,
    bytes: Vec<u8>,
}

impl Run {
    fn new(limits: Limits) -> Run {
        let config = Config { limits, ports: Vec::new(), hosts: Vec::new(), detail: Detail::Folded };
        Run { engine: Engine::new(config), limits, cases: Vec::new(), left_out: 0, frames: 0, bytes: Vec::new() }
    }

    fn frame(&mut self, link: LinkType, data: &[u8]) {
        let time = Timestamp(1_700_000_000_000_000_000 + i64::try_from(self.frames).unwrap() * 10_000);
        self.frames += 1;
        let at = Moment { frame: FrameNumber(self.frames), time };
        self.push(&Frame { at, link, data, original_length: u32::try_from(data.len()).unwrap() });
    }

    fn push(&mut self, frame: &Frame<'_>) {
        let Run { engine, limits, cases, left_out, .. } = self;
        engine.push(frame, &mut |session| {
            let verdict = diagnosis::diagnose(&session);
            if cases.len() < limits.finished_sessions { cases.push((session, verdict)) } else { *left_out += 1 }
        });
    }

    /// A segment of the client with this number to `port`.
    fn client(&mut self, number: u64, port: u16, sequence: u32, flags: u8, payload: &[u8]) {
        let [.., high, middle, low, last] = number.to_be_bytes();
        let client = u16::from_be_bytes([low, last]);
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut segment = PacketBuilder::ipv4([10, high, middle, 7], SERVER, 64).tcp(client, port, sequence, 8192);
        if flags & SYN != 0 {
            segment = segment.syn();
        }
        if flags & ACK != 0 {
            segment = segment.ack(1);
        }
        segment.write(&mut bytes, payload).unwrap();
        self.frame(LinkType::RAW, &bytes);
        self.bytes = bytes;
    }

    fn datagram(&mut self, number: u64, port: u16, payload: &[u8]) {
        let [.., high, middle, low, last] = number.to_be_bytes();
        let mut bytes = Vec::new();
        let client = u16::from_be_bytes([low, last]);
        PacketBuilder::ipv4([10, high, middle, 7], SERVER, 64).udp(client, port).write(&mut bytes, payload).unwrap();
        self.frame(LinkType::RAW, &bytes);
    }

    /// Ends the capture and writes its report; the ids of its notes.
    fn finish(self) -> Vec<&'static str> {
        let Run { engine, limits, mut cases, mut left_out, .. } = self;
        let mut facts = engine.finish(&mut |session| {
            let verdict = diagnosis::diagnose(&session);
            if cases.len() < limits.finished_sessions { cases.push((session, verdict)) } else { left_out += 1 }
        });
        facts.sessions_left_out = left_out;
        let notes = diagnosis::notes(&facts);
        let ids = notes.iter().map(|note| note.id).collect();
        let report = Report::new(CaptureSummary { files: vec!["flood".into()], facts, notes }, cases);
        json::write_lines(&report, &mut std::io::sink()).unwrap();
        ids
    }
}

/// Runs a flood of `few` parts, or of `many` when told to; its heap stays below `mark` MiB then. Its report has `note`.
fn flood(name: &str, few: u64, many: u64, mark: u64, note: Option<&str>, flow: impl Fn(&mut Run, u64)) {
    let large = std::env::var("MQTTCAP_FLOODS").is_ok();
    let small = Limits {
        connections: 1000,
        fragmented_packets: 64,
        attempts: 64,
        finished_sessions: 500,
        packet_bytes_total: 4 << 20,
        ..Limits::default()
    };
    let (count, limits) = if large { (many, Limits::default()) } else { (few, small) };
    let begin = Instant::now();
    let (mut notes, mut frames) = (Vec::new(), 0);
    let heap = allocation_counter::measure(|| {
        let mut run = Run::new(limits);
        flow(&mut run, count);
        frames = run.frames;
        notes = run.finish();
    });
    let peak = heap.bytes_max >> 20;
    println!("| {name} | {count} | {frames} | {peak} MiB | {:.1} s | {notes:?} |", begin.elapsed().as_secs_f64());
    assert!(peak < mark, "{peak} MiB");
    assert!(note.is_none_or(|note| notes.contains(&note)), "{notes:?}");
}

/// `run` takes every frame of a file.
fn read(run: &mut Run, input: impl std::io::Read + Send + 'static) {
    let Ok(mut file) = CaptureFile::read_from(Path::new("flood"), input) else { return };
    while let Some(frame) = file.next_frame() {
        run.frames += 1;
        run.push(&frame);
    }
}

/// Bytes without any order, the same every time.
struct Noise {
    state: u64,
    left: u64,
}

impl std::io::Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(usize::try_from(self.left).unwrap());
        for piece in buffer[..length].chunks_mut(8) {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            piece.copy_from_slice(&self.state.to_le_bytes()[..piece.len()]);
        }
        self.left -= length as u64;
        Ok(length)
    }
}

fn noise(bytes: u64) -> Noise {
    Noise { state: 0x6d71_7474, left: bytes }
}

fn pcap_header() -> Vec<u8> {
    [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1].into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Every client sends a SYN, then `opening`, then `body` again and again.
fn half_sent(run: &mut Run, clients: u64, port: u16, opening: &[u8], body: &[u8], times: u32) {
    for client in 0..clients {
        run.client(client, port, 0, SYN, b"");
        run.client(client, port, 1, ACK, opening);
    }
    let (first, step) = (1 + u32::try_from(opening.len()).unwrap(), u32::try_from(body.len()).unwrap());
    for time in 0..times {
        for client in 0..clients {
            run.client(client, port, first + time * step, ACK, body);
        }
    }
}

#[test]
fn syns_of_distinct_flows() {
    flood(
        "SYNs to port 1883, each of another flow",
        20_000,
        10_000_000,
        1500,
        Some("capture-evicted"),
        |run, count| {
            for client in 0..count {
                run.client(client, 1883, 7, SYN, b"");
            }
        },
    );
}

#[test]
fn syns_to_another_port() {
    flood("SYNs to port 80, each of another flow", 20_000, 10_000_000, 400, Some("capture-evicted"), |run, count| {
        for client in 0..count {
            run.client(client, 80, 7, SYN, b"");
        }
    });
}

#[test]
fn out_of_order_for_ever() {
    flood("1,000 clients, one byte missing before 1,400-byte segments", 2000, 1_000_000, 400, None, |run, count| {
        let clients = 1000.min(count / 2);
        for client in 0..clients {
            run.client(client, 1883, 0, SYN, b"");
        }
        for time in 0..count / clients {
            for client in 0..clients {
                run.client(client, 1883, 2 + u32::try_from(time).unwrap() * 1400, ACK, &[0x30; 1400]);
            }
        }
    });
}

#[test]
fn connects_half_sent() {
    let opening = [0x10, 0xff, 0xff, 0x03, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0xff, 0xf0];
    flood(
        "CONNECTs of 64 KiB, all but the end sent",
        200,
        10_000,
        400,
        Some("capture-packets-let-go"),
        |run, count| {
            half_sent(run, count, 1883, &opening, &[b'x'; 6400], 10);
        },
    );
}

#[test]
fn fragments_that_never_finish() {
    flood("first IP fragments without the others", 5000, 10_000_000, 64, Some("capture-fragments"), |run, count| {
        for number in 0..count {
            let [.., high, low] = number.to_be_bytes();
            let mut bytes = vec![0x45, 0, 0, 60, high, low, 0x20, 0, 64, 6, 0, 0, 10, 0, high, low, 10, 255, 0, 1];
            bytes.extend([0; 40]);
            run.frame(LinkType::RAW, &bytes);
        }
    });
}

#[test]
fn a_publish_of_the_largest_size() {
    flood("bytes of one PUBLISH", 4_000_000, 268_435_455, 32, None, |run, count| {
        let connect = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'a'];
        run.client(1, 1883, 0, SYN, b"");
        run.client(1, 1883, 1, ACK, &connect);
        run.client(1, 1883, 16, ACK, &[0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b't']);
        for time in 0..u32::try_from(count.div_ceil(LARGE as u64)).unwrap() {
            run.client(1, 1883, 24 + time * 60_000, ACK, &vec![b'x'; LARGE]);
        }
    });
}

#[test]
fn tiny_packets() {
    flood("PINGREQs of two bytes, each in a segment", 50_000, 50_000_000, 32, None, |run, count| {
        let connect = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'a'];
        run.client(1, 1883, 0, SYN, b"");
        run.client(1, 1883, 1, ACK, &connect);
        for time in 0..u32::try_from(count).unwrap() {
            run.client(1, 1883, 16 + time * 2, ACK, &[0xc0, 0]);
        }
    });
}

#[test]
fn random_bytes_as_a_stream() {
    flood("random bytes as TCP payload to port 1883", 4_000_000, 1_000_000_000, 32, None, |run, count| {
        let mut noise = noise(count);
        run.client(1, 1883, 0, SYN, b"");
        for time in 0..u32::try_from(count / LARGE as u64).unwrap() {
            let mut payload = vec![0; LARGE];
            std::io::Read::read_exact(&mut noise, &mut payload).unwrap();
            run.client(1, 1883, 1 + time * 60_000, ACK, &payload);
        }
    });
}

#[test]
fn random_bytes_as_files() {
    use std::io::{Cursor, Read};
    flood("random bytes after a header of pcap", 4_000_000, 1_000_000_000, 32, None, |run, count| {
        read(run, Cursor::new(pcap_header()).chain(noise(count)));
        assert_eq!(run.frames, 0, "noise is no frame");
    });
    flood("random bytes after a header of pcapng", 4_000_000, 1_000_000_000, 32, None, |run, count| {
        let mut header = Vec::new();
        for field in [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28, 1, 20, 1, 0, 20] {
            header.extend(u32::to_le_bytes(field));
        }
        read(run, Cursor::new(header).chain(noise(count)));
        assert_eq!(run.frames, 0, "noise is no frame");
    });
    flood("random bytes as frames of Ethernet", 4_000_000, 1_000_000_000, 64, None, |run, count| {
        let mut noise = noise(count);
        let mut data = [0; 200];
        while noise.read_exact(&mut data).is_ok() {
            // Of something that is read further.
            data[12..15].copy_from_slice(&[8, 0, 0x45]);
            run.frame(LinkType::ETHERNET, &data);
        }
    });
}

#[test]
fn questions() {
    flood(
        "DNS questions, each for another name",
        20_000,
        5_000_000,
        128,
        Some("capture-questions-let-go"),
        |run, count| {
            for number in 0..count {
                let name = format!("{number:012}");
                let mut question = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 12];
                question.extend(name.bytes());
                question.extend(b"\x04mqtt\x04test\0\0\x01\0\x01");
                run.datagram(number, 53, &question);
            }
        },
    );
    flood(
        "ARP questions, each for another host",
        20_000,
        5_000_000,
        128,
        Some("capture-questions-let-go"),
        |run, count| {
            for number in 0..count {
                let [.., high, middle, low] = number.to_be_bytes();
                let mut frame = vec![0xff; 6];
                frame.extend([2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1]);
                frame.extend([0, 0, 0, 0, 0, 0, 10, high, middle, low]);
                run.frame(LinkType::ETHERNET, &frame);
            }
        },
    );
}

#[test]
fn hellos_without_end() {
    let opening = [0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff, 3, 3];
    flood("ClientHellos of 16 MiB, 64 KB of each sent", 200, 10_000, 400, None, |run, count| {
        half_sent(run, count, 8883, &opening, &[0; 6400], 10);
    });
}

#[test]
fn websocket_frames_of_giant_length() {
    let mut opening = b"GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
        .to_vec();
    opening.extend([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    opening.extend([0x10, 0xff, 0xff, 0x03, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0xff, 0xf0]);
    flood(
        "WebSocket frames of 2^63 - 1 bytes, 64 KB of each sent",
        200,
        10_000,
        400,
        Some("capture-packets-let-go"),
        |run, count| {
            half_sent(run, count, 8080, &opening, &[b'x'; 6400], 10);
        },
    );
}

#[test]
fn a_compressed_bomb() {
    flood("bytes of zero frames in a gzip file", 10_000_000, 1_000_000_000, 32, None, |run, count| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&pcap_header()).unwrap();
        let mut frame: Vec<u8> = [0, 0, 65_000, 65_000].into_iter().flat_map(u32::to_le_bytes).collect();
        frame.resize(65_016, 0);
        for _ in 0..count / frame.len() as u64 {
            gzip.write_all(&frame).unwrap();
        }
        read(run, std::io::Cursor::new(gzip.finish().unwrap()));
    });
}
