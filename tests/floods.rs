//! Floods: traffic made to exhaust memory or patience. Each is read to its end, the heap stays under a mark, and the
//! report says what was dropped.
//!
//! `MQTTCAP_FLOODS=large cargo test --release --test floods -- --nocapture --test-threads=1` makes them as large as
//! `docs/robustness.md` has them, under the program's own limits, and prints that table's rows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, clippy::print_stdout)] // a test may fail

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader};
use flate2::{Compression, write::GzEncoder};
use mqttcap::capture::{Frame, FrameNumber, LinkType, Moment, Timestamp};
use mqttcap::diagnosis;
use mqttcap::engine::{Config, Engine};
use mqttcap::limits::Limits;
use mqttcap::mqtt::PacketType;
use mqttcap::report::{CaptureSummary, Case, Extent, Kept, Report, json};
use mqttcap::session::Detail;
use mqttcap::source::CaptureFile;
use mqttcap::stream::Side;

const SERVER: [u8; 4] = [10, 255, 0, 1];
/// Bytes of payload in a large segment.
const LARGE: usize = 60_000;
const SYN: u8 = 2;
const ACK: u8 = 16;
const FIN: u8 = 1;

/// What a capture passes through, as `mqttcap read` wires it.
struct Run {
    engine: Engine,
    kept: Kept,
    frames: u64,
    bytes: Vec<u8>,
}

impl Run {
    fn new(limits: Limits) -> Run {
        let config = Config { limits, ports: Vec::new(), hosts: Vec::new(), detail: Detail::Folded };
        Run { engine: Engine::new(config), kept: Kept::new(&limits), frames: 0, bytes: Vec::new() }
    }

    fn frame(&mut self, link: LinkType, data: &[u8]) {
        let time = Timestamp(1_700_000_000_000_000_000 + i64::try_from(self.frames).unwrap() * 10_000);
        self.frames += 1;
        let at = Moment { frame: FrameNumber::new(self.frames), time };
        self.push(&Frame { at, link, data, original_length: u32::try_from(data.len()).unwrap() });
    }

    fn push(&mut self, frame: &Frame<'_>) {
        self.engine.push(frame, &mut |session| self.kept.judge(session));
    }

    /// A segment of the client with this number to `port`.
    fn client(&mut self, number: u64, port: u16, sequence: u32, flags: u8, payload: &[u8]) {
        let (host, own) = client(number);
        self.segment(PacketBuilder::ipv4(host, SERVER, 64).tcp(own, port, sequence, 8192), flags, payload);
    }

    /// A segment to that client.
    fn server(&mut self, number: u64, port: u16, sequence: u32, flags: u8, payload: &[u8]) {
        let (host, own) = client(number);
        self.segment(PacketBuilder::ipv4(SERVER, host, 64).tcp(port, own, sequence, 8192), flags, payload);
    }

    fn segment(&mut self, mut segment: PacketBuilderStep<TcpHeader>, flags: u8, payload: &[u8]) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        for (flag, set) in
            [(SYN, PacketBuilderStep::<TcpHeader>::syn as fn(_) -> _), (FIN, PacketBuilderStep::<TcpHeader>::fin)]
        {
            if flags & flag != 0 {
                segment = set(segment);
            }
        }
        if flags & ACK != 0 {
            segment = segment.ack(1);
        }
        segment.write(&mut bytes, payload).unwrap();
        self.frame(LinkType::RAW, &bytes);
        self.bytes = bytes;
    }

    fn datagram(&mut self, number: u64, port: u16, payload: &[u8]) {
        let (host, own) = client(number);
        let mut bytes = Vec::new();
        PacketBuilder::ipv4(host, SERVER, 64).udp(own, port).write(&mut bytes, payload).unwrap();
        self.frame(LinkType::RAW, &bytes);
    }

    /// Ends the capture and writes its report.
    fn finish(self) -> Report {
        let Run { engine, mut kept, .. } = self;
        let facts = engine.finish(&mut |session| kept.judge(session));
        let notes = diagnosis::notes(&facts);
        let report =
            Report::new(CaptureSummary { files: vec!["flood".into()], facts, notes }, kept, Extent::Everything, 1);
        json::write_lines(&report, &mut std::io::sink()).unwrap();
        report
    }
}

/// Address and port of the client with this number.
fn client(number: u64) -> ([u8; 4], u16) {
    let [.., high, middle, low, last] = number.to_be_bytes();
    ([10, high, middle, 7], u16::from_be_bytes([low, last]))
}

/// What a report must say.
type Expect = fn(&Report, u64);

/// Runs a flood of `few` parts, or of `many` when told to; its heap stays below `mark` MiB then. Its report is as
/// `expect` says, for so many parts.
fn flood(name: &str, few: u64, many: u64, mark: u64, expect: Expect, flow: impl Fn(&mut Run, u64)) {
    let large = std::env::var("MQTTCAP_FLOODS").is_ok();
    let small = Limits {
        connections: 1000,
        fragmented_packets: 64,
        attempts: 64,
        finished_sessions: 500,
        finished_attempts: 200,
        attempts_of_server: 100,
        held_bytes_total: 4 << 20,
        out_of_order_bytes_total: 1 << 18,
        ..Limits::default()
    };
    let (count, limits) = if large { (many, Limits::default()) } else { (few, small) };
    let begin = Instant::now();
    let (mut report, mut frames) = (None, 0);
    let heap = allocation_counter::measure(|| {
        let mut run = Run::new(limits);
        flow(&mut run, count);
        frames = run.frames;
        report = Some(run.finish());
    });
    let peak = heap.bytes_max >> 20;
    let report = report.unwrap();
    let notes: BTreeSet<&str> = report.capture.notes.iter().map(|note| note.id).collect();
    println!("| {name} | {count} | {frames} | {peak} MiB | {:.1} s | {notes:?} |", begin.elapsed().as_secs_f64());
    assert!(peak < mark, "{peak} MiB");
    expect(&report, count);
}

/// The report has this note.
fn says(report: &Report, id: &str) {
    let notes = &report.capture.notes;
    assert!(notes.iter().any(|note| note.id == id && !note.text.is_empty()), "{id}: {notes:?}");
}

/// The report has one session, and nothing was dropped.
fn whole(report: &Report) -> &Case {
    assert!(report.capture.notes.is_empty(), "{:?}", report.capture.notes);
    assert_eq!(report.cases.len(), 1);
    &report.cases[0]
}

/// `run` takes every frame of a file. Whether the file is damaged.
fn read(run: &mut Run, input: impl std::io::Read + Send + 'static) -> bool {
    let mut file = CaptureFile::read_from(Path::new("flood"), input).unwrap();
    while let Some(frame) = file.next_frame() {
        run.frames += 1;
        run.push(&frame);
    }
    file.damage().is_some()
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

/// A client that is refused, and one that comes and goes, before a flood.
fn two_sessions(run: &mut Run) {
    for (client, code) in [(0xff_0001, 5), (0xff_0002, 0)] {
        let connect = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'a' + code];
        run.client(client, 1883, 0, SYN, b"");
        run.server(client, 1883, 0, SYN | ACK, b"");
        run.client(client, 1883, 1, ACK, &connect);
        run.server(client, 1883, 1, ACK, &[0x20, 2, 0, code]);
        run.client(client, 1883, 16, ACK, &[0xe0, 0]);
    }
}

#[test]
fn syns_of_distinct_flows() {
    let expect: Expect = |report, count| {
        says(report, "capture-evicted");
        says(report, "capture-left-out");
        assert_eq!(report.summary.sessions, count + 2);
        assert_eq!(report.summary.by_outcome.values().sum::<u64>(), count + 2);
        let counted: u64 = report.counted.iter().map(|kind| kind.sessions).sum();
        assert_eq!(counted + report.cases.len() as u64, count + 2);
        assert!(report.cases.len() <= 1_002);
        // Those that carried something are not pushed out.
        let real = report.cases.iter().filter(|case| case.session.connect.is_some());
        assert_eq!(real.count(), 2);
    };
    flood("SYNs to port 1883, each of another flow", 20_000, 10_000_000, 128, expect, |run, count| {
        two_sessions(run);
        for client in 0..count {
            run.client(client, 1883, 7, SYN, b"");
        }
    });
}

#[test]
fn syns_to_many_servers() {
    let expect: Expect = |report, count| {
        says(report, "capture-left-out");
        assert_eq!(report.summary.sessions, count);
        assert!(report.cases.len() <= 10_000);
        assert!(report.counted.len() < 200, "{}", report.counted.len());
    };
    flood("SYNs to port 1883, each to another host", 20_000, 2_000_000, 192, expect, |run, count| {
        for host in 0..count {
            let (host, port) = client(host);
            run.segment(PacketBuilder::ipv4(SERVER, host, 64).tcp(port, 1883, 7, 8192), SYN, b"");
        }
    });
}

#[test]
fn syns_to_another_port() {
    let expect: Expect = |report, count| {
        says(report, "capture-evicted");
        assert_eq!(report.capture.facts.connections, count);
        assert!(report.cases.is_empty());
    };
    flood("SYNs to port 80, each of another flow", 20_000, 10_000_000, 128, expect, |run, count| {
        for client in 0..count {
            run.client(client, 80, 7, SYN, b"");
        }
    });
}

#[test]
fn sessions_that_come_and_go() {
    let expect: Expect = |report, count| {
        says(report, "capture-left-out");
        assert_eq!(report.summary.sessions, count + 2);
        assert_eq!(report.summary.by_outcome["clean-disconnect"], count + 1);
        // What went wrong is kept.
        assert!(report.cases.iter().any(|case| case.verdict.outcome.id == "refused-not-authorized"));
    };
    flood("sessions that come and go", 2_000, 500_000, 512, expect, |run, count| {
        two_sessions(run);
        for client in 0..count {
            accepted(run, client);
            run.client(client, 1883, 16, ACK, &[0xe0, 0]);
            run.client(client, 1883, 18, ACK | FIN, &[]);
            run.server(client, 1883, 5, ACK | FIN, &[]);
        }
    });
}

/// A client that connects and is accepted.
fn accepted(run: &mut Run, client: u64) {
    let connect = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'a'];
    run.client(client, 1883, 0, SYN, b"");
    run.server(client, 1883, 0, SYN | ACK, b"");
    run.client(client, 1883, 1, ACK, &connect);
    run.server(client, 1883, 1, ACK, &[0x20, 2, 0, 0]);
}

#[test]
fn sessions_that_stay() {
    let expect: Expect = |report, count| {
        says(report, "capture-evicted");
        says(report, "capture-left-out");
        assert_eq!(report.summary.sessions, count);
    };
    flood("sessions that stay open", 2_000, 200_000, 1024, expect, |run, count| {
        (0..count).for_each(|client| accepted(run, client));
    });
}

#[test]
fn out_of_order_for_ever() {
    // Under the usual limits a hole is given up, as nobody acknowledges it, before there is too much behind all holes.
    let expect: Expect = |report, count| {
        assert_eq!(report.capture.facts.holes_given_up > 0, count < 1_000_000);
        says(report, if count < 1_000_000 { "capture-out-of-order-let-go" } else { "capture-other-protocol" });
    };
    flood("1,000 clients, one byte missing before 1,400-byte segments", 2000, 1_000_000, 128, expect, |run, count| {
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
        256,
        |report, _| says(report, "capture-packets-let-go"),
        |run, count| {
            half_sent(run, count, 1883, &opening, &[b'x'; 6400], 10);
        },
    );
}

#[test]
fn fragments_that_never_finish() {
    flood(
        "first IP fragments without the others",
        5000,
        10_000_000,
        64,
        |report, _| says(report, "capture-fragments"),
        |run, count| {
            for number in 0..count {
                let [.., high, low] = number.to_be_bytes();
                let mut bytes = vec![0x45, 0, 0, 60, high, low, 0x20, 0, 64, 6, 0, 0, 10, 0, high, low, 10, 255, 0, 1];
                bytes.extend([0; 40]);
                run.frame(LinkType::RAW, &bytes);
            }
        },
    );
}

#[test]
fn a_publish_of_the_largest_size() {
    let expect: Expect = |report, _| assert_eq!(whole(report).messages(Side::Client), 1);
    flood("bytes of one PUBLISH", 4_000_000, 268_435_455, 32, expect, |run, count| {
        let connect = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'a'];
        run.client(1, 1883, 0, SYN, b"");
        run.client(1, 1883, 1, ACK, &connect);
        // Remaining Length in four bytes, topic included.
        let byte = |place: u32| u8::try_from(count >> (7 * place) & 0x7f).unwrap();
        let header = [0x30, byte(0) | 0x80, byte(1) | 0x80, byte(2) | 0x80, byte(3), 0, 1, b't'];
        run.client(1, 1883, 16, ACK, &header);
        let mut left = usize::try_from(count).unwrap() - 3;
        let mut sequence = 24;
        while left > 0 {
            let length = left.min(LARGE);
            run.client(1, 1883, sequence, ACK, &vec![b'x'; length]);
            sequence += u32::try_from(length).unwrap();
            left -= length;
        }
    });
}

#[test]
fn tiny_packets() {
    let expect: Expect = |report, count| assert_eq!(whole(report).session.counts.client.of(PacketType::PINGREQ), count);
    flood("PINGREQs of two bytes, each in a segment", 50_000, 50_000_000, 32, expect, |run, count| {
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
    let expect: Expect = |report, count| {
        let case = whole(report);
        assert_eq!(case.session.wire.sent.client.bytes, count / LARGE as u64 * LARGE as u64);
        assert!(case.session.connect.is_none());
    };
    flood("random bytes as TCP payload to port 1883", 4_000_000, 1_000_000_000, 32, expect, |run, count| {
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
    let nothing: Expect = |report, _| assert_eq!(report.capture.facts.packets, 0);
    flood("random bytes after a header of pcap", 4_000_000, 1_000_000_000, 32, nothing, |run, count| {
        assert!(read(run, Cursor::new(pcap_header()).chain(noise(count))));
    });
    flood("random bytes after a header of pcapng", 4_000_000, 1_000_000_000, 32, nothing, |run, count| {
        let mut header = Vec::new();
        for field in [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28, 1, 20, 1, 0, 20] {
            header.extend(u32::to_le_bytes(field));
        }
        assert!(read(run, Cursor::new(header).chain(noise(count))));
    });
    let unread: Expect = |report, count| {
        says(report, "capture-undecodable");
        assert_eq!(report.capture.facts.packets, count / 200);
    };
    flood("random bytes as frames of Ethernet", 4_000_000, 1_000_000_000, 64, unread, |run, count| {
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
        |report, _| says(report, "capture-questions-let-go"),
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
        |report, _| says(report, "capture-questions-let-go"),
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
    let expect: Expect = |report, count| assert_eq!(report.summary.sessions, count);
    flood("ClientHellos of 16 MiB, 64 KB of each sent", 200, 10_000, 128, expect, |run, count| {
        half_sent(run, count, 8883, &opening, &[0; 6400], 10);
    });
    let opening = [0x16, 3, 1, 0, 6, 1, 0, 0xff, 0xf0, 3, 3];
    let mut record = vec![0x16, 3, 1, 0x18, 0xfb];
    record.resize(6400, 0);
    let expect: Expect = |report, count| {
        says(report, "capture-packets-let-go");
        assert_eq!(report.capture.facts.connections, count);
    };
    flood("ClientHellos of 64 KiB, all but the end sent", 200, 10_000, 256, expect, |run, count| {
        half_sent(run, count, 8883, &opening, &record, 10);
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
        256,
        |report, _| says(report, "capture-packets-let-go"),
        |run, count| {
            half_sent(run, count, 8080, &opening, &[b'x'; 6400], 10);
        },
    );
}

#[test]
fn a_compressed_bomb() {
    let expect: Expect = |report, count| assert_eq!(report.capture.facts.packets, count / 65_016);
    flood("bytes of zero frames in a gzip file", 10_000_000, 1_000_000_000, 32, expect, |run, count| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&pcap_header()).unwrap();
        let mut frame: Vec<u8> = [0, 0, 65_000, 65_000].into_iter().flat_map(u32::to_le_bytes).collect();
        frame.resize(65_016, 0);
        for _ in 0..count / frame.len() as u64 {
            gzip.write_all(&frame).unwrap();
        }
        assert!(!read(run, std::io::Cursor::new(gzip.finish().unwrap())));
    });
}
