//! Files that belong together: rotated ones, overlapping ones, given in any order, with an empty, a damaged or a repeated
//! one among them. Whatever the files, the sessions are those of the one capture that they were cut from.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, clippy::disallowed_methods)] // a test

mod files_build;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use assert_cmd::Command;
use files_build::{Order, Packet, pcap, pcapng};
use mqttcap::source::CaptureFile;
use serde_json::Value;

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

fn report<P: AsRef<OsStr>>(files: &[P]) -> Value {
    let mut command = Command::cargo_bin("mqttcap").unwrap();
    let done = command.args(["read", "--format", "json"]).args(files).assert().success();
    serde_json::from_slice(&done.get_output().stdout).unwrap()
}

fn notes(report: &Value) -> Vec<String> {
    let notes = report["capture"]["notes"].as_array().unwrap().iter();
    notes.map(|note| format!("{}: {}", note["id"].as_str().unwrap(), note["text"].as_str().unwrap())).collect()
}

struct Ring {
    folder: tempfile::TempDir,
    whole: Vec<Packet>,
}

impl Ring {
    fn new() -> Ring {
        Ring { folder: tempfile::tempdir().unwrap(), whole: packets() }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A third of the packets, so that sessions go over the cuts.
    fn third(&self, number: usize) -> &[Packet] {
        let length = self.whole.len() / 3;
        &self.whole[number * length..if number == 2 { self.whole.len() } else { (number + 1) * length }]
    }

    /// Checks that `files` are read as the whole; the notes.
    fn check<P: AsRef<OsStr>>(&self, files: &[P]) -> Vec<String> {
        let (whole, read) = (report(&[capture()]), report(files));
        assert_eq!(read["sessions"], whole["sessions"]);
        assert_eq!(read["capture"]["packets"], self.whole.len() as u64);
        notes(&read)
    }
}

fn nanoseconds(packets: &[Packet]) -> Vec<u8> {
    pcap(Order::Little, 0xa1b2_3c4d, 1, packets)
}

#[test]
fn sessions_go_on_over_rotated_files_of_any_format() {
    let ring = Ring::new();
    // The names do not tell the order: `tcpdump -C` begins with 10 before 9, and rings begin again.
    let files = [
        ring.file("trace.pcap2", &nanoseconds(ring.third(0))),
        ring.file("trace.pcap10", &pcapng(Order::Big, 9, 0, ring.third(1))),
        ring.file("trace.pcap1", &nanoseconds(ring.third(2))),
    ];
    assert_eq!(ring.check(&files), [""; 0]);
    assert_eq!(ring.check(&[&files[1], &files[0], &files[2]]), [""; 0]);
    assert_eq!(ring.check(&[ring.folder.path()]), [""; 0]);
}

#[test]
fn files_that_overlap_are_interleaved() {
    let ring = Ring::new();
    let part = |rest: usize| -> Vec<Packet> {
        let all = ring.whole.iter().enumerate();
        all.filter(|(number, _)| number % 3 == rest).map(|(_, packet)| packet.clone()).collect()
    };
    let files = [0, 1, 2].map(|rest| ring.file(&format!("{}", 9 - rest), &nanoseconds(&part(rest))));
    assert_eq!(ring.check(&files), [""; 0]);
    let merged = ring.folder.path().join("merged.pcapng");
    match Program::new("mergecap").arg("-w").arg(&merged).args(&files).output() {
        Ok(done) => {
            assert!(done.status.success());
            ring.check(&[merged]);
        }
        Err(_) => eprintln!("skipped: mergecap is not installed"),
    }
}

#[test]
fn an_empty_file_among_them_is_passed_over() {
    let ring = Ring::new();
    let files = [
        ring.file("a", &nanoseconds(ring.third(0))),
        ring.file("b", &nanoseconds(&[ring.third(1), ring.third(2)].concat())),
        ring.file("c", b""),
        ring.file("d", &nanoseconds(&[])[..11]),
        ring.file("e", &nanoseconds(&[])),
    ];
    let told = "files-passed-over: 2 files passed over: without a packet, not even a whole file header.";
    assert_eq!(ring.check(&files), [told]);
    assert_eq!(ring.check(&[ring.folder.path()]), [told]);
    // Alone it is nothing that could be analysed.
    Command::cargo_bin("mqttcap").unwrap().arg("read").arg(&files[2]).assert().code(2);
    Command::cargo_bin("mqttcap").unwrap().arg("read").args(&files[2..4]).assert().code(2);
}

#[test]
fn a_damaged_file_among_them_is_read_on_behind_the_damage() {
    let ring = Ring::new();
    let (first, second) = ring.third(1).split_at(3);
    let middle = nanoseconds(first);
    let garbage: Vec<u8> = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let files = [
        ring.file("a", &nanoseconds(ring.third(0))),
        ring.file("b", &[&middle[..], &garbage, &nanoseconds(second)[24..]].concat()),
        ring.file("c", &nanoseconds(ring.third(2))),
    ];
    let notes = ring.check(&files);
    let told =
        format!("capture-damaged: 4,096 bytes at offset {} of {} are no record (", middle.len(), files[1].display());
    assert!(notes.len() == 1 && notes[0].starts_with(&told), "{notes:?}");
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let ring = Ring::new();
    let file = ring.file("a", &nanoseconds(&ring.whole));
    let link = ring.folder.path().join("link");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&file, &link).unwrap();
    #[cfg(not(unix))]
    std::fs::hard_link(&file, &link).map(|()| assert!(link.exists())).unwrap();
    let dotted = ring.folder.path().join(".").join("a");
    let told = "files-passed-over: 3 files named more than once: read once.";
    assert_eq!(ring.check(&[file.as_path(), &dotted, &link, ring.folder.path()][..3]), [told.replace('3', "2")]);
    assert!(ring.check(&[file.as_path(), ring.folder.path()]).iter().any(|note| note.ends_with("read once.")));
}

#[test]
fn a_copy_of_a_file_does_not_change_what_happened() {
    let ring = Ring::new();
    let files = [ring.file("a", &nanoseconds(&ring.whole)), ring.file("copy", &nanoseconds(&ring.whole))];
    let (whole, read) = (report(&[capture()]), report(&files));
    let outcomes = |report: &Value| {
        let sessions = report["sessions"].as_array().unwrap();
        sessions.iter().map(|session| session["outcome"]["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&read), outcomes(&whole));
}

#[test]
fn hostile_file_names_are_harmless() {
    let ring = Ring::new();
    let name = "\u{1b}[31m\u{202e}%s%n{}\n.pcap";
    let whole = nanoseconds(&ring.whole);
    let cut = ring.file(name, &whole[..whole.len() - 1]);
    let missing = ring.folder.path().join(format!("missing{name}"));
    let nowhere = missing.join("a");
    let option = format!("--{name}");
    let calls: [(&[&OsStr], i32); 7] = [
        (&["read".as_ref(), cut.as_ref()], 0),
        (&["read".as_ref(), "--format".as_ref(), "json".as_ref(), cut.as_ref()], 0),
        (&["packets".as_ref(), cut.as_ref()], 0),
        (&["read".as_ref(), option.as_ref()], 2),
        (&["read".as_ref(), missing.as_ref()], 2),
        (&["read".as_ref(), cut.as_ref(), "--output".as_ref(), cut.as_ref()], 2),
        (&["read".as_ref(), cut.as_ref(), "--output".as_ref(), nowhere.as_ref()], 2),
    ];
    for (arguments, code) in calls {
        let done = Command::cargo_bin("mqttcap").unwrap().args(arguments).assert().code(code);
        let output = done.get_output();
        let said = String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap();
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
        assert!(said.contains("%s%n{}"), "as it is, for it is no format: {said:?}");
    }
}
