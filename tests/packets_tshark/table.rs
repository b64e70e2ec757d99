//! The table of `docs/tshark.md`: what it says is measured again here.

use std::fmt::Write as _;
use std::path::Path;

use crate::told::Frames;
use crate::{ours, support, theirs};

/// A row: true packets, shown by mqttcap, shown by tshark, and how many of the latter are right.
#[derive(Debug, PartialEq)]
struct Row {
    truth: usize,
    mqttcap: usize,
    tshark: usize,
    right: usize,
}

#[test]
fn the_table_of_the_docs_says_what_is_measured() {
    let docs = std::fs::read_to_string(support::root().join("docs/tshark.md")).unwrap();
    let truth = std::fs::read_to_string(support::root().join("captures/expected.toml")).unwrap();
    let truth: toml::Table = truth.parse().unwrap();
    let rows: Vec<(&str, Row)> = docs.lines().filter_map(row).collect();
    assert!(rows.len() > 10, "the table is there");
    let mut report = String::new();
    for (name, said) in rows {
        let path = support::root().join("captures").join(name).with_extension("pcapng");
        let truth = truth[name]["packets"].as_integer().unwrap();
        let measured = measure(&path, usize::try_from(truth).unwrap(), &said);
        if said != measured {
            writeln!(report, "{name}: the docs say {said:?}, measured is {measured:?}").unwrap();
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// The row of a capture: `` | `NAME` | what it is | truth | mqttcap | tshark | right | why | ``.
fn row(line: &str) -> Option<(&str, Row)> {
    let name = line.strip_prefix("| `")?.split('`').next()?;
    let mut numbers = line.split('|').skip(3).map(|cell| cell.trim().parse());
    let mut next = || numbers.next()?.ok();
    Some((name, Row { truth: next()?, mqttcap: next()?, tshark: next()?, right: next()? }))
}

/// Measures again what is said; without tshark, what is said of it is believed.
fn measure(path: &Path, truth: usize, said: &Row) -> Row {
    let ours = ours::packets(path);
    let count = |frames: &Frames| frames.values().map(Vec::len).sum();
    let (tshark, right) = if theirs::is_comparable() {
        let theirs = theirs::packets(path, &[]);
        (count(&theirs), right(&theirs, &ours))
    } else {
        eprintln!("skipped: tshark is not installed");
        (said.tshark, said.right)
    };
    Row { truth, mqttcap: count(&ours), tshark, right }
}

/// How many of tshark's packets mqttcap shows too, in the same frame and alike in every field. Where the
/// two differ, the bytes were looked at by hand (`tests/tshark_differences.toml`).
fn right(theirs: &Frames, ours: &Frames) -> usize {
    let alike = theirs.iter().map(|(frame, packets)| {
        let ours = ours.get(frame).map_or(&[][..], Vec::as_slice);
        packets.iter().filter(|packet| ours.contains(packet)).count()
    });
    alike.sum()
}
