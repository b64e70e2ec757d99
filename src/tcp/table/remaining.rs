//! The end of a capture: the connections that are left come to their end.
//!
//! Invariant: in order of stream number, however many end at once.

use std::cmp::Reverse;

use super::{Connection, Ending, FlowTable, Reader};

/// Connections that are left: their streams and slots, the first at the end.
#[derive(Debug)]
pub struct Remaining(Vec<(u32, u32)>);

impl Remaining {
    /// The stream of the last of the next `count` connections, or of all if there are fewer.
    pub fn last_of(&self, count: usize) -> Option<u32> {
        let place = self.0.len().saturating_sub(count);
        self.0.get(place).map(|(stream, _)| *stream)
    }
}

impl<R: Reader> FlowTable<R> {
    /// The capture is over: all connections end, in order of stream number.
    pub fn finish(&mut self, ended: &mut impl FnMut(Connection<R>)) {
        self.finish_up_to(u32::MAX, &mut self.remaining(), ended);
    }

    /// The connections that are followed, for [`FlowTable::finish_up_to`].
    pub fn remaining(&self) -> Remaining {
        let places = (0..).zip(&self.slots);
        let followed = places.filter_map(|(place, slot)| Some((slot.flow.as_ref()?.connection.facts.stream, place)));
        let mut followed: Vec<(u32, u32)> = followed.collect();
        followed.sort_unstable_by_key(|place| Reverse(*place));
        Remaining(followed)
    }

    /// As [`FlowTable::finish`], of the `remaining` connections those up to stream `last`.
    pub fn finish_up_to(&mut self, last: u32, remaining: &mut Remaining, ended: &mut impl FnMut(Connection<R>)) {
        while let Some((_, place)) = remaining.0.pop_if(|(stream, _)| *stream <= last) {
            self.end(place, Ending::CaptureEnded, ended);
        }
    }
}
