//! What is remembered of connections that are no longer followed: enough to know their late
//! segments again, so that these open no new stream.
//!
//! Invariant: at most one tombstone a tuple and at most `capacity` in all; the oldest goes first.

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::tuple::{Bases, Key, Sought};

/// One connection that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tombstone {
    pub(super) key: Key,
    pub(super) hash: Sought,
    pub(super) stream: u32,
    pub(super) bases: Bases,
    /// Whether it was let go while still open: its segments are worth following again.
    pub(super) open: bool,
}

/// All tombstones.
#[derive(Debug)]
pub(super) struct Tombstones {
    /// Oldest first; `None` where one was taken out.
    stones: VecDeque<Option<Tombstone>>,
    /// Hash and running number of each stone: the number of the front is `buried`.
    index: HashTable<(Sought, u64)>,
    buried: u64,
    capacity: usize,
}

impl Tombstones {
    pub(super) fn new(capacity: usize) -> Tombstones {
        Tombstones { stones: VecDeque::new(), index: HashTable::new(), buried: 0, capacity: capacity.max(1) }
    }

    pub(super) fn get_mut(&mut self, hash: Sought, key: &Key) -> Option<&mut Tombstone> {
        let Tombstones { stones, index, buried, .. } = self;
        let (_, number) = index.find(hash.spread(), |entry| is(stones, *buried, *entry, hash, key))?;
        stones.get_mut(place(*number, *buried)?)?.as_mut()
    }

    /// Takes the tombstone of `key` out.
    pub(super) fn remove(&mut self, hash: Sought, key: &Key) -> Option<Tombstone> {
        let Tombstones { stones, index, buried, .. } = self;
        let entry = index.find_entry(hash.spread(), |entry| is(stones, *buried, *entry, hash, key)).ok()?;
        let ((_, number), _) = entry.remove();
        stones.get_mut(place(number, *buried)?)?.take()
    }

    /// Adds a tombstone; one of the same tuple is replaced.
    pub(super) fn insert(&mut self, stone: Tombstone) {
        let hash = stone.hash;
        self.remove(hash, &stone.key);
        if self.stones.len() >= self.capacity {
            self.forget_oldest();
        }
        let number = self.buried + self.stones.len() as u64;
        self.stones.push_back(Some(stone));
        self.index.insert_unique(hash.spread(), (hash, number), |(hash, _)| hash.spread());
    }

    fn forget_oldest(&mut self) {
        let number = self.buried;
        let Some(oldest) = self.stones.pop_front() else {
            return;
        };
        self.buried += 1;
        if let Some(stone) = oldest
            && let Ok(entry) = self.index.find_entry(stone.hash.spread(), |(_, n)| *n == number)
        {
            entry.remove();
        }
    }
}

/// Whether an index entry is that of `key`.
fn is(stones: &VecDeque<Option<Tombstone>>, buried: u64, (h, number): (Sought, u64), hash: Sought, key: &Key) -> bool {
    h == hash
        && place(number, buried).and_then(|place| stones.get(place)?.as_ref()).is_some_and(|stone| stone.key == *key)
}

fn place(number: u64, buried: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(buried)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Endpoint;

    fn stone(port: u16, stream: u32) -> Tombstone {
        let end = |port| Endpoint { address: [192, 0, 2, 1].into(), port };
        let (key, _) = Key::of(end(port), end(1883));
        // A hash that collides on purpose.
        Tombstone { key, hash: u32::from(port % 2).into(), stream, bases: Bases::default(), open: false }
    }

    #[test]
    fn the_oldest_goes_first_and_a_tuple_has_one() {
        let mut stones = Tombstones::new(3);
        for (port, stream) in [(10, 0), (11, 1), (12, 2), (13, 3), (12, 4)] {
            stones.insert(stone(port, stream));
        }
        let mut get = |port| stones.get_mut(stone(port, 0).hash, &stone(port, 0).key).map(|stone| stone.stream);
        assert_eq!([get(10), get(11), get(12), get(13)], [None, None, Some(4), Some(3)]);
        let gone = stones.remove(stone(13, 0).hash, &stone(13, 0).key).unwrap();
        assert_eq!(gone.stream, 3);
        assert!(stones.remove(stone(13, 0).hash, &stone(13, 0).key).is_none());
        for port in 20..40 {
            stones.insert(stone(port, 9));
        }
        assert_eq!(stones.index.len(), 3);
        assert_eq!(stones.stones.len(), 3);
    }
}
