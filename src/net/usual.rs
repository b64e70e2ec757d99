//! The frames that nearly all TCP traffic consists of: Ethernet with or without a VLAN tag, IPv4 without options and not
//! fragmented, captured whole.
//!
//! Invariant: what is read here is what the general way by `etherparse` reads, field by field (a test compares them).
//! Whatever is unusual is left to that.

use std::net::IpAddr;

use super::{Endpoint, MacAddress, Segment, TcpFlags};

/// Length of an IPv4 header and of a TCP header without options.
const HEADER: usize = 20;

/// The segment in an Ethernet frame, if all about it is usual.
#[inline]
pub(super) fn segment(frame: &[u8]) -> Option<Segment<'_>> {
    let (&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, e0, e1], packet) = frame.split_first_chunk()?;
    let (([0x08, 0x00], packet) | ([0x81, 0x00], [_, _, 0x08, 0x00, packet @ ..])) = ([e0, e1], packet) else {
        return None;
    };
    // Version 4 with five words of header; no more fragments, at offset 0; TCP.
    let &[0x45, _, l0, l1, _, _, 0x00 | 0x40 | 0x80 | 0xc0, 0, hop_limit, 6, _, _, a0, a1, a2, a3, b0, b1, b2, b3] =
        packet.first_chunk::<HEADER>()?
    else {
        return None;
    };
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    let covered = packet.get(HEADER..total)?;
    let &[p0, p1, q0, q1, n0, n1, n2, n3, k0, k1, k2, k3, offset, flags, w0, w1, _, _, _, _] =
        covered.first_chunk::<HEADER>()?;
    let header = usize::from(offset >> 4) * 4;
    let payload = covered.get(header..)?;
    Some(Segment {
        source: Endpoint { address: IpAddr::from([a0, a1, a2, a3]), port: u16::from_be_bytes([p0, p1]) },
        destination: Endpoint { address: IpAddr::from([b0, b1, b2, b3]), port: u16::from_be_bytes([q0, q1]) },
        source_mac: Some(MacAddress([s0, s1, s2, s3, s4, s5])),
        destination_mac: Some(MacAddress([d0, d1, d2, d3, d4, d5])),
        hop_limit,
        sequence: u32::from_be_bytes([n0, n1, n2, n3]),
        acknowledgment: u32::from_be_bytes([k0, k1, k2, k3]),
        flags: TcpFlags(flags),
        window: u16::from_be_bytes([w0, w1]),
        options: covered.get(HEADER..header)?,
        payload,
        payload_length: u32::try_from(payload.len()).ok()?,
        covered,
    })
}
