//! The last bytes of a stream that were delivered, so that a later copy of them can be compared.
//!
//! Invariant: a fixed number of bytes; what is older is not compared.

use super::out_of_order::index;

/// So many bytes are kept: of most control packets, all. With what is known of them they take one cache line.
const KEPT: usize = 62;
/// As many.
const ALL: u8 = 62;

/// The last bytes delivered of one direction, up to the offset that is expected next.
#[derive(Debug)]
pub(super) struct Recent {
    /// Round about: the byte after the newest stands at `next`, or will.
    bytes: [u8; KEPT],
    next: u8,
    /// How many bytes there are.
    count: u8,
}

impl Default for Recent {
    fn default() -> Recent {
        Recent { bytes: [0; KEPT], next: 0, count: 0 }
    }
}

impl Recent {
    /// The next bytes were delivered.
    pub(super) fn delivered(&mut self, data: &[u8]) {
        if let Some(tail) = data.last_chunk::<KEPT>() {
            *self = Recent { bytes: *tail, next: 0, count: ALL };
            return;
        }
        let place = usize::from(self.next);
        let (first, second) = data.split_at(data.len().min(KEPT - place));
        for (at, part) in [(place, first), (0, second)] {
            if let Some(to) = self.bytes.get_mut(at..at + part.len()) {
                to.copy_from_slice(part);
            }
        }
        // Both are less than `KEPT`.
        let length = u8::try_from(data.len()).unwrap_or(ALL);
        self.next = (self.next + length) % ALL;
        self.count = (self.count + length).min(ALL);
    }

    /// Some bytes are missing: what was before them is not compared.
    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    /// In how many bytes `data` at `offset` differs from what was delivered there, up to `expected`.
    pub(super) fn differing(&self, expected: u64, offset: i64, data: &[u8]) -> u64 {
        let end = offset.saturating_add_unsigned(data.len() as u64).max(0).cast_unsigned().min(expected);
        let from = offset.max(0).cast_unsigned().max(expected - u64::from(self.count));
        let differs = |at: &u64| {
            let copy = data.get(index((at.cast_signed() - offset).cast_unsigned()));
            let place = (usize::from(self.next) + KEPT - index(expected - at)) % KEPT;
            copy != self.bytes.get(place)
        };
        (from..end).filter(differs).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_compared_and_nothing_else() {
        let mut recent = Recent::default();
        recent.delivered(b"abcdef");
        assert_eq!(recent.differing(6, 0, b"abcdef"), 0);
        assert_eq!(recent.differing(6, -2, b"xxaXcdXfgh"), 2);
        recent.delivered(&[b'.'; 200]);
        assert_eq!(recent.differing(206, 0, b"XXXXXX"), 0, "too long ago");
        assert_eq!(recent.differing(206, 206 - 62 - 1, b"XX"), 1);
        assert_eq!(recent.differing(206, 204, b".."), 0);
        recent.clear();
        recent.delivered(b"after a gap");
        assert_eq!(recent.differing(311, 204, b"XX"), 0);
        assert_eq!(recent.differing(311, 299, b"Xafter"), 0);
        assert_eq!(recent.differing(311, 300, b"After a gapX"), 1);
    }

    #[test]
    fn however_the_stream_is_cut_the_same_bytes_are_kept() {
        let stream: Vec<u8> = (0..=255).collect();
        for cuts in [[1, 2, 64], [62, 68, 200], [10, 100, 161], [61, 123, 124]] {
            let mut recent = Recent::default();
            let mut at = 0;
            for cut in cuts.into_iter().chain([256]) {
                recent.delivered(&stream[at..cut]);
                at = cut;
                let other: Vec<u8> = stream[..at].iter().map(|byte| !byte).collect();
                assert_eq!(recent.differing(at as u64, 0, &stream[..at]), 0, "{cuts:?} at {at}");
                assert_eq!(recent.differing(at as u64, 0, &other), at.min(KEPT) as u64, "{cuts:?} at {at}");
            }
        }
    }
}
