//! Segments of connections that are [passed by](crate::tcp::Interest::PassBy).

use crate::capture::Moment;
use crate::net::Segment;
use crate::tcp::patience;

use super::{FlowTable, Reader};

impl<R: Reader> FlowTable<R> {
    /// Counts a segment of the connection in `place`, if that is passed by and the segment says nothing new. Returns its
    /// stream then.
    #[inline]
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
