//! The exchanges that are open, found by their sender and packet identifier.
//!
//! Invariant: one exchange a key. Most sessions never have more than one: it lies in place. They are looked through one
//! by one while they are few, and found by a table when they are many.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use smallvec::SmallVec;

use super::Waiting;
use crate::stream::Side;

/// So many are looked through one by one.
const FEW: usize = 8;

/// Open exchanges.
#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    all: SmallVec<[Waiting; 1]>,
    /// Places in `all`, once these are many and until there are none.
    places: Option<Box<HashTable<usize>>>,
}

impl Open {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// All of them, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.all.iter()
    }

    pub(super) fn get(&self, key: (Side, u16)) -> Option<&Waiting> {
        self.all.get(self.place(key)?)
    }

    /// The exchange at a place.
    #[inline]
    pub(super) fn at_mut(&mut self, place: usize) -> Option<&mut Waiting> {
        self.all.get_mut(place)
    }

    /// Adds an exchange whose key is not among them.
    #[inline]
    pub(super) fn add(&mut self, exchange: Waiting) {
        let (key, place) = (key_of(&exchange), self.all.len());
        self.all.push(exchange);
        if place >= FEW || self.places.is_some() {
            self.enter(key, place);
        }
    }

    /// Enters a new place into the table, and all others if there is none yet.
    fn enter(&mut self, key: (Side, u16), place: usize) {
        let Open { all, places } = self;
        let rehash = |place: &usize| all.get(*place).map_or(0, |one| hash(key_of(one)));
        if let Some(places) = places {
            places.insert_unique(hash(key), place, rehash);
        } else {
            let mut table = HashTable::with_capacity(2 * FEW);
            for place in 0..=place {
                table.insert_unique(rehash(&place), place, rehash);
            }
            *places = Some(Box::new(table));
        }
    }

    /// Removes the exchange at a place.
    #[inline]
    pub(super) fn remove(&mut self, place: usize) {
        let Some(last) = self.all.len().checked_sub(1) else { return };
        if self.places.is_some() {
            self.leave(place, last);
        }
        self.all.swap(place.min(last), last);
        self.all.truncate(last);
        if last == 0 {
            self.places = None;
        }
    }

    /// Takes a place out of the table; the `last` exchange comes into it.
    fn leave(&mut self, place: usize, last: usize) {
        let Open { all, places } = self;
        let (Some(places), Some(leaves), Some(moved)) = (places, all.get(place), all.last()) else { return };
        if let Ok(entry) = places.find_entry(hash(key_of(leaves)), |known| *known == place) {
            entry.remove();
        }
        if place != last
            && let Some(entry) = places.find_mut(hash(key_of(moved)), |known| *known == last)
        {
            *entry = place;
        }
    }

    /// Where the exchange with this key is.
    #[inline]
    pub(super) fn place(&self, key: (Side, u16)) -> Option<usize> {
        match &self.places {
            None => self.all.iter().position(|one| key_of(one) == key),
            Some(places) => {
                let is = |place: &usize| self.all.get(*place).is_some_and(|one| key_of(one) == key);
                places.find(hash(key), is).copied()
            }
        }
    }
}

fn key_of(exchange: &Waiting) -> (Side, u16) {
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
    use crate::mqtt::QoS;
    use crate::session::facts::ExchangeState;

    fn waiting((sender, packet_identifier): (Side, u16), step: u64) -> Waiting {
        let at = Moment { frame: FrameNumber::new(step), time: Timestamp(0) };
        let (qos, state) = (QoS(1), ExchangeState::Sent);
        Waiting {
            started: at,
            last: at,
            end: 0,
            fingerprint: None,
            topic: None,
            resent: 0,
            packet_identifier,
            qos,
            sender,
            state,
        }
    }

    #[test]
    fn it_holds_what_a_map_holds() {
        let (mut open, mut map) = (Open::default(), BTreeMap::new());
        let mut state = 7_u64;
        let mut most = 2;
        for step in 0..40_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few at times, and many at times.
            most = if step % 1000 == 0 { 2 + (state >> 40 & 63) } else { most };
            let side = if state >> 40 & 1 == 0 { Side::Client } else { Side::Server };
            let key = (side, u16::try_from((state >> 48) % most).unwrap());
            if state >> 33 & 1 == 0 && !map.contains_key(&key) {
                open.add(waiting(key, step));
                map.insert(key, step);
            } else {
                let removed = open.get(key).map(|exchange| exchange.started.frame.get());
                assert_eq!(removed, map.remove(&key));
                if let Some(place) = open.place(key) {
                    open.remove(place);
                }
            }
            assert_eq!(open.len(), map.len());
            let known = open.get(key).map(|exchange| exchange.started.frame.get());
            assert_eq!(known, map.get(&key).copied());
        }
    }

    #[test]
    fn what_is_added_when_many_became_few_is_found() {
        for left in 0..=u16::try_from(FEW).unwrap() {
            let (mut open, many) = (Open::default(), 2 * u16::try_from(FEW).unwrap());
            let key = |packet_identifier| (Side::Client, packet_identifier);
            (0..many).for_each(|id| open.add(waiting(key(id), 0)));
            (left..many).for_each(|id| open.remove(open.place(key(id)).unwrap()));
            open.add(waiting(key(many), 1));
            assert!((0..left).chain([many]).all(|id| open.get(key(id)).is_some()), "{left} were left");
            open.remove(open.place(key(many)).unwrap());
            assert_eq!(open.len(), usize::from(left));
        }
    }
}
