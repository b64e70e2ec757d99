//! The short way of the segments that nearly all traffic consists of: data in its turn, or a plain acknowledgment, on a
//! connection that is open, lacks nothing and doubts nothing.
//!
//! Invariant: facts and pieces are those of the general way, [`Flow::take_any`] (a test compares them). A segment that is
//! in any way out of line is left to that.

use crate::capture::Moment;
use crate::net::{Segment, TcpFlags};
use crate::stream::{End, Piece};

use super::assembler::Novelty;
use super::budget::Budget;
use super::connection::{Flow, Half};
use super::{Connection, Interest, Reader};

impl<R: Reader> Flow<R> {
    /// Takes a segment if it is in line; if not, nothing is done, and the answer is `false`.
    #[inline]
    pub(super) fn take_in_order(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) -> bool {
        const CONTROL: u8 = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST | TcpFlags::ACK;
        let Flow { connection: Connection { facts, .. }, a, b, .. } = self;
        let (own, other) = match from {
            End::A => (a, b),
            End::B => (b, a),
        };
        let is_plain = segment.flags.0 & CONTROL == TcpFlags::ACK
            && segment.window > 0
            && segment.payload.len() == segment.payload_length as usize;
        let in_line = own.is_at_rest()
            && other.is_at_rest()
            && own.assembler.numbering.is_next(segment.sequence)
            && facts.from(from).sent.0 <= own.assembler.expected();
        let is_open =
            facts.reset.is_none() && (facts.established.is_some() || facts.syn.count + facts.syn_ack.count == 0);
        if !is_plain || !in_line || !is_open {
            return false;
        }
        self.count(from, segment, at);
        if self.is_doubted(from, segment, at, budget) {
            return true;
        }
        let facts = &mut self.connection.facts;
        facts.from_mut(from).segment(segment, at);
        facts.from_mut(from.other()).was_heard();
        if self.half(from).sender.is_copy(segment, at) {
            self.copy(from, segment, at);
            return true;
        }
        let half = self.half(from);
        half.assembler.numbering.near();
        half.credit.took(segment.options);
        self.acknowledge(from, segment.acknowledgment, at);
        if segment.payload_length > 0 {
            self.deliver_in_order(from, segment, at, budget);
        }
        true
    }

    /// Hands on payload that is at its turn.
    #[inline]
    fn deliver_in_order(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) {
        let Flow { connection: Connection { facts, reader }, a, b, interest, .. } = self;
        let half = match from {
            End::A => a,
            End::B => b,
        };
        let fresh = u64::from(segment.payload_length);
        let end = half.assembler.expected() + fresh;
        let direction = facts.from_mut(from);
        let novelty = Novelty { fresh, ..Novelty::default() };
        direction.data(&mut half.sender, end, segment.payload_length, novelty, at);
        direction.bytes += fresh;
        if *interest != Interest::Wanted {
            half.assembler.numbering.skip_to(end);
            return;
        }
        let chunk = half.assembler.next_chunk(segment.payload, at, true);
        *interest = reader.piece(from, Piece::Chunk(chunk), facts);
        if *interest != Interest::Wanted {
            self.forget(budget);
        }
    }
}

impl Half {
    /// Whether where its stream stands is known, and nothing is waited for.
    #[inline]
    pub(super) fn is_at_rest(&self) -> bool {
        self.assembler.is_at_rest() && self.credit.holds_nothing()
    }
}

#[cfg(test)]
mod tests;
