//! Exchanges of QoS 1 and 2: what each side published and how far its acknowledgment got.
//!
//! Invariant: an exchange is known by its sender and packet identifier. A client's id 1 and a
//! server's id 1 are different exchanges (MQTT 5.0 §2.2.1, §4.3).

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::capture::Moment;
use crate::mqtt::{PacketType, QoS, ReasonCode};
use crate::stream::Side;

use super::facts::{Exchange, ExchangeState, PublishFacts, Refusal, TextFact};
use super::wire::PerSide;

/// A PUBLISH as far as exchanges are concerned.
pub(super) struct Published {
    pub(super) at: Moment,
    pub(super) sender: Side,
    pub(super) packet_identifier: u16,
    pub(super) qos: QoS,
    pub(super) topic: Option<TextFact>,
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
#[derive(Debug)]
pub(super) struct Exchanges {
    open: HashMap<(Side, u16), Exchange, FixedState>,
    by_sender: PerSide<usize>,
    limit: usize,
}

impl Exchanges {
    pub(super) fn new(limit: usize) -> Exchanges {
        Exchanges { open: HashMap::default(), by_sender: PerSide::default(), limit }
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
        self.open.get(&(sender, packet_identifier)).map(|exchange| exchange.started)
    }

    /// Notes a PUBLISH of QoS 1 or 2. Answers whether it repeats one that is still open, and what was open.
    pub(super) fn publish(&mut self, published: Published) -> (bool, Option<Before>) {
        let key = (published.sender, published.packet_identifier);
        let mut before = None;
        if let Some(exchange) = self.open.get_mut(&key) {
            let repeats = exchange.topic == published.topic && exchange.qos == published.qos;
            let comparable = exchange.topic.is_some() && published.topic.is_some();
            before = Some(Before { same: comparable.then_some(repeats), ..exchange.before() });
            if repeats {
                exchange.resent += 1;
                exchange.last = published.at;
                return (true, before);
            }
        } else if self.is_full() {
            return (false, None);
        } else {
            *self.by_sender.of_mut(published.sender) += 1;
        }
        self.open.insert(
            key,
            Exchange {
                sender: published.sender,
                packet: PacketType::PUBLISH,
                packet_identifier: published.packet_identifier,
                qos: published.qos,
                topic: published.topic,
                started: published.at,
                last: published.at,
                state: ExchangeState::Sent,
                resent: 0,
            },
        );
        (false, before)
    }

    /// Notes PUBACK, PUBREC, PUBREL or PUBCOMP sent by `from`; `facts` are those of the publishing side.
    pub(super) fn acknowledge(
        &mut self,
        at: Moment,
        from: Side,
        packet: PacketType,
        packet_identifier: u16,
        code: ReasonCode,
        facts: &mut PublishFacts,
    ) -> Acknowledged {
        let publisher = if packet == PacketType::PUBREL { from } else { from.other() };
        let key = (publisher, packet_identifier);
        let Some(exchange) = self.open.get_mut(&key) else {
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
                self.remove(key);
            }
        }
        Acknowledged { refusal: None, before }
    }

    fn remove(&mut self, key: (Side, u16)) {
        if self.open.remove(&key).is_some() {
            let open = self.by_sender.of_mut(key.0);
            *open = open.saturating_sub(1);
        }
    }

    /// Sides were taken the wrong way round.
    pub(super) fn swap_sides(&mut self) {
        self.by_sender.swap();
        self.open = std::mem::take(&mut self.open)
            .into_iter()
            .map(|((side, id), mut exchange)| {
                exchange.sender = exchange.sender.other();
                ((side.other(), id), exchange)
            })
            .collect();
    }

    /// What is still open, in order of its start.
    pub(super) fn into_open(self) -> Vec<Exchange> {
        let mut open: Vec<Exchange> = self.open.into_values().collect();
        open.sort_by_key(|exchange| (exchange.started, exchange.sender, exchange.packet_identifier));
        open
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
        let acknowledged = exchanges.acknowledge(Moment::default(), from, packet, id, ReasonCode(code), &mut facts);
        (acknowledged, facts)
    }

    #[test]
    fn the_same_id_in_both_directions_is_two_exchanges() {
        let mut exchanges = Exchanges::new(10);
        publish(&mut exchanges, Side::Client, 1, 1);
        publish(&mut exchanges, Side::Server, 1, 1);
        assert!(acknowledge(&mut exchanges, Side::Server, PacketType::PUBACK, 1, 0).0.before.is_some());
        let open = exchanges.into_open();
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].sender, Side::Server);
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
        assert!(exchanges.into_open().is_empty());
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
        assert_eq!(exchanges.into_open()[0].resent, 1);
    }
}
