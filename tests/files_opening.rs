//! Opening capture files: what is refused and why, several files as one, numbering.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test

mod files_build;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use files_build::{Order, Packet, little, pcap};
use mqttcap::source::{CaptureFile, Captures, Content, Error};

fn refused(bytes: &[u8]) -> Error {
    CaptureFile::read_from(Path::new("trace.pcap"), Cursor::new(bytes.to_vec())).unwrap_err()
}

#[test]
fn files_that_are_no_captures_are_refused_with_a_hint() {
    assert!(matches!(refused(b""), Error::Empty { .. }));
    assert!(matches!(refused(&pcap(Order::Big, 0xa1b2_c3d4, 1, &[])[..23]), Error::CutHeader { length: 23, .. }));
    assert!(matches!(refused(&little().section().1[..20]), Error::CutHeader { length: 20, .. }));
    assert!(matches!(refused(&little().word(0x0a0d_0d0a).word(8).long(7).1), Error::InvalidHeader { .. }));
    let version = little().block(0x0a0d_0d0a, |b| b.word(0x1a2b_3c4d).half(2).half(0).long(0));
    assert!(matches!(refused(&version.1), Error::Version { version: 2, .. }));
    for start in [&b"\x1f\x8b\x08"[..], b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"\x04\x22\x4d\x18"] {
        let error = refused(start);
        let cut = error.to_string() == "cannot read trace.pcap: the compressed data ends too early";
        assert!(cut || matches!(error, Error::Empty { .. }), "{error}");
    }
    for (start, content) in [
        (&b"BZh9"[..], Content::Bzip2),
        (b"snoop\0\0\0\0\0\0\x02", Content::Snoop),
        (b"\x7fELF\x02", Content::Executable),
        ("12:00:01 IP a > b: Flags [S] – äöü".as_bytes(), Content::Text),
        (b"\0\x01\x02\x03", Content::Unknown),
    ] {
        let error = refused(start);
        assert!(matches!(error, Error::NotACapture { content: told, .. } if told == content), "{error}");
        assert!(!error.to_string().contains("äöü"), "captured text stays out of messages");
    }
    let bzip2 = refused(b"BZh9");
    assert_eq!(bzip2.to_string(), "cannot read trace.pcap: not a pcap or pcapng capture, it is compressed by bzip2");
    assert_eq!(bzip2.hint().unwrap(), "decompress it first: bzcat trace.pcap | mqttcap read -");
}

#[test]
fn paths_that_cannot_be_opened_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    assert!(matches!(CaptureFile::open(&missing), Err(Error::NotFound { path }) if path == missing));
    assert!(matches!(CaptureFile::open(folder.path()), Err(Error::Directory { .. })));
    assert!(matches!(Captures::open(&[folder.path()]), Err(Error::NoCaptures { files: 0, .. })));
    std::fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    assert!(matches!(Captures::open(&[folder.path()]), Err(Error::NoCaptures { files: 1, .. })));
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Packets at these seconds, with the second as data.
fn at(seconds: &[u8]) -> Vec<u8> {
    let packets: Vec<Packet> = seconds.iter().map(|s| (i64::from(*s) * 1_000_000_000, 1, vec![*s])).collect();
    pcap(Order::Little, 0xa1b2_c3d4, 1, &packets)
}

#[test]
fn several_files_read_as_one_capture_in_time_order() {
    let folder = tempfile::tempdir().unwrap();
    let late = written(folder.path(), "a", &at(&[7, 8, 6, 9]));
    let early = written(folder.path(), "b", &at(&[1, 2, 5, 8]));
    let middle = written(folder.path(), "c", &at(&[3, 4]));
    let mut cut = at(&[10, 11]);
    cut.pop();
    let cut = written(folder.path(), "d", &cut);
    written(folder.path(), "readme", b"no capture");
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let none = written(folder.path(), "e", &at(&[]));
    for paths in
        [vec![late.clone(), early.clone(), cut.clone(), none.clone(), middle.clone()], vec![folder.path().into()]]
    {
        let mut captures = Captures::open(&paths).unwrap();
        assert_eq!(captures.paths(), [&none, &early, &middle, &late, &cut].map(Clone::clone));
        let mut seen = Vec::new();
        while let Some(frame) = captures.next_frame() {
            seen.push((frame.at.frame.get(), frame.data[0]));
        }
        // 6 follows 8 in its own file, whose clock went back.
        let expected: Vec<_> = (1..).zip([1, 2, 3, 4, 5, 7, 8, 8, 6, 9, 10]).collect();
        assert_eq!(seen, expected);
        let damage: Vec<_> = captures.damage().iter().map(|damage| (&damage.path, damage.packets)).collect();
        assert_eq!(damage, [(&cut, 1)]);
        let passed_over = usize::from(paths.len() == 1);
        assert_eq!(captures.passed_over().len(), passed_over);
    }
}

#[test]
fn frames_may_be_numbered_on_from_another_file() {
    let file = CaptureFile::read_from(Path::new("test"), Cursor::new(at(&[1]))).unwrap();
    let mut file = file.numbered_after(mqttcap::capture::FrameNumber::new(41));
    assert_eq!(file.next_frame().unwrap().at.frame.get(), 42);
}
