//! The last bytes of a stream that were delivered, so that a later copy of them can be compared.
//!
//! Invariant: a fixed number of bytes; what is older is not compared.

use super::out_of_order::index;

/// So many bytes are kept: of most control packets, all.
const KEPT: usize = 64;

/// The last bytes delivered of one direction.
#[derive(Debug)]
pub(super) struct Recent {
    /// The byte at an offset stands at its distance from `origin` modulo `KEPT`.
    bytes: [u8; KEPT],
    origin: u64,
    /// The offsets that are there: a gap empties it.
    from: u64,
    to: u64,
}

impl Recent {
    pub(super) fn new() -> Recent {
        Recent { bytes: [0; KEPT], origin: 0, from: 0, to: 0 }
    }

    /// `data` was delivered at `offset`.
    pub(super) fn delivered(&mut self, offset: u64, data: &[u8]) {
        let end = offset + data.len() as u64;
        if let Some(tail) = data.last_chunk::<KEPT>() {
            let from = end - KEPT as u64;
            *self = Recent { bytes: *tail, origin: from, from, to: end };
            return;
        }
        if offset != self.to {
            self.from = offset;
        }
        self.to = end;
        self.from = self.from.max(end.saturating_sub(KEPT as u64));
        let place = self.place(offset);
        let (first, second) = data.split_at(data.len().min(KEPT - place));
        for (at, part) in [(place, first), (0, second)] {
            if let Some(to) = self.bytes.get_mut(at..at + part.len()) {
                to.copy_from_slice(part);
            }
        }
    }

    /// In how many bytes `data` at `offset` differs from what was delivered there.
    pub(super) fn differing(&self, offset: i64, data: &[u8]) -> u64 {
        let end = offset.saturating_add_unsigned(data.len() as u64).max(0).cast_unsigned().min(self.to);
        let from = offset.max(0).cast_unsigned().max(self.from);
        let differs = |at: &u64| {
            let copy = data.get(index((at.cast_signed() - offset).cast_unsigned()));
            copy != self.bytes.get(self.place(*at))
        };
        (from..end).filter(differs).count() as u64
    }

    fn place(&self, offset: u64) -> usize {
        index(offset.wrapping_sub(self.origin) % KEPT as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_compared_and_nothing_else() {
        let mut recent = Recent::new();
        recent.delivered(0, b"abcdef");
        assert_eq!(recent.differing(0, b"abcdef"), 0);
        assert_eq!(recent.differing(-2, b"xxaXcdXfgh"), 2);
        recent.delivered(6, &[b'.'; 200]);
        assert_eq!(recent.differing(0, b"XXXXXX"), 0, "too long ago");
        assert_eq!(recent.differing(206 - 64 - 1, b"XX"), 1);
        assert_eq!(recent.differing(204, b".."), 0);
        recent.delivered(300, b"after a gap");
        assert_eq!(recent.differing(204, b"XX"), 0);
        assert_eq!(recent.differing(299, b"Xafter"), 0);
        assert_eq!(recent.differing(300, b"After a gapX"), 1);
    }

    #[test]
    fn however_the_stream_is_cut_the_same_bytes_are_kept() {
        let stream: Vec<u8> = (0..=255).collect();
        for cuts in [[1, 2, 66], [64, 70, 200], [10, 100, 163], [63, 127, 128]] {
            let mut recent = Recent::new();
            let mut at = 0;
            for cut in cuts.into_iter().chain([256]) {
                recent.delivered(at as u64, &stream[at..cut]);
                at = cut;
                let other: Vec<u8> = stream[..at].iter().map(|byte| !byte).collect();
                assert_eq!(recent.differing(0, &stream[..at]), 0, "{cuts:?} at {at}");
                assert_eq!(recent.differing(0, &other), at.min(KEPT) as u64, "{cuts:?} at {at}");
            }
        }
    }
}
