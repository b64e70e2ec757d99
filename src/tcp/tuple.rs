//! The name of a connection on the wire: two endpoints, whichever way a segment goes.
//!
//! Invariant: a segment and its answer have the same [`Key`].

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;

use hashbrown::DefaultHashBuilder;

use crate::net::{Endpoint, Segment};

use super::sequence::advance;

/// Both endpoints, the lower one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Halves of the addresses.
    low: (u64, u64),
    high: (u64, u64),
    /// IP version and port of the low end, IP version and port of the high end.
    rest: u64,
}

impl Key {
    /// The key of a segment, and whether its sender is the low end.
    #[allow(clippy::inline_always)] // most callers know which version of IP it is
    #[inline(always)]
    pub(super) fn of(source: Endpoint, destination: Endpoint) -> (Key, bool) {
        let (from, to) = (words(source), words(destination));
        let from_low = from <= to;
        let ([a0, a1, a2], [b0, b1, b2]) = if from_low { (from, to) } else { (to, from) };
        (Key { low: (a0, a1), high: (b0, b1), rest: a2 << 32 | b2 }, from_low)
    }

    #[inline]
    fn part_of(&self, parts: usize) -> usize {
        let Key { low, high, rest } = self;
        let folded = low.0 ^ low.1 ^ high.0 ^ high.1 ^ (rest >> 32 ^ rest) << 40;
        let mixed = folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        // The high bits are mixed best: they count, as the digits of a fraction.
        ((mixed * parts as u64) >> 32) as usize
    }
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Key { low, high, rest } = self;
        if rest & (OF_IPV6 << 32 | OF_IPV6) == 0 {
            state.write_u64(low.1 << 32 | high.1);
        } else {
            for word in [low.0, low.1, high.0, high.1] {
                state.write_u64(word);
            }
        }
        state.write_u64(*rest);
    }
}

/// How the tables of a capture know their connections: by a hash with a secret of its own.
#[derive(Clone, Debug, Default)]
pub struct Hashing(DefaultHashBuilder);

/// The hash of a connection's two endpoints, by which a table finds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sought(u32);

impl Hashing {
    /// For the connection between two endpoints, in either order.
    #[inline]
    pub fn of(&self, one: Endpoint, other: Endpoint) -> Sought {
        self.of_key(&Key::of(one, other).0)
    }

    /// The same, and in which of `parts` parts it is. No secret is in that: who knows it can fill one part, not more.
    #[allow(clippy::inline_always)] // as of the key
    #[inline(always)]
    pub fn spread(&self, one: Endpoint, other: Endpoint, parts: usize) -> (usize, Sought) {
        let (key, _) = Key::of(one, other);
        (key.part_of(parts), self.of_key(&key))
    }

    #[inline]
    pub(super) fn of_key(&self, key: &Key) -> Sought {
        Sought((self.0.hash_one(key) >> 32) as u32)
    }
}

impl Sought {
    /// As a table wants it: its high bits tell entries apart, its low bits place them.
    #[inline]
    pub(super) fn spread(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

#[cfg(test)]
impl From<u32> for Sought {
    fn from(hash: u32) -> Sought {
        Sought(hash)
    }
}

/// In which of `parts` parts the connection between two endpoints is, in either order.
pub fn part_of(one: Endpoint, other: Endpoint, parts: usize) -> usize {
    Key::of(one, other).0.part_of(parts)
}

/// Beside the port of an IPv6 endpoint.
const OF_IPV6: u64 = 1 << 16;

/// An address in two halves; the IP version and the port.
#[allow(clippy::inline_always)] // as of the key
#[inline(always)]
fn words(endpoint: Endpoint) -> [u64; 3] {
    let port = u64::from(endpoint.port);
    match endpoint.address {
        IpAddr::V4(address) => [0, u64::from(address.to_bits()), port],
        IpAddr::V6(address) => {
            let octets = address.octets();
            let number = |half: Option<&[u8; 8]>| half.map_or(0, |half| u64::from_be_bytes(*half));
            let [upper, lower] = [octets.first_chunk(), octets.last_chunk()].map(number);
            [upper, lower, OF_IPV6 | port]
        }
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
