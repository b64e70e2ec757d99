//! Frames read many at once are those read one by one, in the same order, under the same numbers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)] // a test

mod files_build;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::slice::from_ref;

use files_build::{Order, Packet, little, pcap, pcapng};
use flate2::Compression;
use flate2::write::GzEncoder;
use mqttcap::capture::{Batch, Frame};
use mqttcap::source::Captures;
use proptest::prelude::*;

fn text(frame: Frame<'_>) -> String {
    format!("{frame:?}")
}

fn one_by_one(paths: &[PathBuf]) -> (Vec<String>, u64, String) {
    let mut captures = Captures::open(paths).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = captures.next_frame() {
        frames.push(text(frame));
    }
    (frames, captures.bytes(), format!("{:?}{:?}", captures.damage(), captures.gaps()))
}

fn many_at_once(paths: &[PathBuf]) -> (Vec<String>, u64, String) {
    let mut captures = Captures::open(paths).unwrap();
    let (mut frames, mut batch) = (Vec::new(), Batch::new());
    while captures.next_batch(&mut batch) {
        frames.extend(batch.iter().map(text));
        batch.clear();
    }
    assert!(!captures.next_batch(&mut batch) && batch.is_empty(), "the end stays the end");
    (frames, captures.bytes(), format!("{:?}{:?}", captures.damage(), captures.gaps()))
}

/// The same by a second reader, while the first goes on.
fn once_more(paths: &[PathBuf]) -> (Vec<String>, u64, String) {
    let mut captures = Captures::open(paths).unwrap();
    let mut again = captures.again().unwrap();
    let (mut frames, mut batch, mut other) = (Vec::new(), Batch::new(), Batch::new());
    while again.next_batch(&mut batch) {
        assert!(captures.next_batch(&mut other));
        assert!(batch.iter().map(text).eq(other.iter().map(text)));
        frames.extend(batch.iter().map(text));
        batch.clear();
        other.clear();
    }
    assert!(!captures.next_batch(&mut other));
    (frames, again.bytes(), format!("{:?}{:?}", again.damage(), again.gaps()))
}

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let packet = (0_i64..40, prop::collection::vec(any::<u8>(), 0..40));
    let packet = packet.prop_map(|(time, data)| (time * 1_000_000_000, 99, data));
    prop::collection::vec(packet, 0..30)
}

proptest! {
    #[test]
    fn of_files_that_follow_and_overlap_one_another(
        files in prop::collection::vec((packets(), any::<bool>(), any::<bool>(), 0_usize..30), 1..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for (name, (mut packets, sorted, ng, cut)) in files.into_iter().enumerate() {
            if sorted {
                packets.sort();
            }
            let file = if ng { pcapng(Order::Big, 6, 0, &packets) } else { pcap(Order::Little, 0xa1b2_c3d4, 1, &packets) };
            // The header stays whole.
            let length = file.len().saturating_sub(cut).max(file.len().min(120));
            paths.push(folder.path().join(name.to_string()));
            std::fs::write(&paths[name], &file[..length]).unwrap();
        }
        prop_assert_eq!(many_at_once(&paths), one_by_one(&paths));
    }
}

#[test]
fn of_every_capture_alone_and_of_all_together() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pcapng"));
    assert!(paths.len() > 20);
    for path in &paths {
        assert_eq!(many_at_once(from_ref(path)), one_by_one(from_ref(path)), "{}", path.display());
    }
    assert_eq!(many_at_once(&paths), one_by_one(&paths));
}

#[test]
fn of_a_file_with_more_packets_than_a_batch_holds_and_journal_entries_between_them() {
    const JOURNAL: u32 = 9;
    let mut file = little().section().interface(1, 0, |options| options);
    for number in 0..20_000_u32 {
        file = file.enhanced(0, u64::from(number), 90, &[number.to_le_bytes()[0]; 80]);
        if number % 3 == 0 {
            file = file.block(JOURNAL, |body| body.padded(b"MESSAGE=x"));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.pcapng");
    std::fs::write(&path, file.1).unwrap();
    let (frames, ..) = many_at_once(from_ref(&path));
    assert_eq!(frames.len(), 20_000);
    assert_eq!(frames, one_by_one(from_ref(&path)).0);
}

/// Packets of many sizes, a millisecond apart from `first` on.
fn long(first: i64, count: i64) -> Vec<u8> {
    let packets: Vec<Packet> = (first..first + count)
        .map(|number| {
            let length = usize::try_from(number * number % 3000).unwrap();
            (number * 1_000_000, 65_535, vec![number.to_le_bytes()[0]; length])
        })
        .collect();
    pcap(Order::Little, 0xa1b2_c3d4, 1000, &packets)
}

#[test]
fn of_files_of_many_batches_one_of_which_begins_in_the_middle_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["one", "other"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], long(0, 5000)).unwrap();
    std::fs::write(&paths[1], long(3333, 4000)).unwrap();
    let (frames, ..) = many_at_once(&paths);
    assert_eq!(frames.len(), 9000);
    assert_eq!(frames, one_by_one(&paths).0);
    assert_eq!(once_more(&paths), one_by_one(&paths));
}

#[test]
fn of_what_can_be_read_by_several() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, compressed) = (folder.path().join("plain.pcap"), folder.path().join("compressed.pcap.gz"));
    std::fs::write(&plain, long(0, 50)).unwrap();
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    file.write_all(&long(60, 50)).unwrap();
    std::fs::write(&compressed, file.finish().unwrap()).unwrap();
    let mut captures = Captures::open(from_ref(&plain)).unwrap();
    assert!(captures.again().is_some());
    assert!(captures.next_frame().is_some());
    assert!(captures.again().is_none(), "the first packet is gone");
    assert!(Captures::open(&[plain, compressed]).unwrap().again().is_none(), "twice the work to decompress");
}

#[test]
fn of_a_compressed_file_that_cannot_be_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pcap.gz");
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    file.write_all(&long(0, 5000)).unwrap();
    let mut file = file.finish().unwrap();
    let middle = file.len() / 2;
    file[middle..middle + 40].fill(0xff);
    std::fs::write(&path, file).unwrap();
    let (frames, bytes, damage) = many_at_once(from_ref(&path));
    assert!(frames.len() > 1000 && damage.contains("Damage"), "{damage}");
    assert_eq!((frames, bytes, damage), one_by_one(from_ref(&path)));
}
