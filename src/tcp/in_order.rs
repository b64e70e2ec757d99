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
        let Flow { connection: Connection { facts, .. }, a, b, interest, .. } = self;
        let is_open =
            facts.reset.is_none() && (facts.established.is_some() || facts.syn.count + facts.syn_ack.count == 0);
        let (own, other, sent, mac) = match from {
            End::A => (a, b, &mut facts.from_a, &mut facts.a_mac),
            End::B => (b, a, &mut facts.from_b, &mut facts.b_mac),
        };
        let is_plain = segment.flags.0 & CONTROL == TcpFlags::ACK
            && segment.window > 0
            && segment.payload.len() == segment.payload_length as usize;
        let in_line = own.is_at_rest()
            && other.is_at_rest()
            && own.assembler.numbering.is_next(segment.sequence)
            && sent.sent.0 <= own.assembler.expected();
        if !is_plain || !in_line || !is_open {
            return false;
        }
        if mac.is_none() {
            *mac = segment.source_mac;
        }
        sent.counted(at);
        if *interest == Interest::Wanted
            && let Some(doubt) = own.credit.doubt(segment)
            && self.doubted(from, doubt, segment, at, budget)
        {
            return true;
        }
        self.accept_in_order(from, segment, at, budget);
        true
    }

    /// Takes a segment in line that nothing speaks against.
    #[inline]
    fn accept_in_order(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) {
        let Flow { connection: Connection { facts, reader }, a, b, interest, .. } = self;
        let (own, other, sent, heard) = match from {
            End::A => (a, b, &mut facts.from_a, &mut facts.from_b),
            End::B => (b, a, &mut facts.from_b, &mut facts.from_a),
        };
        sent.hop_limit.get_or_insert(segment.hop_limit);
        sent.opened_window(at);
        heard.was_heard();
        let length = segment.payload_length;
        if length > 0 && own.sender.is_copy(segment, at) {
            return self.copy(from, segment, at);
        }
        own.assembler.numbering.near();
        own.credit.took(segment.options);
        heard.hear(other, segment.acknowledgment, at);
        if length == 0 {
            return;
        }
        let fresh = u64::from(length);
        let end = own.assembler.expected() + fresh;
        let novelty = Novelty { fresh, ..Novelty::default() };
        sent.data(&mut own.sender, end, length, novelty, at);
        sent.bytes += fresh;
        if *interest != Interest::Wanted {
            return own.assembler.numbering.skip_to(end);
        }
        let chunk = own.assembler.next_chunk(segment.payload, at, true);
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
