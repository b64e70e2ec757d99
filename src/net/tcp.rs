//! The TCP header (RFC 9293 §3.1).
//!
//! The first 20 bytes must be captured; options and payload may be cut. Checksums are not verified here:
//! [`super::checksum`] does it where it is asked to.

use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::HeaderSliceError;

use super::ip::Addresses;
use super::rest::Rest;
use super::{Decoded, Endpoint, Layer, Segment, TcpFlags, Undecodable, Why};

/// Length of a TCP header without options.
const MINIMUM: usize = 20;

/// Reads the TCP header at the start of an IP payload.
#[inline]
pub(super) fn decode<'a>(rest: Rest<'a>, from: &Addresses) -> Result<Decoded<'a>, Undecodable> {
    match TcpHeaderSlice::from_slice(rest.data) {
        Ok(header) => {
            let bytes = header.slice();
            let payload = rest.after(bytes.len()).unwrap_or(rest);
            let whole = usize::try_from(rest.length) == Ok(rest.data.len());
            let covered = if whole { rest.data } else { &[] };
            Ok(segment(&header, bytes.get(MINIMUM..).unwrap_or_default(), payload, covered, from))
        }
        Err(error) => decode_cut(rest, from, &error),
    }
}

/// A snap length of 68 bytes, once usual, cuts the options of a SYN: what is before them is whole.
#[cold]
fn decode_cut<'a>(rest: Rest<'a>, from: &Addresses, error: &HeaderSliceError) -> Result<Decoded<'a>, Undecodable> {
    /// Data offset of a header without options.
    const NO_OPTIONS: u8 = 0x50;
    let needed = match error {
        HeaderSliceError::Len(length) => length.required_len,
        HeaderSliceError::Content(_) => return Err(Undecodable { layer: Layer::Tcp, why: Why::Invalid }),
    };
    let why = rest.lacks(needed);
    let fixed = rest.data.first_chunk::<MINIMUM>().filter(|_| why == Why::Truncated);
    let Some(&(mut fixed)) = fixed else {
        return Err(Undecodable { layer: Layer::Tcp, why });
    };
    if let Some(offset) = fixed.get_mut(12) {
        *offset = NO_OPTIONS;
    }
    let header = TcpHeaderSlice::from_slice(&fixed).map_err(|_| Undecodable { layer: Layer::Tcp, why })?;
    let options = rest.data.get(MINIMUM..).unwrap_or_default();
    let length = rest.length.saturating_sub(u32::try_from(needed).unwrap_or(u32::MAX));
    Ok(segment(&header, options, rest.nothing_of(length), &[], from))
}

#[inline]
fn segment<'a>(
    header: &TcpHeaderSlice<'_>,
    options: &'a [u8],
    payload: Rest<'a>,
    covered: &'a [u8],
    from: &Addresses,
) -> Decoded<'a> {
    Decoded::Segment(Segment {
        source: Endpoint { address: from.source, port: header.source_port() },
        destination: Endpoint { address: from.destination, port: header.destination_port() },
        source_mac: from.link.source,
        destination_mac: from.link.destination,
        hop_limit: from.hop_limit,
        sequence: header.sequence_number(),
        acknowledgment: header.acknowledgment_number(),
        // Byte 13 holds CWR to FIN; etherparse hands them out one by one.
        flags: TcpFlags(header.slice().get(13).copied().unwrap_or_default()),
        window: header.window_size(),
        options,
        payload: payload.data,
        payload_length: payload.length,
        covered,
    })
}
