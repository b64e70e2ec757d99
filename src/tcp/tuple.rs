//! The name of a connection on the wire: two endpoints, whichever way a segment goes.
//!
//! Invariant: a segment and its answer have the same [`Key`].

use std::net::IpAddr;

use crate::net::{Endpoint, Segment};

use super::sequence::advance;

/// Both endpoints, the lower one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    low: u128,
    high: u128,
    /// Port of the low end, port of the high end, and the IP versions.
    rest: u64,
}

impl Key {
    /// The key of a segment, and whether its sender is the low end.
    pub(super) fn of(source: Endpoint, destination: Endpoint) -> (Key, bool) {
        let (from, from_v6) = number(source.address);
        let (to, to_v6) = number(destination.address);
        let from_low = (from, from_v6, source.port) <= (to, to_v6, destination.port);
        let (low, low_v6, low_port, high, high_v6, high_port) = if from_low {
            (from, from_v6, source.port, to, to_v6, destination.port)
        } else {
            (to, to_v6, destination.port, from, from_v6, source.port)
        };
        let rest = (low_v6 | (high_v6 << 1)) << 32 | u64::from(low_port) << 16 | u64::from(high_port);
        (Key { low, high, rest }, from_low)
    }
}

/// In which of `parts` parts the connection between two endpoints is, in either order. No secret is in it: who knows it
/// can fill one part, not more.
pub fn spread(one: Endpoint, other: Endpoint, parts: usize) -> usize {
    let fold = |end: Endpoint| {
        let (address, _) = number(end.address);
        (address >> 64) as u64 ^ address as u64 ^ u64::from(end.port) << 40
    };
    let mixed = (fold(one) ^ fold(other)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    // The high bits are mixed best: they count, as the digits of a fraction.
    (mixed * parts as u64 >> 32) as usize
}

fn number(address: IpAddr) -> (u128, u64) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 0),
        IpAddr::V6(address) => (address.to_bits(), 1),
    }
}

/// The sequence number before the first of each end, by which Wireshark tells a SYN that opens
/// another `tcp.stream` from a repeated one: that of the SYN, or one before the first segment's,
/// or one before the first number that the other end acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bases {
    low: Option<u32>,
    high: Option<u32>,
}

impl Bases {
    /// Whether this segment is a SYN without ACK that does not belong to the same stream.
    pub(super) fn refuse(&self, segment: &Segment<'_>, from_low: bool) -> bool {
        let base = if from_low { self.low } else { self.high };
        segment.flags.syn() && !segment.flags.ack() && base.is_some_and(|base| base != segment.sequence)
    }

    /// Learns from a segment of the stream.
    pub(super) fn learn(&mut self, segment: &Segment<'_>, from_low: bool) {
        let (own, other) = if from_low { (&mut self.low, &mut self.high) } else { (&mut self.high, &mut self.low) };
        if own.is_none() {
            *own = Some(if segment.flags.syn() { segment.sequence } else { advance(segment.sequence, -1) });
        }
        if other.is_none() && segment.flags.ack() {
            *other = Some(advance(segment.acknowledgment, -1));
        }
    }
}
