//! Messages and their acknowledgments: packet identifiers, DUP, the steps of QoS 1 and 2, what was granted.

use super::{Breach, CROSSED, Clauses, EARLY, Known, Rests, Rules, both, each, v5};
use crate::capture::Moment;
use crate::mqtt::conformance::Severity;
use crate::mqtt::{Acknowledgment, PacketType, PropertyId, Publish, QoS, ReasonCode, topic};
use crate::session::exchanges::Before;
use crate::session::facts::{ExchangeState, TextFact};
use crate::stream::Side;

/// Exchanges that a PUBREC refused, of which a PUBREL may still come.
const REFUSED: usize = 8;

/// What is known beside a PUBLISH itself.
pub(in crate::session) struct Sent<'t> {
    /// Its topic, unless an alias hides it.
    pub(in crate::session) topic: Option<&'t TextFact>,
    /// The exchange that its packet identifier belonged to.
    pub(in crate::session) before: Option<Before>,
    /// Open exchanges of the sender, this one included.
    pub(in crate::session) open: usize,
    /// Exchanges of the sender that were completed or refused.
    pub(in crate::session) completed: u64,
}

impl Rules {
    /// Whether a PUBLISH of a new exchange, or of none, is such that no rule here can be broken by it.
    #[inline]
    pub(in crate::session) fn is_usual(&self, from: Side, publish: &Publish<'_>) -> bool {
        let delivered = from == Side::Client
            || !publish.retain
                && !publish.properties.has(PropertyId::SUBSCRIPTION_IDENTIFIER)
                && self.least_granted.is_none_or(|least| publish.qos.0 <= least);
        delivered && !publish.dup
    }

    /// Whether an acknowledgment is the one that its exchange waits for, and says nothing more.
    #[inline]
    pub(in crate::session) fn is_usual_answer(kind: PacketType, packet: &Acknowledgment<'_>, before: &Before) -> bool {
        kind == PacketType::PUBACK && before.qos != QoS::EXACTLY_ONCE && packet.properties.is_empty()
    }

    /// Rules on a PUBLISH.
    pub(in crate::session) fn publish(
        &mut self,
        known: &Known<'_>,
        from: Side,
        at: Moment,
        publish: &Publish<'_>,
        sent: &Sent<'_>,
    ) {
        self.publish_limits(known, from, at, publish, sent.topic.is_some());
        if let Some(packet_identifier) = publish.packet_identifier {
            if let Some(before) = sent.before {
                self.in_use(known, from, at, publish, packet_identifier, before);
            } else {
                if publish.dup {
                    self.first_with_dup(known, from, at, publish.qos, sent.completed);
                }
                self.in_flight(known, from, at, sent.open);
            }
        }
        if from == Side::Server {
            self.delivery(known, at, publish, sent.topic);
        }
    }

    /// A PUBLISH whose packet identifier belongs to an exchange that is not finished.
    fn in_use(
        &mut self,
        known: &Known<'_>,
        from: Side,
        at: Moment,
        publish: &Publish<'_>,
        packet_identifier: u16,
        before: Before,
    ) {
        *self.repeats.of_mut(from) = true;
        let breach = |clauses: Clauses, severity| Breach {
            clauses,
            severity,
            side: from,
            packet: PacketType::PUBLISH,
            at,
            earlier: Some(before.started),
            told: None,
            rests: Rests::Course,
        };
        let id = packet_identifier;
        match (publish.dup, before.same) {
            (_, None) => return,
            (true, Some(true)) if before.state == ExchangeState::Released => {
                let breach = breach(each("MQTT-4.3.3-1", "MQTT-4.3.3-6"), Severity::Risk);
                self.broken(known, breach, || format!("it was sent again after its PUBREL (packet id {id})").into());
            }
            (true, Some(true)) => {
                self.broken(known, breach(v5("MQTT-4.4.0-1"), Severity::Risk), || {
                    format!("it was sent again within the connection (packet id {id}), as MQTT 5.0 does not allow")
                        .into()
                });
            }
            (false, Some(true)) => {
                self.broken(known, breach(both("MQTT-3.3.1-1"), Severity::Curiosity), || {
                    format!("its packet id {id} waits for an acknowledgment, and the DUP flag is 0: it is neither a repetition nor has it an unused id").into()
                });
            }
            (_, Some(false)) => {
                let clauses = match from {
                    Side::Client => each("MQTT-2.3.1-2", "MQTT-2.2.1-3"),
                    Side::Server => each("MQTT-2.3.1-4", "MQTT-2.2.1-4"),
                };
                self.broken(known, breach(clauses, Severity::Risk), || {
                    format!("its packet id {id} still belongs to another message, whose acknowledgment has not come")
                        .into()
                });
            }
        }
        self.wait_for_end(from.other(), Some(id), at);
    }

    /// A first PUBLISH with DUP. Once an exchange was finished the copy may be one whose acknowledgment crossed it.
    fn first_with_dup(&mut self, known: &Known<'_>, from: Side, at: Moment, qos: QoS, completed: u64) {
        *self.repeats.of_mut(from) = true;
        if !known.is_clean() || completed > 0 {
            return;
        }
        let clauses = match from {
            // What the publisher's flag was is not passed on.
            Side::Server => both("MQTT-3.3.1-3"),
            Side::Client if qos == QoS::EXACTLY_ONCE => each("MQTT-4.3.3-1", "MQTT-4.3.3-2"),
            Side::Client => each("MQTT-4.3.2-1", "MQTT-4.3.2-2"),
        };
        let breach = Breach {
            clauses,
            severity: Severity::Curiosity,
            side: from,
            packet: PacketType::PUBLISH,
            at,
            earlier: None,
            told: None,
            // A client may have sent it on an earlier connection.
            rests: if from == Side::Client { Rests::Past } else { Rests::Course },
        };
        self.broken(known, breach, || {
            "the DUP flag is 1 although it was not sent before in this session, which began clean".into()
        });
    }

    /// A message to the client fits what it subscribed to.
    #[inline]
    fn delivery(&mut self, known: &Known<'_>, at: Moment, publish: &Publish<'_>, topic: Option<&TextFact>) {
        let breach = |clauses: Clauses| Breach {
            clauses,
            severity: Severity::Risk,
            side: Side::Server,
            packet: PacketType::PUBLISH,
            at,
            earlier: None,
            told: None,
            rests: Rests::Course,
        };
        if !publish.properties.is_empty() && known.is_clean() && self.knows_identifiers() {
            let mut given = publish.properties.subscription_identifiers();
            let known_to_client = self.notes.as_ref().map_or(&[][..], |notes| &notes.identifiers);
            if let Some(unknown) = given.find(|identifier| !known_to_client.contains(identifier)) {
                self.broken(known, breach(v5("§3.3.2.3.8")), || {
                    format!("its Subscription Identifier {unknown} is none that the client gave").into()
                });
                self.wait_for(Side::Client, &[PacketType::SUBSCRIBE], None, at, EARLY);
            }
        }
        let Some(topic) = topic else { return };
        // QoS 3 is a fault of its own.
        if (1..=2).contains(&publish.qos.0) && self.least_granted.is_some_and(|least| publish.qos.0 > least) {
            self.granted(known, publish, topic, &breach);
        }
        if publish.retain && known.is_v5() {
            self.retained(known, topic, &breach);
        }
    }

    fn granted(
        &mut self,
        known: &Known<'_>,
        publish: &Publish<'_>,
        topic: &TextFact,
        breach: &dyn Fn(Clauses) -> Breach,
    ) {
        if !known.is_clean() {
            return;
        }
        let mut most = None;
        for subscription in known.subscriptions {
            let granted = match subscription.answer {
                None => 2,
                Some((_, code)) if code.0 < 0x80 => code.0,
                Some(_) => continue,
            };
            if most.is_none_or(|(most, _)| granted > most) && topic::matches(&subscription.filter.0, &topic.0) {
                if granted >= publish.qos.0 {
                    return;
                }
                most = Some((granted, subscription.answer.map(|(at, _)| at)));
            }
        }
        let Some((most, earlier)) = most else { return };
        let clauses = each("MQTT-3.8.4-6", "MQTT-3.8.4-8");
        self.broken(known, Breach { earlier, ..breach(clauses) }, || {
            format!("it has QoS {}, but no subscription to its topic was granted more than QoS {most}", publish.qos.0)
                .into()
        });
    }

    /// RETAIN where every subscription asked neither for retained messages nor for the flag.
    fn retained(&mut self, known: &Known<'_>, topic: &TextFact, breach: &dyn Fn(Clauses) -> Breach) {
        const RETAIN_AS_PUBLISHED: u8 = 0x08;
        const RETAIN_HANDLING: u8 = 0x30;
        const NEVER: u8 = 0x20;
        if !known.is_clean() {
            return;
        }
        let mut asked = None;
        let matching = known.subscriptions.iter().filter(|one| topic::matches(&one.filter.0, &topic.0));
        for subscription in matching {
            if subscription.options & RETAIN_HANDLING != NEVER || subscription.options & RETAIN_AS_PUBLISHED != 0 {
                return;
            }
            asked = Some(subscription.asked);
        }
        let Some(earlier) = asked else { return };
        self.broken(known, Breach { earlier: Some(earlier), ..breach(v5("MQTT-3.3.1-12")) }, || {
            "the RETAIN flag is 1, but the subscription asked for no retained messages (Retain Handling 2) and for the flag to be 0 (Retain As Published 0)".into()
        });
    }

    /// Rules on PUBACK, PUBREC, PUBREL and PUBCOMP; `before` is the exchange they belong to.
    #[inline]
    pub(in crate::session) fn acknowledgment(
        &mut self,
        known: &Known<'_>,
        from: Side,
        at: Moment,
        kind: PacketType,
        packet: &Acknowledgment<'_>,
        before: Option<Before>,
    ) {
        self.problem_information(known, from, at, kind, packet.properties);
        let code = packet.reason_code.unwrap_or_default();
        let Some(before) = before else {
            self.unmatched(known, from, at, kind, packet.packet_identifier, code);
            return;
        };
        if kind == PacketType::PUBREC && code.0 >= 0x80 {
            let refused = &mut self.notes().refused;
            if refused.len() == REFUSED {
                refused.remove(0);
            }
            refused.push((from.other(), packet.packet_identifier, at));
        }
        self.step(known, from, at, kind, packet.packet_identifier, before);
    }

    /// The steps of an exchange: PUBLISH, PUBACK; or PUBLISH, PUBREC, PUBREL, PUBCOMP.
    #[inline]
    fn step(&mut self, known: &Known<'_>, from: Side, at: Moment, kind: PacketType, id: u16, before: Before) {
        let breach = |clauses: Clauses| Breach {
            clauses,
            severity: Severity::Risk,
            side: from,
            packet: kind,
            at,
            earlier: Some(before.started),
            told: None,
            rests: Rests::Course,
        };
        let twice = before.qos == QoS::EXACTLY_ONCE;
        match kind {
            PacketType::PUBACK if twice => {
                self.broken(known, breach(both("MQTT-3.3.4-1")), || {
                    format!("it answers a PUBLISH of QoS 2 (packet id {id}), to which PUBREC belongs").into()
                });
            }
            PacketType::PUBREC | PacketType::PUBCOMP if !twice => {
                self.broken(known, breach(both("MQTT-3.3.4-1")), || {
                    format!("it answers a PUBLISH of QoS 1 (packet id {id}), to which PUBACK belongs").into()
                });
            }
            PacketType::PUBREL if twice && before.state == ExchangeState::Sent => {
                self.broken(known, breach(each("MQTT-4.3.3-1", "MQTT-4.3.3-4")), || {
                    format!("it came before the PUBREC of packet id {id}").into()
                });
                self.wait_for(from.other(), &[PacketType::PUBREC], Some(id), at, CROSSED);
            }
            PacketType::PUBREL if before.state == ExchangeState::Released => {
                let repeated = *self.repeats.of(from);
                *self.repeats.of_mut(from) = true;
                if !repeated {
                    self.broken(known, breach(v5("MQTT-4.4.0-1")), || {
                        format!("it was sent again within the connection (packet id {id}), as MQTT 5.0 does not allow")
                            .into()
                    });
                    self.wait_for(from.other(), &[PacketType::PUBREC, PacketType::PUBCOMP], Some(id), at, CROSSED);
                }
            }
            PacketType::PUBCOMP if before.state != ExchangeState::Released => {
                self.broken(known, breach(each("MQTT-4.3.3-2", "MQTT-4.3.3-11")), || {
                    format!("it came before the PUBREL of packet id {id}").into()
                });
                self.wait_for(from.other(), &[PacketType::PUBREL], Some(id), at, CROSSED);
            }
            _ => {}
        }
    }

    /// An acknowledgment that belongs to no open exchange.
    fn unmatched(&mut self, known: &Known<'_>, from: Side, at: Moment, kind: PacketType, id: u16, code: ReasonCode) {
        let breach = |clauses: Clauses, rests| Breach {
            clauses,
            severity: Severity::Risk,
            side: from,
            packet: kind,
            at,
            earlier: None,
            told: None,
            rests,
        };
        let publisher = if kind == PacketType::PUBREL { from } else { from.other() };
        if kind == PacketType::PUBREL
            && let Some(notes) = &mut self.notes
            && let Some(position) = notes.refused.iter().position(|(side, known, _)| (*side, *known) == (from, id))
        {
            let (_, _, refused) = notes.refused.remove(position);
            let breach = Breach { earlier: Some(refused), ..breach(v5("MQTT-4.3.3-4"), Rests::Course) };
            self.broken(known, breach, || {
                format!("the PUBREC of packet id {id} refused the message: no PUBREL follows it").into()
            });
            // The other side may answer this PUBREL too.
            *self.repeats.of_mut(from) = true;
            return;
        }
        // Each copy of a packet may be answered, and 0x92 itself says that the identifier is not known.
        if !known.is_clean() || *self.repeats.of(publisher) || code.0 == 0x92 {
            return;
        }
        let clauses = each("MQTT-2.3.1-6", "MQTT-2.2.1-5");
        self.broken(known, breach(clauses, Rests::Course), || {
            format!("its packet id {id} belongs to no message that waits for it").into()
        });
        self.wait_for(publisher, &[PacketType::PUBLISH], Some(id), at, EARLY);
        if kind == PacketType::PUBREL {
            // The PUBCOMP that answers it is due all the same.
            *self.repeats.of_mut(from) = true;
        }
    }
}
