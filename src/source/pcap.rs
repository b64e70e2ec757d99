//! The pcap format (draft-ietf-opsawg-pcap): one header, then records; micro- and nanoseconds and
//! Kuznetzov's "modified" one, in either byte order.
//!
//! `pcap-parser` reads the file header. The four or six words before a packet are read here: they are
//! also what tells records from other bytes where a file is damaged.

use pcap_parser::pcap::parse_pcap_header;

use super::buffer::MAXIMUM;
use super::damage::Fault;
use super::record_header::{Layout, RecordHeader};
use super::search::Begins;
use super::step::{Record, Step};
use crate::capture::{LinkType, Timestamp};

/// Length of the file header.
pub(super) const HEADER: usize = 24;

/// Largest snap length that capture programs set: a record beyond it and beyond the file's own
/// snap length is damage.
const LARGEST_SNAP_LENGTH: u32 = 262_144;
/// No packet is longer: what offloading joins stays below it.
const LONGEST_PACKET: u32 = 1 << 20;
/// So many records in a row must fit one another for reading to go on with them.
const CHAIN: usize = 3;
/// Records further apart than a year do not fit one another, in nanoseconds.
const NEAR: i64 = 366 * 86_400 * NANOSECONDS_PER_SECOND;

const NANOSECONDS_PER_SECOND: i64 = 1_000_000_000;

/// A pcap file, past its header.
#[derive(Debug)]
pub(super) struct Pcap {
    layout: Layout,
    link: LinkType,
    snap_length: u32,
    /// Nanoseconds in one unit of a record's fraction.
    nanoseconds: i64,
    /// Of the record before.
    last_time: Option<Timestamp>,
}

/// Whether these are the first bytes of a pcap file.
pub(super) fn is_magic(start: [u8; 4]) -> bool {
    let [a, b, c, d] = start;
    [[a, b, c, d], [d, c, b, a]]
        .iter()
        .any(|magic| matches!(magic, [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] | [0xa1, 0xb2, 0xcd, 0x34]))
}

impl Pcap {
    /// Reads the file header; `None` if it is none.
    pub(super) fn new(header: &[u8; HEADER]) -> Option<Pcap> {
        let mut header = *header;
        // pcap-parser knows the modified format in little-endian order only.
        let modified_big = header.starts_with(&[0xa1, 0xb2, 0xcd, 0x34]);
        if modified_big && let Some(magic) = header.first_chunk_mut::<4>() {
            *magic = [0xa1, 0xb2, 0xc3, 0xd4];
        }
        let (_, parsed) = parse_pcap_header(&header).ok()?;
        let layout = match (modified_big, parsed.is_modified_format(), parsed.is_bigendian()) {
            (true, _, _) => Layout::ModifiedBig,
            (_, true, _) => Layout::ModifiedLittle,
            (_, _, true) => Layout::Big,
            _ => Layout::Little,
        };
        // The upper half of the field tells of frame check sequences.
        let [_, _, low0, low1] = parsed.network.0.to_be_bytes();
        Some(Pcap {
            layout,
            link: LinkType(u16::from_be_bytes([low0, low1])),
            snap_length: parsed.snaplen,
            nanoseconds: if parsed.is_nanosecond_precision() { 1 } else { 1000 },
            last_time: None,
        })
    }

    /// The record at the start of `input`, if it is whole and as capture programs write them: nearly all are.
    #[inline]
    pub(super) fn usual(&mut self, input: &[u8]) -> Option<Record> {
        let header = RecordHeader::read(self.layout, input)?;
        let time = self.time(&header);
        let length = self.layout.header().saturating_add(size(header.captured));
        let is_usual = length <= input.len() && self.is_sane(header.captured) && !self.is_odd(&header, time);
        is_usual.then(|| self.record(&header, time, length))
    }

    /// What stands at the start of `input`; with `complete` nothing follows it.
    pub(super) fn step(&mut self, input: &[u8], complete: bool) -> Step {
        let Some(header) = RecordHeader::read(self.layout, input) else {
            return Step::More;
        };
        if !self.is_sane(header.captured) {
            return Step::Fault(Fault::PacketLength(header.captured));
        }
        let time = self.time(&header);
        if self.is_odd(&header, time) {
            match self.goes_on(&header, time, input, complete) {
                Begins::Yes => {}
                Begins::No => return Step::Fault(Fault::NoRecord),
                Begins::More => return Step::More,
            }
        }
        let length = self.layout.header().saturating_add(size(header.captured));
        if length > input.len() {
            return Step::More;
        }
        Step::Record(self.record(&header, time, length))
    }

    /// A record of `length` bytes.
    #[inline]
    fn record(&mut self, header: &RecordHeader, time: Timestamp, length: usize) -> Record {
        self.last_time = Some(time);
        Record {
            time,
            link: self.link,
            original_length: header.original.max(header.captured),
            data: self.layout.header()..length,
            length,
        }
    }

    /// Whether records go on at the start of `input`: [`CHAIN`] of them that fit one another, or fewer up to the end of
    /// the file. They go on near the time of the record before; or else, as a clock may have been set meanwhile, each of
    /// them holds its whole packet: four bytes into a record, the next words may look like a header. Takes constant time.
    #[inline]
    pub(super) fn begins(&self, input: &[u8], complete: bool) -> Begins {
        let (mut rest, mut last) = (input, None);
        let (mut near, mut whole) = (false, true);
        for found in 0..CHAIN {
            let at_end = match complete {
                true if found > 0 && near => Begins::Yes,
                true => Begins::No,
                false => Begins::More,
            };
            let Some(header) = RecordHeader::read(self.layout, rest) else {
                return at_end;
            };
            let time = self.time(&header);
            if !self.is_plain(&header) || last.is_some_and(|last| !is_near(time, last)) {
                return Begins::No;
            }
            if found == 0 {
                near = self.last_time.map_or(time.0 > NEAR, |last| is_near(time, last));
            }
            whole &= header.captured == header.original;
            if !near && !whole {
                return Begins::No;
            }
            if found + 1 == CHAIN {
                break;
            }
            match rest.get(self.layout.header() + size(header.captured)..) {
                Some(following) => rest = following,
                None => return at_end,
            }
            last = Some(time);
        }
        Begins::Yes
    }

    /// Neither can overflow: both fields have 32 bits.
    #[inline]
    fn time(&self, header: &RecordHeader) -> Timestamp {
        Timestamp(i64::from(header.seconds) * NANOSECONDS_PER_SECOND + i64::from(header.fraction) * self.nanoseconds)
    }

    #[inline]
    fn is_sane(&self, captured: u32) -> bool {
        captured <= LARGEST_SNAP_LENGTH || (captured <= self.snap_length && size(captured) <= MAXIMUM)
    }

    #[inline]
    fn is_fraction(&self, fraction: u32) -> bool {
        i64::from(fraction) * self.nanoseconds < NANOSECONDS_PER_SECOND
    }

    /// Whether a record is such as capture programs do not write: some do, yet so does damage.
    #[inline]
    fn is_odd(&self, header: &RecordHeader, time: Timestamp) -> bool {
        header.captured > header.original
            || header.original == 0
            || header.original > LONGEST_PACKET
            || !self.is_fraction(header.fraction)
            || self.last_time.is_some_and(|last| !is_near(time, last))
    }

    /// Whether an odd record is one: at its end stands another, or the file's end.
    #[cold]
    fn goes_on(&self, header: &RecordHeader, time: Timestamp, input: &[u8], complete: bool) -> Begins {
        // A hole that was never written: zeros.
        if header.is_zero() && self.last_time.is_some_and(|last| !is_near(time, last)) {
            return Begins::No;
        }
        let next = input.get(self.layout.header().saturating_add(size(header.captured))..);
        let read = next.and_then(|next| RecordHeader::read(self.layout, next));
        let Some(read) = read else {
            return if complete { Begins::Yes } else { Begins::More };
        };
        let alike = (read.captured <= read.original || header.captured > header.original)
            && (read.original <= LONGEST_PACKET || header.original > LONGEST_PACKET)
            && (self.is_fraction(read.fraction) || !self.is_fraction(header.fraction));
        if self.is_sane(read.captured) && alike && !read.is_zero() { Begins::Yes } else { Begins::No }
    }

    /// Whether a record is as capture programs write them, whenever it was captured.
    #[inline]
    fn is_plain(&self, header: &RecordHeader) -> bool {
        header.captured > 0
            && header.captured <= LARGEST_SNAP_LENGTH
            && header.captured <= header.original
            && header.original <= LONGEST_PACKET
            && self.is_fraction(header.fraction)
    }
}

fn is_near(one: Timestamp, other: Timestamp) -> bool {
    one.nanoseconds_since(other).abs() <= NEAR
}

#[inline]
fn size(captured: u32) -> usize {
    usize::try_from(captured).unwrap_or(usize::MAX)
}
