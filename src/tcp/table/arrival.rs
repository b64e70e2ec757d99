//! A segment arrives: which connection it belongs to, whether a new one begins, and what becomes of it there.
//!
//! Invariant: what most segments need is asked first; a new connection, and the end of an old one, are apart.

use crate::capture::Moment;
use crate::net::Segment;
use crate::tcp::connection::{Flow, Standing};
use crate::tcp::links::{Link, NONE};
use crate::tcp::tuple::{Bases, Key, Sought};
use crate::tcp::{Connection, Ending, Facts, Reader, patience};

use super::streams::Opened;
use super::{FlowTable, NEVER, Slot};

/// By what a segment's connection is known.
#[derive(Clone, Copy, Debug)]
struct Known {
    key: Key,
    hash: Sought,
    /// Whether the low end of the key sent the segment.
    from_low: bool,
}

impl<R: Reader> FlowTable<R> {
    /// Takes the next segment of the capture. Its connection is opened if need be, with the reader
    /// that `new_reader` makes; the connection's facts are updated; then stream data is handed to
    /// the reader. Connections that end by this are given to `ended`.
    ///
    /// Returns the segment's `tcp.stream`.
    pub fn push(
        &mut self,
        segment: &Segment<'_>,
        at: Moment,
        new_reader: impl FnOnce(&Facts) -> R,
        ended: &mut impl FnMut(Connection<R>),
    ) -> u32 {
        self.push_sought(segment, self.sought(segment), at, new_reader, ended)
    }

    /// The hash of a segment's connection.
    pub fn sought(&self, segment: &Segment<'_>) -> Sought {
        self.hashing.of(segment.source, segment.destination)
    }

    /// [`FlowTable::push`] where the hash of the segment's connection is known.
    #[inline]
    pub fn push_sought(
        &mut self,
        segment: &Segment<'_>,
        hash: Sought,
        at: Moment,
        new_reader: impl FnOnce(&Facts) -> R,
        ended: &mut impl FnMut(Connection<R>),
    ) -> u32 {
        let (key, from_low) = Key::of(segment.source, segment.destination);
        let found = self.place_of(hash, &key);
        if let Some(place) = found
            && let Some(slot) = self.slots.get(place as usize)
        {
            if slot.passed_by
                && let Some(stream) = self.pass_by(place, segment, from_low, at)
            {
                return stream;
            }
            if !self.is_over(place, segment, from_low, at) {
                return self.append(place, segment, from_low, at);
            }
        }
        let known = Known { key, hash, from_low };
        self.open(found, known, segment, at, new_reader, ended)
    }

    /// Whether the connection in `place` is over when this segment comes.
    #[inline]
    fn is_over(&self, place: u32, segment: &Segment<'_>, from_low: bool, at: Moment) -> bool {
        let Some(slot) = self.slots.get(place as usize) else { return true };
        let lingered = |flow: &Flow<R>| flow.is_closed() && flow.has_lingered(at.time);
        slot.bases.refuse(segment, from_low) || slot.flow.as_deref().is_none_or(lingered)
    }

    /// A segment of a connection that is not followed: in place of that which is `found`, if one is, a new one begins, unless
    /// this is a late segment of an old one.
    #[inline(never)]
    fn open(
        &mut self,
        found: Option<u32>,
        known: Known,
        segment: &Segment<'_>,
        at: Moment,
        new_reader: impl FnOnce(&Facts) -> R,
        ended: &mut impl FnMut(Connection<R>),
    ) -> u32 {
        let Known { key, hash, from_low } = known;
        let mut bases = Bases::default();
        let mut stream = self.streams;
        if let Some(place) = found
            && let Some(slot) = self.slots.get(place as usize)
        {
            if slot.bases.refuse(segment, from_low) {
                self.end(place, Ending::Replaced(Box::new(at)), ended);
                self.tombstones.remove(hash, &key);
            } else {
                self.end(place, Ending::Closed, ended);
            }
        }
        if let Some(stone) = self.tombstones.get_mut(hash, &key) {
            if !stone.bases.refuse(segment, from_low) {
                stone.bases.learn(segment, from_low);
                (bases, stream) = (stone.bases, stone.stream);
                if !stone.open {
                    self.late += 1;
                    self.latest = NONE;
                    return stream;
                }
            }
            self.tombstones.remove(hash, &key);
        }
        let is_new = stream == self.streams;
        if is_new {
            self.streams = self.streams.wrapping_add(1);
        }
        self.make_room(ended);
        let facts = Facts::new(stream, segment.source, segment.destination, at);
        let reader = new_reader(&facts);
        let place = self.occupy(Slot {
            link: Link::LOOSE,
            stamp: at.time,
            key,
            hash,
            bases,
            standing: Standing::Unanswered,
            a_is_low: from_low,
            is_due: false,
            passed_by: false,
            flow: Some(Box::new(Flow::new(facts, reader))),
        });
        if is_new {
            self.counted.opened.push(Opened { key, hash, first: at.frame, place });
        }
        self.append(place, segment, from_low, at)
    }

    /// Gives a segment to the connection in `place`. Returns its stream.
    fn append(&mut self, place: u32, segment: &Segment<'_>, from_low: bool, at: Moment) -> u32 {
        self.latest = place;
        let Some(slot) = self.slots.get_mut(place as usize) else {
            return self.streams;
        };
        let from = slot.sender(segment, from_low);
        let Some(flow) = &mut slot.flow else {
            return self.streams;
        };
        slot.bases.learn(segment, from_low);
        let in_order = flow.push(from, segment, at, &mut self.budget);
        slot.passed_by = flow.is_to_be_passed_by();
        self.has_passed_by |= slot.passed_by;
        let stream = flow.connection.facts.stream;
        let is_stamped = at.time.nanoseconds_since(slot.stamp) < patience::IDLE_GRAIN;
        if !in_order || slot.standing != Standing::Open || !is_stamped {
            self.put(place, at);
        }
        stream
    }

    /// Puts the slot in `place` into the lists in which it is to be after a segment at `at`.
    fn put(&mut self, place: u32, at: Moment) {
        let Some(slot) = self.slots.get_mut(place as usize) else { return };
        let Some(flow) = &slot.flow else { return };
        if flow.is_waiting()
            && !slot.is_due
            && let Some(since) = flow.confirmed()
        {
            slot.is_due = true;
            self.due.push_back(place);
            self.due_at = self.due_at.min(since.after(patience::REORDER_TIME));
        }
        let (old, new) = (slot.standing, flow.standing());
        let idle_order = matches!(new, Standing::Unanswered | Standing::Open);
        if old != new || (idle_order && at.time.nanoseconds_since(slot.stamp) >= patience::IDLE_GRAIN) {
            slot.standing = new;
            slot.stamp = at.time;
            self.due_at = self.due_at.min(flow.lingers_until().unwrap_or(NEVER));
            self.lists.of(old).remove(place, &mut self.slots);
            self.lists.of(new).push(place, &mut self.slots);
        }
    }
}
