//! The traffic that is generated to measure with is what it claims to be: tshark finds it well formed, and both tshark
//! and mqttcap count what the generator says that it wrote.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)] // a test may fail
#![allow(clippy::disallowed_methods)] // a test reads files

#[path = "../benches/workload/mod.rs"]
mod workload;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::NamedTempFile;
use workload::{Tally, Workload};

const KILOBYTES: u64 = 1000;
/// The packet types by their numbers (MQTT 5.0 §2.1.2).
const TYPES: [&str; 16] = [
    "Reserved",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

/// How many packets of each type there are.
type Counts = BTreeMap<&'static str, u64>;

fn written(workload: Workload) -> (NamedTempFile, Tally) {
    written_as(workload, KILOBYTES)
}

fn written_as(workload: Workload, kilobytes: u64) -> (NamedTempFile, Tally) {
    let mut bytes = Vec::new();
    let tally = workload.write(&mut bytes, kilobytes).unwrap();
    assert_eq!(tally.bytes, bytes.len() as u64);
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    (file, tally)
}

fn whole(tally: &Tally) -> Counts {
    TYPES.into_iter().zip(tally.packets).filter(|(_, count)| *count > 0).collect()
}

fn tshark(path: &Path, arguments: &[&str]) -> String {
    let checks = ["ip", "tcp", "udp"].map(|layer| format!("-o{layer}.check_checksum:TRUE"));
    let done = Command::new("tshark").arg("-n").args(checks).arg("-r").arg(path).args(arguments).output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

fn mqttcap(path: &Path, arguments: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_mqttcap")).args(arguments).arg(path).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn counted(types: impl Iterator<Item = usize>) -> Counts {
    let mut counts = Counts::new();
    types.for_each(|number| *counts.entry(TYPES[number]).or_default() += 1);
    counts
}

#[test]
fn the_bytes_are_the_same_every_time() {
    for workload in Workload::ALL {
        let [one, other] = [(); 2].map(|()| {
            let mut bytes = Vec::new();
            workload.write(&mut bytes, 500).unwrap();
            bytes
        });
        assert!(one == other, "{}", workload.name());
    }
}

#[test]
fn tshark_finds_them_well_formed() {
    if Command::new("tshark").arg("-v").output().is_err() {
        eprintln!("skipped: tshark is not installed");
        return;
    }
    for workload in Workload::ALL {
        let (file, tally) = written(workload);
        let frames = tshark(file.path(), &["-T", "fields", "-e", "frame.number"]);
        assert_eq!(frames.lines().count() as u64, tally.frames, "{}", workload.name());
        let wrong = "ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0";
        assert_eq!(tshark(file.path(), &["-Y", wrong]), "", "{}", workload.name());
        if workload == Workload::Lossy {
            continue; // of what is reordered or missing tshark makes up packets
        }
        assert_eq!(tshark(file.path(), &["-Y", "_ws.malformed"]), "", "{}", workload.name());
        let lost = "tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.analysis.out_of_order";
        assert_eq!(tshark(file.path(), &["-Y", lost]), "", "{}", workload.name());
        let types = tshark(file.path(), &["-Y", "mqtt", "-T", "fields", "-e", "mqtt.msgtype"]);
        let types = types.lines().flat_map(|line| line.split(',')).map(|number| number.parse().unwrap());
        assert_eq!(counted(types), whole(&tally), "{}", workload.name());
    }
}

#[test]
fn mqttcap_counts_what_was_written() {
    for workload in Workload::ALL {
        let (file, tally) = written(workload);
        let report: Value = serde_json::from_str(&mqttcap(file.path(), &["read", "--format", "json"])).unwrap();
        assert_eq!(report["capture"]["packets"], tally.frames, "{}", workload.name());
        let lines = mqttcap(file.path(), &["packets", "--format", "ndjson"]);
        let types = lines.lines().filter_map(|line| {
            let packet: Value = serde_json::from_str(line).unwrap();
            TYPES.iter().position(|name| packet["type"] == **name)
        });
        let found = counted(types);
        if workload == Workload::Lossy {
            let [found, whole] = [found["PUBLISH"], whole(&tally)["PUBLISH"]];
            assert!(found <= whole, "{found} of {whole}: some are made up");
            assert!(found * 1000 >= whole * 997, "{found} of {whole}");
            continue;
        }
        assert_eq!(found, whole(&tally), "{}", workload.name());
        let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
        for session in report["sessions"].as_array().unwrap() {
            *outcomes.entry(session["outcome"]["id"].as_str().unwrap()).or_default() += 1;
        }
        assert_eq!(outcomes, tally.outcomes, "{}", workload.name());
    }
}

/// More frames than are taken one by one: several threads truly work, side by side on small frames, in turns on large ones.
#[test]
fn one_thread_or_eight_write_the_same_bytes() {
    for (workload, kilobytes) in [(Workload::Connections, 20_000), (Workload::Lossy, 4_000), (Workload::Noise, 30_000)]
    {
        let (file, tally) = written_as(workload, kilobytes);
        assert!(tally.frames > 30_000, "{} frames", tally.frames);
        let read = |threads: &str| mqttcap(file.path(), &["read", "--format", "ndjson", "--threads", threads]);
        let one = read("1");
        for threads in ["2", "3", "8"] {
            assert!(read(threads) == one, "{} with {threads} threads", workload.name());
        }
        // What is compressed is read by one of them for all.
        let compressed = NamedTempFile::new().unwrap();
        let mut encoder = GzEncoder::new(&compressed, Compression::fast());
        encoder.write_all(&fs::read(file.path()).unwrap()).unwrap();
        encoder.finish().unwrap();
        let [plain, compressed] = [file.path(), compressed.path()].map(|path| path.display().to_string());
        for threads in ["1", "2"] {
            let read = mqttcap(Path::new(&compressed), &["read", "--format", "ndjson", "--threads", threads]);
            assert!(read.replace(&compressed, &plain) == one, "{} compressed, {threads} threads", workload.name());
        }
    }
}
