//! Finds a packet's start after a hole, or when the capture joins a stream in the middle.
//!
//! Invariant: a packet is believed in only when it is the first of a chain of plausible packets that
//! runs to the end of what is in view, with [`ENOUGH`] evidence; when in doubt, bytes are skipped.
//!
//! Evidence is counted in bits (see `glance`): the packets' own weights, [`SEGMENT`] for a start
//! where a TCP segment starts, [`TILES`] for an end where one ends. A start in the middle of a
//! segment must be of a packet that few bytes cannot imitate, or of a run of [`WEAK_RUN`] others.
//! A payload may hold MQTT: a packet inside the extent of an earlier plausible one waits until
//! that one's end shows whether it was real. Bytes that tunnel whole packets right after the hole
//! cannot be told from packets.

use super::framed::{Hints, SkipReason, Skipped};
use super::walk::{ENOUGH, TILES, Walk};
use super::{PacketType, PropertyId, Version};
use crate::capture::Moment;
use crate::stream::{Chunk, StreamOffset};

/// Evidence, in bits, that a chain starts where a TCP segment does.
const SEGMENT: u32 = 12;
/// Evidence enough for a packet at a segment's start that is too long to see its end.
const ENOUGH_UNCONFIRMED: u32 = 33;
/// Weak packets that must stand in a row to be believed in the middle of a segment.
const WEAK_RUN: u32 = 4;
/// Most starts that are followed at once.
const CANDIDATES: usize = 64;
/// Largest window that is kept for what comes next, in bytes.
const KEPT_WINDOW: usize = 4096;
/// Most chunks kept apart in the window.
const MARKS: usize = 4096;

/// The search for a packet's start.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// Where the stream fell out of step, when that is known yet.
    begun: Option<(StreamOffset, Moment)>,
    why: SkipReason,
    missing: u64,
    last: Moment,
    /// Stream offset of the window's first byte.
    base: u64,
    window: Vec<u8>,
    marks: Vec<Mark>,
    /// Index of the first byte not yet tried as a start.
    untried: usize,
    /// In rising order of start.
    candidates: Vec<Candidate>,
}

/// A chunk in the window.
#[derive(Clone, Copy, Debug)]
struct Mark {
    start: usize,
    at: Moment,
    starts_segment: bool,
}

/// A start that is followed.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    start: usize,
    starts_segment: bool,
    walk: Walk,
    /// Where the walk came to a packet's end at the end of a chunk.
    tiled: Option<usize>,
}

impl Candidate {
    fn score(&self) -> u32 {
        self.walk.weight + if self.starts_segment { SEGMENT } else { 0 }
    }

    /// Whether the packets from here are believed in, with the window ending at `end`.
    ///
    /// The walk must be inside a plausible packet at the window's end, or have gone on over the end
    /// of a chunk where a packet ended; else the next bytes may still show that it is wrong. A walk
    /// from a segment's start to a segment's end is believed in at once.
    fn is_believed(&self, end: usize) -> bool {
        let next = self.start.saturating_add(self.walk.next);
        let goes_on = next > end || self.tiled.is_some_and(|tiled| next > tiled);
        let confirmed = self.walk.packets > 1 && goes_on;
        (confirmed || (self.starts_segment && next == end)) && self.is_enough(end)
    }

    /// The same when no more bytes come.
    fn is_believed_at_last(&self, end: usize) -> bool {
        let next = self.start.saturating_add(self.walk.next);
        (self.walk.packets > 1 || next == end) && next >= end && self.is_enough(end)
    }

    fn is_enough(&self, end: usize) -> bool {
        let tiles = self.tiled.is_some() || self.walk.ends_at(end - self.start);
        let weak_only = self.walk.strong == 0 && !self.starts_segment && self.walk.packets < WEAK_RUN;
        self.walk.packets > 0 && !weak_only && self.score() + if tiles { TILES } else { 0 } >= ENOUGH
    }

    /// Whether it starts amid a segment with a few weak packets: they may be the end of a payload,
    /// and the strong one after them is a start of its own.
    fn is_doubtful(&self) -> bool {
        !self.starts_segment && self.walk.strong > 0 && (1..WEAK_RUN).contains(&self.walk.weak_before)
    }

    /// Whether `later` lies inside a packet that this one has made plausible.
    fn covers(&self, later: usize) -> bool {
        self.walk.strong > 0 && self.start < later && self.start.saturating_add(self.walk.next) > later
    }

    /// Whether it is a long packet at a segment's start.
    fn is_likely(&self) -> bool {
        self.starts_segment && self.walk.strong > 0 && self.score() >= ENOUGH_UNCONFIRMED
    }
}

impl Search {
    pub(super) fn new(begun: Option<(StreamOffset, Moment)>, why: SkipReason) -> Search {
        let (offset, last) = begun.unwrap_or_default();
        Search {
            begun,
            why,
            missing: 0,
            last,
            base: offset.0,
            window: Vec::new(),
            marks: Vec::new(),
            untried: 0,
            candidates: Vec::new(),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Search>()
            + self.window.capacity()
            + self.marks.capacity() * size_of::<Mark>()
            + self.candidates.capacity() * size_of::<Candidate>()
    }

    /// Passes over bytes up to `until`, `length` of which were not captured: nothing before can be a start any more.
    pub(super) fn pass(&mut self, length: u64, until: StreamOffset, at: Moment) {
        self.forget();
        self.base = until.0;
        self.last = at;
        // What is passed over is counted from the first byte that is known; see `append`.
        if self.begun.is_some() {
            self.missing = self.missing.saturating_add(length);
        }
    }

    /// Takes the next bytes. Returns the window's index of a packet's start, once one is believed in.
    pub(super) fn push(&mut self, chunk: Chunk<'_>, hints: Hints, limit: usize) -> Option<usize> {
        let end = self.window.len();
        for candidate in &mut self.candidates {
            if candidate.walk.ends_at(end - candidate.start) {
                candidate.tiled = Some(end);
            }
        }
        self.append(chunk);
        let (window, untried) = (&self.window, self.untried);
        self.candidates.retain_mut(|candidate| {
            let bytes = window.get(candidate.start..).unwrap_or_default();
            candidate.walk.advance(bytes, hints.version) && !candidate.is_doubtful()
        });
        if chunk.starts_segment {
            self.follow(untried, true, hints);
            self.untried += 1;
        }
        if let Some(found) = self.believed() {
            return Some(found);
        }
        while self.untried < self.window.len() {
            let followed = self.follow(self.untried, false, hints);
            self.untried += 1;
            if followed && let Some(found) = self.believed() {
                return Some(found);
            }
        }
        if self.candidates.is_empty() {
            self.forget();
        } else if self.window.len() > limit || self.marks.len() > MARKS {
            let long = self.candidates.iter().find(|candidate| candidate.is_likely());
            if let Some(found) = long.map(|candidate| candidate.start).or_else(|| self.last_chance()) {
                return Some(found);
            }
            self.forget();
        } else {
            self.trim();
        }
        None
    }

    /// The start to believe in when no more bytes come that could speak against it.
    pub(super) fn last_chance(&mut self) -> Option<usize> {
        let end = self.window.len();
        self.candidates.iter().find(|candidate| candidate.is_believed_at_last(end)).map(|candidate| candidate.start)
    }

    /// The bytes passed over when the packet at `found` is the next.
    pub(super) fn skipped_until(&self, found: usize) -> Option<Skipped> {
        let until = self.marks.iter().take_while(|mark| mark.start <= found).last();
        self.skipped(self.offset_of(found), until.map_or(self.last, |mark| mark.at))
    }

    /// The bytes passed over when the stream ends without a packet.
    pub(super) fn skipped_all(&self) -> Option<Skipped> {
        self.skipped(self.offset_of(self.window.len()), self.last)
    }

    /// The window from `found` on, in the chunks it came in.
    pub(super) fn chunks_from(&self, found: usize) -> impl Iterator<Item = Chunk<'_>> {
        let ends = self.marks.iter().skip(1).map(|mark| mark.start).chain([self.window.len()]);
        self.marks.iter().zip(ends).filter_map(move |(mark, end)| {
            let start = mark.start.max(found);
            let data = self.window.get(start..end).filter(|data| !data.is_empty())?;
            let starts_segment = mark.starts_segment && start == mark.start;
            Some(Chunk { offset: self.offset_of(start), data, at: mark.at, starts_segment })
        })
    }

    fn offset_of(&self, index: usize) -> StreamOffset {
        StreamOffset(self.base.saturating_add(u64::try_from(index).unwrap_or(u64::MAX)))
    }

    fn skipped(&self, end: StreamOffset, until: Moment) -> Option<Skipped> {
        let (offset, from) = self.begun?;
        let length = end.0.saturating_sub(offset.0);
        let skipped = Skipped { offset, length, missing: self.missing, why: self.why, from, until };
        (length > 0).then_some(skipped)
    }

    fn append(&mut self, chunk: Chunk<'_>) {
        if self.begun.is_none() {
            self.begun = Some((chunk.offset, chunk.at));
        }
        if self.window.is_empty() {
            self.base = chunk.offset.0;
        }
        self.last = chunk.at;
        let same = self.marks.last().is_some_and(|mark| mark.at == chunk.at && !chunk.starts_segment);
        if !same {
            let mark = Mark { start: self.window.len(), at: chunk.at, starts_segment: chunk.starts_segment };
            self.marks.push(mark);
        }
        self.window.extend_from_slice(chunk.data);
    }

    /// Follows the chain that starts at `start`, unless it ends at once. Whether it does.
    fn follow(&mut self, start: usize, starts_segment: bool, hints: Hints) -> bool {
        let mut walk = Walk::new(hints.sender);
        let bytes = self.window.get(start..).unwrap_or_default();
        if !starts_segment && hints.version.is_none_or(Version::is_v5) && may_be_properties(bytes) {
            return false;
        }
        if !walk.advance(bytes, hints.version) {
            return false;
        }
        let candidate = Candidate { start, starts_segment, walk, tiled: None };
        if candidate.is_doubtful() {
            return false;
        }
        if self.candidates.len() >= CANDIDATES {
            // The true start may be dropped here: then bytes are skipped, nothing is invented.
            let weakest = self.candidates.iter().enumerate().min_by_key(|(_, candidate)| candidate.score());
            let Some((index, _)) = weakest.filter(|(_, weakest)| starts_segment || weakest.score() < walk.weight)
            else {
                return false;
            };
            self.candidates.remove(index);
        }
        self.candidates.push(candidate);
        true
    }

    /// The earliest start that is believed in and not inside an earlier plausible packet.
    fn believed(&self) -> Option<usize> {
        let end = self.window.len();
        let found = self.candidates.iter().find(|candidate| candidate.is_believed(end))?.start;
        let covered = self.candidates.iter().any(|candidate| candidate.covers(found));
        (!covered).then_some(found)
    }

    /// Forgets the window.
    fn forget(&mut self) {
        self.base = self.offset_of(self.window.len()).0;
        self.window.clear();
        if self.window.capacity() > KEPT_WINDOW {
            self.window = Vec::new();
        }
        self.marks.clear();
        self.candidates.clear();
        self.untried = 0;
    }

    /// Forgets what lies before the first candidate, when that is most of the window.
    fn trim(&mut self) {
        let Some(first) = self.candidates.first().map(|candidate| candidate.start) else {
            return;
        };
        if first < 1024 || first < self.window.len() / 2 {
            return;
        }
        let kept = self.marks.iter().take_while(|mark| mark.start <= first).count().saturating_sub(1);
        self.marks.drain(..kept);
        self.window.drain(..first);
        self.base = self.base.saturating_add(u64::try_from(first).unwrap_or(0));
        self.untried = self.untried.saturating_sub(first);
        for mark in &mut self.marks {
            mark.starts_segment &= mark.start >= first;
            mark.start = mark.start.saturating_sub(first);
        }
        for candidate in &mut self.candidates {
            candidate.start = candidate.start.saturating_sub(first);
            candidate.tiled = candidate.tiled.map(|tiled| tiled.saturating_sub(first));
        }
    }
}

/// Whether bytes that look like a PUBLISH may as well be the end of a text, then a property that
/// is a text or begins with one: the last character is the first byte, the identifier the
/// Remaining Length, the text's length the topic's. Packets with User Properties hold many such.
fn may_be_properties(bytes: &[u8]) -> bool {
    let [first, length, 0, ..] = bytes else {
        return false;
    };
    let texts =
        [PropertyId::CONTENT_TYPE, PropertyId::RESPONSE_TOPIC, PropertyId::REASON_STRING, PropertyId::USER_PROPERTY];
    first >> 4 == PacketType::PUBLISH.0 && texts.contains(&PropertyId(u32::from(*length)))
}
