//! What the control bits and the acknowledgment number of a segment say: opening, resetting,
//! acknowledging. What numbers are believed is decided here.
//!
//! Invariant: nothing here delivers data.

use crate::capture::Moment;
use crate::net::Segment;
use crate::stream::End;

use super::assembler::Assembler;
use super::budget::Budget;
use super::connection::{Flow, Half};
use super::{Direction, Reader, Reset, patience};

impl<R: Reader> Flow<R> {
    /// A RST (RFC 9293 §3.10.7): believed near what its sender would send next, or when it answers
    /// a SYN by its acknowledgment number; or when nothing is known to judge it by.
    pub(super) fn reset(&mut self, from: End, segment: &Segment<'_>, at: Moment) {
        let (own, other) = (self.assembler(from), self.assembler(from.other()));
        let facts = &self.connection.facts;
        let sent = facts.from(from.other()).sent.0;
        let sent_by_own = facts.from(from).sent.0;
        let answers = segment.flags.ack() && {
            let offset = other.numbering.offset_near(segment.acknowledgment, sent);
            other.numbering.is_hinted() && (0..=sent.cast_signed() + 1).contains(&offset)
        };
        let valid = if own.numbering.is_hinted() {
            let reference = own.expected().max(facts.from(from).acknowledged.0);
            let ahead = own.numbering.offset_near(segment.sequence, reference) - reference.cast_signed();
            ahead.abs() <= patience::WINDOW || (answers && facts.established.is_none())
        } else if segment.flags.ack() {
            answers || !other.numbering.is_hinted()
        } else {
            true
        };
        let unseen = |half: &Assembler, number: u32, sent: u64| {
            let ahead = half.numbering.offset_near(number, sent) - sent.cast_signed();
            // A FIN counts as one.
            half.numbering.is_fixed() && (2..=patience::WINDOW).contains(&ahead)
        };
        let skips = unseen(own, segment.sequence, sent_by_own)
            || segment.flags.ack() && unseen(other, segment.acknowledgment, sent)
            || !segment.flags.ack() && self.answers_unseen(from);
        if !valid {
            self.connection.facts.from_mut(from).ignored_resets += 1;
            return;
        }
        let exact = (answers && facts.established.is_none())
            || !own.numbering.is_fixed()
            || self.is_next(from, segment.sequence);
        let facts = &mut self.connection.facts;
        let sent = [facts.from_a.sent.0, facts.from_b.sent.0];
        match &mut facts.reset {
            None => {
                let (hop_limit, acknowledges) = (segment.hop_limit, segment.flags.ack());
                facts.reset = Some(Box::new(Reset { by: from, at, hop_limit, acknowledges, skips, exact, sent }));
            }
            Some(reset) if exact && !reset.exact => (reset.exact, reset.sent) = (exact, sent),
            Some(_) => {}
        }
        if answers {
            self.acknowledge(from, segment.acknowledgment, at);
        }
    }

    /// Whether a RST without an acknowledgment after a FIN of `from` answers something that the capture lacks. It answers a
    /// segment (RFC 9293 §3.10.7.1), and the acknowledgment of the FIN is none that needs an answer.
    fn answers_unseen(&self, from: End) -> bool {
        let facts = &self.connection.facts;
        let (own, other) = (facts.from(from), facts.from(from.other()));
        let Some(fin) = own.fin.as_ref().filter(|_| other.fin.is_none()) else { return false };
        let again = Some(other.retries.last).filter(|_| other.retries.count > 0);
        let later = [other.last_data, again].into_iter().flatten().any(|at| fin.at.is_before(at));
        let under_way = other.sent > fin.acknowledges;
        !later && !under_way && other.keep_alive_probes + other.window_probes == 0
    }

    /// Whether `sequence` lies between what the other end acknowledged and what `from` would send next: where whoever
    /// resets a connection takes it from (RFC 9293 §3.10.7.1), and where receivers believe it (RFC 5961 §3.2).
    fn is_next(&self, from: End, sequence: u32) -> bool {
        let direction = self.connection.facts.from(from);
        let (known, acknowledged) = (direction.sent.0, direction.acknowledged.0);
        let offset = self.assembler(from).numbering.offset_near(sequence, known);
        // A FIN counts as one.
        (acknowledged.min(known).cast_signed()..=acknowledged.max(known).cast_signed() + 1).contains(&offset)
    }

    /// `from` acknowledged something: when it was sent after a RST, this ended nothing.
    #[inline]
    pub(super) fn goes_on(&mut self, from: End) {
        if self.connection.facts.reset.is_some() {
            self.take_back_reset(from);
        }
    }

    #[cold]
    fn take_back_reset(&mut self, from: End) {
        let facts = &mut self.connection.facts;
        let Some([a, b]) = facts.reset.as_ref().map(|reset| reset.sent) else { return };
        let sent_before = match from {
            End::A => b,
            End::B => a,
        };
        let acknowledged = facts.from(from.other()).acknowledged.0;
        if acknowledged > sent_before
            && facts.from(from.other()).sent.0 >= acknowledged
            && let Some(reset) = facts.reset.take()
        {
            facts.from_mut(reset.by).ignored_resets += 1;
        }
    }

    /// A SYN, with or without ACK. Whether it agrees with what is known.
    pub(super) fn synchronize(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) -> bool {
        let settled = self.connection.facts.established.is_some();
        if !self.half(from).assembler.begin(segment.sequence, settled, budget) {
            return false;
        }
        if segment.flags.ack() {
            // Where the SYN was not captured: it is what this acknowledges.
            let asked = &mut self.half(from.other()).assembler.numbering;
            if !asked.is_fixed() && !settled {
                asked.fix(segment.acknowledgment);
            }
        }
        let facts = &mut self.connection.facts;
        let (seen, initiator) =
            if segment.flags.ack() { (&mut facts.syn_ack, from.other()) } else { (&mut facts.syn, from) };
        let copy = seen.count > 0 && (0..=patience::COPY_TIME).contains(&at.time.nanoseconds_since(seen.last.time));
        if copy {
            facts.from_mut(from).duplicated += 1;
        } else {
            seen.again(at);
        }
        facts.initiator.get_or_insert(initiator);
        facts.from_mut(from).options(segment.options);
        true
    }

    /// What `from` acknowledges of the other end's stream.
    pub(super) fn acknowledge(&mut self, from: End, acknowledgment: u32, at: Moment) {
        let other = from.other();
        let half = match other {
            End::A => &mut self.a,
            End::B => &mut self.b,
        };
        if !half.assembler.numbering.is_fixed() {
            let beyond = half.assembler.numbering.beyond_hint(acknowledgment);
            half.assembler.numbering.hint(acknowledgment);
            self.connection.facts.from_mut(other).went_by(beyond.max(0));
            return;
        }
        self.connection.facts.from_mut(other).hear(half, acknowledgment, at);
    }

    /// Whoever opened the connection acknowledged no more than the SYN of the other end with its own first byte, or before
    /// it: where that SYN was not captured, the other end's stream begins there.
    pub(super) fn begin_unseen(&mut self, from: End, acknowledgment: u32) {
        let facts = &self.connection.facts;
        if facts.initiator != Some(from) || facts.syn.count == 0 || facts.syn_ack.count > 0 {
            return;
        }
        let numbering = &mut self.half(from.other()).assembler.numbering;
        if !numbering.is_hinted() {
            numbering.fix(acknowledgment);
        }
    }

    /// Whether this segment, which is no SYN, completes the handshake (RFC 9293 §3.5).
    pub(super) fn establish(&mut self, from: End, segment: &Segment<'_>, at: Moment) {
        let facts = &self.connection.facts;
        if facts.established.is_some() || (facts.syn.count == 0 && facts.syn_ack.count == 0) {
            return;
        }
        let other = &self.assembler(from.other()).numbering;
        let completes = if facts.initiator == Some(from) {
            let offset = other.offset_near(segment.acknowledgment, 0);
            segment.flags.ack() && other.is_hinted() && (0..=patience::WINDOW).contains(&offset)
        } else {
            // Data of the other end: it has had the ACK, though the capture has not.
            segment.payload_length > 0 && segment.flags.ack()
        };
        if completes {
            self.connection.facts.established = Some(at);
        }
    }
}

impl Direction {
    /// The other end acknowledged this of what `half` is the stream of, whose start is known.
    #[inline]
    pub(super) fn hear(&mut self, half: &mut Half, acknowledgment: u32, at: Moment) {
        let before = self.acknowledged.0;
        let offset = half.assembler.numbering.offset_near(acknowledgment, before);
        let believed = before.max(self.sent.0).cast_signed() + patience::WINDOW;
        if offset >= 0 && offset <= believed {
            self.acknowledge(&mut half.sender, offset.cast_unsigned(), half.assembler.fin(), at);
        }
    }
}
