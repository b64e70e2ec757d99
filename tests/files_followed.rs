//! Captures that are read while they are written: piece by piece, rotated, through a pipe.
#![cfg(all(unix, feature = "live"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)] // a test

mod files_build;

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use files_build::{Order, Packet, pcap, pcapng};
use mqttcap::source::{CaptureFile, Error, Followed};

const PATIENCE: Duration = Duration::from_secs(60);

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/takeover-v311.pcapng")
}

fn packets() -> Vec<Packet> {
    let mut file = CaptureFile::open(&capture()).unwrap();
    let mut packets = Vec::new();
    while let Some(frame) = file.next_frame() {
        packets.push((frame.at.time.0, frame.original_length, frame.data.to_vec()));
    }
    packets
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Takes frames until there are `count`.
fn take(followed: &mut Followed, seen: &mut Vec<(u64, Packet)>, count: usize) {
    let begun = Instant::now();
    while seen.len() < count {
        assert!(begun.elapsed() < PATIENCE, "{} of {count}", seen.len());
        if let Some(frame) = followed.next_frame().unwrap() {
            seen.push((frame.at.frame.get(), (frame.at.time.0, frame.original_length, frame.data.to_vec())));
        }
    }
}

#[test]
fn a_file_is_read_as_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let packets = packets();
    let files = [pcap(Order::Little, 0xa1b2_3c4d, 1, &packets), pcapng(Order::Big, 9, 0, &packets)];
    for (number, file) in files.iter().enumerate() {
        let path = folder.path().join(if number == 0 { "a" } else { "b" });
        append(&path, b"");
        let mut followed = Followed::open(&path).unwrap();
        assert!(followed.next_frame().unwrap().is_none(), "it is empty yet");
        let mut seen = Vec::new();
        // In the middle of the header, of a record's header, of a packet.
        let mut from = 0;
        for to in [10, 24, 30, 300, 301, 700, file.len()] {
            append(&path, &file[from..to]);
            from = to;
            for _ in 0..2 {
                while let Some(frame) = followed.next_frame().unwrap() {
                    seen.push((frame.at.frame.get(), (frame.at.time.0, frame.original_length, frame.data.to_vec())));
                }
            }
        }
        take(&mut followed, &mut seen, packets.len());
        assert_eq!(seen, (1..).zip(packets.clone()).collect::<Vec<_>>());
        assert!(followed.next_frame().unwrap().is_none() && !followed.is_over());
        assert!(followed.gaps().first.is_empty(), "what is not whole yet is no damage");
    }
}

#[test]
fn rotated_files_are_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let packets = packets();
    let cuts = [0, 5, 9, 14, packets.len()];
    let part = |number: usize| pcap(Order::Little, 0xa1b2_3c4d, 1, &packets[cuts[number]..cuts[number + 1]]);
    // What tcpdump -C makes; then a ring begins again with the first name.
    let names = ["trace.pcap", "trace.pcap1", "trace.pcap2", "trace.pcap"].map(|name| folder.path().join(name));
    // Not of the ring: another name, and an older file of the same pattern.
    std::fs::write(folder.path().join("other.pcap"), part(0)).unwrap();
    std::fs::write(folder.path().join("trace.pcap9"), pcap(Order::Little, 0xa1b2_3c4d, 1, &[(5, 1, vec![1])])).unwrap();
    std::fs::write(&names[0], part(0)).unwrap();
    let mut followed = Followed::open(&names[0]).unwrap();
    let mut seen = Vec::new();
    for number in 0..4 {
        if number > 0 {
            std::fs::write(&names[number], part(number)).unwrap();
        }
        take(&mut followed, &mut seen, cuts[number + 1]);
        assert_eq!(followed.path(), names[number]);
    }
    assert_eq!(seen, (1..).zip(packets).collect::<Vec<_>>());
}

#[test]
fn what_is_no_capture_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes");
    std::fs::write(&path, "no capture, but a text that is longer than any file header that there is").unwrap();
    assert!(matches!(Followed::open(&path), Err(Error::NotACapture { .. })));
    assert!(matches!(Followed::open(folder.path()), Err(Error::Directory { .. })));
    assert!(matches!(Followed::open(&folder.path().join("none")), Err(Error::NotFound { .. })));
}

fn mqttcap(arguments: &[&str], path: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqttcap"));
    command.args(arguments).arg(path).env("TZ", "UTC");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn sessions_are_told_while_the_file_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.pcap");
    let file = std::fs::read(capture()).unwrap();
    let half = file.len() / 2;
    std::fs::write(&path, &file[..half]).unwrap();
    let mut child = mqttcap(&["read", "--follow"], &path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    append(&path, &file[half..]);
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with("10:17:1"), "it is told before the end: {first}");
    interrupt(&child);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(rest.iter().any(|line| line.contains("taken over")), "{rest:#?}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn packets_are_listed_while_the_file_grows_and_through_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.pcap");
    let file = std::fs::read(capture()).unwrap();
    let half = file.len() / 2;
    std::fs::write(&path, &file[..half]).unwrap();
    let mut child = mqttcap(&["packets", "--format", "ndjson", "--follow"], &path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("CONNECT"));
    append(&path, &file[half..]);
    let mut all = Command::new(env!("CARGO_BIN_EXE_mqttcap"));
    all.args(["packets", "--format", "ndjson", "-"]).stdin(std::fs::File::open(capture()).unwrap());
    let whole = all.output().unwrap().stdout;
    let whole: Vec<String> = whole.lines().map(Result::unwrap).collect();
    for line in &whole[1..] {
        assert_eq!(&lines.next().unwrap().unwrap(), line);
    }
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));

    let mut child = mqttcap(&["packets", "--format", "ndjson", "--follow"], Path::new("-"));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&file[..half]).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), whole[0], "before the pipe is closed");
    input.write_all(&file[half..]).unwrap();
    drop(input);
    assert_eq!(lines.map(Result::unwrap).collect::<Vec<_>>(), whole[1..]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_followed_is_said() {
    for arguments in [&["read", "--follow", "a", "b"][..], &["read", "--follow", "--format", "json", "a"]] {
        let done = Command::new(env!("CARGO_BIN_EXE_mqttcap")).args(arguments).output().unwrap();
        assert_eq!(done.status.code(), Some(2));
        assert!(String::from_utf8(done.stderr).unwrap().contains("--follow"));
    }
}
