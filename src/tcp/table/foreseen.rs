//! Connections whose next segments will come soon: what these will touch is asked for ahead.
//!
//! Invariant: a hint; which connection a segment belongs to is decided as without it.

use crate::fetch::{self, Depth};

use super::{FlowTable, NONE, Reader, Sought};

/// Where a connection is, or was, if anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

impl Place {
    /// Nowhere.
    pub const NOWHERE: Place = Place(NONE);
}

impl<R: Reader> FlowTable<R> {
    /// Segments of this connection will come soon.
    #[inline]
    pub fn seek(&self, sought: Sought) {
        self.index.iter_hash(sought.spread()).take(1).for_each(fetch::start);
    }

    /// Where the connection is that was sought, by its hash alone, if it is followed.
    #[inline]
    pub fn foresee(&self, sought: Sought) -> Place {
        let found = self.index.find(sought.spread(), |(known, _)| *known == sought);
        let Some((_, place)) = found else { return Place::NOWHERE };
        if let Some(slot) = self.slots.get(*place as usize) {
            fetch::start(&slot.key);
            fetch::start(&slot.flow);
        }
        Place(*place)
    }

    /// Asks for what the next segment of a connection that was foreseen will touch.
    #[inline]
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
    #[inline]
    pub fn expect(&mut self, Place(place): Place) {
        self.latest = place;
    }
}
