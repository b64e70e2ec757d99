//! The frames that nearly all TCP traffic consists of: Ethernet with or without a VLAN tag, IPv4 without options and not
//! fragmented, captured whole.
//!
//! Invariant: what is read here is what the general way by `etherparse` reads, field by field (a test compares them).
//! Whatever is unusual is left to that.

use std::net::IpAddr;

use super::{Endpoint, MacAddress, Segment, TcpFlags};

/// Length of an IPv4 header and of a TCP header without options.
const HEADER: usize = 20;

/// The sender and the receiver of [`segment`], for less.
#[allow(clippy::inline_always)] // what is not used is not made
#[inline(always)]
pub(super) fn ends(frame: &[u8]) -> Option<(Endpoint, Endpoint)> {
    let (internet, covered) = headers(frame)?;
    let (transport, _, _) = transport(covered)?;
    Some(ends_of(internet, transport))
}

/// The segment in an Ethernet frame, if all about it is usual.
#[allow(clippy::inline_always)] // it is large, and would be copied
#[inline(always)]
pub(super) fn segment(frame: &[u8]) -> Option<Segment<'_>> {
    let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = frame.first_chunk()?;
    let (internet, covered) = headers(frame)?;
    let (transport, options, payload) = transport(covered)?;
    let &[_, _, _, _, n0, n1, n2, n3, k0, k1, k2, k3, _, flags, w0, w1, ..] = transport;
    let &[_, _, _, _, _, _, _, _, hop_limit, ..] = internet;
    let (source, destination) = ends_of(internet, transport);
    Some(Segment {
        source,
        destination,
        source_mac: Some(MacAddress([s0, s1, s2, s3, s4, s5])),
        destination_mac: Some(MacAddress([d0, d1, d2, d3, d4, d5])),
        hop_limit,
        sequence: u32::from_be_bytes([n0, n1, n2, n3]),
        acknowledgment: u32::from_be_bytes([k0, k1, k2, k3]),
        flags: TcpFlags(flags),
        window: u16::from_be_bytes([w0, w1]),
        options,
        payload,
        payload_length: u32::try_from(payload.len()).ok()?,
        covered,
    })
}

/// The IPv4 header of a frame, and what is behind it.
#[inline]
fn headers(frame: &[u8]) -> Option<(&[u8; HEADER], &[u8])> {
    let ([0x08, 0x00, packet @ ..] | [0x81, 0x00, _, _, 0x08, 0x00, packet @ ..]) = frame.get(12..)? else {
        return None;
    };
    let internet = packet.first_chunk::<HEADER>()?;
    // Version 4 with five words of header; of the fragment's place only bits that do not fragment; TCP.
    let &[0x45, _, l0, l1, _, _, place, 0, _, 6, ..] = internet else { return None };
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    let covered = packet.get(HEADER..total).filter(|_| place.trailing_zeros() >= 6)?;
    Some((internet, covered))
}

/// The TCP header without options, the options, the payload.
#[inline]
fn transport(covered: &[u8]) -> Option<(&[u8; HEADER], &[u8], &[u8])> {
    let (transport, behind) = covered.split_first_chunk::<HEADER>()?;
    let &[_, _, _, _, _, _, _, _, _, _, _, _, offset, ..] = transport;
    let options = (usize::from(offset >> 4) * 4).checked_sub(HEADER)?;
    let (options, payload) = behind.split_at_checked(options)?;
    Some((transport, options, payload))
}

#[inline]
fn ends_of(internet: &[u8; HEADER], transport: &[u8; HEADER]) -> (Endpoint, Endpoint) {
    let &[_, _, _, _, _, _, _, _, _, _, _, _, a0, a1, a2, a3, b0, b1, b2, b3] = internet;
    let &[p0, p1, q0, q1, ..] = transport;
    (
        Endpoint { address: IpAddr::from([a0, a1, a2, a3]), port: u16::from_be_bytes([p0, p1]) },
        Endpoint { address: IpAddr::from([b0, b1, b2, b3]), port: u16::from_be_bytes([q0, q1]) },
    )
}
