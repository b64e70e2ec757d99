//! Segments of connections that are [passed by](crate::tcp::Interest::PassBy).

use crate::capture::Moment;
use crate::net::Segment;
use crate::tcp::patience;
use crate::tcp::tuple::{Key, Sought};

use super::{FlowTable, Reader};

impl<R: Reader> FlowTable<R> {
    /// Whether some connection was ever passed by.
    pub fn passes_by(&self) -> bool {
        self.has_passed_by
    }

    /// Counts a segment if [`FlowTable::push_sought`] would do nothing else with it; if not, the answer is `false`, and it is still
    /// to be pushed.
    #[allow(clippy::inline_always)] // of a segment that is not made in memory half is never read
    #[inline(always)]
    pub fn pass_by_sought(&mut self, segment: &Segment<'_>, hash: Sought, at: Moment) -> bool {
        let (key, from_low) = Key::of(segment.source, segment.destination);
        self.place_of(hash, &key).is_some_and(|place| self.pass_by(place, segment, from_low, at).is_some())
    }

    /// Counts a segment of the connection in `place`, if that is passed by and the segment says nothing new. Returns its
    /// stream then.
    #[allow(clippy::inline_always)] // as above
    #[inline(always)]
    pub(super) fn pass_by(&mut self, place: u32, segment: &Segment<'_>, from_low: bool, at: Moment) -> Option<u32> {
        let slot = self.slots.get_mut(place as usize).filter(|slot| slot.passed_by)?;
        let from = slot.sender(segment, from_low);
        let flow = slot.flow.as_mut()?;
        let is_in_order_of_idleness = at.time.nanoseconds_since(slot.stamp) < patience::IDLE_GRAIN;
        if is_in_order_of_idleness && flow.pass_by(from, segment, at) {
            self.latest = place;
            return Some(flow.connection.facts.stream);
        }
        flow.catch_up();
        slot.passed_by = false;
        None
    }
}
