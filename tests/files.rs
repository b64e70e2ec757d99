//! Capture files built by hand from the format texts (draft-ietf-opsawg-pcap and -pcapng): every
//! variant, every damage, several files as one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test

use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use mqttcap::source::{CaptureFile, Captures, Content, Drops, Error, Fault};
use proptest::prelude::*;

/// A packet: nanoseconds, original length, captured bytes.
type Packet = (i64, u32, Vec<u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// Writes fields in one byte order.
struct Writer(Order, Vec<u8>);

impl Writer {
    fn half(mut self, value: u16) -> Self {
        self.1.extend(if self.0 == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() });
        self
    }
    fn word(mut self, value: u32) -> Self {
        self.1.extend(if self.0 == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() });
        self
    }
    fn long(mut self, value: u64) -> Self {
        self.1.extend(if self.0 == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() });
        self
    }
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.1.extend(bytes);
        self
    }
    fn padded(mut self, bytes: &[u8]) -> Self {
        self.1.extend(bytes);
        self.1.resize(self.1.len().next_multiple_of(4), 0);
        self
    }
    /// A pcapng block around a body.
    fn block(self, kind: u32, body: impl FnOnce(Writer) -> Writer) -> Self {
        let body = body(Writer(self.0, Vec::new())).1;
        let length = u32::try_from(body.len()).unwrap() + 12;
        self.word(kind).word(length).bytes(&body).word(length)
    }
    fn section(self) -> Self {
        self.block(0x0a0d_0d0a, |b| b.word(0x1a2b_3c4d).half(1).half(0).long(u64::MAX))
    }
    fn interface(self, link: u16, snap_length: u32, options: impl FnOnce(Writer) -> Writer) -> Self {
        self.block(1, |b| options(b.half(link).half(0).word(snap_length)))
    }
    fn resolution(self, resolution: u8) -> Self {
        self.half(9).half(1).padded(&[resolution])
    }
    fn offset(self, seconds: i64) -> Self {
        self.half(14).half(8).long(seconds.cast_unsigned())
    }
    fn enhanced(self, interface: u32, units: u64, original: u32, data: &[u8]) -> Self {
        self.block(6, |b| {
            let b = b.word(interface).word((units >> 32) as u32).word(units as u32);
            b.word(u32::try_from(data.len()).unwrap()).word(original).padded(data)
        })
    }
}

fn little() -> Writer {
    Writer(Order::Little, Vec::new())
}

fn pcap(order: Order, magic: u32, link: u32, packets: &[Packet]) -> Vec<u8> {
    let mut file = Writer(order, Vec::new()).word(magic).half(2).half(4).word(0).word(0).word(65_535).word(link);
    for (time, original, data) in packets {
        let fraction = time % 1_000_000_000 / if magic == 0xa1b2_3c4d { 1 } else { 1000 };
        file = file.word(u32::try_from(time / 1_000_000_000).unwrap()).word(u32::try_from(fraction).unwrap());
        file = file.word(u32::try_from(data.len()).unwrap()).word(*original);
        if magic == 0xa1b2_cd34 {
            file = file.word(1).half(0x0800).half(0);
        }
        file = file.bytes(data);
    }
    file.1
}

/// A pcapng file of one section and interface; times in units of `resolution`, after `offset`.
fn pcapng(order: Order, resolution: u8, offset: i64, packets: &[Packet]) -> Vec<u8> {
    let mut file = Writer(order, Vec::new()).section();
    file = file.interface(1, 0, |o| o.resolution(resolution).offset(offset).half(0).half(0));
    for (time, original, data) in packets {
        let nanoseconds = u128::try_from(time - offset * 1_000_000_000).unwrap();
        let units = if resolution & 0x80 == 0 {
            nanoseconds * 10_u128.pow(u32::from(resolution)) / 1_000_000_000
        } else {
            // Rounded up, so that the way back rounds down to the same nanosecond.
            (nanoseconds << (resolution & 0x7f)).div_ceil(1_000_000_000)
        };
        file = file.enhanced(0, u64::try_from(units).unwrap(), *original, data);
    }
    file.1
}

/// What was read: number, time, link, original length and data of each frame, and the damage.
type Seen = (Vec<(u64, i64, u16, u32, Vec<u8>)>, Option<(u64, u64, Fault)>);

fn read(file: impl Read + Send + 'static) -> Result<Seen, Error> {
    let mut file = CaptureFile::read_from(Path::new("test"), file)?;
    let mut frames = Vec::new();
    while let Some(frame) = file.next_frame() {
        frames.push((frame.at.frame.0, frame.at.time.0, frame.link.0, frame.original_length, frame.data.to_vec()));
    }
    assert!(file.next_frame().is_none(), "the end stays the end");
    Ok((frames, file.damage().map(|damage| (damage.packets, damage.offset, damage.fault))))
}

fn seen(bytes: Vec<u8>) -> Seen {
    read(Cursor::new(bytes)).unwrap()
}

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
            for resolution in [6, 7, 9, 0x80 | 33] {
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

fn some_packets() -> Vec<Packet> {
    (0..5).map(|n: u8| (1_600_000_000_000_001_000 * i64::from(n > 0), 60, vec![n; 60])).collect()
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
fn a_record_length_beyond_reason_ends_the_file() {
    for claimed in [300_000_u32, 17 << 20, u32::MAX] {
        let mut file = pcap(Order::Big, 0xa1b2_c3d4, 1, &some_packets());
        let place = 24 + 2 * 76 + 8;
        file[place..place + 4].copy_from_slice(&claimed.to_be_bytes());
        let (frames, damage) = seen(file);
        assert_eq!((frames.len(), damage), (2, Some((2, 24 + 2 * 76, Fault::PacketLength(claimed)))));
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
        assert_eq!(file.drops(), Some(Drops { interface: 110, system: 2 }), "they count from the section's start");
    }
}

#[test]
fn blocks_that_contradict_themselves_end_the_file() {
    let start = little().section().interface(1, 0, |o| o).enhanced(0, 1, 1, b"a").1;
    let after = |more: Writer| seen([start.clone(), more.1].concat()).1.unwrap();
    let offset = start.len() as u64;
    assert_eq!(after(little().enhanced(7, 1, 1, b"a")), (1, offset, Fault::UnknownInterface(7)));
    let body = |b: Writer| b.word(0).long(0).word(900).word(900).padded(b"abc");
    assert_eq!(after(little().block(6, body)), (1, offset, Fault::PacketBeyondBlock(900)));
    assert_eq!(after(little().word(6).word(11).word(0)), (1, offset, Fault::BlockLength(11)));
    assert_eq!(after(little().word(6).word(17 << 20).word(0)), (1, offset, Fault::BlockLength(17 << 20)));
    assert_eq!(after(little().word(6).word(16).word(0).word(12)), (1, offset, Fault::BlockLengthsDiffer));
    assert_eq!(after(little().block(6, |b| b.word(0))), (1, offset, Fault::BlockLength(16)));
    assert_eq!(after(little().block(1, |b| b.word(0))), (1, offset, Fault::InterfaceDescription));
    let section = |b: Writer| b.word(0x1a2b_3c4d).half(9).half(0).long(0);
    assert_eq!(after(little().block(0x0a0d_0d0a, section)), (1, offset, Fault::SectionVersion(9)));
    assert_eq!(after(little().block(0x0a0d_0d0a, |b| b.long(1).long(1))), (1, offset, Fault::SectionHeader));
}

#[test]
fn damage_is_told_in_plain_words() {
    let mut bytes = pcap(Order::Little, 0xa1b2_c3d4, 1, &some_packets());
    bytes.pop();
    let mut file = CaptureFile::read_from(Path::new("trace\u{1b}[2J.pcap"), Cursor::new(bytes)).unwrap();
    while file.next_frame().is_some() {}
    let told = file.damage().unwrap().to_string();
    assert_eq!(told, r"trace\u{1b}[2J.pcap: the file ends in the middle of a record, after 4 packets, at byte 328");
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
    for (start, content) in [
        (&b"\x1f\x8b\x08"[..], Content::Gzip),
        (b"\x28\xb5\x2f\xfd", Content::Zstd),
        (b"\xfd7zXZ\0", Content::Xz),
        (b"\x04\x22\x4d\x18", Content::Lz4),
        (b"snoop\0\0\0\0\0\0\x02", Content::Snoop),
        (b"\x7fELF\x02", Content::Executable),
        ("12:00:01 IP a > b: Flags [S] – äöü".as_bytes(), Content::Text),
        (b"\0\x01\x02\x03", Content::Unknown),
    ] {
        let error = refused(start);
        assert!(matches!(error, Error::NotACapture { content: told, .. } if told == content), "{error}");
        assert!(!error.to_string().contains("äöü"), "captured text stays out of messages");
    }
    let gzip = refused(b"\x1f\x8b\x08");
    assert_eq!(gzip.to_string(), "cannot read trace.pcap: not a pcap or pcapng capture, it is compressed by gzip");
    assert_eq!(gzip.hint().unwrap(), "decompress it first: zcat trace.pcap | mqttcap read -");
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
    for paths in [vec![late.clone(), early.clone(), cut.clone(), none.clone(), middle.clone()], vec![folder.path().into()]] {
        let mut captures = Captures::open(&paths).unwrap();
        assert_eq!(captures.paths(), [&none, &early, &middle, &late, &cut].map(Clone::clone));
        let mut seen = Vec::new();
        while let Some(frame) = captures.next_frame() {
            seen.push((frame.at.frame.0, frame.data[0]));
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
    let mut file = file.numbered_after(mqttcap::capture::FrameNumber(41));
    assert_eq!(file.next_frame().unwrap().at.frame.0, 42);
}
