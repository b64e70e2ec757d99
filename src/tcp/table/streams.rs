//! The numbers of the streams that a table opens: Wireshark's `tcp.stream`, once the streams of all tables are counted.
//!
//! Invariant: a connection and what is remembered of it after its end have one number.

use crate::capture::FrameNumber;

use super::{FlowTable, Key, Reader};

/// A stream that was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) key: Key,
    pub(super) hash: u64,
    pub(super) first: FrameNumber,
}

impl<R: Reader> FlowTable<R> {
    /// The next stream has this number. For tables that each follow a part of a capture's connections.
    pub fn count_streams_from(&mut self, next: u32) {
        self.streams = next;
        self.opened.clear();
    }

    /// The first frame of each stream since [`FlowTable::count_streams_from`].
    pub fn opened(&self) -> impl Iterator<Item = FrameNumber> {
        self.opened.iter().map(|opened| opened.first)
    }

    /// Gives streams since [`FlowTable::count_streams_from`] the number that `number` makes of the one they have.
    pub fn renumber(&mut self, number: impl Fn(u32) -> u32) {
        for Opened { key, hash, .. } in std::mem::take(&mut self.opened) {
            if let Some(place) = self.find(hash, &key)
                && let Some(flow) = self.slots.get_mut(place as usize).and_then(|slot| slot.flow.as_mut())
            {
                flow.connection.facts.stream = number(flow.connection.facts.stream);
            }
            if let Some(stone) = self.tombstones.get_mut(hash, &key) {
                stone.stream = number(stone.stream);
            }
        }
    }
}
