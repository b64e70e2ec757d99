//! Times each layer alone over the `small` workload in memory: bytes and packets a second, and what it allocates.
//!
//! `cargo bench --bench layers`. Each layer is given what the layer below it made, made beforehand. That packets in order
//! allocate nothing below `session` is held by `tests/mqtt_zero_copy.rs`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // what is read here was just generated

mod workload;

use std::io::Cursor;
use std::path::Path;
use std::sync::LazyLock;

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use mqttcap::capture::{Frame, LinkType, Moment};
use mqttcap::engine::{Config, Engine};
use mqttcap::limits::Limits;
use mqttcap::mqtt::{Framer, Hints, RawPacket, Version, parse};
use mqttcap::net::{Decoded, Segment, decode};
use mqttcap::session::Detail;
use mqttcap::source::CaptureFile;
use mqttcap::stream::{Chunk, End, Piece, StreamOffset};
use mqttcap::tcp::{Facts, FlowTable, Interest, Reader};
use workload::Workload;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const KILOBYTES: u64 = 4000;
const HINTS: Hints = Hints { sender: None, version: Some(Version::V5), ..Hints::NONE };

/// The workload as a file in memory, and its frames.
struct Traffic {
    file: Vec<u8>,
    frames: Vec<(Moment, Vec<u8>)>,
}

static TRAFFIC: LazyLock<Traffic> = LazyLock::new(|| {
    let mut file = Vec::new();
    Workload::Small.write(&mut file, KILOBYTES).unwrap();
    let mut frames = Vec::new();
    let mut capture = open(&file);
    while let Some(frame) = capture.next_frame() {
        frames.push((frame.at, frame.data.to_vec()));
    }
    Traffic { file, frames }
});

fn open(file: &[u8]) -> CaptureFile {
    CaptureFile::read_from(Path::new("small.pcap"), Cursor::new(file.to_vec())).unwrap()
}

impl Traffic {
    fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.frames.iter().map(|(at, data)| Frame {
            at: *at,
            link: LinkType::ETHERNET,
            data,
            original_length: u32::try_from(data.len()).unwrap(),
        })
    }

    fn segments(&self) -> impl Iterator<Item = (Moment, Segment<'_>)> {
        self.frames().filter_map(|frame| match decode(frame.link, frame.data, frame.original_length) {
            Decoded::Segment(segment) => Some((frame.at, segment)),
            _ => None,
        })
    }

    /// What the streams bring, each with the number of its stream and direction. Of this workload it is one packet.
    fn chunks(&self) -> Vec<(usize, Chunk<'_>)> {
        let mut table = FlowTable::new(&Limits::default());
        let mut chunks = Vec::new();
        for (at, segment) in self.segments() {
            table.push(&segment, at, |_| Place::default(), &mut |_| {});
            let Some(connection) = table.latest_mut() else { continue };
            if let Some((from, offset)) = connection.reader.0.take() {
                let direction = 2 * connection.facts.stream as usize + usize::from(from == End::B);
                chunks.push((direction, Chunk { offset, data: segment.payload, at, starts_segment: true }));
            }
        }
        chunks
    }
}

/// Where the last piece stood, and who sent it.
#[derive(Default)]
struct Place(Option<(End, StreamOffset)>);

impl Reader for Place {
    fn piece(&mut self, from: End, piece: Piece<'_>, _: &Facts) -> Interest {
        if let Piece::Chunk(chunk) = piece {
            self.0 = Some((from, chunk.offset));
        }
        Interest::Wanted
    }
}

/// Reads nothing.
struct Deaf;

impl Reader for Deaf {
    fn piece(&mut self, _: End, piece: Piece<'_>, _: &Facts) -> Interest {
        black_box(&piece);
        Interest::Wanted
    }
}

fn main() {
    divan::main();
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
    bencher.counter(BytesCount::new(TRAFFIC.file.len())).counter(ItemsCount::new(TRAFFIC.frames.len()))
}

#[divan::bench]
fn a_source(bencher: Bencher<'_, '_>) {
    counted(bencher).with_inputs(|| open(&TRAFFIC.file)).bench_local_values(|mut capture| {
        while let Some(frame) = capture.next_frame() {
            black_box(frame.data);
        }
    });
}

#[divan::bench]
fn b_net(bencher: Bencher<'_, '_>) {
    counted(bencher).bench_local(|| {
        for frame in TRAFFIC.frames() {
            black_box(decode(frame.link, frame.data, frame.original_length));
        }
    });
}

#[divan::bench]
fn c_tcp(bencher: Bencher<'_, '_>) {
    let segments: Vec<_> = TRAFFIC.segments().collect();
    counted(bencher).bench_local(|| {
        let mut table = FlowTable::new(&Limits::default());
        for (at, segment) in &segments {
            table.push(segment, *at, |_| Deaf, &mut |_| {});
        }
    });
}

#[divan::bench]
fn d_framer(bencher: Bencher<'_, '_>) {
    let chunks = TRAFFIC.chunks();
    let directions = chunks.iter().map(|(direction, _)| direction + 1).max().unwrap_or(0);
    counted(bencher).bench_local(|| {
        let mut framers: Vec<Framer> = (0..directions).map(|_| Framer::at_start(&Limits::default())).collect();
        for (direction, chunk) in &chunks {
            framers[*direction].push(*chunk, &HINTS, &mut |framed| {
                black_box(&framed);
            });
        }
    });
}

#[divan::bench]
fn e_parse(bencher: Bencher<'_, '_>) {
    let chunks = TRAFFIC.chunks();
    let packets: Vec<_> = chunks.iter().filter_map(|(_, chunk)| RawPacket::from_bytes(chunk.data)).collect();
    counted(bencher).bench_local(|| {
        for packet in &packets {
            let _ = black_box(parse(packet, HINTS.version));
        }
    });
}

#[divan::bench]
fn f_engine(bencher: Bencher<'_, '_>) {
    let config = || Config { limits: Limits::default(), ports: Vec::new(), hosts: Vec::new(), detail: Detail::None };
    counted(bencher).with_inputs(|| Engine::new(config())).bench_local_values(|mut engine| {
        for frame in TRAFFIC.frames() {
            engine.push(&frame, &mut |session| {
                black_box(&session);
            });
        }
        engine.finish(&mut |session| {
            black_box(&session);
        })
    });
}
