//! Reads every capture of other projects, where they are present beside the repository, and
//! compares each frame with what `tshark` sees, where it is installed.

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
            frame: frame.at.frame.0,
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
    command.args(["-n", "-T", "fields", "-E", "occurrence=f", "-E", "separator=|"]);
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
    let address = if fields[4].is_empty() { fields[5] } else { fields[4] };
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

#[test]
fn every_foreign_capture_reads_as_tshark_reads_it() {
    let files = captures();
    if files.is_empty() {
        eprintln!("skipped: no captures of other projects here");
        return;
    }
    let mut differences: BTreeMap<String, String> = BTreeMap::new();
    for path in &files {
        let ours = ours(path);
        let Some(theirs) = theirs(path) else {
            eprintln!("compared with nothing: tshark is not installed");
            continue;
        };
        let mut text = String::new();
        if ours.len() != theirs.len() {
            writeln!(text, "frames: {} here, {} there", ours.len(), theirs.len()).unwrap();
        }
        for (ours, (theirs, protocols)) in ours.iter().zip(&theirs) {
            if ours != theirs {
                writeln!(text, "{protocols}\n  here  {ours:?}\n  there {theirs:?}").unwrap();
            }
        }
        if !text.is_empty() {
            differences.insert(path.file_name().unwrap().to_string_lossy().into_owned(), text);
        }
    }
    for (name, text) in &differences {
        eprintln!("== {name}\n{text}");
    }
    assert!(differences.is_empty());
}
