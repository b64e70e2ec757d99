//! Bytes that are no record in the middle of a file: reading goes on behind them, and nothing is made of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)] // a test may fail

mod files_build;

use std::io::{self, Cursor, Read};
use std::path::Path;

use assert_cmd::Command;
use files_build::{Order, Packet, little, pcap, pcapng, seen, seen_with_gaps};
use mqttcap::source::{CaptureFile, Fault};

const GARBAGE: usize = 4096;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(most).unwrap()).unwrap()
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[5]).collect()
    }
}

fn real() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/takeover-v311.pcapng")
}

/// Packets of a real capture, and where each ends in its file.
fn packets(bytes: &[u8]) -> Vec<(u64, Packet)> {
    let mut file = CaptureFile::read_from(Path::new("real"), Cursor::new(bytes.to_vec())).unwrap();
    let mut packets = Vec::new();
    while let Some(frame) = file.next_frame() {
        let packet = (frame.at.time.0, frame.original_length, frame.data.to_vec());
        packets.push((file.bytes(), packet));
    }
    packets
}

/// A real capture in every format.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let bytes = std::fs::read(real()).unwrap();
    let real: Vec<Packet> = packets(&bytes).into_iter().map(|(_, packet)| packet).collect();
    let mut files = vec![("as it is", bytes)];
    for order in [Order::Little, Order::Big] {
        for (name, magic) in [("microseconds", 0xa1b2_c3d4), ("nanoseconds", 0xa1b2_3c4d), ("modified", 0xa1b2_cd34)] {
            files.push((name, pcap(order, magic, 1, &real)));
        }
        files.push(("pcapng", pcapng(order, 9, 0, &real)));
    }
    files
}

/// What is read of `damaged` that is neither of the first packets nor of those that begin at or behind `from`.
fn strays(name: &str, whole: &[(u64, Packet)], damaged: Vec<u8>, before: usize, after: &[(u64, Packet)]) -> usize {
    let (frames, damage) = seen(damaged);
    assert!(
        damage.is_none() || after.is_empty(),
        "{name}: {damage:?}, {} packets, {before} before, {} behind",
        frames.len(),
        after.len()
    );
    let numbers: Vec<u64> = frames.iter().map(|frame| frame.0).collect();
    assert_eq!(numbers, (1..=frames.len() as u64).collect::<Vec<_>>());
    let read: Vec<Packet> = frames.into_iter().map(|(_, time, _, original, data)| (time, original, data)).collect();
    let [first, last] = [&whole[..before], after].map(|part| part.iter().map(|(_, p)| p.clone()).collect::<Vec<_>>());
    assert!(read.starts_with(&first), "{name}: the packets before the damage");
    assert!(read.ends_with(&last), "{name}: {} of {} packets behind the damage", read.len(), whole.len());
    read.len() - first.len() - last.len()
}

#[test]
fn all_packets_before_and_behind_garbage_are_read() {
    let mut random = Random(0x1234_5678_9abc);
    for (name, file) in files() {
        let whole = packets(&file);
        let start = usize::try_from(whole[0].0).unwrap();
        for round in 0..200 {
            let garbage = match round % 5 {
                0 | 1 => random.bytes(GARBAGE),
                2 => vec![0; 1 + random.below(GARBAGE)],
                3 => vec![0xff; GARBAGE],
                _ => b"no capture at all, but a log\n".repeat(140),
            };
            let at = start + random.below(file.len() - start);
            let overwritten = if round % 2 == 0 { garbage.len().min(file.len() - at) } else { 0 };
            let damaged = [&file[..at], &garbage, &file[at + overwritten..]].concat();
            let before = whole.iter().take_while(|(end, _)| *end <= at as u64).count();
            // A packet begins where the one before ends.
            let behind = (at + overwritten) as u64;
            let first = whole.iter().take_while(|(end, _)| *end < behind).count() + 1;
            let after = whole.get(first..).unwrap_or_default();
            let strays = strays(name, &whole, damaged, before, after);
            // The packet that the garbage fell into, whose header is as it was; and the one behind, which began with it.
            assert!(strays <= 2, "{name}: {strays} packets came out of garbage");
        }
    }
}

#[test]
fn what_is_passed_over_is_told() {
    let packets: Vec<Packet> = (0..6).map(|n: u8| (1_700_000_000_000_000_000, 60, vec![n; 60])).collect();
    let mut random = Random(99);
    let file = pcap(Order::Little, 0xa1b2_c3d4, 1, &packets);
    let at = 24 + 3 * 76;
    let garbage = random.bytes(1204);
    let ((frames, damage), gaps) = seen_with_gaps([&file[..at], &garbage, &file[at..]].concat());
    assert_eq!((frames.len(), damage, gaps.len()), (6, None, 1));
    assert_eq!((gaps[0].0, gaps[0].1), (at as u64, 1204));
    // Nothing comes behind it: the damage is the end.
    let ((frames, damage), gaps) = seen_with_gaps([&file[..], &garbage].concat());
    let (packets, offset, fault) = damage.unwrap();
    assert_eq!((frames.len(), packets, offset, gaps.len()), (6, 6, file.len() as u64, 0));
    assert_ne!(fault, Fault::Cut);
}

#[test]
fn many_gaps_are_counted() {
    let mut file = little().section().interface(1, 0, |o| o);
    for _ in 0..100 {
        file = file.enhanced(0, 1, 1, b"a").enhanced(5, 1, 1, b"b");
    }
    let mut file = CaptureFile::read_from(Path::new("test"), Cursor::new(file.1)).unwrap();
    let mut frames = 0;
    while file.next_frame().is_some() {
        frames += 1;
    }
    let gaps = file.gaps();
    assert_eq!((frames, gaps.first.len(), gaps.more, gaps.more_bytes), (100, 4, 96, 96 * 36));
}

#[test]
fn an_interface_is_never_taken_for_another() {
    // The first description is lost: which number the second has, nobody knows.
    let lost = little().section().bytes(&[0x55; 40]).interface(113, 0, |o| o).enhanced(0, 1, 1, b"a");
    let ((frames, _), gaps) = seen_with_gaps(lost.1);
    assert_eq!(frames, []);
    let faults: Vec<_> = gaps.iter().map(|gap| gap.2).collect();
    assert_eq!(faults[1..], [Fault::InterfaceNumber, Fault::UnknownInterface(0)]);
    // One that cannot be read keeps its number.
    let unread = little().section().block(1, |b| b.word(0)).interface(113, 0, |o| o);
    let ((frames, _), _) = seen_with_gaps(unread.enhanced(0, 1, 1, b"a").enhanced(1, 1, 1, b"b").1);
    assert_eq!(frames.iter().map(|frame| (frame.2, frame.4[0])).collect::<Vec<_>>(), [(113, b'b')]);
}

#[test]
fn odd_records_of_strange_programs_are_still_read() {
    let second = 1_000_000_000_i64;
    let late = 1_700_000_000 * second;
    // A host without a clock that is set later, packets of no bytes, fractions that were never carried over.
    let times: Vec<Packet> = vec![
        (5 * second, 4, vec![1; 4]),
        (6 * second, 0, vec![]),
        (7 * second, 0, vec![]),
        (late, 4, vec![2; 4]),
        (late + second, 4, vec![3; 4]),
        (8 * second, 4, vec![4; 4]),
        (late + 2 * second, 0, vec![]),
    ];
    for order in [Order::Little, Order::Big] {
        let ((frames, damage), gaps) = seen_with_gaps(pcap(order, 0xa1b2_c3d4, 1, &times));
        let read: Vec<Packet> = frames.into_iter().map(|frame| (frame.1, frame.3, frame.4)).collect();
        assert_eq!((read, damage, gaps), (times.clone(), None, vec![]));
    }
    let mut file = pcap(Order::Little, 0xa1b2_c3d4, 1, &times);
    file[24 + 4..24 + 8].copy_from_slice(&3_000_000_u32.to_le_bytes());
    assert_eq!(seen(file).0[0].1, 8 * second, "3,000,000 µs are three seconds");
}

#[test]
fn noise_is_read_to_its_end_and_gives_nothing() {
    let mut header = little().section().interface(1, 0, |o| o).1;
    let mut random = Random(7);
    let noise = random.bytes(3 << 20);
    for start in
        [pcap(Order::Little, 0xa1b2_c3d4, 1, &[]), pcap(Order::Big, 0xa1b2_3c4d, 1, &[]), std::mem::take(&mut header)]
    {
        let begin = start.len() as u64;
        let mut file =
            CaptureFile::read_from(Path::new("noise"), Cursor::new([start, noise.clone()].concat())).unwrap();
        assert!(file.next_frame().is_none());
        assert_eq!(file.bytes(), begin + noise.len() as u64, "read to its end");
        assert_eq!(file.damage().unwrap().offset, begin);
    }
}

/// Hands out a few bytes at a time, as a pipe does.
struct Pipe(Cursor<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(7);
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn a_pipe_is_read_as_a_file_is() {
    let mut random = Random(3);
    for (name, file) in files() {
        let at = file.len() / 2;
        let damaged = [&file[..at], &random.bytes(GARBAGE)[..], &file[at..]].concat();
        let piped = files_build::read(Pipe(Cursor::new(damaged.clone()))).unwrap();
        assert_eq!(piped, seen(damaged), "{name}");
    }
}

#[test]
fn the_report_says_what_was_passed_over() {
    let file = std::fs::read(real()).unwrap();
    let whole = packets(&file);
    let at = usize::try_from(whole[9].0).unwrap();
    let mut random = Random(11);
    let damaged = [&file[..at], &random.bytes(GARBAGE)[..], &file[at..]].concat();
    let mut command = Command::cargo_bin("mqttcap").unwrap();
    let run = command.args(["read", "-", "--format", "json"]).write_stdin(damaged).assert().success();
    let report: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    let notes = report["capture"]["notes"].as_array().unwrap();
    let note = notes.iter().find(|note| note["id"] == "capture-damaged").unwrap()["text"].as_str().unwrap();
    assert!(note.starts_with("4,096 bytes at offset "), "{note}");
    assert!(note.contains(" of standard input are no record ("), "{note}");
    assert!(
        note.ends_with("Frame numbers after damage are mqttcap's own: Wireshark does not read on there."),
        "{note}"
    );
    assert_eq!(report["capture"]["packets"], whole.len() as u64);
    assert!(!notes.iter().any(|note| note["id"] == "capture-truncated"));
}
