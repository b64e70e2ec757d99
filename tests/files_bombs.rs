//! Compressed bombs in every format that is read, made by the programs themselves; skipped where one is not installed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods
)] // a test

use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use mqttcap::source::{CaptureFile, Fault};

/// Beyond the 256 MiB that are decompressed without question.
const ZEROS: usize = 272 << 20;

/// What a program makes of a header of pcap with zeros behind it; `None` where it is not installed.
fn bomb(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    let child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for field in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
            input.write_all(&field.to_le_bytes()).unwrap();
        }
        let piece = vec![0; 1 << 20];
        for _ in 0..ZEROS / piece.len() {
            input.write_all(&piece).unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Some(output.stdout)
}

fn check(program: &str, arguments: &[&str]) {
    let Some(bytes) = bomb(program, arguments) else { return };
    let compressed = bytes.len();
    let begin = std::time::Instant::now();
    let mut fault = None;
    let heap = allocation_counter::measure(|| {
        let mut file = CaptureFile::read_from(Path::new("bomb"), Cursor::new(bytes)).unwrap();
        assert!(file.next_frame().is_none(), "zeros are no frames");
        fault = file.damage().map(|damage| damage.fault);
    });
    let peak = heap.bytes_max >> 20;
    println!("| {program} | {compressed} bytes | {peak} MiB | {:.1} s |", begin.elapsed().as_secs_f64());
    assert_eq!(fault, Some(Fault::Bomb));
    // A window of 128 MiB is the largest that is taken.
    assert!(peak < 256, "{peak} MiB");
}

#[test]
fn gzip() {
    check("gzip", &["-c"]);
}

#[test]
fn zstd() {
    check("zstd", &["-c"]);
}

#[test]
fn zstd_with_the_largest_window() {
    check("zstd", &["-c", "--long=27"]);
}

#[test]
fn lz4() {
    check("lz4", &["-c"]);
}

#[test]
fn xz() {
    check("xz", &["-c", "-0"]);
}
