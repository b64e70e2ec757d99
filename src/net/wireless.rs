//! Data frames of IEEE 802.11 as a monitor captures them, with or without the headers that capture
//! programs put before them: radiotap, Prism, AVS, PPI.
//!
//! Off the hot path, and read by hand: etherparse does not know these headers. A frame that the
//! network encrypts is named, not opened; fragments and aggregates of MSDUs are left alone.

use super::encapsulation::{decode_llc, skip};
use super::link::LinkAddresses;
use super::rest::Rest;
use super::{Decoded, Layer, MacAddress, Undecodable, Why};
use crate::capture::LinkType;

type Result<'a> = std::result::Result<Decoded<'a>, Undecodable>;

pub(super) const IEEE_802_11: LinkType = LinkType(105);
pub(super) const PRISM: LinkType = LinkType(119);
pub(super) const RADIOTAP: LinkType = LinkType(127);
pub(super) const AVS: LinkType = LinkType(163);
pub(super) const PPI: LinkType = LinkType(192);

/// What a radio's header says of the frame behind it.
#[derive(Clone, Copy, Default)]
struct Radio {
    /// The frame's header is padded to a multiple of 4 bytes.
    padded: bool,
    /// Its checksum is wrong.
    broken: bool,
}

/// Reads a frame of one of the link types above.
#[cold]
pub(super) fn decode(link: LinkType, frame: Rest<'_>) -> Result<'_> {
    let lacking = || frame.too_short(Layer::Wireless, 8);
    let word = |at: usize| frame.data.get(at..at + 4).and_then(|bytes| bytes.first_chunk::<4>().copied());
    let (length, radio) = match link {
        RADIOTAP => radiotap(frame.data).ok_or_else(lacking)?,
        // The length stands in the order of the capturing host; it is far below 2^16.
        PRISM => match word(4).map(u32::from_le_bytes).ok_or_else(lacking)? {
            length if length > 0xFFFF => (length.swap_bytes(), Radio::default()),
            length => (length, Radio::default()),
        },
        AVS => (word(4).map(u32::from_be_bytes).ok_or_else(lacking)?, Radio::default()),
        PPI => match (word(0).ok_or_else(lacking)?, word(4).map(u32::from_le_bytes)) {
            ([_, _, low, high], Some(105)) => (u32::from(u16::from_le_bytes([low, high])), Radio::default()),
            _ => return Ok(Decoded::Other),
        },
        _ => (0, Radio::default()),
    };
    if radio.broken {
        return Ok(Decoded::Other);
    }
    decode_frame(skip(frame, usize::try_from(length).unwrap_or(usize::MAX))?, radio)
}

/// The length of a radiotap header, and its flags (<https://www.radiotap.org>).
fn radiotap(data: &[u8]) -> Option<(u32, Radio)> {
    const TSFT: u32 = 1 << 0;
    const FLAGS: u32 = 1 << 1;
    const MORE: u32 = 1 << 31;
    const PADDED: u8 = 0x20;
    const BAD_CHECKSUM: u8 = 0x40;
    let &[_, _, low, high] = data.first_chunk::<4>()?;
    let present = |number: usize| {
        let at = 4 + 4 * number;
        data.get(at..at + 4)?.first_chunk().copied().map(u32::from_le_bytes)
    };
    let first = present(0)?;
    let mut words = 1;
    while present(words - 1)? & MORE != 0 {
        words += 1;
    }
    let mut at = 4 + 4 * words;
    if first & TSFT != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    let flags = if first & FLAGS == 0 { 0 } else { *data.get(at)? };
    let radio = Radio { padded: flags & PADDED != 0, broken: flags & BAD_CHECKSUM != 0 };
    Some((u16::from_le_bytes([low, high]).into(), radio))
}

/// A frame (IEEE 802.11-2020 §9.2.3, §9.3.2.1).
fn decode_frame(frame: Rest<'_>, radio: Radio) -> Result<'_> {
    const HEADER: usize = 24;
    const ADDRESS: usize = 6;
    const DATA: u8 = 0x08;
    const NO_DATA: u8 = 0x40;
    const QOS: u8 = 0x80;
    let Some(&[kind, flags, ref header @ ..]) = frame.data.first_chunk::<HEADER>() else {
        return Err(frame.too_short(Layer::Wireless, HEADER));
    };
    let has = |bit: u8| flags & bit != 0;
    let (to_distribution, from_distribution) = (has(0x01), has(0x02));
    let (more_fragments, protected, ordered) = (has(0x04), has(0x40), has(0x80));
    let [_, _, addresses @ .., sequence, _] = header;
    if kind & 0x0F != DATA || kind & NO_DATA != 0 || more_fragments || sequence & 0x0F != 0 {
        return Ok(Decoded::Other);
    }
    if protected {
        return Err(Undecodable { layer: Layer::Wireless, why: Why::Encrypted });
    }
    let mut length = HEADER;
    let mut fourth = None;
    if to_distribution && from_distribution {
        fourth = frame.data.get(HEADER..HEADER + ADDRESS).and_then(|bytes| bytes.first_chunk::<ADDRESS>().copied());
        length += ADDRESS;
    }
    if kind & QOS != 0 {
        const AGGREGATE: u8 = 0x80;
        if frame.data.get(length).is_some_and(|control| control & AGGREGATE != 0) {
            return Ok(Decoded::Other);
        }
        length += if ordered { 6 } else { 2 };
    }
    if radio.padded {
        length = length.next_multiple_of(4);
    }
    let address = |number: usize| {
        let bytes = addresses.get(number * ADDRESS..)?.first_chunk::<ADDRESS>()?;
        Some(MacAddress(*bytes))
    };
    let (source, destination) = match (to_distribution, from_distribution) {
        (false, false) => (address(1), address(0)),
        (true, false) => (address(1), address(2)),
        (false, true) => (address(2), address(0)),
        (true, true) => (fourth.map(MacAddress), address(2)),
    };
    decode_llc(skip(frame, length)?, LinkAddresses { source, destination })
}
