//! The table of connections: which segment belongs to which, under Wireshark's stream numbers.
//!
//! Invariant: streams are numbered from 0 in order of their first segment, over all TCP traffic,
//! as Wireshark's `tcp.stream` (checked against 4.0). No order of a hash table reaches the output:
//! two runs over one capture give the same connections in the same order, however often
//! [`FlowTable::advance`] is called, but for when a quiet hole is declared. This module does not
//! look into segments beyond their addresses and SYN.

mod arrival;
mod foreseen;
mod passed;
mod remaining;
mod streams;

use std::collections::VecDeque;

use hashbrown::HashTable;

use crate::capture::Timestamp;
use crate::limits::Limits;
use crate::net::{Endpoint, Segment};
use crate::stream::End;

use super::budget::Budget;
use super::connection::{Flow, Standing};
use super::links::{Link, Links, List, NONE};
use super::tombstones::{Tombstone, Tombstones};
use super::tuple::{Bases, Hashing, Key, Sought};
use super::{Connection, Ending, Reader, patience};

pub use foreseen::Place;
pub use remaining::Remaining;
use streams::Counted;

/// All connections that are being followed.
#[derive(Debug)]
pub struct FlowTable<R: Reader> {
    slots: Vec<Slot<R>>,
    vacant: Vec<u32>,
    index: HashTable<(Sought, u32)>,
    hashing: Hashing,
    /// Slot of the last segment; none if that came too late for its connection.
    latest: u32,
    /// Whether some connection was ever passed by.
    has_passed_by: bool,
    lists: Lists,
    /// Slots where a hole was acknowledged, waiting for frames that the capture swapped.
    due: VecDeque<u32>,
    tombstones: Tombstones,
    budget: Budget,
    connections: usize,
    streams: u32,
    counted: Counted,
    /// Nothing is due before.
    due_at: Timestamp,
    evicted: u64,
    late: u64,
}

#[derive(Debug)]
struct Slot<R> {
    link: Link,
    /// When it was last put at the end of its list.
    stamp: Timestamp,
    key: Key,
    hash: Sought,
    bases: Bases,
    standing: Standing,
    /// Whether end A is the low end of the key.
    a_is_low: bool,
    /// Whether `due` holds this slot.
    is_due: bool,
    /// Whether its connection is passed by, see `passing`.
    passed_by: bool,
    /// Boxed: tables grow by copying, and most of a flood is let go soon.
    flow: Option<Box<Flow<R>>>,
}

impl<R> Slot<R> {
    /// The end that sends a segment.
    fn sender(&self, segment: &Segment<'_>, from_low: bool) -> End {
        let is_a = from_low == self.a_is_low || segment.source == segment.destination;
        if is_a { End::A } else { End::B }
    }
}

impl<R> Links for Vec<Slot<R>> {
    fn link(&mut self, slot: u32) -> Option<&mut Link> {
        self.get_mut(slot as usize).map(|slot| &mut slot.link)
    }
}

/// The lists of slots, each by when they were put in.
#[derive(Debug)]
struct Lists {
    unanswered: List,
    open: List,
    stranded: List,
    doubted: List,
    closing: List,
}

impl Lists {
    fn of(&mut self, standing: Standing) -> &mut List {
        match standing {
            Standing::Unanswered => &mut self.unanswered,
            Standing::Open => &mut self.open,
            Standing::Stranded => &mut self.stranded,
            Standing::Doubted => &mut self.doubted,
            Standing::Closing => &mut self.closing,
        }
    }
}

impl<R: Reader> FlowTable<R> {
    /// An empty table that keeps within `limits`.
    pub fn new(limits: &Limits) -> FlowTable<R> {
        FlowTable::hashing_by(Hashing::default(), limits)
    }

    /// The same, with a hash that others use too.
    pub fn hashing_by(hashing: Hashing, limits: &Limits) -> FlowTable<R> {
        FlowTable {
            slots: Vec::new(),
            vacant: Vec::new(),
            index: HashTable::new(),
            hashing,
            latest: NONE,
            has_passed_by: false,
            lists: Lists {
                unanswered: List::new(),
                open: List::new(),
                stranded: List::new(),
                doubted: List::new(),
                closing: List::new(),
            },
            due: VecDeque::new(),
            tombstones: Tombstones::new(limits.connections),
            budget: Budget::new(limits),
            connections: limits.connections.max(1),
            streams: 0,
            counted: Counted::default(),
            due_at: NEVER,
            evicted: 0,
            late: 0,
        }
    }

    /// Lets capture time pass: connections that closed and have lingered end, in the order in which
    /// they closed, and holes of quiet connections are declared. To be called now and then, at best
    /// for each frame: it costs next to nothing when nothing is due.
    pub fn advance(&mut self, now: Timestamp, ended: &mut impl FnMut(Connection<R>)) {
        if now < self.due_at {
            return;
        }
        self.due_at = NEVER;
        while let Some(place) = self.due.front().copied() {
            if let Some(due_at) = self.judge_due(place, now) {
                self.due_at = due_at;
                break;
            }
            self.due.pop_front();
        }
        for standing in [Standing::Closing, Standing::Stranded, Standing::Doubted] {
            while let Some(place) = self.lists.of(standing).first() {
                match self.flow(place).and_then(Flow::lingers_until) {
                    Some(until) if until <= now => {
                        self.end(place, Ending::Closed, ended);
                        let next = self.lists.of(standing).first();
                        self.foresee_end_of(next);
                    }
                    until => {
                        self.due_at = self.due_at.min(until.unwrap_or(NEVER));
                        break;
                    }
                }
            }
        }
    }

    /// Before this time [`FlowTable::advance`] has nothing to do.
    pub fn due_at(&self) -> Timestamp {
        self.due_at
    }

    /// Ends connections of which only SYNs of one end were seen, the last [`patience::UNANSWERED`] or longer before `now`.
    pub fn give_up_unanswered(&mut self, now: Timestamp, ended: &mut impl FnMut(Connection<R>)) {
        let is_over = |flow: &Flow<R>| {
            let facts = &flow.connection.facts;
            let alone = facts.syn.count > 0 && (facts.from_a.segments == 0 || facts.from_b.segments == 0);
            alone && now.nanoseconds_since(facts.last().time) >= patience::UNANSWERED
        };
        let unanswered =
            |slot: &Slot<R>| slot.standing == Standing::Unanswered && slot.flow.as_deref().is_some_and(is_over);
        let places: Vec<u32> =
            (0..).zip(&self.slots).filter(|(_, slot)| unanswered(slot)).map(|(place, _)| place).collect();
        for place in places {
            self.end(place, Ending::Unanswered, ended);
        }
    }

    /// How many connections are followed.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no connection is followed.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many streams there have been.
    pub fn streams(&self) -> u32 {
        self.streams
    }

    /// How many open connections were let go to stay within `Limits::connections`.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// How many segments came after their connection had ended, and went nowhere.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Bytes of out-of-order data kept now, with their overhead.
    pub fn out_of_order_bytes(&self) -> usize {
        self.budget.used()
    }

    /// How many holes were given up because no more out-of-order data may be kept.
    pub fn given_up(&self) -> u64 {
        self.budget.given_up()
    }

    /// The connection that took the last segment, if it is still followed, and did not pass the segment by.
    pub fn latest_mut(&mut self) -> Option<&mut Connection<R>> {
        let slot = self.slots.get_mut(self.latest as usize).filter(|slot| !slot.passed_by)?;
        Some(&mut slot.flow.as_mut()?.connection)
    }

    /// The connection that is followed between two endpoints, in either order.
    pub fn get(&self, one: Endpoint, other: Endpoint) -> Option<&Connection<R>> {
        let (key, _) = Key::of(one, other);
        let place = self.find(self.hashing.of_key(&key), &key)?;
        Some(&self.flow(place)?.connection)
    }

    /// As [`FlowTable::get`], to tell the reader what other layers saw (an ICMP error, say).
    pub fn get_mut(&mut self, one: Endpoint, other: Endpoint) -> Option<&mut Connection<R>> {
        let (key, _) = Key::of(one, other);
        let place = self.find(self.hashing.of_key(&key), &key)?;
        Some(&mut self.slots.get_mut(place as usize)?.flow.as_mut()?.connection)
    }

    /// The connections that are followed, in no order that means anything, but the same in each run.
    pub fn iter(&self) -> impl Iterator<Item = &Connection<R>> {
        self.slots.iter().filter_map(|slot| Some(&slot.flow.as_ref()?.connection))
    }

    /// As [`FlowTable::iter`], to let the readers take note of something.
    pub fn each_mut(&mut self, each: &mut impl FnMut(&mut Connection<R>)) {
        self.slots.iter_mut().filter_map(|slot| slot.flow.as_mut()).for_each(|flow| each(&mut flow.connection));
    }

    fn flow(&self, place: u32) -> Option<&Flow<R>> {
        self.slots.get(place as usize)?.flow.as_deref()
    }

    /// Where the connection of this key is, which most often is that of the last segment.
    #[inline]
    fn place_of(&self, hash: Sought, key: &Key) -> Option<u32> {
        let is_latest = |slot: &Slot<R>| slot.key == *key && slot.flow.is_some();
        if self.slots.get(self.latest as usize).is_some_and(is_latest) {
            Some(self.latest)
        } else {
            self.find(hash, key)
        }
    }

    fn find(&self, hash: Sought, key: &Key) -> Option<u32> {
        let same = |(h, place): &(Sought, u32)| {
            *h == hash && self.slots.get(*place as usize).is_some_and(|slot| slot.key == *key)
        };
        self.index.find(hash.spread(), same).map(|(_, place)| *place)
    }

    fn occupy(&mut self, slot: Slot<R>) -> u32 {
        let hash = slot.hash;
        let place = if let Some(place) = self.vacant.pop()
            && let Some(old) = self.slots.get_mut(place as usize)
        {
            let is_due = old.is_due;
            *old = Slot { is_due, ..slot };
            place
        } else {
            // By a quarter, not by as much again: there may be many.
            if self.slots.len() == self.slots.capacity() {
                self.slots.reserve_exact((self.slots.len() / 4).max(FEWEST_SLOTS));
            }
            self.slots.push(slot);
            u32::try_from(self.slots.len() - 1).unwrap_or(NONE)
        };
        self.index.insert_unique(hash.spread(), (hash, place), |(hash, _)| hash.spread());
        self.lists.of(Standing::Unanswered).push(place, &mut self.slots);
        place
    }

    /// Judges the holes of a slot in `due`, or tells when they are to be judged.
    fn judge_due(&mut self, place: u32, now: Timestamp) -> Option<Timestamp> {
        let slot = self.slots.get_mut(place as usize)?;
        if let Some(flow) = &mut slot.flow
            && let Some(since) = flow.confirmed()
        {
            let due_at = since.after(patience::REORDER_TIME);
            if now < due_at {
                return Some(due_at);
            }
            let at = flow.connection.facts.last();
            flow.judge_holes(End::A, at, Some(now), &mut self.budget);
        }
        slot.is_due = false;
        None
    }

    /// Ends the connection in `place`.
    fn end(&mut self, place: u32, ending: Ending, ended: &mut impl FnMut(Connection<R>)) {
        let Some(slot) = self.slots.get_mut(place as usize) else {
            return;
        };
        let Some(mut flow) = slot.flow.take() else {
            return;
        };
        if slot.passed_by {
            flow.catch_up();
        }
        let (hash, standing) = (slot.hash, slot.standing);
        let stone = Tombstone {
            key: slot.key,
            hash,
            stream: flow.connection.facts.stream,
            bases: slot.bases,
            open: ending == Ending::LetGo && !flow.is_closed(),
        };
        self.lists.of(standing).remove(place, &mut self.slots);
        if let Ok(entry) = self.index.find_entry(hash.spread(), |(_, p)| *p == place) {
            entry.remove();
        }
        self.vacant.push(place);
        if ending != Ending::CaptureEnded {
            self.counted.bury(stone.stream);
            self.tombstones.insert(stone);
        }
        ended(flow.end(ending, &mut self.budget));
    }

    /// Lets a connection go if the table is full, or a quarter of it by unanswered ones: a flood of SYNs shall
    /// neither push sessions out nor take much memory. A closed one goes first, then an unanswered one if these
    /// are too many, else the one in use that is idle longest.
    fn make_room(&mut self, ended: &mut impl FnMut(Connection<R>)) {
        let Lists { unanswered, open, stranded, doubted, closing } = &self.lists;
        let flooded = unanswered.len() > self.connections / 4;
        if self.index.len() < self.connections && !flooded {
            return;
        }
        let victim = closing
            .first()
            .or(stranded.first())
            .or(doubted.first())
            .filter(|_| self.index.len() >= self.connections)
            .or(if flooded { unanswered.first() } else { None })
            .or(open.first())
            .or(unanswered.first());
        if let Some(victim) = victim {
            self.evicted += u64::from(self.flow(victim).is_some_and(|flow| !flow.is_closed()));
            self.end(victim, Ending::LetGo, ended);
        }
    }
}

/// A table grows by so many slots at least.
const FEWEST_SLOTS: usize = 64;

/// Later than any capture.
const NEVER: Timestamp = Timestamp(i64::MAX);

#[cfg(test)]
mod copies;
#[cfg(test)]
mod evasion;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unseen;
