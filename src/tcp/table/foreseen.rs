//! Connections whose next segments will come soon: what these will touch is asked for ahead.
//!
//! Invariant: a hint; which connection a segment belongs to is decided as without it.

use std::hash::BuildHasher;

use crate::fetch::{self, Depth};
use crate::net::Endpoint;

use super::{FlowTable, Key, Reader, short, spread};

/// A connection that may be followed: what the table knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought(u32);

/// Where a connection is, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

impl<R: Reader> FlowTable<R> {
    /// Segments of the connection between two endpoints will come soon.
    pub fn seek(&self, one: Endpoint, other: Endpoint) -> Sought {
        let (key, _) = Key::of(one, other);
        let short = short(self.hasher.hash_one(key));
        self.index.iter_hash(spread(short)).take(1).for_each(fetch::start);
        Sought(short)
    }

    /// Where the connection is that was sought, by its hash alone, if it is followed.
    pub fn foresee(&self, Sought(short): Sought) -> Option<Place> {
        let (_, place) = self.index.find(spread(short), |(known, _)| *known == short)?;
        let slot = self.slots.get(*place as usize)?;
        fetch::start(&slot.key);
        fetch::start(&slot.flow);
        Some(Place(*place))
    }

    /// Asks for what the next segment of a connection that was foreseen will touch.
    pub fn fetch(&self, Place(place): Place, depth: Depth) {
        if let Some(flow) = self.flow(place) {
            flow.fetch(depth);
        }
    }

    /// The connections of a list will end soon, from that at `place` on.
    pub(super) fn foresee_end_of(&self, mut place: Option<u32>) {
        for depth in [Depth::Details, Depth::Session, Depth::Connection] {
            let Some(slot) = place.and_then(|place| self.slots.get(place as usize)) else { return };
            if let Some(flow) = &slot.flow {
                flow.fetch(depth);
            }
            place = Some(slot.link.next);
        }
    }

    /// The next segment is likely to be of the connection that was foreseen.
    pub fn expect(&mut self, Place(place): Place) {
        self.latest = place;
    }
}
