//! Reads every capture of other projects, where they are present beside the repository, and
//! compares each frame with what `tshark` sees, where it is installed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, clippy::disallowed_methods)] // a test

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use mqttcap::net::{Decoded, decode};
use mqttcap::source::CaptureFile;

fn captures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let mut files = Vec::new();
    for folder in ["mqtt", "robustness"] {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        files.extend(entries.map(|entry| entry.unwrap().path()));
    }
    files.sort();
    files
}

/// A segment: source address, ports, raw sequence number, payload length.
type Tcp = (String, u16, u16, u32, u64);

/// What is compared of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    frame: u64,
    time: i128,
    captured: u64,
    original: u64,
    tcp: Option<Tcp>,
}

fn ours(path: &Path) -> Vec<Line> {
    let Ok(mut file) = CaptureFile::open(path) else { return Vec::new() };
    let mut lines = Vec::new();
    while let Some(frame) = file.next_frame() {
        let tcp = match decode(frame.link, frame.data, frame.original_length) {
            Decoded::Segment(segment) => Some((
                segment.source.address.to_string(),
                segment.source.port,
                segment.destination.port,
                segment.sequence,
                u64::from(segment.payload_length),
            )),
            _ => None,
        };
        lines.push(Line {
            frame: frame.at.frame.get(),
            time: i128::from(frame.at.time.0),
            captured: frame.data.len() as u64,
            original: u64::from(frame.original_length),
            tcp,
        });
    }
    lines
}

const FIELDS: [&str; 11] = [
    "frame.number",
    "frame.time_epoch",
    "frame.cap_len",
    "frame.len",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.len",
    "frame.protocols",
];

/// The lines that tshark prints, with the protocols of each; `None` without tshark.
fn theirs(path: &Path) -> Option<Vec<(Line, String)>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "occurrence=l", "-E", "separator=|"]);
    // Reassembly of IP fragments would show segments that no single frame holds.
    command.args(["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.arg("-r").arg(path).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().map(line_of_tshark).collect())
}

fn line_of_tshark(line: &str) -> (Line, String) {
    let fields: Vec<&str> = line.split('|').collect();
    let (seconds, fraction) = fields[1].split_once('.').unwrap_or((fields[1], "0"));
    let magnitude = seconds.trim_start_matches('-').parse::<i128>().unwrap_or(0) * 1_000_000_000
        + fraction.parse::<i128>().unwrap_or(0);
    // The innermost headers are the last.
    let inner = fields[10].rsplit(':').find(|protocol| ["ip", "ipv6"].contains(protocol));
    let address = if inner == Some("ipv6") { fields[5] } else { fields[4] };
    let tcp = fields[8].parse().ok().map(|sequence| {
        let address = address.parse::<IpAddr>().map_or(address.to_owned(), |address| address.to_string());
        let port = |field: usize| fields[field].parse().unwrap_or(0);
        (address, port(6), port(7), sequence, fields[9].parse().unwrap_or(0))
    });
    let line = Line {
        frame: fields[0].parse().unwrap(),
        time: if seconds.starts_with('-') { -magnitude } else { magnitude },
        captured: fields[2].parse().unwrap(),
        original: fields[3].parse().unwrap(),
        tcp,
    };
    (line, fields[10].to_owned())
}

/// Why a frame may differ from what tshark makes of it; `None` for a difference that is a mistake.
fn explanation(file: &str, protocols: &str, ours: Option<&Line>, theirs: &Line) -> Option<&'static str> {
    const TUNNELS: [&str; 6] = [":gre:", ":vxlan:", ":geneve:", ":gtp:", ":capwap.data:", ":icmpv6:"];
    const LINKS: [&str; 2] = ["radiotap:", "ipoib:"];
    let Some(ours) = ours else {
        // Custom blocks: numbered here as there, but no frames.
        return (file.starts_with("pcapng-test-generator") && protocols == "data").then_some("no packet");
    };
    if ours.tcp == theirs.tcp && (ours.captured, ours.original) == (theirs.captured, theirs.original) {
        return match file {
            "tcpdump--timestamp_invalid_nano.pcap" => Some("a fraction over 2^31 ns is unsigned here, signed there"),
            _ if file.starts_with("pcapng-test-generator") && theirs.time == 0 => {
                Some("a packet without a time takes the last one here, 1970 there")
            }
            _ => None,
        };
    }
    match &ours.tcp {
        None if TUNNELS.iter().any(|tunnel| protocols.contains(tunnel)) => Some("inside a tunnel or a quotation"),
        None if LINKS.iter().any(|link| protocols.starts_with(link)) => Some("a link type that is not supported"),
        None if protocols.contains(":ipv6.fraghdr:") => Some("the first fragment alone is no segment here"),
        Some(_) if file == "nDPI--fuzz-2006-06-26-2594.pcap" => {
            Some("an IP length beyond the frame is believed here, cut to the frame there")
        }
        _ => None,
    }
}

#[test]
fn every_foreign_capture_reads_as_tshark_reads_it() {
    let files = captures();
    if files.is_empty() {
        eprintln!("skipped: no captures of other projects here");
        return;
    }
    let mut mistakes = String::new();
    let mut explained: BTreeMap<&'static str, usize> = BTreeMap::new();
    let (mut frames, mut segments) = (0, 0);
    // Starting tshark is what takes time.
    let theirs: Vec<_> = std::thread::scope(|scope| {
        let chunks: Vec<_> = files.chunks(files.len().div_ceil(4)).collect();
        let threads: Vec<_> = chunks
            .into_iter()
            .map(|chunk| scope.spawn(|| chunk.iter().map(|path| theirs(path)).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (path, theirs) in files.iter().zip(theirs) {
        let ours: BTreeMap<u64, Line> = ours(path).into_iter().map(|line| (line.frame, line)).collect();
        let Some(theirs) = theirs else {
            eprintln!("compared with nothing: tshark is not installed");
            return;
        };
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for (theirs, protocols) in &theirs {
            let ours = ours.get(&theirs.frame);
            frames += 1;
            if ours == Some(theirs) {
                segments += usize::from(theirs.tcp.is_some());
                continue;
            }
            match explanation(&file, protocols, ours, theirs) {
                Some(reason) => *explained.entry(reason).or_default() += 1,
                None => writeln!(mistakes, "{file} {protocols}\n  here  {ours:?}\n  there {theirs:?}").unwrap(),
            }
        }
        // tshark reads nothing of a file with a link type unknown to it.
        if ours.keys().any(|frame| *frame > theirs.len() as u64) && file != "tcpdump--dsa.pcap" {
            writeln!(mistakes, "{file}: {} frames here, {} there", ours.len(), theirs.len()).unwrap();
        }
    }
    eprintln!("{frames} frames, {segments} segments the same; explained: {explained:#?}");
    assert!(mistakes.is_empty(), "{mistakes}");
}

/// Changes bytes of real captures, from a fixed seed, and cuts them: nothing may panic.
#[test]
fn mutated_foreign_captures_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below.max(1)).unwrap()).unwrap()
    };
    for path in captures() {
        let original = std::fs::read(&path).unwrap();
        // What is of interest is near the start: file headers and the first frames.
        let original = &original[..original.len().min(20_000)];
        for _ in 0..40 {
            let mut bytes = original[..original.len() - random(original.len() / 4)].to_vec();
            for _ in 0..=random(20) {
                let place = random(bytes.len());
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = [0, 0xff, 0x7f, 0x80, u8::try_from(random(256)).unwrap()][random(5)];
                }
            }
            let Ok(mut file) = CaptureFile::read_from(&path, std::io::Cursor::new(bytes)) else { continue };
            while let Some(frame) = file.next_frame() {
                let _ = decode(frame.link, frame.data, frame.original_length);
            }
        }
    }
}
