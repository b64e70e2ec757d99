//! What pcapng files hold beside packets: names, secrets, comments, losses, options. Blocks are built from the format
//! text here, and by Wireshark's own programs where these are installed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, clippy::disallowed_methods)] // a test

mod files_build;

use std::io::Cursor;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use assert_cmd::Command;
use files_build::{Order, Packet, Writer, pcap, seen};
use mqttcap::source::{CaptureFile, Drops};
use serde_json::Value;

const ORDERS: [Order; 2] = [Order::Little, Order::Big];
const SECRET: &[u8] = b"CLIENT_RANDOM 0011 deadbeef";

fn section(order: Order) -> Writer {
    Writer(order, Vec::new()).section()
}

/// Reads a file to its end.
fn read(bytes: &[u8]) -> CaptureFile {
    let mut file = CaptureFile::read_from(Path::new("test"), Cursor::new(bytes.to_vec())).unwrap();
    while file.next_frame().is_some() {}
    assert_eq!((file.damage(), file.gaps().first.len()), (None, 0));
    file
}

/// An Enhanced Packet Block of one byte with these options.
fn with_options(file: Writer, interface: u32, options: impl FnOnce(Writer) -> Writer) -> Writer {
    file.block(6, |b| options(b.word(interface).long(0).word(1).word(1).padded(b"a")))
}

fn lost(writer: Writer, packets: u64) -> Writer {
    writer.half(4).half(8).long(packets)
}

fn statistics(file: Writer, interface: u32, dropped: u64) -> Writer {
    file.block(5, |b| b.word(interface).long(0).half(5).half(8).long(dropped).half(0).half(0))
}

#[test]
fn packets_tell_what_was_lost_before_them() {
    for order in ORDERS {
        let two = || section(order).interface(1, 0, |o| o).interface(1, 0, |o| o);
        let drops = |file: Writer| read(&file.1).drops();
        assert_eq!(drops(with_options(two(), 0, |o| o)), None, "nobody says so");
        let flags = |o: Writer| o.half(2).half(4).word(1).half(3).half(5).padded(b"\x02abcd");
        assert_eq!(drops(with_options(two(), 0, |o| flags(o).half(0).half(0))), None);
        // Behind flags and a hash; with and without an end of options.
        let three = with_options(two(), 0, |o| lost(flags(o), 3).half(0).half(0));
        let five = with_options(three, 1, |o| lost(o, 2));
        let told = |interface, between| Some(Drops { interface, system: 0, between });
        assert_eq!(drops(Writer(order, five.1.clone())), told(0, 5));
        // The statistics count the same packets: what they say of an interface is not added.
        assert_eq!(drops(statistics(Writer(order, five.1.clone()), 0, 10)), told(10, 2));
        assert_eq!(drops(statistics(five, 0, 1)), told(1, 4));
        // The obsolete block has 16 bits for it, all ones if it is not known.
        let obsolete = |drops| two().block(2, |b| b.half(1).half(drops).long(0).word(1).word(1).padded(b"a"));
        assert_eq!(drops(obsolete(7)), told(0, 7));
        assert_eq!(drops(obsolete(0xffff)), None);
        // Options that are cut or lie about their length.
        assert_eq!(drops(with_options(two(), 0, |o| o.half(4).half(8).word(1))), None);
        assert_eq!(drops(with_options(two(), 0, |o| o.half(4).half(0xffff).word(1))), None);
    }
}

#[test]
fn names_are_read_in_either_byte_order() {
    for order in ORDERS {
        let record = |b: Writer, kind: u16, address: &[u8], names: &[u8]| {
            b.half(kind).half(u16::try_from(address.len() + names.len()).unwrap()).padded(&[address, names].concat())
        };
        let file = section(order).interface(1, 0, |o| o).block(4, |b| {
            let b = record(b, 3, &[2, 0, 0, 0, 0, 1], b"a card\0");
            let b = record(b, 1, &[10, 0, 0, 2], b"broker.plant.example\0other\0");
            let b = record(b, 1, &[10, 0, 0, 3], b"");
            let b = record(b, 2, &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], b"six.example\0");
            // The first one stays.
            let b = record(b, 1, &[10, 0, 0, 2], b"late.example\0");
            b.half(0).half(0)
        });
        // A second block, without an end of its records and with a length that lies.
        let file = file.block(4, |b| record(b, 1, &[10, 0, 0, 4], b"four\0").half(1).half(900).word(0));
        let file = read(&file.1);
        let names = file.names().unwrap();
        let of = |address: &str| names.of(address.parse::<IpAddr>().unwrap());
        assert_eq!(of("10.0.0.2"), Some("broker.plant.example"));
        assert_eq!((of("10.0.0.3"), of("fd00::9"), of("10.0.0.4")), (None, Some("six.example"), Some("four")));
    }
}

#[test]
fn every_other_block_leaves_the_packets_as_they_are() {
    let comment = |o: Writer| o.half(1).half(6).padded(b"a note").half(0).half(0);
    for order in ORDERS {
        let plain = section(order).interface(1, 0, |o| o).enhanced(0, 5, 1, b"a");
        let plain = seen(plain.enhanced(0, 6, 1, b"b").1);
        let first = |file: Writer| file.enhanced(0, 5, 1, b"a");
        let last = |file: Writer| file.enhanced(0, 6, 1, b"b").1;
        let between = |kind: u32, body: fn(Writer) -> Writer| {
            last(first(section(order).interface(1, 0, |o| o)).block(kind, body))
        };
        let header = |length: u64| {
            let file = Writer(order, Vec::new());
            file.block(0x0a0d_0d0a, |b| comment(b.word(0x1a2b_3c4d).half(1).half(2).long(length)))
        };
        let cases = [
            ("a comment of the section, its length not known", last(first(header(u64::MAX).interface(1, 0, |o| o)))),
            ("a section length that is right", last(first(header(20 + 36 + 36).interface(1, 0, |o| o)))),
            ("a section length that is wrong", last(first(header(8).interface(1, 0, |o| o)))),
            ("a comment of the interface", last(first(section(order).interface(1, 0, comment)))),
            ("names", between(4, |b| b.half(0).half(0))),
            ("names without an end", between(4, |b| b)),
            ("statistics without options", between(5, |b| b.word(0).long(0))),
            ("statistics of no interface", between(5, |b| b.word(9).long(0).half(5).half(8).long(1))),
            ("statistics that are cut", between(5, |b| b.word(0))),
            ("secrets", between(10, |b| b.word(0x544c_534b).word(27).padded(SECRET))),
            ("an unknown block", between(0x7000_0001, |b| b.padded(b"anything"))),
            ("a block of no bytes", between(0x7000_0001, |b| b)),
        ];
        for (name, file) in cases {
            assert_eq!(seen(file), plain, "{name}");
        }
    }
}

#[test]
fn pcap_headers_that_lie_about_lengths() {
    let packets: Vec<Packet> = vec![(1000, 90, vec![1; 90]), (2000, 0, vec![]), (3000, 70_000, vec![2; 70_000])];
    for order in ORDERS {
        for magic in [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34] {
            for snap_length in [0_u32, 60, 65_535, u32::MAX] {
                let mut file = pcap(order, magic, 1, &packets);
                let bytes = if order == Order::Little { snap_length.to_le_bytes() } else { snap_length.to_be_bytes() };
                file[16..20].copy_from_slice(&bytes);
                let (frames, damage) = seen(file);
                let read: Vec<Packet> = frames.into_iter().map(|frame| (frame.1, frame.3, frame.4)).collect();
                assert_eq!((read, damage), (packets.clone(), None), "{order:?} {magic:x} {snap_length}");
            }
        }
    }
}

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

/// Runs another program; `None` where it is not installed.
fn other(name: &str, arguments: &[&str]) -> Option<()> {
    let Ok(done) = Program::new(name).args(arguments).output() else {
        eprintln!("skipped: {name} is not installed");
        return None;
    };
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    Some(())
}

fn report(path: &Path) -> Value {
    let mut command = Command::cargo_bin("mqttcap").unwrap();
    let done = command.args(["read", "--format", "json"]).arg(path).assert().success();
    serde_json::from_slice(&done.get_output().stdout).unwrap()
}

fn notes(report: &Value) -> Vec<&str> {
    report["capture"]["notes"].as_array().unwrap().iter().map(|note| note["id"].as_str().unwrap()).collect()
}

#[test]
fn names_that_wireshark_saves_are_those_of_servers() {
    let folder = tempfile::tempdir().unwrap();
    let (hosts, named) = (folder.path().join("hosts"), folder.path().join("named.pcapng"));
    std::fs::write(&hosts, "10.0.0.2 broker.plant.example\n10.0.0.11 device.plant.example\n").unwrap();
    let file = capture("takeover-v311.pcapng");
    let [from, hosts, to] = [&file, &hosts, &named].map(|path| path.to_str().unwrap());
    if other("tshark", &["-r", from, "-N", "n", "-H", hosts, "-V", "-W", "n", "-w", to]).is_none() {
        return;
    }
    let (plain, named) = (report(&file), report(&named));
    let sessions = |report: &Value| report["sessions"].as_array().unwrap().clone();
    assert!(!sessions(&plain).is_empty());
    for (plain, named) in sessions(&plain).iter().zip(sessions(&named)) {
        assert_eq!(plain["server"]["name"], Value::Null);
        assert_eq!(named["server"]["name"], "broker.plant.example");
        assert_eq!(plain["outcome"], named["outcome"]);
    }
}

#[test]
fn secrets_and_comments_that_editcap_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, out) = (folder.path().join("keys"), folder.path().join("out.pcapng"));
    std::fs::write(&keys, format!("CLIENT_RANDOM {} {}\n", "ab".repeat(32), "c0ffee".repeat(16))).unwrap();
    let file = capture("takeover-v311.pcapng");
    let inject = format!("tls,{}", keys.display());
    let [from, to] = [&file, &out].map(|path| path.to_str().unwrap());
    let arguments = ["--inject-secrets", &inject, "--capture-comment", "seen at night", from, to];
    if other("editcap", &arguments).is_none() {
        return;
    }
    let (plain, with) = (report(&file), report(&out));
    assert_eq!(plain["sessions"], with["sessions"]);
    assert!(notes(&with).contains(&"capture-holds-secrets") && !notes(&plain).contains(&"capture-holds-secrets"));
    for arguments in [&["read", "-v"][..], &["read", "--format", "json"], &["packets", "--show-secrets"]] {
        let done = Command::cargo_bin("mqttcap").unwrap().args(arguments).arg(&out).assert().success();
        let said = [&done.get_output().stdout[..], &done.get_output().stderr].concat();
        assert!(!String::from_utf8_lossy(&said).contains("c0ffee"));
    }
}

#[test]
fn every_format_that_editcap_writes_gives_the_same_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let file = capture("takeover-v311.pcapng");
    let mut plain = report(&file);
    plain["capture"]["files"] = Value::Null;
    for format in ["pcap", "nsecpcap", "modpcap", "pcapng"] {
        let out = folder.path().join(format);
        let [from, to] = [&file, &out].map(|path| path.to_str().unwrap());
        if other("editcap", &["-F", format, from, to]).is_none() {
            return;
        }
        let mut written = report(&out);
        written["capture"]["files"] = Value::Null;
        if format == "pcapng" || format == "nsecpcap" {
            assert_eq!(plain, written, "{format}");
        }
        let outcomes = |report: &Value| {
            let sessions = report["sessions"].as_array().unwrap();
            sessions.iter().map(|session| session["outcome"]["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(outcomes(&plain), outcomes(&written), "{format}");
    }
}
