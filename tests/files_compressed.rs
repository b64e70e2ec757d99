//! Compressed captures read as the plain ones do, and what is cut, damaged or malicious about them is told. The
//! files were compressed by the programs themselves (`tests/compressed/README.md`).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)] // a test

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use mqttcap::source::{CaptureFile, Error, Fault};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn frames(bytes: impl Read + Send + 'static) -> (Vec<(i64, Vec<u8>)>, Option<Fault>) {
    let mut file = CaptureFile::read_from(Path::new("trace"), bytes).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = file.next_frame() {
        frames.push((frame.at.time.0, frame.data.to_vec()));
    }
    (frames, file.damage().map(|damage| damage.fault))
}

fn plain() -> Vec<(i64, Vec<u8>)> {
    frames(std::fs::File::open(folder("captures/connection-refused.pcapng")).unwrap()).0
}

fn compressed(name: &str) -> Vec<(String, Vec<u8>)> {
    let formats = ["gz", "zst", "lz4", "xz"];
    let read = |format| std::fs::read(folder("tests/compressed").join(format!("{name}.pcapng.{format}"))).unwrap();
    formats.map(|format| (format.to_owned(), read(format))).into()
}

#[test]
fn every_format_in_one_piece_or_in_two() {
    for name in ["connection-refused", "in-two-pieces"] {
        for (format, bytes) in compressed(name) {
            assert_eq!(frames(Cursor::new(bytes)), (plain(), None), "{name} {format}");
        }
    }
}

#[test]
fn skippable_frames_are_passed_over() {
    // RFC 8878 §3.1.2 and the LZ4 frame format: magic number 0x184D2A5?, length, anything.
    let skipped = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    for format in [1, 2] {
        let (name, [first, second]) = {
            let (name, whole) = compressed("connection-refused").remove(format);
            let (_, pieces) = compressed("in-two-pieces").remove(format);
            (name, [whole, pieces])
        };
        // It does not begin as a file does, so it stands behind the first frame.
        for whole in [first, second] {
            let both = [&whole[..], &skipped].concat();
            assert_eq!(frames(Cursor::new(both)), (plain(), None), "{name}");
        }
    }
}

#[test]
fn padding_behind_a_stream_of_xz_is_passed_over() {
    // Stream Padding (.xz file format §2.2): zeros, a multiple of four.
    let (_, whole) = compressed("connection-refused").remove(3);
    assert_eq!(frames(Cursor::new([&whole[..], &[0; 8]].concat())), (plain(), None));
}

#[test]
fn what_is_cut_is_read_up_to_the_cut() {
    for (format, bytes) in compressed("connection-refused") {
        for length in 0..bytes.len() {
            let cut = bytes[..length].to_vec();
            // An error of opening is told as well.
            let Ok(mut file) = CaptureFile::read_from(Path::new("trace"), Cursor::new(cut)) else { continue };
            let mut count = 0;
            while let Some(frame) = file.next_frame() {
                assert_eq!(frame.data, plain()[count].1, "{format} {length}");
                count += 1;
            }
            match file.damage().map(|damage| damage.fault) {
                Some(Fault::CompressedCut | Fault::CompressedDamaged | Fault::Cut) => {}
                None if count == plain().len() => {} // only the end of the compressed format is missing
                other => panic!("{format} cut at {length}: {count} packets, {other:?}"),
            }
        }
    }
}

#[test]
fn any_damaged_byte_is_told_or_harmless() {
    for (format, bytes) in compressed("connection-refused") {
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let Ok(mut file) = CaptureFile::read_from(Path::new("trace"), Cursor::new(damaged)) else { continue };
            let mut seen = Vec::new();
            while let Some(frame) = file.next_frame() {
                seen.push((frame.at.time.0, frame.data.to_vec()));
            }
            // Each format has a checksum, which is at the end.
            let unsaid = file.damage().is_none() && seen != plain();
            assert!(!unsaid, "{format}: byte {at} is wrong, and nobody says so");
        }
    }
}

#[test]
fn what_is_compressed_twice_or_holds_no_capture_is_refused() {
    use std::io::Write;
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let (_, once) = compressed("connection-refused").remove(0);
    for (bytes, hint) in
        [(gzip(&once), Some("decompress it first: zcat trace | mqttcap read -")), (gzip(b"hello, world"), None)]
    {
        let error = CaptureFile::read_from(Path::new("trace"), Cursor::new(bytes)).unwrap_err();
        assert!(matches!(error, Error::NotACapture { .. }), "{error}");
        assert!(hint.is_none_or(|hint| error.hint().unwrap() == hint), "{error}");
    }
}
