//! The TCP header (RFC 9293 §3.1).
//!
//! The header must be captured whole; the payload may be cut. Checksums are not verified: a host
//! that leaves them to its network card is captured with wrong ones.

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
    let header = TcpHeaderSlice::from_slice(rest.data).map_err(|error| match error {
        HeaderSliceError::Len(length) => rest.too_short(Layer::Tcp, length.required_len),
        HeaderSliceError::Content(_) => Undecodable { layer: Layer::Tcp, why: Why::Invalid },
    })?;
    let bytes = header.slice();
    let payload = rest
        .after(bytes.len())
        .ok_or_else(|| rest.too_short(Layer::Tcp, bytes.len()))?;
    Ok(Decoded::Segment(Segment {
        source: Endpoint { address: from.source, port: header.source_port() },
        destination: Endpoint { address: from.destination, port: header.destination_port() },
        source_mac: from.link.source,
        destination_mac: from.link.destination,
        hop_limit: from.hop_limit,
        sequence: header.sequence_number(),
        acknowledgment: header.acknowledgment_number(),
        // Byte 13 holds CWR to FIN; etherparse hands them out one by one.
        flags: TcpFlags(bytes.get(13).copied().unwrap_or_default()),
        window: header.window_size(),
        options: bytes.get(MINIMUM..).unwrap_or_default(),
        payload: payload.data,
        payload_length: payload.length,
    }))
}
