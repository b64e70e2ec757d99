//! Every variant of the capture formats (draft-ietf-opsawg-pcap and -pcapng), and every damage.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test

mod files_build;

use std::io::{self, Cursor, Read};
use std::path::Path;

use files_build::{Order, Packet, Writer, little, pcap, pcapng, read, seen, seen_with_gaps, some_packets};
use mqttcap::source::{CaptureFile, Drops, Fault};
use proptest::prelude::*;

/// Hands out a byte at a time, with interruptions.
struct Drip(Vec<u8>, usize, bool);

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.2 = !self.2;
        if self.2 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let Some(byte) = self.0.get(self.1) else { return Ok(0) };
        buffer[0] = *byte;
        self.1 += 1;
        Ok(1)
    }
}

fn expected(packets: &[Packet]) -> Vec<(u64, i64, u16, u32, Vec<u8>)> {
    let frames = packets.iter().zip(1..);
    frames.map(|((time, original, data), number)| (number, *time, 1, *original, data.clone())).collect()
}

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let data = prop::collection::vec(any::<u8>(), 0..90);
    // Microseconds, which every format can tell; 2033, when the seconds outgrow 31 bits, is far.
    let packet = (0_i64..2_000_000_000_000_000, 0_u32..2000, data);
    let packet = packet.prop_map(|(time, more, data)| (time * 1000, u32::try_from(data.len()).unwrap() + more, data));
    prop::collection::vec(packet, 0..12)
}

proptest! {
    #[test]
    fn every_format_tells_the_same_frames(packets in packets()) {
        let expected = (expected(&packets), None);
        for order in [Order::Little, Order::Big] {
            for magic in [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34] {
                prop_assert_eq!(&seen(pcap(order, magic, 1, &packets)), &expected);
            }
            // A second has 10^6, 10^7, 10^9 units; or 2^33, finer than a nanosecond.
            for resolution in [6, 7, 9, 0xa1] {
                prop_assert_eq!(&seen(pcapng(order, resolution, -7, &packets)), &expected);
            }
        }
        // 64 bits of 10^-12 s last 213 days: the offset carries the rest.
        let packets: Vec<Packet> =
            packets.into_iter().map(|(time, original, data)| (1_700_000_000_000_000_000 + time % 1_000_000_000, original, data)).collect();
        prop_assert_eq!(seen(pcapng(Order::Big, 12, 1_700_000_000, &packets)).0, self::expected(&packets));
    }

    #[test]
    fn the_size_of_reads_does_not_matter(packets in packets(), cut in 0_usize..400) {
        for file in [pcap(Order::Little, 0xa1b2_c3d4, 1, &packets), pcapng(Order::Big, 6, 0, &packets)] {
            let cut = file[..file.len().saturating_sub(cut)].to_vec();
            let drip = read(Drip(cut.clone(), 0, false)).map_err(|error| error.to_string());
            prop_assert_eq!(drip, read(Cursor::new(cut)).map_err(|error| error.to_string()));
        }
    }

    #[test]
    fn mutated_files_never_panic(packets in packets(), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        for mut file in [pcap(Order::Little, 0xa1b2_c3d4, 1, &packets), pcap(Order::Big, 0xa1b2_cd34, 1, &packets), pcapng(Order::Big, 6, 0, &packets), pcapng(Order::Little, 0x9f, 3, &packets)] {
            for (place, value) in &flips {
                let place = place.index(file.len());
                file[place] = *value;
            }
            let _ = read(Cursor::new(file));
        }
    }

    #[test]
    fn random_bytes_after_a_magic_never_panic(magic in prop::sample::select(vec![[0xa1_u8, 0xb2, 0xc3, 0xd4], [0xd4, 0xc3, 0xb2, 0xa1], [10, 13, 13, 10], [0, 0, 0, 0]]), rest in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(Cursor::new([&magic[..], &rest[..]].concat()));
    }
}

#[test]
fn the_upper_half_of_the_pcap_link_type_is_about_frame_check_sequences() {
    assert_eq!(seen(pcap(Order::Little, 0xa1b2_c3d4, 0x1400_0071, &some_packets())).0[0].2, 113);
}

#[test]
fn a_file_of_a_header_only_has_no_packets_and_no_damage() {
    assert_eq!(seen(pcap(Order::Little, 0xa1b2_c3d4, 1, &[])), (vec![], None));
    assert_eq!(seen(pcapng(Order::Little, 6, 0, &[])), (vec![], None));
    assert_eq!(seen(little().section().1), (vec![], None));
}

#[test]
fn a_cut_file_is_read_up_to_the_cut() {
    let mut file = pcap(Order::Little, 0xa1b2_c3d4, 1, &some_packets());
    file.pop();
    let (frames, damage) = seen(file);
    assert_eq!((frames.len(), damage), (4, Some((4, 24 + 4 * 76, Fault::Cut))));
    // In the header of a record, by one byte.
    let mut file = pcapng(Order::Little, 6, 0, &some_packets());
    let whole = file.len() as u64;
    file.push(6);
    assert_eq!(seen(file).1, Some((5, whole, Fault::Cut)));
}

#[test]
fn a_record_length_beyond_reason_is_passed_over() {
    for claimed in [300_000_u32, 17 << 20, u32::MAX] {
        let packets: Vec<Packet> = (0..5).map(|n: u8| (1_600_000_000_000_001_000, 60, vec![n; 60])).collect();
        let mut file = pcap(Order::Big, 0xa1b2_c3d4, 1, &packets);
        let place = 24 + 2 * 76 + 8;
        file[place..place + 4].copy_from_slice(&claimed.to_be_bytes());
        let ((frames, damage), gaps) = seen_with_gaps(file);
        let told: Vec<_> = frames.iter().map(|frame| (frame.0, frame.4[0])).collect();
        assert_eq!((told, damage), (vec![(1, 0), (2, 1), (3, 3), (4, 4)], None));
        assert_eq!(gaps, [(24 + 2 * 76, 76, Fault::PacketLength(claimed))]);
    }
}

#[test]
fn a_captured_length_over_the_original_length_is_believed() {
    let (frames, damage) = seen(pcap(Order::Little, 0xa1b2_c3d4, 1, &[(0, 5, vec![7; 60])]));
    assert_eq!((frames[0].3, frames[0].4.len(), damage), (60, 60, None));
}

#[test]
fn a_frame_larger_than_the_buffer_is_read_whole() {
    let large = vec![9; 3 << 20];
    let packets = [(0, 1, vec![1]), (1000, 3 << 20, large), (2000, 1, vec![2])];
    assert_eq!(seen(pcapng(Order::Little, 6, 0, &packets)), (expected(&packets), None));
}

#[test]
fn sections_have_their_own_byte_order_and_interfaces() {
    let first = little().section().interface(113, 0, |o| o).interface(1, 0, |o| o.resolution(9));
    let first = first.enhanced(1, 5, 3, b"abc").enhanced(0, 7, 3, b"def").1;
    let second = Writer(Order::Big, Vec::new()).section().interface(101, 0, |o| o.resolution(0));
    let second = second.enhanced(0, 2, 3, b"ghi").1;
    let (frames, damage) = seen([first, second].concat());
    assert_eq!(damage, None);
    let told: Vec<_> = frames.iter().map(|frame| (frame.0, frame.1, frame.2)).collect();
    assert_eq!(told, [(1, 5, 1), (2, 7000, 113), (3, 2_000_000_000, 101)]);
}

#[test]
fn simple_and_obsolete_packet_blocks_are_read() {
    let file = little().section().interface(1, 4, |o| o);
    // A Simple Packet Block of 9 bytes, 4 of them captured; then a Packet Block with a drop count.
    let file = file.block(3, |b| b.word(9).padded(b"wxyz"));
    let file = file.block(2, |b| b.half(0).half(12).word(0).word(8).word(3).word(3).padded(b"abc"));
    let file = file.block(3, |b| b.word(3).padded(b"abc"));
    let (frames, damage) = seen(file.1);
    assert_eq!(damage, None);
    assert_eq!(frames[0], (1, 0, 1, 9, b"wxyz".to_vec()));
    assert_eq!(frames[1], (2, 8000, 1, 3, b"abc".to_vec()));
    assert_eq!(frames[2], (3, 8000, 1, 3, b"abc".to_vec()), "no time of its own: that of the one before");
}

#[test]
fn other_blocks_are_passed_over_and_custom_ones_keep_their_number() {
    let file = little().section().interface(1, 0, |o| o).enhanced(0, 1, 1, b"a");
    let file = file.block(4, |b| b.long(0)).block(10, |b| b.word(1).word(0)).block(0x7777, |b| b);
    let file = file.block(0xbad, |b| b.word(32_473)).enhanced(0, 2, 1, b"b");
    let numbers: Vec<_> = seen(file.1).0.iter().map(|frame| frame.0).collect();
    assert_eq!(numbers, [1, 3], "Wireshark gives a custom block a frame number");
}

#[test]
fn statistics_tell_of_lost_packets() {
    let isb = |file: Writer, drops: u64| {
        file.block(5, |b| b.word(0).long(0).half(5).half(8).long(drops).half(7).half(8).long(1).half(0).half(0))
    };
    for order in [Order::Little, Order::Big] {
        let file = isb(isb(Writer(order, Vec::new()).section().interface(1, 0, |o| o), 3), 10);
        let file = isb(file.section().interface(1, 0, |o| o), 100);
        let mut file = CaptureFile::read_from(Path::new("test"), Cursor::new(file.1)).unwrap();
        assert!(file.next_frame().is_none());
        assert_eq!(
            file.drops(),
            Some(Drops { interface: 110, system: 2, between: 0 }),
            "they count from the section's start"
        );
    }
}

#[test]
fn blocks_that_contradict_themselves_are_passed_over() {
    let start = little().section().interface(1, 0, |o| o).enhanced(0, 1, 1, b"a").1;
    let offset = start.len() as u64;
    let body = |b: Writer| b.word(0).long(0).word(900).word(900).padded(b"abc");
    let section = |b: Writer| b.word(0x1a2b_3c4d).half(9).half(0).long(0);
    let cases = [
        (little().enhanced(7, 1, 1, b"a"), Fault::UnknownInterface(7)),
        (little().block(6, body), Fault::PacketBeyondBlock(900)),
        (little().word(6).word(11).word(0), Fault::BlockLength(11)),
        (little().word(6).word(17 << 20).word(0), Fault::BlockLength(17 << 20)),
        (little().word(6).word(16).word(0).word(12), Fault::BlockLengthsDiffer),
        (little().block(6, |b| b.word(0)), Fault::BlockLength(16)),
        (little().block(1, |b| b.word(0)), Fault::InterfaceDescription),
        (little().block(0x0a0d_0d0a, section), Fault::SectionVersion(9)),
        (little().block(0x0a0d_0d0a, |b| b.long(1).long(1)), Fault::SectionHeader),
        (little().bytes(&[0; 4096]), Fault::BlockLength(0)),
    ];
    for (bad, fault) in cases {
        let after = little().enhanced(0, 2, 1, b"b").1;
        let ((frames, damage), gaps) = seen_with_gaps([&start[..], &bad.1, &after].concat());
        let told: Vec<_> = frames.iter().map(|frame| (frame.0, frame.4[0])).collect();
        assert_eq!((told, damage), (vec![(1, b'a'), (2, b'b')], None), "{fault:?}");
        assert_eq!(gaps, [(offset, bad.1.len() as u64, fault)]);
    }
}

#[test]
fn damage_is_told_in_plain_words() {
    let mut bytes = pcap(Order::Little, 0xa1b2_c3d4, 1, &some_packets());
    bytes.pop();
    let mut file = CaptureFile::read_from(Path::new("trace\u{1b}[2J.pcap"), Cursor::new(bytes)).unwrap();
    while file.next_frame().is_some() {}
    let told = file.damage().unwrap().to_string();
    assert_eq!(told, r"trace\x1b[2J.pcap: the file ends in the middle of a record, after 4 packets, at byte 328");
}

#[test]
fn a_read_error_in_the_middle_is_damage() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::ErrorKind::ConnectionReset.into()),
                count => Ok(count),
            }
        }
    }
    let file = pcap(Order::Little, 0xa1b2_c3d4, 1, &some_packets());
    let (frames, damage) = read(Failing(Cursor::new(file))).unwrap();
    assert_eq!((frames.len(), damage.unwrap().2), (5, Fault::Read(io::ErrorKind::ConnectionReset)));
}
