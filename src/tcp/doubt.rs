//! Segments that a receiver may not have taken, though they passed the place of capture: with a wrong checksum
//! (RFC 9293 §3.1), with an old timestamp (RFC 7323 §5.3), or with so low a Time to Live that they may not have
//! arrived at all.
//!
//! Invariant: what was captured does not tell, but the receiver does. Such a segment is held, and counts for nothing,
//! until the other end acknowledges it; another copy takes its place. Bounded to [`MOST`] segments a direction.
//! A sender whose wrong checksums are acknowledged leaves them to its network card, or the capture was rewritten:
//! they are not looked at any more.

use thin_vec::ThinVec;

use crate::capture::Moment;
use crate::net::{Checksum, Segment, TcpFlags};
use crate::stream::End;

use super::budget::Budget;
use super::connection::Flow;
use super::out_of_order::{OVERHEAD, index};
use super::sequence::{advance, distance};
use super::{Interest, Reader, patience, timestamp};

/// More held segments than this are a sender whose checksums mean nothing.
const MOST: usize = 8;
/// So many hops below the sender's usual ones, no detour explains the Time to Live.
const DETOUR: u8 = 4;
/// A longer segment than any that a wire carries was put together by the receiver's network card, which does not
/// sum it up again.
const LONGEST_ON_WIRE: u32 = 9_000;

/// Why a segment is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    Checksum,
    Timestamp,
    HopLimit,
}

/// What is known of how a sender fills in what is looked at here.
#[derive(Debug, Default)]
pub(super) struct Credit {
    /// Its checksums mean nothing.
    unchecked: bool,
    /// A checksum of it was right.
    checked: bool,
    /// Timestamp of its newest segment in order.
    timestamp: Option<u32>,
    /// Time to Live or Hop Limit that it usually has.
    hop_limit: Option<u8>,
    held: ThinVec<Held>,
}

#[derive(Debug)]
struct Held {
    doubt: Doubt,
    at: Moment,
    sequence: u32,
    acknowledgment: u32,
    flags: TcpFlags,
    window: u16,
    hop_limit: u8,
    payload: Box<[u8]>,
    payload_length: u32,
}

impl Held {
    fn new(doubt: Doubt, segment: &Segment<'_>, at: Moment) -> Held {
        Held {
            doubt,
            at,
            sequence: segment.sequence,
            acknowledgment: segment.acknowledgment,
            flags: segment.flags,
            window: segment.window,
            hop_limit: segment.hop_limit,
            payload: segment.payload.into(),
            payload_length: segment.payload_length,
        }
    }

    fn cost(&self) -> usize {
        OVERHEAD + self.payload.len()
    }

    /// The number after its last byte, or after its FIN.
    fn end(&self) -> u32 {
        advance(self.sequence, i64::from(self.payload_length) + i64::from(self.flags.fin()))
    }

    fn is_same(&self, other: &Held) -> bool {
        self.doubt == other.doubt && self.sequence == other.sequence && self.payload == other.payload
    }

    /// In how many bytes it differs from a segment, where both have the same.
    fn differing(&self, segment: &Segment<'_>) -> u64 {
        let ahead = distance(self.sequence, segment.sequence);
        let (skip, over) = (ahead.max(0).cast_unsigned(), (-ahead).max(0).cast_unsigned());
        let own = self.payload.get(index(skip)..).unwrap_or_default();
        let other = segment.payload.get(index(over)..).unwrap_or_default();
        own.iter().zip(other).filter(|(x, y)| x != y).count() as u64
    }
}

impl<R: Reader> Flow<R> {
    /// Whether the segment goes no further for now.
    #[inline]
    pub(super) fn is_doubted(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) -> bool {
        if self.interest != Interest::Wanted {
            return false;
        }
        let credit = &mut self.half(from).credit;
        match credit.doubt(segment) {
            None => false,
            Some(doubt) => self.doubted(from, doubt, segment, at, budget),
        }
    }

    #[cold]
    pub(super) fn doubted(
        &mut self,
        from: End,
        doubt: Doubt,
        segment: &Segment<'_>,
        at: Moment,
        budget: &mut Budget,
    ) -> bool {
        let heard = self.connection.facts.from(from.other()).segments > 0;
        let credit = &mut self.half(from).credit;
        let held = &credit.held;
        let occupies = segment.payload_length > 0 || segment.flags.fin();
        if segment.flags.syn() || (!occupies && !credit.checked) {
            // None was right so far: the capture was rewritten, or they are left to the network card.
            credit.unchecked |= doubt == Doubt::Checksum && !credit.checked;
            return false;
        }
        if segment.flags.rst() || !occupies {
            self.connection.facts.from_mut(from).ignored += 1;
            return true;
        }
        let new = Held::new(doubt, segment, at);
        let again = held.iter().find(|held| held.is_same(&new));
        let captured_twice = |held: &Held| at.time.nanoseconds_since(held.at.time) <= patience::COPY_TIME;
        if again.is_some_and(|held| doubt != Doubt::Checksum || captured_twice(held)) {
            return true;
        }
        // What goes wrong by chance does not go wrong twice in the same way.
        let means_nothing = again.is_some() || held.len() >= MOST || (!heard && !credit.checked && !held.is_empty());
        if means_nothing || !budget.allows(0, 0, new.cost()) {
            credit.unchecked = true;
            self.believe_all(from, budget);
            return false;
        }
        budget.change(0, new.cost());
        self.half(from).credit.held.push(new);
        true
    }

    /// `from` sent a segment that is not doubted: it takes the place of those held of the same bytes.
    #[inline]
    pub(super) fn replace_held(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) {
        if !self.half(from).credit.held.is_empty() && segment.payload_length > 0 {
            self.replace(from, segment, at, budget);
        }
    }

    #[cold]
    fn replace(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) {
        let end = advance(segment.sequence, i64::from(segment.payload_length));
        let (mut dropped, mut differing) = (0, 0);
        self.half(from).credit.held.retain(|held| {
            let apart = distance(held.end(), segment.sequence) >= 0 || distance(end, held.sequence) >= 0;
            if !apart {
                budget.change(held.cost(), 0);
                dropped += 1;
                if held.doubt != Doubt::Checksum {
                    differing += held.differing(segment);
                }
            }
            apart
        });
        let direction = self.connection.facts.from_mut(from);
        if dropped > 0 {
            direction.ignored += dropped;
        }
        direction.conflict(differing, at);
    }

    /// The other end acknowledged more of what `from` sends: held segments that this covers were taken.
    #[inline]
    pub(super) fn release_held(&mut self, from: End, acknowledgment: u32, budget: &mut Budget) {
        if !self.half(from).credit.held.is_empty() {
            self.release(from, acknowledgment, budget);
        }
    }

    #[cold]
    fn release(&mut self, from: End, acknowledgment: u32, budget: &mut Budget) {
        let held = &mut self.half(from).credit.held;
        let taken: Vec<Held> = held
            .extract_if(.., |held| (0..=patience::WINDOW).contains(&distance(held.end(), acknowledgment)))
            .collect();
        self.believe(from, taken, budget);
    }

    /// Nobody will tell any more: what is held was not taken, but where nothing of the sender is trusted more.
    pub(super) fn settle_held(&mut self, from: End, budget: &mut Budget) {
        let credit = &mut self.half(from).credit;
        if !credit.checked {
            return self.believe_all(from, budget);
        }
        let dropped = credit.held.len();
        for held in credit.held.drain(..) {
            budget.change(held.cost(), 0);
        }
        if dropped > 0 {
            self.connection.facts.from_mut(from).ignored += dropped as u64;
        }
    }

    fn believe_all(&mut self, from: End, budget: &mut Budget) {
        let held = std::mem::take(&mut self.half(from).credit.held);
        self.believe(from, held, budget);
    }

    fn believe(&mut self, from: End, held: impl IntoIterator<Item = Held>, budget: &mut Budget) {
        let facts = &self.connection.facts;
        let (source, destination) = (facts.endpoint(from), facts.endpoint(from.other()));
        for held in held {
            budget.change(held.cost(), 0);
            let credit = &mut self.half(from).credit;
            match held.doubt {
                Doubt::Checksum => credit.unchecked = true,
                Doubt::Timestamp => credit.timestamp = None,
                Doubt::HopLimit => credit.hop_limit = Some(held.hop_limit),
            }
            let segment = Segment {
                source,
                destination,
                source_mac: None,
                destination_mac: None,
                hop_limit: held.hop_limit,
                sequence: held.sequence,
                acknowledgment: held.acknowledgment,
                flags: held.flags,
                window: held.window,
                options: &[],
                payload: &held.payload,
                payload_length: held.payload_length,
                covered: &[],
            };
            self.take(from, &segment, held.at, budget);
        }
    }
}

impl Credit {
    #[inline]
    pub(super) fn doubt(&mut self, segment: &Segment<'_>) -> Option<Doubt> {
        if !self.unchecked && segment.payload_length <= LONGEST_ON_WIRE {
            match segment.checksum() {
                Checksum::Right => self.checked = true,
                Checksum::Wrong => return Some(Doubt::Checksum),
                Checksum::NotFilledIn => self.unchecked = true,
                Checksum::Unknown => {}
            }
        }
        if segment.flags.rst() {
            return None;
        }
        let usual = *self.hop_limit.get_or_insert(segment.hop_limit);
        let carries = segment.payload_length > 0;
        if carries && segment.hop_limit.saturating_add(DETOUR) < usual {
            return Some(Doubt::HopLimit);
        }
        let stamp = timestamp(segment.options)?;
        if carries && self.timestamp.is_some_and(|newest| distance(newest, stamp) < 0) {
            return Some(Doubt::Timestamp);
        }
        None
    }

    /// Whether no segment is held.
    #[inline]
    pub(super) fn holds_nothing(&self) -> bool {
        self.held.is_empty()
    }

    /// A segment in order was taken.
    #[inline]
    pub(super) fn took(&mut self, options: &[u8]) {
        if let Some(stamp) = timestamp(options) {
            self.timestamp = Some(stamp);
        }
    }
}
