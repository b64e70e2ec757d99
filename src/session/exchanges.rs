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

/// A PUBLISH as far as exchanges are concerned.
pub(super) struct Published {
    pub(super) at: Moment,
    pub(super) sender: Side,
    pub(super) packet_identifier: u16,
    pub(super) qos: QoS,
    pub(super) topic: Option<TextFact>,
}

/// What an acknowledgment did to the exchange it belongs to.
pub(super) struct Acknowledged {
    /// The exchange was refused with a code of 0x80 or above.
    pub(super) refusal: Option<Refusal>,
    /// It belonged to an exchange that is known.
    pub(super) matched: bool,
}

/// The open exchanges of one session.
#[derive(Debug)]
pub(super) struct Exchanges {
    open: HashMap<(Side, u16), Exchange, FixedState>,
    limit: usize,
}

impl Exchanges {
    pub(super) fn new(limit: usize) -> Exchanges {
        Exchanges { open: HashMap::default(), limit }
    }

    /// Notes a PUBLISH of QoS 1 or 2. Answers whether it repeats one that is still open.
    pub(super) fn publish(&mut self, published: Published) -> bool {
        let key = (published.sender, published.packet_identifier);
        if let Some(exchange) = self.open.get_mut(&key) {
            let repeats = exchange.topic == published.topic && exchange.qos == published.qos;
            if repeats {
                exchange.resent += 1;
                exchange.last = published.at;
                return true;
            }
        } else if self.open.len() >= self.limit {
            return false;
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
        false
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
            return Acknowledged { refusal: None, matched: false };
        };
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
            self.open.remove(&key);
            return Acknowledged { refusal: Some(refusal), matched: true };
        }
        match packet {
            PacketType::PUBREC => exchange.state = ExchangeState::Received,
            PacketType::PUBREL => exchange.state = ExchangeState::Released,
            _ => {
                let took = at.time.nanoseconds_since(exchange.started.time);
                facts.completed += 1;
                facts.delivery.longest = facts.delivery.longest.max(took);
                facts.delivery.sum = facts.delivery.sum.saturating_add(took);
                self.open.remove(&key);
            }
        }
        Acknowledged { refusal: None, matched: true }
    }

    /// Sides were taken the wrong way round.
    pub(super) fn swap_sides(&mut self) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(exchanges: &mut Exchanges, sender: Side, packet_identifier: u16, qos: u8) -> bool {
        exchanges.publish(Published {
            at: Moment::default(),
            sender,
            packet_identifier,
            qos: QoS(qos),
            topic: Some(TextFact::new(b"t")),
        })
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
        assert!(acknowledge(&mut exchanges, Side::Server, PacketType::PUBACK, 1, 0).0.matched);
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
            assert!(acknowledged.matched);
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
