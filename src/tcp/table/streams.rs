//! The numbers of the streams that a table opens: Wireshark's `tcp.stream`, once the streams of all tables are counted.
//!
//! Invariant: a connection and what is remembered of it after its end have one number.

use crate::capture::FrameNumber;

use super::{FlowTable, Key, Reader, Sought};

/// A stream that was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) key: Key,
    pub(super) hash: Sought,
    pub(super) first: FrameNumber,
    /// The slot it was given.
    pub(super) place: u32,
}

/// The streams of a table that were opened since they are counted from `first`.
#[derive(Debug, Default)]
pub(super) struct Counted {
    first: u32,
    /// In order.
    pub(super) opened: Vec<Opened>,
    /// Whether one of them is remembered after its end.
    buried: bool,
}

impl Counted {
    /// A stream is remembered after its end.
    pub(super) fn bury(&mut self, stream: u32) {
        self.buried |= stream >= self.first;
    }
}

impl<R: Reader> FlowTable<R> {
    /// The next stream has this number. For tables that each follow a part of a capture's connections.
    pub fn count_streams_from(&mut self, next: u32) {
        self.streams = next;
        self.counted.opened.clear();
        (self.counted.first, self.counted.buried) = (next, false);
    }

    /// The first frame of each stream since [`FlowTable::count_streams_from`].
    pub fn opened(&self) -> impl Iterator<Item = FrameNumber> {
        self.counted.opened.iter().map(|opened| opened.first)
    }

    /// Gives streams since [`FlowTable::count_streams_from`] the number that `number` makes of the one they have.
    pub fn renumber(&mut self, number: impl Fn(u32) -> u32) {
        let mut opened = std::mem::take(&mut self.counted.opened);
        for Opened { key, hash, place, .. } in opened.drain(..) {
            let still = self.slots.get(place as usize).is_some_and(|slot| slot.flow.is_some() && slot.key == key);
            let place = if still { Some(place) } else { self.find(hash, &key) };
            if let Some(flow) = place.and_then(|place| self.slots.get_mut(place as usize)?.flow.as_mut()) {
                flow.connection.facts.stream = number(flow.connection.facts.stream);
            }
            if self.counted.buried
                && let Some(stone) = self.tombstones.get_mut(hash, &key)
            {
                stone.stream = number(stone.stream);
            }
        }
        self.counted.opened = opened;
    }
}
