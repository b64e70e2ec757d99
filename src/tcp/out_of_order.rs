//! Segments of one direction that came before their turn.
//!
//! Invariant: pieces do not overlap; of two copies of a byte the first wins, except that a copy
//! with data wins over one that the snap length cut. This module decides nothing about time.

use std::collections::BTreeMap;

use crate::capture::Moment;

/// What a stored piece is reckoned to cost beside its data, in bytes.
pub(super) const OVERHEAD: usize = 96;

/// Bytes, or the knowledge that a frame carried them but the snap length cut them off.
#[derive(Debug)]
pub(super) enum Content {
    Bytes(Box<[u8]>),
    Cut(u64),
}

/// One stored piece.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) content: Content,
    /// The frame that carried it.
    pub(super) at: Moment,
    /// Whether it starts where a segment's payload started.
    pub(super) starts_segment: bool,
}

impl Stored {
    /// Length in stream bytes.
    pub(super) fn length(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Cut(length) => *length,
        }
    }

    fn cost(&self) -> usize {
        OVERHEAD
            + match &self.content {
                Content::Bytes(bytes) => bytes.len(),
                Content::Cut(_) => 0,
            }
    }
}

/// How a segment lies over what is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Overlap {
    /// Bytes stored already (with data).
    pub(super) repeated: u64,
    /// Those of them that differ.
    pub(super) conflicting: u64,
}

/// The store of one direction.
#[derive(Debug, Default)]
pub(super) struct OutOfOrder {
    pieces: BTreeMap<u64, Stored>,
    cost: usize,
}

impl OutOfOrder {
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Bytes of memory, reckoned.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Offset of the first piece and the frame that carried it.
    pub(super) fn first(&self) -> Option<(u64, Moment)> {
        self.pieces.first_key_value().map(|(offset, piece)| (*offset, piece.at))
    }

    /// Takes the first piece out if it starts at `offset` exactly.
    pub(super) fn pop_at(&mut self, offset: u64) -> Option<Stored> {
        let entry = self.pieces.first_entry()?;
        if *entry.key() != offset {
            return None;
        }
        let piece = entry.remove();
        self.cost -= piece.cost();
        Some(piece)
    }

    /// Compares `data` at `offset` with what is stored there.
    pub(super) fn overlap(&self, offset: u64, data: &[u8]) -> Overlap {
        let mut found = Overlap::default();
        let end = offset + data.len() as u64;
        for (start, piece) in self.touching(offset, end) {
            let Content::Bytes(bytes) = &piece.content else {
                continue;
            };
            let from = start.max(offset);
            let to = (start + piece.length()).min(end);
            let ours = data.get(index(from - offset)..index(to - offset)).unwrap_or_default();
            let theirs = bytes.get(index(from - start)..index(to - start)).unwrap_or_default();
            found.repeated += to - from;
            if ours != theirs {
                found.conflicting += ours.iter().zip(theirs).filter(|(x, y)| x != y).count() as u64;
            }
        }
        found
    }

    /// Stores what is new of `data` at `offset`.
    pub(super) fn insert(&mut self, offset: u64, data: &[u8], at: Moment, starts_segment: bool) {
        let end = offset + data.len() as u64;
        self.trim_cuts(offset, end);
        self.for_each_free(offset, end, |store, from, to| {
            let bytes = data.get(index(from - offset)..index(to - offset)).unwrap_or_default();
            store.put(
                from,
                Stored { content: Content::Bytes(bytes.into()), at, starts_segment: starts_segment && from == offset },
            );
        });
    }

    /// Remembers that `length` bytes at `offset` were carried but cut off.
    pub(super) fn insert_cut(&mut self, offset: u64, length: u64, at: Moment) {
        self.for_each_free(offset, offset + length, |store, from, to| {
            store.put(from, Stored { content: Content::Cut(to - from), at, starts_segment: false });
        });
    }

    fn put(&mut self, offset: u64, piece: Stored) {
        self.cost += piece.cost();
        self.pieces.insert(offset, piece);
    }

    /// Pieces that share a byte with `[start, end)`, in order.
    fn touching(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, &Stored)> {
        let before = self.pieces.range(..start).next_back().filter(|(offset, piece)| *offset + piece.length() > start);
        let within = if start < end { Some(self.pieces.range(start..end)) } else { None };
        before
            .filter(|_| start < end)
            .into_iter()
            .chain(within.into_iter().flatten())
            .map(|(offset, piece)| (*offset, piece))
    }

    /// Calls `put` for each part of `[start, end)` that no piece covers.
    fn for_each_free(&mut self, start: u64, end: u64, mut put: impl FnMut(&mut Self, u64, u64)) {
        let mut cursor = start;
        while cursor < end {
            let covering = self
                .pieces
                .range(..=cursor)
                .next_back()
                .map(|(offset, piece)| offset + piece.length())
                .filter(|covered| *covered > cursor);
            if let Some(covered) = covering {
                cursor = covered;
                continue;
            }
            let to = self.pieces.range(cursor..end).next().map_or(end, |(offset, _)| *offset);
            put(self, cursor, to);
            cursor = to;
        }
    }

    /// Makes room for data in `[start, end)` where only cut pieces lie.
    fn trim_cuts(&mut self, start: u64, end: u64) {
        let cut: Vec<(u64, u64, Moment)> = self
            .touching(start, end)
            .filter(|(_, piece)| matches!(piece.content, Content::Cut(_)))
            .map(|(offset, piece)| (offset, offset + piece.length(), piece.at))
            .collect();
        for (from, to, at) in cut {
            if let Some(piece) = self.pieces.remove(&from) {
                self.cost -= piece.cost();
            }
            for (left, right) in [(from, start), (end, to)] {
                if left < right {
                    self.put(left, Stored { content: Content::Cut(right - left), at, starts_segment: false });
                }
            }
        }
    }
}

/// An offset within a slice in memory; lengths of segments fit.
pub(super) fn index(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{FrameNumber, Timestamp};

    fn at(frame: u64) -> Moment {
        Moment { frame: FrameNumber::new(frame), time: Timestamp(0) }
    }

    /// Draws the store: letters are bytes, `#` cut bytes, `.` nothing.
    fn picture(store: &OutOfOrder, end: u64) -> String {
        let mut drawn = vec![b'.'; index(end)];
        for (offset, piece) in &store.pieces {
            for i in 0..piece.length() {
                drawn[index(offset + i)] = match &piece.content {
                    Content::Bytes(bytes) => bytes[index(i)],
                    Content::Cut(_) => b'#',
                };
            }
        }
        String::from_utf8(drawn).unwrap()
    }

    #[test]
    fn first_copy_wins_and_only_the_rest_is_added() {
        let mut store = OutOfOrder::default();
        store.insert(3, b"ccc", at(1), true);
        store.insert(8, b"ee", at(2), true);
        assert_eq!(store.overlap(1, b"xxcxcxxxxxx"), Overlap { repeated: 5, conflicting: 3 });
        store.insert(1, b"xxcxcxxxxxx", at(3), true);
        assert_eq!(picture(&store, 13), ".xxcccxxeexx.");
        assert_eq!(store.len(), 5);
        assert_eq!(store.cost(), 5 * OVERHEAD + 11);
    }

    #[test]
    fn data_wins_over_a_cut_but_a_cut_never_over_data() {
        let mut store = OutOfOrder::default();
        store.insert_cut(2, 6, at(1));
        store.insert(4, b"ab", at(2), true);
        assert_eq!(picture(&store, 10), "..##ab##..");
        store.insert_cut(0, 10, at(3));
        assert_eq!(picture(&store, 10), "####ab####");
        store.insert(0, b"0123456789", at(4), true);
        assert_eq!(picture(&store, 10), "0123ab6789");
        while let Some((first, _)) = store.first() {
            store.pop_at(first);
        }
        assert_eq!(store.cost(), 0);
    }

    #[test]
    fn empty_segments_leave_no_trace() {
        let mut store = OutOfOrder::default();
        store.insert(4, b"", at(1), true);
        assert_eq!(store.len(), 0);
        store.insert(2, b"abcd", at(1), true);
        assert_eq!(store.overlap(3, b""), Overlap::default());
    }
}
