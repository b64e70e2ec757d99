//! One direction of a connection: segments in any order become stream bytes in order.
//!
//! Invariant: what is delivered rises in offset, touches, and holds no byte twice. `expected` and
//! `next` name the same byte, as offset and as sequence number. This module keeps no statistics
//! and knows only its own direction; [`super::connection`] tells it what the other end said.

use std::num::NonZeroU64;

use crate::capture::{Moment, Timestamp};
use crate::fetch;
use crate::stream::{Chunk, Gap, GapReason, Piece, StreamOffset};

use super::budget::Budget;
use super::numbering::Numbering;
use super::out_of_order::{Content, OVERHEAD, OutOfOrder, index};
use super::patience;
use super::recent::Recent;
use super::sequence::advance;

/// Takes the pieces.
pub(super) type Deliver<'d> = dyn FnMut(Piece<'_>) + 'd;

/// What a segment brings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    /// Offset of the first byte of `payload`.
    pub(super) offset: i64,
    pub(super) payload: &'a [u8],
    /// Payload length on the wire.
    pub(super) length: u32,
    pub(super) at: Moment,
}

/// What is new and what is not in a segment, before it is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Novelty {
    /// Bytes seen before, delivered, declared missing or stored.
    pub(super) repeated: u64,
    /// Those of them that differ from what was stored, or delivered a moment ago.
    pub(super) conflicting: u64,
    /// Bytes not seen before.
    pub(super) fresh: u64,
}

/// What waits behind a hole.
#[derive(Debug, Default)]
struct Waiting {
    store: OutOfOrder,
    /// Since when `expected` has been what is missing.
    since: Moment,
    /// How things stood when the hole opened; `None` until it is first judged.
    opened: Option<Opened>,
    /// The first acknowledgment of some of the hole.
    confirmed: Option<Confirmed>,
}

/// How things stood when a hole opened.
#[derive(Clone, Copy, Debug)]
struct Opened {
    /// Segments of the other end.
    heard: u64,
    /// Cost of what was stored.
    cost: usize,
    /// Segments since then.
    segments: usize,
}

/// The other end acknowledged bytes that were not captured.
#[derive(Clone, Copy, Debug)]
struct Confirmed {
    since: Timestamp,
    /// Segments of either end since then.
    segments: u8,
    /// Up to this offset.
    to: u64,
}

/// What the connection knows of the other end when it asks whether a hole can still close.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hearing {
    /// Highest offset that the other end acknowledged.
    pub(super) acknowledged: u64,
    /// Segments of the other end so far.
    pub(super) heard: u64,
}

/// The reassembly of one direction.
#[derive(Debug)]
pub(super) struct Assembler {
    pub(super) numbering: Numbering,
    /// One more than the offset of the FIN.
    behind_fin: Option<NonZeroU64>,
    waiting: Option<Box<Waiting>>,
    recent: Option<Box<Recent>>,
}

impl Assembler {
    pub(super) fn new() -> Assembler {
        Assembler { numbering: Numbering::new(), behind_fin: None, waiting: None, recent: None }
    }

    /// Offset of the next byte to deliver.
    pub(super) fn expected(&self) -> u64 {
        self.numbering.expected()
    }

    /// Offset of the FIN, which stands after the last byte.
    pub(super) fn fin(&self) -> Option<u64> {
        self.behind_fin.map(|behind| behind.get() - 1)
    }

    /// Whether data waits behind a hole.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Whether it is known where the stream stands, no data waits and no FIN was seen.
    #[inline]
    pub(super) fn is_at_rest(&self) -> bool {
        self.waiting.is_none() && self.behind_fin.is_none() && self.numbering.is_fixed()
    }

    /// Offset of the first byte stored behind a hole, and its frame.
    pub(super) fn first_waiting(&self) -> Option<(u64, Moment)> {
        self.waiting.as_ref()?.store.first()
    }

    /// Where the hole at `expected` ends: at stored data, or at the FIN.
    fn hole_end(&self) -> Option<u64> {
        let fin = self.fin().filter(|fin| *fin > self.expected());
        self.first_waiting().map(|(first, _)| first).or(fin)
    }

    /// Both streams are at their end: what was delivered is not compared any more with what is sent again.
    pub(super) fn forget_delivered(&mut self) {
        self.recent = None;
    }

    /// Whether a FIN was seen and everything before it is delivered or declared missing.
    pub(super) fn is_complete(&self) -> bool {
        self.fin().is_some_and(|fin| self.expected() >= fin)
    }

    /// When the confirmed hole was confirmed.
    pub(super) fn confirmed(&self) -> Option<Timestamp> {
        Some(self.waiting.as_ref()?.confirmed?.since)
    }

    /// A SYN: the stream's first byte follows it (RFC 9293 §3.4). Whether it is believed: one that
    /// says otherwise than before is not, once data went by or the handshake is `settled`.
    pub(super) fn begin(&mut self, syn: u32, settled: bool, budget: &mut Budget) -> bool {
        let first = advance(syn, 1);
        if self.numbering.is_fixed() {
            if self.numbering.sequence_of(0) == first {
                return true;
            }
            if settled || self.expected() > 0 || self.waiting.is_some() {
                return false;
            }
        }
        self.forget(budget);
        self.behind_fin = None;
        self.numbering.fix(first);
        true
    }

    /// What of the segment is new.
    pub(super) fn inspect(&self, arrival: &Arrival<'_>) -> Novelty {
        let length = u64::from(arrival.length);
        let end = arrival.offset.saturating_add(i64::from(arrival.length)).max(0).cast_unsigned();
        let old = if end <= self.expected() { length } else { length - (end - self.expected()).min(length) };
        let mut novelty = Novelty { repeated: old, conflicting: 0, fresh: length - old };
        if old > 0
            && let Some(recent) = &self.recent
        {
            novelty.conflicting = recent.differing(self.expected(), arrival.offset, arrival.payload);
        }
        if let Some(waiting) = &self.waiting
            && novelty.fresh > 0
        {
            let payload = arrival.payload.get(index(old)..).unwrap_or_default();
            let overlap = waiting.store.overlap(end - novelty.fresh, payload);
            novelty.repeated += overlap.repeated;
            novelty.conflicting += overlap.conflicting;
            novelty.fresh -= overlap.repeated;
        }
        novelty
    }

    /// A FIN at `offset`; the first one is believed.
    pub(super) fn end_at(&mut self, offset: u64, at: Moment) {
        if self.behind_fin.is_none() && offset >= self.expected() {
            self.behind_fin = NonZeroU64::new(offset.saturating_add(1));
            if offset > self.expected() {
                self.wait(at);
            }
        }
    }

    /// The FIN was none.
    pub(super) fn take_back_fin(&mut self) {
        self.behind_fin = None;
    }

    fn wait(&mut self, at: Moment) -> &mut Waiting {
        self.waiting.get_or_insert_with(|| Box::new(Waiting { since: at, ..Waiting::default() }))
    }

    /// Takes a segment's payload: delivers what is in order, keeps what is not.
    pub(super) fn accept(&mut self, arrival: Arrival<'_>, budget: &mut Budget, deliver: &mut Deliver<'_>) {
        let end = arrival.offset.saturating_add(i64::from(arrival.length));
        loop {
            let start = arrival.offset.max(self.expected().cast_signed());
            if start >= end {
                return;
            }
            let skip = (start - arrival.offset).cast_unsigned();
            let start = start.cast_unsigned();
            let data = arrival.payload.get(index(skip)..).unwrap_or_default();
            let cut = (end.cast_unsigned() - start) - data.len() as u64;
            let starts_segment = skip == 0;
            if start == self.expected() {
                if self.waiting.is_none() {
                    self.deliver_bytes(data, arrival.at, starts_segment, deliver);
                    self.deliver_gap(cut, GapReason::SnapLength, arrival.at, deliver);
                } else {
                    self.fill(data, cut, arrival.at, starts_segment, budget, deliver);
                }
                return;
            }
            if self.fits(data.len(), budget) {
                self.keep(start, data, cut, arrival.at, starts_segment, budget);
                return;
            }
            let hole_end = self.first_waiting().map_or(start, |(first, _)| first.min(start));
            budget.note_given_up();
            self.give_up(hole_end, GapReason::LimitReached, arrival.at, budget, deliver);
        }
    }

    fn fits(&self, bytes: usize, budget: &Budget) -> bool {
        let (cost, segments) = self.waiting.as_ref().map_or((0, 0), |w| (w.store.cost(), w.store.len()));
        budget.allows(cost, segments, bytes.saturating_add(OVERHEAD))
    }

    #[allow(clippy::too_many_arguments)] // one caller, all of one segment
    fn keep(&mut self, offset: u64, data: &[u8], cut: u64, at: Moment, starts_segment: bool, budget: &mut Budget) {
        let waiting = self.wait(at);
        let before = waiting.store.cost();
        waiting.store.insert(offset, data, at, starts_segment);
        waiting.store.insert_cut(offset + data.len() as u64, cut, at);
        budget.change(before, waiting.store.cost());
    }

    /// Delivers a segment that starts at `expected` while pieces wait behind it.
    fn fill(
        &mut self,
        mut data: &[u8],
        cut: u64,
        at: Moment,
        mut starts_segment: bool,
        budget: &mut Budget,
        deliver: &mut Deliver<'_>,
    ) {
        let end = self.expected() + data.len() as u64 + cut;
        while !data.is_empty() {
            let next = self.first_waiting().map_or(u64::MAX, |(first, _)| first);
            let (now, rest) = data.split_at(index(next.saturating_sub(self.expected())).min(data.len()));
            self.deliver_bytes(now, at, starts_segment, deliver);
            data = rest;
            starts_segment = false;
            if !data.is_empty() {
                let repeated = self.deliver_over(data, at, budget, deliver);
                data = data.get(index(repeated)..).unwrap_or_default();
            }
        }
        let expected = self.expected();
        if expected < end && cut > 0 {
            if let Some(waiting) = &mut self.waiting {
                let before = waiting.store.cost();
                waiting.store.insert_cut(expected, end - expected, at);
                budget.change(before, waiting.store.cost());
            } else {
                self.deliver_gap(end - expected, GapReason::SnapLength, at, deliver);
            }
        }
        self.drain(at, budget, deliver);
    }

    /// Delivers the stored piece at `expected`, of which `data` is another copy; where the stored
    /// piece was cut, `data` instead. Returns how many bytes of `data` that used.
    fn deliver_over(&mut self, data: &[u8], at: Moment, budget: &mut Budget, deliver: &mut Deliver<'_>) -> u64 {
        let expected = self.expected();
        let Some(piece) = self.take(expected, budget) else {
            return 0;
        };
        match piece.content {
            Content::Bytes(bytes) => {
                self.deliver_bytes(&bytes, piece.at, piece.starts_segment, deliver);
                bytes.len() as u64
            }
            Content::Cut(length) => {
                let used = data.get(..index(length)).unwrap_or(data);
                self.deliver_bytes(used, at, false, deliver);
                let used = used.len() as u64;
                self.deliver_gap(length - used, GapReason::SnapLength, piece.at, deliver);
                used
            }
        }
    }

    /// Delivers what has come in order in the store; lets the store go when it is empty.
    fn drain(&mut self, now: Moment, budget: &mut Budget, deliver: &mut Deliver<'_>) {
        while let Some(piece) = self.take(self.expected(), budget) {
            match piece.content {
                Content::Bytes(bytes) => self.deliver_bytes(&bytes, piece.at, piece.starts_segment, deliver),
                Content::Cut(length) => self.deliver_gap(length, GapReason::SnapLength, piece.at, deliver),
            }
        }
        let hole = self.hole_end();
        if let Some(waiting) = &mut self.waiting {
            if hole.is_none() {
                self.waiting = None;
            } else {
                waiting.since = now;
                waiting.opened = None;
                waiting.confirmed = None;
            }
        }
    }

    fn take(&mut self, offset: u64, budget: &mut Budget) -> Option<super::out_of_order::Stored> {
        let store = &mut self.waiting.as_mut()?.store;
        let before = store.cost();
        let piece = store.pop_at(offset)?;
        budget.change(before, store.cost());
        Some(piece)
    }

    /// Declares the bytes up to `to` missing and delivers what follows them.
    fn give_up(&mut self, to: u64, why: GapReason, at: Moment, budget: &mut Budget, deliver: &mut Deliver<'_>) {
        self.deliver_gap(to.saturating_sub(self.expected()), why, at, deliver);
        self.drain(at, budget, deliver);
    }

    /// The stream goes on at `offset`: what is stored before it is delivered, the rest is missing.
    pub(super) fn jump(&mut self, offset: u64, at: Moment, budget: &mut Budget, deliver: &mut Deliver<'_>) {
        self.flush(u64::MAX, at, budget, deliver);
        self.give_up(offset, GapReason::NotCaptured, at, budget, deliver);
    }

    /// Asks whether the hole, if there is one, can still close; declares it missing if not. To be
    /// called for each segment of the connection, or as time has `passed` since the last, `at`.
    pub(super) fn judge_hole(
        &mut self,
        hearing: Hearing,
        passed: Option<Timestamp>,
        at: Moment,
        budget: &mut Budget,
        deliver: &mut Deliver<'_>,
    ) {
        let expected = self.expected();
        let (segment, now) = (passed.is_none(), passed.unwrap_or(at.time));
        let Some(end) = self.hole_end() else {
            return;
        };
        let Some(waiting) = &mut self.waiting else {
            return;
        };
        let cost = waiting.store.cost();
        let opened = waiting.opened.get_or_insert(Opened { heard: hearing.heard, cost, segments: 0 });
        opened.segments += usize::from(segment);
        let opened = *opened;
        if let Some(confirmed) = &mut waiting.confirmed {
            confirmed.segments = confirmed.segments.saturating_add(u8::from(segment));
            let Confirmed { since, segments, to } = *confirmed;
            if segments >= patience::REORDER_SEGMENTS || now.nanoseconds_since(since) >= patience::REORDER_TIME {
                while let Some(end) = self.hole_end()
                    && self.expected() < to
                {
                    self.give_up(end.min(to), GapReason::NotCaptured, at, budget, deliver);
                }
            }
        } else if hearing.acknowledged > expected {
            waiting.confirmed = Some(Confirmed { since: now, segments: 0, to: hearing.acknowledged });
        } else if hearing.heard == opened.heard
            && (cost >= opened.cost + patience::DEAF_BYTES
                || opened.segments >= patience::DEAF_SEGMENTS
                || (opened.heard == 0 && now.nanoseconds_since(waiting.since.time) >= patience::DEAF_TIME))
        {
            self.give_up(end, GapReason::NotCaptured, at, budget, deliver);
        }
    }

    /// Delivers all that is kept, and declares the holes before it and before the FIN.
    pub(super) fn flush(&mut self, acknowledged: u64, at: Moment, budget: &mut Budget, deliver: &mut Deliver<'_>) {
        let why = |to| if acknowledged >= to { GapReason::NotCaptured } else { GapReason::NeverSeen };
        while let Some(end) = self.hole_end() {
            self.give_up(end, why(end), at, budget, deliver);
        }
    }

    /// Frees what is kept; from now on only the numbering goes on.
    pub(super) fn forget(&mut self, budget: &mut Budget) {
        self.recent = None;
        if let Some(waiting) = self.waiting.take() {
            budget.change(waiting.store.cost(), 0);
        }
    }

    fn deliver_bytes(&mut self, data: &[u8], at: Moment, starts_segment: bool, deliver: &mut Deliver<'_>) {
        if data.is_empty() {
            return;
        }
        deliver(Piece::Chunk(self.next_chunk(data, at, starts_segment)));
    }

    /// The next bytes of the stream, to be delivered.
    #[inline]
    pub(super) fn next_chunk<'a>(&mut self, data: &'a [u8], at: Moment, starts_segment: bool) -> Chunk<'a> {
        let offset = StreamOffset(self.expected());
        self.numbering.skip_to(self.expected() + data.len() as u64);
        self.recent.get_or_insert_default().delivered(data);
        Chunk { offset, data, at, starts_segment }
    }

    /// Asks for the bytes delivered last.
    pub(super) fn fetch(&self) {
        if let Some(recent) = &self.recent {
            fetch::start(&**recent);
        }
    }

    fn deliver_gap(&mut self, length: u64, why: GapReason, at: Moment, deliver: &mut Deliver<'_>) {
        if length == 0 {
            return;
        }
        let offset = StreamOffset(self.expected());
        self.numbering.skip_to(self.expected() + length);
        if let Some(recent) = &mut self.recent {
            recent.clear();
        }
        deliver(Piece::Gap(Gap { offset, length, why, at }));
    }
}
