//! Answers that the capture holds before what they answer: the two directions of a connection often pass the
//! capture by different ways, and change places.
//!
//! Invariant: bounded; only an answer that came moments before a request of its kind and number is taken for its.

use smallvec::SmallVec;

use crate::capture::Moment;
use crate::mqtt::{PacketType, Suback};
use crate::session::exchanges::Answer;
use crate::session::facts::TextFact;
use crate::stream::Side;

use super::requests::Request;

/// By how much, in nanoseconds, a capture may hold an answer too early.
const MISPLACED: i64 = 20_000_000;
/// Acknowledgments kept: a client sends several messages at once.
const ACKNOWLEDGMENTS: usize = 8;

/// The newest answers of each kind to nothing that was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct EarlyAnswers {
    answer: Option<Box<EarlyAnswer>>,
    acknowledgments: Vec<(Answer, Option<TextFact>)>,
    pingresp: Option<Moment>,
}

/// A SUBACK or UNSUBACK.
#[derive(Clone, Debug)]
pub(super) struct EarlyAnswer {
    asked: PacketType,
    packet_identifier: u16,
    pub(super) at: Moment,
    pub(super) codes: SmallVec<[u8; 8]>,
    pub(super) reason_string: Option<TextFact>,
}

impl EarlyAnswers {
    /// An answer to an `asked` that was not seen.
    pub(super) fn keep(&mut self, asked: PacketType, packet: &Suback<'_>, at: Moment, reason_string: Option<TextFact>) {
        let (packet_identifier, codes) = (packet.packet_identifier, SmallVec::from_slice(packet.codes));
        self.answer = Some(Box::new(EarlyAnswer { asked, packet_identifier, at, codes, reason_string }));
    }

    /// The answer to `request`, if it came already.
    pub(super) fn take(&mut self, request: &Request) -> Option<Box<EarlyAnswer>> {
        self.answer.take_if(|answer| {
            answer.asked == request.packet
                && answer.packet_identifier == request.packet_identifier
                && is_misplaced(answer.at, request.at)
        })
    }

    /// A PUBACK or PUBREC to no message, and its Reason String.
    pub(super) fn keep_acknowledgment(&mut self, answer: Answer, reason_string: Option<TextFact>) {
        if self.acknowledgments.len() == ACKNOWLEDGMENTS {
            self.acknowledgments.remove(0);
        }
        self.acknowledgments.push((answer, reason_string));
    }

    /// The first acknowledgment of the message that `sender` published at `at`, if it came already.
    pub(super) fn take_acknowledgment(
        &mut self,
        sender: Side,
        packet_identifier: u16,
        at: Moment,
    ) -> Option<(Answer, Option<TextFact>)> {
        let position = self.acknowledgments.iter().position(|(answer, _)| {
            answer.from == sender.other()
                && answer.packet_identifier == packet_identifier
                && is_misplaced(answer.at, at)
        })?;
        Some(self.acknowledgments.remove(position))
    }

    /// A PINGRESP to no PINGREQ.
    pub(super) fn pingresp(&mut self, at: Moment) {
        self.pingresp = Some(at);
    }

    /// Whether the PINGREQ of `at` was answered already.
    pub(super) fn take_pingresp(&mut self, at: Moment) -> bool {
        self.pingresp.take().is_some_and(|answer| is_misplaced(answer, at))
    }
}

/// Whether an answer no later than `newest` may be misplaced before a question of `at`: asked without a look at the answers.
pub(super) fn may_precede(newest: Moment, at: Moment) -> bool {
    at.time.nanoseconds_since(newest.time) <= MISPLACED
}

fn is_misplaced(answer: Moment, question: Moment) -> bool {
    (0..=MISPLACED).contains(&question.time.nanoseconds_since(answer.time))
}
