//! What one side told the other in CONNECT or CONNACK that it can take (MQTT 5.0 §3.1.2.11, §3.2.2.3).

use super::opening::Arrival;
use super::{Breach, Clauses, Known, Rests, Rules, name, v5};
use crate::capture::Moment;
use crate::mqtt::conformance::Severity;
use crate::mqtt::{PacketType, Publish, Subscribe, topic};
use crate::stream::Side;

/// A breach of what the other side announced at `announced`.
fn above(clauses: Clauses, side: Side, packet: PacketType, at: Moment, announced: Moment) -> Breach {
    Breach {
        clauses,
        severity: Severity::Ends,
        side,
        packet,
        at,
        earlier: Some(announced),
        told: (side == Side::Client).then_some(announced),
        rests: Rests::Both,
    }
}

impl Rules {
    /// Maximum Packet Size.
    #[inline]
    pub(super) fn size(&mut self, known: &Known<'_>, arrival: &Arrival) {
        let Arrival { from, at, packet, length, .. } = *arrival;
        let (most, announced, clause) = match (from, known.connack, known.connect) {
            (Side::Client, Some(connack), _) => (connack.maximum_packet_size, connack.at, "MQTT-3.2.2-15"),
            (Side::Server, _, Some(connect)) => (connect.maximum_packet_size, connect.at, "MQTT-3.1.2-24"),
            _ => return,
        };
        let Some(most) = most else { return };
        if length <= u64::from(most) {
            return;
        }
        let other = name(from.other());
        self.broken(known, above(v5(clause), from, packet, at, announced), || {
            format!("it is {length} bytes long, but the {other}'s Maximum Packet Size is {most}").into()
        });
    }

    /// Maximum QoS, Retain Available and Topic Alias Maximum; `bound` says if an alias without a topic is known.
    #[inline]
    pub(super) fn publish_limits(
        &mut self,
        known: &Known<'_>,
        from: Side,
        at: Moment,
        publish: &Publish<'_>,
        bound: bool,
    ) {
        if from == Side::Client
            && let Some(connack) = known.connack
        {
            let breach = |clause| above(v5(clause), from, PacketType::PUBLISH, at, connack.at);
            if let Some(most) = connack.maximum_qos
                && publish.qos > most
            {
                self.broken(known, breach("MQTT-3.2.2-11"), || {
                    format!("it has QoS {}, but the broker's Maximum QoS is {}", publish.qos.0, most.0).into()
                });
            }
            if publish.retain && connack.retain_available == Some(false) {
                self.broken(known, breach("MQTT-3.2.2-14"), || {
                    "it has the RETAIN flag, but the broker supports no retained messages".into()
                });
            }
        }
        if !publish.properties.is_empty()
            && let Some(alias) = publish.topic_alias()
        {
            self.alias(known, from, at, alias, bound);
        }
    }

    fn alias(&mut self, known: &Known<'_>, from: Side, at: Moment, alias: u16, bound: bool) {
        if !bound && alias > 0 {
            let breach = Breach {
                clauses: v5("MQTT-3.3.2-7"),
                severity: Severity::Ends,
                side: from,
                packet: PacketType::PUBLISH,
                at,
                earlier: None,
                told: None,
                rests: Rests::Course,
            };
            self.broken(known, breach, || {
                format!("its topic is empty, and its topic alias {alias} was given no topic on this connection").into()
            });
        }
        let (most, announced, [too_high, none]) = match (from, known.connack, known.connect) {
            (Side::Client, Some(connack), _) if connack.code.0 == 0 => {
                (connack.topic_alias_maximum, connack.at, ["MQTT-3.2.2-17", "MQTT-3.2.2-18"])
            }
            (Side::Server, _, Some(connect)) => {
                (connect.topic_alias_maximum, connect.at, ["MQTT-3.1.2-26", "MQTT-3.1.2-27"])
            }
            _ => return,
        };
        let other = name(from.other());
        match most.unwrap_or(0) {
            0 => self.broken(known, above(v5(none), from, PacketType::PUBLISH, at, announced), || {
                format!("it has the topic alias {alias}, but the {other} allows no topic aliases").into()
            }),
            most if alias > most => {
                self.broken(known, above(v5(too_high), from, PacketType::PUBLISH, at, announced), || {
                    format!("its topic alias is {alias}, but the {other} allows at most {most}").into()
                });
            }
            _ => {}
        }
    }

    /// Receive Maximum: `open` exchanges of `from` wait for their last acknowledgment, this one included.
    #[inline]
    pub(super) fn in_flight(&mut self, known: &Known<'_>, from: Side, at: Moment, open: usize) {
        let (most, announced, clause) = match (from, known.connack, known.connect) {
            (Side::Client, Some(connack), _) => (connack.receive_maximum, connack.at, "MQTT-3.3.4-7"),
            (Side::Server, _, Some(connect)) => (connect.receive_maximum, connect.at, "MQTT-3.3.4-9"),
            _ => return,
        };
        let Some(most) = most.filter(|most| open > usize::from(*most)) else { return };
        let breach = above(v5(clause), from, PacketType::PUBLISH, at, announced);
        let other = name(from.other());
        self.broken(known, Breach { rests: Rests::Course, ..breach }, || {
            format!("{open} messages of QoS 1 and 2 are unacknowledged, but the {other}'s Receive Maximum is {most}")
                .into()
        });
        self.wait_for_end(from.other(), None, at);
    }

    /// Kinds of subscription that the broker does not offer (MQTT 5.0 §3.2.2.3.11 to §3.2.2.3.13).
    pub(super) fn features(&mut self, known: &Known<'_>, at: Moment, subscribe: &Subscribe<'_>) {
        let Some(connack) = known.connack else { return };
        let breach = |clause| above(v5(clause), Side::Client, PacketType::SUBSCRIBE, at, connack.at);
        if connack.wildcard_subscription_available == Some(false)
            && subscribe.requests().any(|request| topic::has_wildcard(request.filter.0))
        {
            self.broken(known, breach("§3.2.2.3.11"), || {
                "a topic filter has a wildcard, but the broker does not support wildcard subscriptions".into()
            });
        }
        if connack.subscription_identifier_available == Some(false) && subscribe.subscription_identifier().is_some() {
            self.broken(known, breach("§3.2.2.3.12"), || {
                "it has a Subscription Identifier, but the broker does not support these".into()
            });
        }
        if connack.shared_subscription_available == Some(false)
            && subscribe.requests().any(|request| topic::is_shared(request.filter.0))
        {
            self.broken(known, breach("§3.2.2.3.13"), || {
                "it asks for a shared subscription, but the broker does not support these".into()
            });
        }
    }
}
