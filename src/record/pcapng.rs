//! Frames as blocks of a pcapng section (draft-ietf-opsawg-pcapng), by pcap-parser.
//!
//! Invariant: times are nanoseconds; an interface is described before its first frame, one for each link type.

use std::borrow::Cow;
use std::io;

use pcap_parser::{
    EnhancedPacketBlock, InterfaceDescriptionBlock, InterfaceStatisticsBlock, Linktype, OptionCode, PcapNGOption,
    SectionHeaderBlock, ToVec,
};

use crate::capture::{Frame, LinkType, Timestamp};

/// Longest value of an option, which has 16 bits for its length, and room to pad.
const LONGEST: usize = u16::MAX as usize - 3;
/// `if_tsresol`: 10 to the power of -9 seconds.
const NANOSECONDS: u8 = 9;
/// `shb_userappl` and `if_name`.
const APPLICATION: OptionCode = OptionCode(4);
const NAME: OptionCode = OptionCode(2);
/// `isb_osdrop`.
const DROPPED: OptionCode = OptionCode(7);

/// A section that is being written.
#[derive(Debug, Default)]
pub struct Section {
    name: String,
    links: Vec<LinkType>,
}

impl Section {
    /// Begins a section with what was captured on `name`; `comment` stands in its header.
    pub fn begin(name: &str, comment: Option<&str>, out: &mut Vec<u8>) -> io::Result<Section> {
        let mut options: Vec<PcapNGOption<'_>> =
            comment.map(|text| option(OptionCode::Comment, text)).into_iter().collect();
        options.push(option(APPLICATION, concat!("mqttcap ", env!("CARGO_PKG_VERSION"))));
        let header = SectionHeaderBlock {
            block_type: 0,
            block_len1: 0,
            bom: 0,
            major_version: 1,
            minor_version: 0,
            section_len: -1,
            options,
            block_len2: 0,
        };
        put(header, out)?;
        Ok(Section { name: name.to_owned(), links: Vec::new() })
    }

    /// Writes a frame.
    pub fn frame(&mut self, frame: &Frame<'_>, comment: Option<&str>, out: &mut Vec<u8>) -> io::Result<()> {
        let place = self.links.iter().position(|link| *link == frame.link);
        let place = if let Some(place) = place { place } else { self.describe(frame.link, out)? };
        let (ts_high, ts_low) = halves(frame.at.time);
        let block = EnhancedPacketBlock {
            block_type: 0,
            block_len1: 0,
            if_id: u32::try_from(place).unwrap_or(u32::MAX),
            ts_high,
            ts_low,
            caplen: u32::try_from(frame.data.len()).unwrap_or(u32::MAX),
            origlen: frame.original_length,
            data: frame.data,
            options: comment.map(|text| option(OptionCode::Comment, text)).into_iter().collect(),
            block_len2: 0,
        };
        put(block, out)
    }

    /// Writes how many frames were lost before they came here, all told, as statistics of the first interface.
    pub fn lost(&mut self, frames: u64, now: Timestamp, out: &mut Vec<u8>) -> io::Result<()> {
        if self.links.is_empty() {
            return Ok(());
        }
        let (ts_high, ts_low) = halves(now);
        let count = PcapNGOption { code: DROPPED, len: 8, value: Cow::Owned(frames.to_le_bytes().to_vec()) };
        put(
            InterfaceStatisticsBlock {
                block_type: 0,
                block_len1: 0,
                if_id: 0,
                ts_high,
                ts_low,
                options: vec![count],
                block_len2: 0,
            },
            out,
        )
    }

    fn describe(&mut self, link: LinkType, out: &mut Vec<u8>) -> io::Result<usize> {
        let block = InterfaceDescriptionBlock {
            block_type: 0,
            block_len1: 0,
            linktype: Linktype(i32::from(link.0)),
            reserved: 0,
            snaplen: 0,
            options: vec![option(NAME, &self.name)],
            block_len2: 0,
            if_tsresol: NANOSECONDS,
            if_tsoffset: 0,
        };
        put(block, out)?;
        self.links.push(link);
        Ok(self.links.len() - 1)
    }
}

/// A time before 1970 cannot be told.
fn halves(time: Timestamp) -> (u32, u32) {
    let nanoseconds = u64::try_from(time.0).unwrap_or(0);
    let half = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    (half(nanoseconds >> 32), half(nanoseconds & u64::from(u32::MAX)))
}

fn option(code: OptionCode, text: &str) -> PcapNGOption<'_> {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let value = text.as_bytes().get(..end).unwrap_or_default();
    PcapNGOption { code, len: u16::try_from(end).unwrap_or(u16::MAX), value: Cow::Borrowed(value) }
}

fn put(mut block: impl ToVec, out: &mut Vec<u8>) -> io::Result<()> {
    let bytes = block.to_vec().map_err(|error| io::Error::other(format!("{error:?}")))?;
    out.extend_from_slice(&bytes);
    Ok(())
}
