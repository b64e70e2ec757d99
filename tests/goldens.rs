//! What `mqttcap read` prints of every committed capture, word for word: `tests/scenarios/NAME.txt`.
//!
//! A change of a text is read here as a person will read it. After such a change,
//! `UPDATE_GOLDENS=1 cargo test --test goldens` writes the files anew: read their difference as
//! prose, and compare it with `captures/NAME.txt`, before it is committed.
// A test may fail, and reads and writes the files of this repository.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)]

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use std::fmt::Write;
use std::path::Path;

use assert_cmd::Command;
use support::{captures, name, root};

/// Differing lines shown of one capture.
const SHOWN: usize = 12;

/// Standard output of `mqttcap read` on 80 columns, in UTC, without colour.
fn read(path: &Path) -> String {
    let mut command = Command::cargo_bin("mqttcap").unwrap();
    command.env("COLUMNS", "80").env("TZ", "UTC").env("NO_COLOR", "1").args(["read", "--utc"]).arg(path);
    let done = command.assert().code(0);
    assert_eq!(done.get_output().stderr, b"", "{}", path.display());
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

/// The lines between the common beginning and the common end, as a diff.
fn difference(golden: &str, now: &str) -> String {
    let (golden, now): (Vec<_>, Vec<_>) = (golden.lines().collect(), now.lines().collect());
    let same = golden.iter().zip(&now).take_while(|(old, new)| old == new).count();
    let rest = golden.len().min(now.len()) - same;
    let tail = golden.iter().rev().zip(now.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let mut text = format!("from line {}:\n", same + 1);
    for (mark, lines) in [('-', &golden), ('+', &now)] {
        let differing = lines.get(same..lines.len() - tail).unwrap_or_default();
        for line in differing.iter().take(SHOWN) {
            writeln!(text, "  {mark} {line}").unwrap();
        }
        if differing.len() > SHOWN {
            writeln!(text, "  {mark} … {} more lines", differing.len() - SHOWN).unwrap();
        }
    }
    text
}

#[test]
fn every_capture_reads_as_it_was_approved() {
    let folder = root().join("tests/scenarios");
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    let mut report = String::new();
    let mut wanted = Vec::new();
    for path in captures() {
        let file = folder.join(format!("{}.txt", name(&path)));
        let now = read(&path);
        if update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &now).unwrap();
        }
        match std::fs::read_to_string(&file) {
            Ok(golden) if golden == now => {}
            Ok(golden) => writeln!(report, "{}: {}", name(&path), difference(&golden, &now)).unwrap(),
            Err(_) => writeln!(report, "{}: no golden yet", name(&path)).unwrap(),
        }
        wanted.push(file);
    }
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let stale = entry.path().extension().is_some_and(|end| end == "txt") && !wanted.contains(&entry.path());
        if stale && update {
            std::fs::remove_file(entry.path()).unwrap();
        } else if stale {
            writeln!(report, "{}: a golden without a capture", entry.path().display()).unwrap();
        }
    }
    assert!(report.is_empty(), "UPDATE_GOLDENS=1 accepts these texts, once they are read:\n\n{report}");
}
