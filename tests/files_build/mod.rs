//! Builds capture files byte by byte from the format texts.
#![allow(dead_code, unreachable_pub)] // each test file uses a part of it

use std::io::{Cursor, Read};
use std::path::Path;

use mqttcap::source::{CaptureFile, Error, Fault};

/// A packet: nanoseconds, original length, captured bytes.
pub type Packet = (i64, u32, Vec<u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

/// Writes fields in one byte order.
pub struct Writer(pub Order, pub Vec<u8>);

impl Writer {
    pub fn half(mut self, value: u16) -> Self {
        self.1.extend(if self.0 == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() });
        self
    }
    pub fn word(mut self, value: u32) -> Self {
        self.1.extend(if self.0 == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() });
        self
    }
    pub fn long(mut self, value: u64) -> Self {
        self.1.extend(if self.0 == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() });
        self
    }
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.1.extend(bytes);
        self
    }
    pub fn padded(mut self, bytes: &[u8]) -> Self {
        self.1.extend(bytes);
        self.1.resize(self.1.len().next_multiple_of(4), 0);
        self
    }
    /// A pcapng block around a body.
    pub fn block(self, kind: u32, body: impl FnOnce(Writer) -> Writer) -> Self {
        let body = body(Writer(self.0, Vec::new())).1;
        let length = u32::try_from(body.len()).unwrap() + 12;
        self.word(kind).word(length).bytes(&body).word(length)
    }
    pub fn section(self) -> Self {
        self.block(0x0a0d_0d0a, |b| b.word(0x1a2b_3c4d).half(1).half(0).long(u64::MAX))
    }
    pub fn interface(self, link: u16, snap_length: u32, options: impl FnOnce(Writer) -> Writer) -> Self {
        self.block(1, |b| options(b.half(link).half(0).word(snap_length)))
    }
    pub fn resolution(self, resolution: u8) -> Self {
        self.half(9).half(1).padded(&[resolution])
    }
    pub fn offset(self, seconds: i64) -> Self {
        self.half(14).half(8).long(seconds.cast_unsigned())
    }
    pub fn enhanced(self, interface: u32, units: u64, original: u32, data: &[u8]) -> Self {
        self.block(6, |b| {
            let (high, low) = (units >> 32, units & 0xffff_ffff);
            let b = b.word(interface).word(u32::try_from(high).unwrap()).word(u32::try_from(low).unwrap());
            b.word(u32::try_from(data.len()).unwrap()).word(original).padded(data)
        })
    }
}

pub fn little() -> Writer {
    Writer(Order::Little, Vec::new())
}

pub fn pcap(order: Order, magic: u32, link: u32, packets: &[Packet]) -> Vec<u8> {
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
pub fn pcapng(order: Order, resolution: u8, offset: i64, packets: &[Packet]) -> Vec<u8> {
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
pub type Seen = (Vec<(u64, i64, u16, u32, Vec<u8>)>, Option<(u64, u64, Fault)>);

pub fn read(file: impl Read + Send + 'static) -> Result<Seen, Error> {
    let mut file = CaptureFile::read_from(Path::new("test"), file)?;
    let mut frames = Vec::new();
    while let Some(frame) = file.next_frame() {
        frames.push((frame.at.frame.get(), frame.at.time.0, frame.link.0, frame.original_length, frame.data.to_vec()));
    }
    assert!(file.next_frame().is_none(), "the end stays the end");
    Ok((frames, file.damage().map(|damage| (damage.packets, damage.offset, damage.fault))))
}

/// As [`seen`], with what was passed over: offset, bytes, fault.
pub fn seen_with_gaps(bytes: Vec<u8>) -> (Seen, Vec<(u64, u64, Fault)>) {
    let mut file = CaptureFile::read_from(Path::new("test"), Cursor::new(bytes.clone())).unwrap();
    while file.next_frame().is_some() {}
    let gaps = file.gaps();
    assert_eq!((gaps.more, gaps.more_bytes), (0, 0));
    (seen(bytes), gaps.first.iter().map(|gap| (gap.offset, gap.bytes, gap.fault)).collect())
}

pub fn seen(bytes: Vec<u8>) -> Seen {
    read(Cursor::new(bytes)).unwrap()
}

pub fn some_packets() -> Vec<Packet> {
    (0..5).map(|n: u8| (1_600_000_000_000_001_000 * i64::from(n > 0), 60, vec![n; 60])).collect()
}
