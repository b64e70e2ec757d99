//! The TCP checksum (RFC 9293 §3.1, RFC 1071), looked at only where a reader asks.
//!
//! Invariant: nothing is called wrong that leaving the checksum to the network card explains. This module does
//! not judge what a wrong checksum means.

use std::net::IpAddr;

use super::Segment;

/// What the checksum of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It fits the segment.
    Right,
    /// It does not fit.
    Wrong,
    /// The sender left it to the network card: it is zero, or covers the pseudo-header only.
    NotFilledIn,
    /// The frame was cut, so that it cannot be checked.
    Unknown,
}

/// Where the checksum stands in the TCP header.
const PLACE: std::ops::Range<usize> = 16..18;
/// TCP's number in the pseudo-header.
const TCP: u64 = 6;

impl Segment<'_> {
    /// Checks the checksum.
    pub fn checksum(&self) -> Checksum {
        let Some(&[high, low]) = self.covered.get(PLACE) else { return Checksum::Unknown };
        let addresses = words(self.source.address) + words(self.destination.address) + TCP;
        let pseudo = addresses + self.covered.len() as u64;
        if fold(pseudo + sum(self.covered)) == 0xffff {
            return Checksum::Right;
        }
        let field = u16::from_be_bytes([high, low]);
        // Linux puts the sum of the pseudo-header there, Windows that without the length.
        if field == 0 || field == fold(pseudo) || field == fold(addresses) {
            return Checksum::NotFilledIn;
        }
        Checksum::Wrong
    }
}

/// An address as the sum of its 16-bit words.
fn words(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => sum(&address.octets()),
    }
}

/// The sum of the 16-bit words of `bytes`, an odd one filled up with zero. Longer words are added, as 2¹⁶, 2³² and 1 are
/// the same to a ones' complement sum, and in the order of the machine, as that sum does not mind (RFC 1071 §2).
#[inline]
fn sum(bytes: &[u8]) -> u64 {
    let (long, rest) = if bytes.len() < LONG { (0, bytes) } else { sum_long(bytes) };
    let (words, rest) = rest.as_chunks::<8>();
    let total = words.iter().fold(long, |total, word| add(total, u64::from_ne_bytes(*word)));
    let (words, rest) = rest.as_chunks::<4>();
    let total = words.iter().fold(total, |total, word| add(total, u64::from(u32::from_ne_bytes(*word))));
    let (words, rest) = rest.as_chunks::<2>();
    let total = words.iter().fold(total, |total, word| add(total, u64::from(u16::from_ne_bytes(*word))));
    let total = rest.iter().fold(total, |total, byte| add(total, u64::from(u16::from_ne_bytes([*byte, 0]))));
    u64::from(fold(total).to_be())
}

/// Adds, and the carry too.
#[inline]
fn add(one: u64, other: u64) -> u64 {
    let (sum, carry) = one.overflowing_add(other);
    sum + u64::from(carry)
}

/// From so many bytes on, sums of vectors are faster.
const LONG: usize = 256;

/// The sum of whole blocks, and the bytes behind them.
#[inline(never)]
fn sum_long(bytes: &[u8]) -> (u64, &[u8]) {
    let (blocks, rest) = bytes.as_chunks::<32>();
    (blocks.chunks(MOST_BLOCKS).map(sum_blocks).sum(), rest)
}

/// So many blocks can be summed up in 32 bits.
const MOST_BLOCKS: usize = 1 << 15;

/// The sum of 32-bit words, eight at a time, in registers of 32 bits: their upper halves, and all of them modulo 2³², which
/// tells the lower halves.
fn sum_blocks(blocks: &[[u8; 32]]) -> u64 {
    let (mut totals, mut uppers) = ([0_u32; 8], [0_u32; 8]);
    for block in blocks {
        let (words, _) = block.as_chunks::<4>();
        for ((total, upper), word) in totals.iter_mut().zip(&mut uppers).zip(words) {
            let word = u32::from_ne_bytes(*word);
            *total = total.wrapping_add(word);
            *upper += word >> 16;
        }
    }
    let halves = totals.iter().zip(uppers).map(|(total, upper)| (total.wrapping_sub(upper << 16), upper));
    halves.map(|(lower, upper)| u64::from(lower) + u64::from(upper)).sum()
}

/// The ones' complement sum in 16 bits.
#[inline]
fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let once = |sum: u64| (sum & 0xffff) + (sum >> 16);
    u16::try_from(once(once(once(sum)))).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader};

    use super::*;
    use crate::capture::LinkType;
    use crate::net::{Decoded, decode};

    fn checksum(ip: &[u8], length: usize) -> Checksum {
        let Decoded::Segment(segment) = decode(LinkType::RAW, ip, u32::try_from(length).unwrap()) else {
            panic!("a segment")
        };
        segment.checksum()
    }

    fn packets(payload: &[u8]) -> Vec<(Vec<u8>, usize)> {
        let v4 = PacketBuilder::ipv4([192, 0, 2, 1], [198, 51, 100, 7], 64).tcp(1883, 50_000, 0xffff_fff0, 9);
        let v6 = PacketBuilder::ipv6([0x20; 16], [0xfe; 16], 64).tcp(1883, 50_000, 7, 9);
        let written = |(builder, header): (PacketBuilderStep<TcpHeader>, _)| {
            let mut bytes = Vec::new();
            builder.ack(77).write(&mut bytes, payload).unwrap();
            (bytes, header)
        };
        vec![written((v4, 20)), written((v6, 40))]
    }

    #[test]
    fn what_another_program_computed_is_right_and_every_flipped_bit_is_wrong() {
        let mixed: Vec<u8> = (0..9000_u32).map(|n| (n * n / 7).to_le_bytes()[0]).collect();
        for payload in [&b""[..], b"a", b"ab", b"abc", &[0xff; 1460], b"\x30\x05\x00\x01thi", &mixed, &mixed[..1459]] {
            for (mut bytes, header) in packets(payload) {
                assert_eq!(checksum(&bytes, bytes.len()), Checksum::Right, "{payload:?}");
                for bit in [0, 9, 8 * 18 + 7, 8 * (bytes.len() - header) - 1] {
                    bytes[header + bit / 8] ^= 1 << (bit % 8);
                    assert_eq!(checksum(&bytes, bytes.len()), Checksum::Wrong, "{payload:?}, bit {bit}");
                    bytes[header + bit / 8] ^= 1 << (bit % 8);
                }
            }
        }
    }

    #[test]
    fn what_the_network_card_was_to_fill_in_is_not_wrong() {
        for (mut bytes, header) in packets(b"some payload") {
            bytes[header + 16..header + 18].fill(0);
            assert_eq!(checksum(&bytes, bytes.len()), Checksum::NotFilledIn);
            assert_eq!(checksum(&bytes[..bytes.len() - 1], bytes.len()), Checksum::Unknown);
        }
        // The pseudo-header by hand: 192.0.2.1, 198.51.100.7, 6, 32 bytes.
        let pseudo = 0xc000_u32 + 0x0201 + 0xc633 + 0x6407 + 6 + 32;
        let pseudo = u16::try_from((pseudo & 0xffff) + (pseudo >> 16)).unwrap();
        let (mut bytes, header) = packets(b"some payload").remove(0);
        bytes[header + 16..header + 18].copy_from_slice(&pseudo.to_be_bytes());
        assert_eq!(checksum(&bytes, bytes.len()), Checksum::NotFilledIn);
    }
}
