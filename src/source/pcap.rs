//! The pcap format (draft-ietf-opsawg-pcap): one header, then records; every variant that
//! `pcap-parser` knows, and the "modified" one of either byte order.

use pcap_parser::pcap::{
    LegacyPcapBlock, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::buffer::MAXIMUM;
use super::damage::Fault;
use super::step::{Record, Step};
use crate::capture::{LinkType, Timestamp};

/// Length of the file header.
pub(super) const HEADER: usize = 24;

/// Largest snap length that capture programs set: a record beyond it and beyond the file's own
/// snap length is damage.
const LARGEST_SNAP_LENGTH: u32 = 262_144;

const NANOSECONDS_PER_SECOND: i64 = 1_000_000_000;

/// How the records of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Little,
    Big,
    /// Kuznetzov's, with 8 more bytes of header: interface, protocol, packet type.
    ModifiedLittle,
    ModifiedBig,
}

/// A pcap file, past its header.
#[derive(Debug)]
pub(super) struct Pcap {
    layout: Layout,
    link: LinkType,
    snap_length: u32,
    /// Nanoseconds in one unit of a record's fraction.
    nanoseconds: i64,
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
        })
    }

    /// What stands at the start of `input`.
    #[inline]
    pub(super) fn step(&self, input: &[u8]) -> Step {
        let (header, parsed) = match self.layout {
            Layout::Little => (16, parse_pcap_frame(input)),
            Layout::Big => (16, parse_pcap_frame_be(input)),
            Layout::ModifiedLittle => (24, parse_pcap_frame_modified(input)),
            Layout::ModifiedBig => return self.step_modified_big(input),
        };
        match parsed {
            Ok((_, block)) => self.record(header, &block),
            // These parsers know no other error.
            Err(_) => self.incomplete(input),
        }
    }

    /// `pcap-parser` has no such function: the record is read as a plain one with 8 bytes more.
    fn step_modified_big(&self, input: &[u8]) -> Step {
        const HEADER: usize = 24;
        let Some(header) = input.first_chunk::<HEADER>() else {
            return Step::More;
        };
        let word = |at: usize| {
            header.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes: &[u8; 4]| u32::from_be_bytes(*bytes))
        };
        let caplen = word(8);
        let length = usize::try_from(caplen).unwrap_or(usize::MAX);
        match input.get(HEADER..).and_then(|rest| rest.get(..length)) {
            Some(data) => {
                let block = LegacyPcapBlock { ts_sec: word(0), ts_usec: word(4), caplen, origlen: word(12), data };
                self.record(HEADER, &block)
            }
            None if self.is_sane(caplen) => Step::More,
            None => Step::Fault(Fault::PacketLength(caplen)),
        }
    }

    #[inline]
    fn record(&self, header: usize, block: &LegacyPcapBlock<'_>) -> Step {
        if !self.is_sane(block.caplen) {
            return Step::Fault(Fault::PacketLength(block.caplen));
        }
        let length = header.saturating_add(block.data.len());
        // Neither can overflow: both fields have 32 bits.
        let time = i64::from(block.ts_sec) * NANOSECONDS_PER_SECOND + i64::from(block.ts_usec) * self.nanoseconds;
        Step::Record(Record {
            time: Timestamp(time),
            link: self.link,
            original_length: block.origlen.max(block.caplen),
            data: header..length,
            length,
        })
    }

    fn is_sane(&self, captured: u32) -> bool {
        captured <= LARGEST_SNAP_LENGTH
            || (captured <= self.snap_length && usize::try_from(captured).is_ok_and(|captured| captured <= MAXIMUM))
    }

    /// The record does not end in `input`; whether it ever can is told by its length.
    #[cold]
    fn incomplete(&self, input: &[u8]) -> Step {
        let length = input.get(8..).and_then(<[u8]>::first_chunk).map(|bytes: &[u8; 4]| match self.layout {
            Layout::Little | Layout::ModifiedLittle => u32::from_le_bytes(*bytes),
            Layout::Big | Layout::ModifiedBig => u32::from_be_bytes(*bytes),
        });
        match length {
            Some(length) if !self.is_sane(length) => Step::Fault(Fault::PacketLength(length)),
            _ => Step::More,
        }
    }
}
