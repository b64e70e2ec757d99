//! Connections of which nothing will be told but that they were there: while they go on as before, their segments are
//! passed by with few looks.
//!
//! Invariant: what opens, closes or resets a connection, and what is out of line, goes the general way, which finds the
//! facts as if all that was passed by had arrived, and been acknowledged if the other end was heard later. Streams are counted as ever.

use crate::capture::Moment;
use crate::net::{Segment, TcpFlags};
use crate::stream::{End, StreamOffset};

use super::connection::Flow;
use super::facts::Sender;
use super::{Interest, Reader};

/// A connection has so many segments before any are passed by: of a short one all is kept, as it may turn out that it
/// knocked at a wrong door.
const KEPT: u64 = 64;

impl<R: Reader> Flow<R> {
    /// Whether segments that go on as before may be passed by.
    #[inline]
    pub(super) fn is_to_be_passed_by(&self) -> bool {
        self.interest == Interest::PassBy && self.runs_smoothly()
    }

    fn runs_smoothly(&self) -> bool {
        let facts = &self.connection.facts;
        facts.from_a.segments + facts.from_b.segments >= KEPT
            && self.a.is_at_rest()
            && self.b.is_at_rest()
            && facts.reset.is_none()
    }

    /// Passes a segment by if it goes on as before; if not, nothing is done, and the answer is `false`.
    #[inline]
    pub(super) fn pass_by(&mut self, from: End, segment: &Segment<'_>, at: Moment) -> bool {
        const CONTROL: u8 = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST | TcpFlags::ACK;
        let numbering = &mut self.half(from).assembler.numbering;
        if segment.flags.0 & CONTROL != TcpFlags::ACK || !numbering.is_next(segment.sequence) {
            return false;
        }
        let length = u64::from(segment.payload_length);
        numbering.skip_to(numbering.expected() + length);
        let direction = self.connection.facts.from_mut(from);
        direction.counted(at);
        direction.bytes += length;
        true
    }

    /// Brings the facts up to what was passed by.
    #[cold]
    pub(super) fn catch_up(&mut self) {
        for end in [End::A, End::B] {
            let passed = StreamOffset(self.assembler(end).expected());
            let heard = self.connection.facts.from(end.other()).last_segment;
            let direction = self.connection.facts.from_mut(end);
            if direction.sent < passed {
                direction.sent = passed;
                direction.last_data = direction.last_segment;
            }
            if direction.acknowledged < passed && heard > direction.last_data {
                direction.acknowledged = passed;
                direction.last_acknowledged = heard;
                direction.waiting_since = None;
            }
            self.half(end).sender = Sender::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KEPT;
    use crate::tcp::testing::*;
    use crate::tcp::{Ending, Facts, patience};

    /// A request, and so many answers of ten bytes, each acknowledged.
    fn download(passes_by: bool, answers: u32) -> Wire {
        let mut wire = Wire::new();
        (wire.patience, wire.passes_by) = (Some(1), passes_by);
        wire.open(100, 500);
        wire.c(101, 501, ACK, b"GET");
        for answer in 0..answers {
            wire.s(501 + answer * 10, 104, ACK, b"0123456789");
            wire.c(104, 511 + answer * 10, ACK, b"");
        }
        wire
    }

    fn told(facts: &Facts) -> String {
        let directions = [&facts.from_a, &facts.from_b].map(|direction| {
            let counts = (direction.segments, direction.bytes, direction.sent, direction.acknowledged);
            let again = (direction.retransmitted, direction.duplicated, direction.missing_bytes, direction.ignored);
            let times = (direction.first_data, direction.last_data, direction.last_segment, direction.waiting_since);
            (counts, again, times, direction.fin.clone())
        });
        format!("{directions:?} {:?} {:?} {:?}", facts.established, facts.reset, facts.ending)
    }

    #[test]
    fn an_end_is_told_as_if_nothing_had_been_passed_by() {
        type End = fn(&mut Wire);
        let ends: [(&str, End); 5] = [
            ("the capture ends", |_| {}),
            ("both say FIN", |wire| {
                wire.s(1501, 104, FIN | ACK, b"");
                wire.c(104, 1502, FIN | ACK, b"");
                wire.s(1502, 105, ACK, b"");
            }),
            ("a RST with the last data behind it", |wire| {
                wire.c(104, 1501, RST | ACK, b"");
            }),
            ("a segment is late", |wire| {
                wire.s(1511, 104, ACK, b"0123456789");
                wire.s(1501, 104, ACK, b"0123456789");
                wire.c(104, 1521, ACK, b"");
            }),
            ("one more and a FIN, after a while", |wire| {
                wire.wait(60.0);
                wire.s(1501, 104, FIN | ACK, b"end");
                wire.c(104, 1505, ACK, b"");
            }),
        ];
        for (name, end) in ends {
            let [passed, asked, counted] =
                [(true, false), (true, true), (false, false)].map(|(passes_by, asks_first)| {
                    let mut wire = download(passes_by, 50);
                    wire.asks_first = asks_first;
                    for answer in 50..100 {
                        wire.s(501 + answer * 10, 104, ACK, b"0123456789");
                        wire.c(104, 511 + answer * 10, ACK, b"");
                    }
                    assert_eq!((wire.table.latest_mut().is_none(), wire.table.passes_by()), (passes_by, passes_by));
                    end(&mut wire);
                    wire.wait(10.0);
                    told(&wire.finish()[0].facts)
                });
            assert_eq!(passed, counted, "{name}");
            assert_eq!(asked, counted, "{name}");
        }
    }

    #[test]
    fn a_short_connection_is_not_passed_by() {
        let segments = u32::try_from(KEPT).unwrap();
        assert!(download(true, segments / 2 - 3).table.latest_mut().is_some());
        assert!(download(true, segments / 2).table.latest_mut().is_none());
    }

    #[test]
    fn a_new_connection_between_the_same_ports_has_a_stream_of_its_own() {
        let mut wire = download(true, 100);
        assert_eq!(wire.c(9_000_000, 0, SYN, b""), 1);
        let [old, new] = &wire.finish()[..] else { panic!("two connections") };
        assert!(matches!(old.facts.ending, Some(Ending::Replaced(_))));
        assert_eq!((old.facts.from_b.sent.0, new.facts.stream), (1000, 1));
    }

    #[test]
    fn a_connection_that_is_passed_by_is_not_idle() {
        let mut wire = download(true, 100);
        let before = wire.now;
        for answer in 100..120 {
            wire.wait(1.0);
            wire.s(501 + answer * 10, 104, ACK, b"0123456789");
        }
        assert!(wire.now - before > patience::IDLE_GRAIN);
        assert_eq!(wire.finish()[0].facts.from_b.bytes, 1200);
    }
}
