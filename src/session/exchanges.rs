//! Exchanges of QoS 1 and 2: what each side published and how far its acknowledgment got.
//!
//! Invariant: an exchange is known by its sender and packet identifier. A client's id 1 and a
//! server's id 1 are different exchanges (MQTT 5.0 §2.2.1, §4.3).

mod open;

use std::collections::VecDeque;

use crate::capture::Moment;
use crate::mqtt::{PacketType, QoS, ReasonCode};
use crate::stream::Side;

use super::facts::{Arrived, Book, Exchange, ExchangeState, Late, PublishFacts, Refusal, TextFact, Unheard};
use super::wire::{PerSide, Wire};
use open::Open;

/// Finished exchanges remembered: what TCP did not yet acknowledge is among the last.
const FINISHED: usize = 8;
/// An acknowledgment that takes longer, in nanoseconds, is late.
const LATE: i64 = 1_000_000_000;

/// A PUBLISH as far as exchanges are concerned.
pub(super) struct Published {
    pub(super) at: Moment,
    pub(super) sender: Side,
    pub(super) packet_identifier: u16,
    pub(super) qos: QoS,
    pub(super) topic: Option<TextFact>,
    pub(super) fingerprint: Option<u64>,
    /// Where it ends in the sender's stream.
    pub(super) end: u64,
}

/// A PUBACK, PUBREC, PUBREL or PUBCOMP.
pub(super) struct Answer {
    pub(super) at: Moment,
    pub(super) from: Side,
    pub(super) packet: PacketType,
    pub(super) packet_identifier: u16,
    pub(super) code: ReasonCode,
    /// Where it ends in the sender's stream.
    pub(super) end: u64,
}

/// An exchange that is finished.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    publisher: Side,
    packet_identifier: u16,
    qos: QoS,
    topic: Option<TextFact>,
    fingerprint: Option<u64>,
    pub(super) started: Moment,
    pub(super) answered: Moment,
    end: u64,
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

/// What an acknowledgment did to the exchange it belongs to.
pub(super) struct Acknowledged {
    /// The exchange was refused with a code of 0x80 or above.
    pub(super) refusal: Option<Refusal>,
    /// The exchange it belonged to, if that is known.
    pub(super) before: Option<Before>,
}

/// The open exchanges of one session.
#[derive(Clone, Debug)]
pub(super) struct Exchanges {
    open: Open,
    finished: VecDeque<Finished>,
    by_sender: PerSide<usize>,
    limit: usize,
}

impl Exchanges {
    pub(super) fn new(limit: usize) -> Exchanges {
        Exchanges { open: Open::default(), finished: VecDeque::new(), by_sender: PerSide::default(), limit }
    }

    /// How many exchanges of `sender` are open.
    pub(super) fn open(&self, sender: Side) -> usize {
        *self.by_sender.of(sender)
    }

    /// Whether one more exchange would not be kept.
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= self.limit
    }

    /// When the open exchange of `sender` with this packet identifier was started.
    pub(super) fn started(&self, sender: Side, packet_identifier: u16) -> Option<Moment> {
        self.open.get((sender, packet_identifier)).map(|exchange| exchange.started)
    }

    /// Notes a PUBLISH of QoS 1 or 2. Answers whether it repeats one that is still open, and what was open.
    pub(super) fn publish(&mut self, published: Published) -> (bool, Option<Before>) {
        let key = (published.sender, published.packet_identifier);
        let mut before = None;
        if let Some(exchange) = self.open.get_mut(key) {
            let repeats = exchange.topic == published.topic && exchange.qos == published.qos;
            let comparable = exchange.topic.is_some() && published.topic.is_some();
            before = Some(Before { same: comparable.then_some(repeats), ..exchange.before() });
            if repeats {
                exchange.resent += 1;
                exchange.last = published.at;
                exchange.end = published.end;
                return (true, before);
            }
        } else if self.is_full() {
            return (false, None);
        } else {
            *self.by_sender.of_mut(published.sender) += 1;
        }
        self.open.insert(Exchange {
            qos: published.qos,
            topic: published.topic,
            fingerprint: published.fingerprint,
            end: published.end,
            ..Exchange::new(published.sender, PacketType::PUBLISH, published.packet_identifier, published.at)
        });
        (false, before)
    }

    /// The newest exchange of `sender` with this packet identifier that is finished, if it may have been about the
    /// message with this fingerprint.
    pub(super) fn finished(&self, sender: Side, packet_identifier: u16, fingerprint: Option<u64>) -> Option<&Finished> {
        let same = |done: &&Finished| done.publisher == sender && done.packet_identifier == packet_identifier;
        self.finished
            .iter()
            .rev()
            .find(same)
            .filter(|done| done.fingerprint.is_some() && done.fingerprint == fingerprint)
    }

    /// Notes PUBACK, PUBREC, PUBREL or PUBCOMP; `facts` and `book` are those of the publishing side.
    pub(super) fn acknowledge(&mut self, answer: &Answer, facts: &mut PublishFacts, book: &mut Book) -> Acknowledged {
        let Answer { at, from, packet, packet_identifier, code, end } = *answer;
        let publisher = if packet == PacketType::PUBREL { from } else { from.other() };
        let key = (publisher, packet_identifier);
        let Some(exchange) = self.open.get_mut(key) else {
            facts.unmatched_acknowledgments += 1;
            return Acknowledged { refusal: None, before: None };
        };
        let before = Some(exchange.before());
        exchange.last = at;
        if code.0 >= 0x80 && packet != PacketType::PUBREL {
            let refusal = Refusal {
                at,
                by: from,
                packet,
                code,
                reason_string: None,
                topic: exchange.topic.clone(),
                request: Some(exchange.started),
            };
            facts.refused += 1;
            self.remove(key);
            return Acknowledged { refusal: Some(refusal), before };
        }
        match packet {
            PacketType::PUBREC => exchange.state = ExchangeState::Received,
            PacketType::PUBREL => exchange.state = ExchangeState::Released,
            _ => {
                let took = at.time.nanoseconds_since(exchange.started.time);
                facts.completed += 1;
                facts.delivery.longest = facts.delivery.longest.max(took);
                facts.delivery.sum = facts.delivery.sum.saturating_add(took);
                if took > LATE {
                    book.late.add(exchange.started, at, took);
                }
                self.finish(key, at, end);
            }
        }
        Acknowledged { refusal: None, before }
    }

    fn remove(&mut self, key: (Side, u16)) -> Option<Exchange> {
        let exchange = self.open.remove(key)?;
        let open = self.by_sender.of_mut(key.0);
        *open = open.saturating_sub(1);
        Some(exchange)
    }

    fn finish(&mut self, key: (Side, u16), answered: Moment, end: u64) {
        let Some(exchange) = self.remove(key) else { return };
        if self.finished.len() == FINISHED {
            self.finished.pop_front();
        }
        let Exchange { sender, packet_identifier, qos, topic, fingerprint, started, .. } = exchange;
        let publisher = sender;
        if self.finished.len() == self.finished.capacity() {
            self.finished.reserve_exact(self.finished.len().max(1));
        }
        self.finished.push_back(Finished {
            publisher,
            packet_identifier,
            qos,
            topic,
            fingerprint,
            started,
            answered,
            end,
        });
    }

    /// Sides were taken the wrong way round.
    pub(super) fn swap_sides(&mut self) {
        self.by_sender.swap();
        for done in &mut self.finished {
            done.publisher = done.publisher.other();
        }
        let mut open = std::mem::take(&mut self.open).into_all();
        for exchange in &mut open {
            exchange.sender = exchange.sender.other();
        }
        self.open = open.into_iter().collect();
    }

    /// What is still open, in order of its start, with how far it got on `wire`. What was acknowledged in vain goes
    /// into the ledger of its publisher.
    pub(super) fn close(self, wire: &Wire, ledger: &mut PerSide<Book>) -> Vec<Exchange> {
        for done in self.finished {
            if arrived(wire, done.publisher.other(), done.end) == Arrived::No {
                let Finished { publisher, packet_identifier, qos, topic, fingerprint, started, answered, .. } = done;
                let published = started;
                let unheard = Unheard { packet_identifier, qos, topic, fingerprint, published, answered };
                ledger.of_mut(publisher).unheard.push(unheard);
            }
        }
        let mut open: Vec<Exchange> = self.open.into_all();
        for exchange in &mut open {
            exchange.arrived = arrived(wire, exchange.sender, exchange.end);
        }
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

impl Exchange {
    fn before(&self) -> Before {
        Before { started: self.started, qos: self.qos, state: self.state, same: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(exchanges: &mut Exchanges, sender: Side, packet_identifier: u16, qos: u8) -> bool {
        exchanges
            .publish(Published {
                at: Moment::default(),
                sender,
                packet_identifier,
                qos: QoS(qos),
                topic: Some(TextFact::new(b"t")),
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
        let answer =
            Answer { at: Moment::default(), from, packet, packet_identifier: id, code: ReasonCode(code), end: 0 };
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
        assert_eq!(acknowledged.refusal.map(|refusal| refusal.code), Some(ReasonCode(0x87)));
        assert_eq!((facts.refused, facts.completed), (1, 0));
    }

    #[test]
    fn sending_again_is_told_from_a_new_message() {
        let mut exchanges = Exchanges::new(10);
        assert!(!publish(&mut exchanges, Side::Client, 3, 1));
        assert!(publish(&mut exchanges, Side::Client, 3, 1));
        assert_eq!(exchanges.open.get((Side::Client, 3)).map(|exchange| exchange.resent), Some(1));
    }
}
