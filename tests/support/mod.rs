//! What the integration tests share: the committed captures, and running the engine over frames.
#![allow(dead_code)] // each test crate uses a part of it

pub mod talk;
pub mod truth;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use mqttcap::capture::{Frame, FrameNumber, LinkType, Moment, Timestamp};
use mqttcap::engine::{Config, Engine};
use mqttcap::limits::Limits;
use mqttcap::net::{Decoded, Endpoint, decode};
use mqttcap::session::{CaptureFacts, Detail, Session};
use mqttcap::source::CaptureFile;

/// The folder of this project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The committed captures, sorted by name.
pub fn captures() -> Vec<PathBuf> {
    captures_below(&root().join("captures"))
}

/// Captures of other projects, where they are present.
pub fn shared_captures() -> Vec<PathBuf> {
    let folder = root().join("../shared/captures");
    let found = captures_below(&folder);
    if found.is_empty() {
        eprintln!("skipped: there are no captures of other projects in {}", folder.display());
    }
    found
}

fn captures_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let extension = path.extension().unwrap_or_default();
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if ["pcap", "pcapng", "cap"].iter().any(|known| extension == *known) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A file's name without folder and ending.
pub fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// An engine that keeps every event.
pub fn engine() -> Engine {
    let limits = Limits { timeline_events: 100_000, ..Limits::default() };
    Engine::new(Config { limits, ports: Vec::new(), hosts: Vec::new(), detail: Detail::Full })
}

/// The sessions of a capture file, in order of their first frame.
pub fn analyse(path: &Path) -> (Vec<Session>, CaptureFacts) {
    let mut engine = engine();
    let mut sessions = Vec::new();
    if let Ok(mut file) = CaptureFile::open(path) {
        while let Some(frame) = file.next_frame() {
            engine.push(&frame, &mut |session| sessions.push(*session));
        }
    }
    let facts = engine.finish(&mut |session| sessions.push(*session));
    sessions.sort_by_key(|session| session.wire.first.frame);
    (sessions, facts)
}

/// A TCP segment that owns its bytes, to be changed and written as a frame again.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedSegment {
    pub time: Timestamp,
    pub source: Endpoint,
    pub destination: Endpoint,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: u8,
    pub window: u16,
    pub hop_limit: u8,
    pub payload: Vec<u8>,
}

/// The TCP segments of a capture file.
pub fn segments(path: &Path) -> Vec<OwnedSegment> {
    let mut found = Vec::new();
    let mut file = CaptureFile::open(path).unwrap();
    while let Some(frame) = file.next_frame() {
        if let Decoded::Segment(segment) = decode(frame.link, frame.data, frame.original_length) {
            found.push(OwnedSegment {
                time: frame.at.time,
                source: segment.source,
                destination: segment.destination,
                sequence: segment.sequence,
                acknowledgment: segment.acknowledgment,
                flags: segment.flags.0,
                window: segment.window,
                hop_limit: segment.hop_limit,
                payload: segment.payload.to_vec(),
            });
        }
    }
    found
}

impl OwnedSegment {
    /// The segment as a raw IP packet (RFC 791, RFC 8200, RFC 9293), checksums left zero.
    pub fn frame(&self) -> Vec<u8> {
        let tcp_length = 20 + self.payload.len();
        let mut bytes = Vec::with_capacity(40 + tcp_length);
        match (self.source.address, self.destination.address) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                bytes.extend([0x45, 0]);
                bytes.extend(u16::try_from(20 + tcp_length).unwrap_or(0).to_be_bytes());
                bytes.extend([0, 0, 0, 0, self.hop_limit, 6, 0, 0]);
                bytes.extend(source.octets());
                bytes.extend(destination.octets());
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                bytes.extend([0x60, 0, 0, 0]);
                bytes.extend(u16::try_from(tcp_length).unwrap().to_be_bytes());
                bytes.extend([6, self.hop_limit]);
                bytes.extend(source.octets());
                bytes.extend(destination.octets());
            }
            _ => panic!("both addresses are of one family"),
        }
        bytes.extend(self.source.port.to_be_bytes());
        bytes.extend(self.destination.port.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledgment.to_be_bytes());
        bytes.extend([0x50, self.flags]);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(&self.payload);
        bytes
    }
}

/// The sessions of a list of segments.
pub fn analyse_segments(segments: &[OwnedSegment]) -> Vec<Session> {
    let mut engine = engine();
    let mut sessions = Vec::new();
    for (number, segment) in (1..).zip(segments) {
        let data = segment.frame();
        let frame = Frame {
            at: Moment { frame: FrameNumber(number), time: segment.time },
            link: LinkType::RAW,
            data: &data,
            original_length: u32::try_from(data.len()).unwrap(),
        };
        engine.push(&frame, &mut |session| sessions.push(*session));
    }
    engine.finish(&mut |session| sessions.push(*session));
    sessions.sort_by_key(|session| session.wire.first.frame);
    sessions
}
