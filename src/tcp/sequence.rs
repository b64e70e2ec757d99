//! Arithmetic on 32-bit sequence numbers, which wrap around (RFC 9293 §3.4).
//!
//! This module knows nothing of streams; [`super::assembler`] ties numbers to offsets.

/// Signed distance in bytes from `from` to `to`, the shorter way round (RFC 9293 §3.4).
pub(super) fn distance(from: u32, to: u32) -> i64 {
    i64::from(to.wrapping_sub(from).cast_signed())
}

/// The sequence number `bytes` (which may be negative) beyond `from`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // modulo 2³² is the intent
pub(super) fn advance(from: u32, bytes: i64) -> u32 {
    from.wrapping_add(bytes as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_takes_the_shorter_way_round() {
        assert_eq!(distance(5, 7), 2);
        assert_eq!(distance(7, 5), -2);
        assert_eq!(distance(u32::MAX, 0), 1);
        assert_eq!(distance(3, u32::MAX - 1), -5);
        assert_eq!(distance(0, 0x8000_0000), -(1 << 31));
        assert_eq!(distance(0, 0x7fff_ffff), (1 << 31) - 1);
    }

    #[test]
    fn advance_undoes_distance() {
        for (from, to) in [(0, 9), (u32::MAX, 4), (9, u32::MAX), (0, 1 << 31)] {
            assert_eq!(advance(from, distance(from, to)), to);
        }
        assert_eq!(advance(1, 1 << 32), 1);
    }
}
