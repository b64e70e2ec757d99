//! The exchanges that are open, found by their sender and packet identifier.
//!
//! Invariant: one exchange a key. They lie close together: most sessions never have more than one, and a hash map of
//! exchanges takes room for several at once.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::session::facts::Exchange;
use crate::stream::Side;

/// Open exchanges.
#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    all: Vec<Exchange>,
    /// Places in `all`.
    places: HashTable<u32>,
}

impl Open {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, key: (Side, u16)) -> Option<&Exchange> {
        self.all.get(self.place(key)?)
    }

    pub(super) fn get_mut(&mut self, key: (Side, u16)) -> Option<&mut Exchange> {
        let place = self.place(key)?;
        self.all.get_mut(place)
    }

    /// Adds an exchange, in the place of one with its key.
    pub(super) fn insert(&mut self, exchange: Exchange) {
        let key = key_of(&exchange);
        if let Some(known) = self.get_mut(key) {
            *known = exchange;
            return;
        }
        let Ok(place) = u32::try_from(self.all.len()) else { return };
        if self.all.len() == self.all.capacity() {
            self.all.reserve_exact(self.all.len().max(1));
        }
        self.all.push(exchange);
        let all = &self.all;
        self.places
            .insert_unique(hash(key), place, |place| all.get(*place as usize).map_or(0, |one| hash(key_of(one))));
    }

    pub(super) fn remove(&mut self, key: (Side, u16)) -> Option<Exchange> {
        let Open { all, places } = self;
        let is = |place: &u32| all.get(*place as usize).is_some_and(|one| key_of(one) == key);
        let (place, _) = places.find_entry(hash(key), is).ok()?.remove();
        let last = u32::try_from(all.len().checked_sub(1)?).ok()?;
        // The last one comes into the free place.
        if let Some(moved) = all.last().filter(|_| place != last)
            && let Some(entry) = places.find_mut(hash(key_of(moved)), |other| *other == last)
        {
            *entry = place;
        }
        Some(all.swap_remove(place as usize))
    }

    /// All of them, in no order that means anything.
    pub(super) fn into_all(self) -> Vec<Exchange> {
        self.all
    }

    fn place(&self, key: (Side, u16)) -> Option<usize> {
        let is = |place: &u32| self.all.get(*place as usize).is_some_and(|one| key_of(one) == key);
        self.places.find(hash(key), is).map(|place| *place as usize)
    }
}

impl FromIterator<Exchange> for Open {
    fn from_iter<T: IntoIterator<Item = Exchange>>(exchanges: T) -> Open {
        let mut open = Open::default();
        exchanges.into_iter().for_each(|exchange| open.insert(exchange));
        open
    }
}

fn key_of(exchange: &Exchange) -> (Side, u16) {
    (exchange.sender, exchange.packet_identifier)
}

fn hash(key: (Side, u16)) -> u64 {
    FixedState::default().hash_one(key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::capture::{FrameNumber, Moment, Timestamp};
    use crate::mqtt::PacketType;

    #[test]
    fn it_holds_what_a_map_holds() {
        let (mut open, mut map) = (Open::default(), BTreeMap::new());
        let mut state = 7_u64;
        for step in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let side = if state >> 40 & 1 == 0 { Side::Client } else { Side::Server };
            let id = (state >> 48) as u16 % 50;
            if state >> 33 & 1 == 0 {
                let at = Moment { frame: FrameNumber(step), time: Timestamp(0) };
                open.insert(Exchange::new(side, PacketType::PUBLISH, id, at));
                map.insert((side, id), step);
            } else {
                let removed = open.remove((side, id)).map(|exchange| exchange.started.frame.0);
                assert_eq!(removed, map.remove(&(side, id)));
            }
            assert_eq!(open.len(), map.len());
            let known = open.get((side, id)).map(|exchange| exchange.started.frame.0);
            assert_eq!(known, map.get(&(side, id)).copied());
        }
    }
}
