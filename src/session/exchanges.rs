//! Exchanges of QoS 1 and 2: what each side published and how far its acknowledgment got.
//!
//! Invariant: an exchange is known by its sender and packet identifier. A client's id 1 and a
//! server's id 1 are different exchanges (MQTT 5.0 §2.2.1, §4.3).

mod open;

use std::num::NonZeroU64;

use thin_vec::ThinVec;

use crate::capture::Moment;
use crate::fetch;
use crate::mqtt::{PacketType, QoS, ReasonCode};
use crate::stream::Side;

use super::facts::{Arrived, Book, Exchange, ExchangeState, Late, PublishFacts, Unheard};
use super::topics::{TopicId, Topics};
use super::wire::{PerSide, Wire};
use open::Open;

/// Finished exchanges remembered: a message may be sent again although it was acknowledged,
const FINISHED: usize = 4;
/// and of those whose acknowledgment TCP did not acknowledge yet so many.
const UNHEARD: usize = 8;
/// An acknowledgment that takes longer, in nanoseconds, is late.
const LATE: i64 = 1_000_000_000;

/// A PUBLISH as far as exchanges are concerned.
pub(super) struct Published {
    pub(super) at: Moment,
    pub(super) sender: Side,
    pub(super) packet_identifier: u16,
    pub(super) qos: QoS,
    pub(super) topic: Option<TopicId>,
    pub(super) fingerprint: Option<u64>,
    /// Where it ends in the sender's stream.
    pub(super) end: u64,
}

/// A PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) at: Moment,
    pub(super) from: Side,
    pub(super) packet: PacketType,
    pub(super) packet_identifier: u16,
    pub(super) code: ReasonCode,
    /// Where it ends in the sender's stream.
    pub(super) end: u64,
    /// How far the other host had acknowledged that stream, as far as that is known.
    pub(super) acknowledged: u64,
}

/// An exchange that is open: a cache line of it.
#[derive(Clone, Debug)]
struct Waiting {
    started: Moment,
    last: Moment,
    /// Where its newest PUBLISH ends in the sender's stream.
    end: u64,
    fingerprint: Option<NonZeroU64>,
    topic: Option<TopicId>,
    resent: u32,
    packet_identifier: u16,
    qos: QoS,
    sender: Side,
    state: ExchangeState,
}

/// An exchange that is finished.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    pub(super) started: Moment,
    pub(super) answered: Moment,
    end: u64,
    fingerprint: Option<NonZeroU64>,
    topic: Option<TopicId>,
    packet_identifier: u16,
    qos: QoS,
    publisher: Side,
}

/// An open exchange as it was before the next packet of it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Before {
    /// When it was started.
    pub(super) started: Moment,
    /// Its QoS.
    pub(super) qos: QoS,
    /// How far it had got.
    pub(super) state: ExchangeState,
    /// Whether a PUBLISH with its packet identifier is for the same topic and QoS, so that it may be
    /// the same message; `None` if a topic is not known, or the packet is no PUBLISH.
    pub(super) same: Option<bool>,
}

/// An exchange that was refused with a code of 0x80 or above.
pub(super) struct Refused {
    pub(super) topic: Option<TopicId>,
    pub(super) request: Moment,
}

/// What an acknowledgment did to the exchange it belongs to.
pub(super) struct Acknowledged {
    pub(super) refused: Option<Refused>,
    /// The exchange it belonged to, if that is known.
    pub(super) before: Option<Before>,
}

/// The exchanges of one session: those that are open, and the last that were finished.
#[derive(Clone, Debug)]
pub(super) struct Exchanges {
    open: Open,
    finished: ThinVec<Finished>,
    by_sender: PerSide<u32>,
    limit: u32,
    /// Which of `finished` is the oldest: the others follow it in a ring.
    oldest: u8,
}

impl Exchanges {
    pub(super) fn new(limit: usize) -> Exchanges {
        let (open, by_sender) = (Open::default(), PerSide::default());
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        Exchanges { open, finished: ThinVec::new(), by_sender, limit, oldest: 0 }
    }

    /// Asks for what the next exchange will touch beside this itself.
    pub(super) fn fetch(&self) {
        fetch::starts(&self.finished);
    }

    /// How many exchanges of `sender` are open.
    #[inline]
    pub(super) fn open(&self, sender: Side) -> usize {
        *self.by_sender.of(sender) as usize
    }

    /// Whether one more exchange would not be kept.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= self.limit as usize
    }

    /// When the open exchange of `sender` with this packet identifier was started.
    pub(super) fn started(&self, sender: Side, packet_identifier: u16) -> Option<Moment> {
        self.open.get((sender, packet_identifier)).map(|exchange| exchange.started)
    }

    /// The topics that are spoken of.
    pub(super) fn topics(&self) -> impl Iterator<Item = TopicId> {
        let open = self.open.iter().filter_map(|exchange| exchange.topic);
        open.chain(self.finished.iter().filter_map(|exchange| exchange.topic))
    }

    /// Notes a PUBLISH of QoS 1 or 2. Answers whether it repeats one that is still open, and what was open.
    #[inline]
    pub(super) fn publish(&mut self, published: &Published) -> (bool, Option<Before>) {
        let Published { at, sender, packet_identifier, qos, topic, fingerprint, end } = *published;
        let key = (sender, packet_identifier);
        let waiting = Waiting {
            started: at,
            last: at,
            end,
            fingerprint: fingerprint.and_then(NonZeroU64::new),
            topic,
            resent: 0,
            packet_identifier,
            qos,
            sender,
            state: ExchangeState::Sent,
        };
        if let Some(exchange) = self.open.place(key).and_then(|place| self.open.at_mut(place)) {
            let repeats = exchange.topic == topic && exchange.qos == qos;
            let comparable = exchange.topic.is_some() && topic.is_some();
            let before = Some(Before { same: comparable.then_some(repeats), ..exchange.before() });
            if repeats {
                exchange.resent += 1;
                exchange.last = at;
                exchange.end = end;
            } else {
                *exchange = waiting;
            }
            return (repeats, before);
        }
        if !self.is_full() {
            *self.by_sender.of_mut(sender) += 1;
            self.open.add(waiting);
        }
        (false, None)
    }

    /// The newest exchange of `sender` with this packet identifier that is finished, if it may have been about the
    /// message with this fingerprint.
    pub(super) fn finished(&self, sender: Side, packet_identifier: u16, fingerprint: Option<u64>) -> Option<&Finished> {
        let same = |done: &&Finished| done.publisher == sender && done.packet_identifier == packet_identifier;
        let fingerprint = fingerprint.and_then(NonZeroU64::new);
        let (newer, older) = self.finished.split_at_checked(self.oldest.into())?;
        older
            .iter()
            .chain(newer)
            .rev()
            .find(same)
            .filter(|done| done.fingerprint.is_some() && done.fingerprint == fingerprint)
    }

    /// Notes PUBACK, PUBREC, PUBREL or PUBCOMP; `facts` and `book` are those of the publishing side.
    #[inline]
    pub(super) fn acknowledge(&mut self, answer: &Answer, facts: &mut PublishFacts, book: &mut Book) -> Acknowledged {
        let Answer { at, from, packet, packet_identifier, code, end, acknowledged } = *answer;
        let publisher = if packet == PacketType::PUBREL { from } else { from.other() };
        let key = (publisher, packet_identifier);
        let place = self.open.place(key);
        let Some((place, exchange)) = place.and_then(|place| Some((place, self.open.at_mut(place)?))) else {
            facts.unmatched_acknowledgments += 1;
            return Acknowledged { refused: None, before: None };
        };
        let before = Some(exchange.before());
        exchange.last = at;
        if code.0 >= 0x80 && packet != PacketType::PUBREL {
            let refused = Refused { topic: exchange.topic, request: exchange.started };
            facts.refused += 1;
            self.remove(publisher, place);
            return Acknowledged { refused: Some(refused), before };
        }
        match packet {
            PacketType::PUBREC => exchange.state = ExchangeState::Received,
            PacketType::PUBREL => exchange.state = ExchangeState::Released,
            _ => {
                let took = at.time.nanoseconds_since(exchange.started.time).max(0);
                facts.completed += 1;
                facts.delivery.longest = facts.delivery.longest.max(took);
                facts.delivery.sum = facts.delivery.sum.saturating_add(took);
                if took > LATE {
                    book.late.add(exchange.started, at, took);
                }
                let Waiting { started, fingerprint, topic, packet_identifier, qos, .. } = *exchange;
                let finished =
                    Finished { started, answered: at, end, fingerprint, topic, packet_identifier, qos, publisher };
                self.remove(publisher, place);
                self.remember(finished, acknowledged);
            }
        }
        Acknowledged { refused: None, before }
    }

    #[inline]
    fn remove(&mut self, publisher: Side, place: usize) {
        self.open.remove(place);
        let open = self.by_sender.of_mut(publisher);
        *open = open.saturating_sub(1);
    }

    /// The oldest makes room, unless TCP did not acknowledge its acknowledgment yet.
    #[inline]
    fn remember(&mut self, finished: Finished, acknowledged: u64) {
        let count = self.finished.len();
        let place = usize::from(self.oldest);
        if let Some(oldest) = self.finished.get_mut(place).filter(|oldest| {
            let heard = oldest.publisher == finished.publisher && oldest.end <= acknowledged;
            count >= UNHEARD || count >= FINISHED && heard
        }) {
            *oldest = finished;
            self.oldest = if place + 1 < count { self.oldest + 1 } else { 0 };
        } else {
            self.finished.rotate_left(place);
            self.oldest = 0;
            super::push_tight(&mut self.finished, finished);
        }
    }

    /// Sides were taken the wrong way round.
    pub(super) fn swap_sides(&mut self) {
        self.by_sender.swap();
        for done in &mut self.finished {
            done.publisher = done.publisher.other();
        }
        let open = std::mem::take(&mut self.open);
        for exchange in open.iter() {
            self.open.add(Waiting { sender: exchange.sender.other(), ..exchange.clone() });
        }
    }

    /// What is still open, in order of its start, with how far it got on `wire`. What was acknowledged in vain goes
    /// into the ledger of its publisher.
    pub(super) fn close(mut self, topics: &Topics, wire: &Wire, ledger: &mut PerSide<Book>) -> ThinVec<Exchange> {
        let text = |topic: Option<TopicId>| topics.text(topic?).cloned();
        self.finished.rotate_left(self.oldest.into());
        for done in self.finished {
            if arrived(wire, done.publisher.other(), done.end) == Arrived::No {
                let Finished { publisher, packet_identifier, qos, topic, fingerprint, started, answered, .. } = done;
                ledger.of_mut(publisher).unheard.push(Unheard {
                    packet_identifier,
                    qos,
                    topic: text(topic),
                    fingerprint: fingerprint.map(NonZeroU64::get),
                    published: started,
                    answered,
                });
            }
        }
        let mut open: ThinVec<Exchange> = self
            .open
            .iter()
            .map(|waiting| Exchange {
                qos: waiting.qos,
                topic: text(waiting.topic),
                last: waiting.last,
                state: waiting.state,
                resent: waiting.resent,
                fingerprint: waiting.fingerprint.map(NonZeroU64::get),
                arrived: arrived(wire, waiting.sender, waiting.end),
                ..Exchange::new(waiting.sender, PacketType::PUBLISH, waiting.packet_identifier, waiting.started)
            })
            .collect();
        open.sort_by_key(|exchange| (exchange.started, exchange.sender, exchange.packet_identifier));
        open
    }
}

/// Whether the other host acknowledged what `sender` sent up to `end`.
fn arrived(wire: &Wire, sender: Side, end: u64) -> Arrived {
    let (sent, other) = (wire.sent.of(sender), wire.sent.of(sender.other()));
    if sent.acknowledged.0 >= end {
        Arrived::Yes
    } else if other.segments == 0 || sent.missing_bytes > 0 {
        Arrived::Unknown
    } else {
        Arrived::No
    }
}

impl Late {
    fn add(&mut self, started: Moment, answered: Moment, took: i64) {
        self.count += 1;
        let slowest = self.slowest.map_or(0, |(one, other)| other.time.nanoseconds_since(one.time));
        if took > slowest {
            self.slowest = Some((started, answered));
        }
    }
}

impl Waiting {
    fn before(&self) -> Before {
        Before { started: self.started, qos: self.qos, state: self.state, same: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(exchanges: &mut Exchanges, sender: Side, packet_identifier: u16, qos: u8) -> bool {
        exchanges
            .publish(&Published {
                at: Moment::default(),
                sender,
                packet_identifier,
                qos: QoS(qos),
                topic: Topics::default().intern(b"t", |_| {}),
                fingerprint: None,
                end: 0,
            })
            .0
    }

    fn acknowledge(
        exchanges: &mut Exchanges,
        from: Side,
        packet: PacketType,
        id: u16,
        code: u8,
    ) -> (Acknowledged, PublishFacts) {
        let mut facts = PublishFacts::default();
        let answer = Answer {
            at: Moment::default(),
            from,
            packet,
            packet_identifier: id,
            code: ReasonCode(code),
            end: 0,
            acknowledged: 0,
        };
        let acknowledged = exchanges.acknowledge(&answer, &mut facts, &mut Book::default());
        (acknowledged, facts)
    }

    #[test]
    fn the_same_id_in_both_directions_is_two_exchanges() {
        let mut exchanges = Exchanges::new(10);
        publish(&mut exchanges, Side::Client, 1, 1);
        publish(&mut exchanges, Side::Server, 1, 1);
        assert!(acknowledge(&mut exchanges, Side::Server, PacketType::PUBACK, 1, 0).0.before.is_some());
        assert_eq!((exchanges.open(Side::Client), exchanges.open(Side::Server)), (0, 1));
    }

    #[test]
    fn qos_2_takes_four_steps() {
        let mut exchanges = Exchanges::new(10);
        publish(&mut exchanges, Side::Client, 7, 2);
        for (from, packet) in [(Side::Server, PacketType::PUBREC), (Side::Client, PacketType::PUBREL)] {
            let (acknowledged, facts) = acknowledge(&mut exchanges, from, packet, 7, 0);
            assert!(acknowledged.before.is_some());
            assert_eq!(facts.completed, 0);
        }
        let (_, facts) = acknowledge(&mut exchanges, Side::Server, PacketType::PUBCOMP, 7, 0);
        assert_eq!(facts.completed, 1);
        assert_eq!(exchanges.open(Side::Client), 0);
    }

    #[test]
    fn a_failure_code_ends_the_exchange_and_is_kept() {
        let mut exchanges = Exchanges::new(10);
        publish(&mut exchanges, Side::Client, 3, 1);
        let (acknowledged, facts) = acknowledge(&mut exchanges, Side::Server, PacketType::PUBACK, 3, 0x87);
        assert_eq!(acknowledged.refused.map(|refused| refused.request), Some(Moment::default()));
        assert_eq!((facts.refused, facts.completed), (1, 0));
    }

    #[test]
    fn what_tcp_did_not_acknowledge_is_remembered_longer() {
        let finish = |exchanges: &mut Exchanges, number: u16, acknowledged: u64| {
            publish(exchanges, Side::Client, number, 1);
            let (at, end) = (Moment::default(), u64::from(number));
            let (from, packet, code) = (Side::Server, PacketType::PUBACK, ReasonCode(0));
            let answer = Answer { at, from, packet, packet_identifier: number, code, end, acknowledged };
            exchanges.acknowledge(&answer, &mut PublishFacts::default(), &mut Book::default());
        };
        let remembered = |exchanges: &Exchanges| {
            let (newer, older) = exchanges.finished.split_at(exchanges.oldest.into());
            older.iter().chain(newer).map(|done| done.packet_identifier).collect::<Vec<u16>>()
        };
        let mut heard = Exchanges::new(10);
        (1..=6).for_each(|number| finish(&mut heard, number, u64::from(number) - 1));
        assert_eq!(remembered(&heard), [3, 4, 5, 6]);
        // From here on nothing is acknowledged.
        (7..=9).for_each(|number| finish(&mut heard, number, 4));
        assert_eq!(remembered(&heard), [5, 6, 7, 8, 9]);
        (10..=14).for_each(|number| finish(&mut heard, number, 4));
        assert_eq!(remembered(&heard), [7, 8, 9, 10, 11, 12, 13, 14]);
    }

    #[test]
    fn sending_again_is_told_from_a_new_message() {
        let mut exchanges = Exchanges::new(10);
        assert!(!publish(&mut exchanges, Side::Client, 3, 1));
        assert!(publish(&mut exchanges, Side::Client, 3, 1));
        assert_eq!(exchanges.open.get((Side::Client, 3)).map(|exchange| exchange.resent), Some(1));
    }
}
