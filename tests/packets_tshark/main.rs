//! Every field of every control packet against tshark, over every capture there is; and the table of
//! `docs/tshark.md`.
#![allow(clippy::disallowed_methods)] // a test reads files
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, clippy::panic, clippy::print_stderr)] // a test may fail

mod differences;
mod ours;
#[allow(unreachable_pub)] // shared by several test crates
#[path = "../support/mod.rs"]
mod support;
mod table;
mod theirs;
mod told;

use std::fmt::Write as _;
use std::path::PathBuf;

use differences::Difference;

/// Ports for which tshark has to be told that they carry MQTT.
const PORTS: [&str; 2] = ["11983", "1337"];

#[test]
fn packets_are_those_that_tshark_shows() {
    if !theirs::is_comparable() {
        return;
    }
    let known = differences::listed();
    let captures: Vec<PathBuf> = support::captures().into_iter().chain(support::shared_captures()).collect();
    // Starting tshark is what takes time.
    let reports = std::thread::scope(|scope| {
        let threads: Vec<_> = captures
            .chunks(captures.len().div_ceil(4))
            .map(|chunk| scope.spawn(|| chunk.iter().map(|path| compare(path, &known)).collect::<String>()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<String>()
    });
    assert!(reports.is_empty(), "\n{reports}");
}

/// What both programs tell differently though it is not listed, and what is listed in vain.
fn compare(path: &std::path::Path, known: &[Difference]) -> String {
    let name = support::name(path);
    let (theirs, ours) = (theirs::packets(path, &PORTS), ours::packets(path));
    let known: Vec<&Difference> = known.iter().filter(|difference| difference.capture == name).collect();
    let mut report = String::new();
    let listed = known.iter().flat_map(|difference| &difference.frames);
    for frame in theirs.keys().chain(ours.keys()).chain(listed).collect::<std::collections::BTreeSet<_>>() {
        let theirs = theirs.get(frame).map_or(&[][..], Vec::as_slice);
        let ours = ours.get(frame).map_or(&[][..], Vec::as_slice);
        let differing = told::differing(theirs, ours);
        for field in &differing {
            if !known.iter().any(|difference| difference.covers(*frame, field)) {
                writeln!(report, "{name} frame {frame} {field}:\n  tshark  {theirs:?}\n  mqttcap {ours:?}").unwrap();
            }
        }
        for difference in known.iter().filter(|difference| difference.frames.contains(frame)) {
            if !differing.iter().any(|field| difference.covers(*frame, field)) {
                writeln!(report, "{name} frame {frame}: no difference any more, take it off the list").unwrap();
            }
        }
    }
    report
}
