//! How client and server stand to each other: CONNECT, CONNACK, PINGREQ, DISCONNECT.

use std::sync::LazyLock;

use crate::capture::Moment;
use crate::mqtt::{Connack, Connect, Disconnect, RawPacket, Text, Will};
use crate::session::facts::{ConnackFacts, ConnectFacts, DisconnectFacts, TextFact, WillFacts};
use crate::session::fingerprint;
use crate::session::timeline::EventKind;
use crate::stream::Side;

use super::{Tracker, fact, packet_length};

/// The fingerprint that its publication will have.
fn will_fingerprint(will: &Will<'_>) -> Option<u64> {
    fingerprint(will.topic.0, will.payload, u32::try_from(will.payload.len()).ok()?)
}

/// The name that nearly all clients send takes no room of its own.
static MQTT: LazyLock<TextFact> = LazyLock::new(|| TextFact::new(b"MQTT"));

fn protocol_name(name: Text<'_>) -> TextFact {
    if *name.0 == *MQTT.0 { MQTT.clone() } else { fact(name) }
}

impl Tracker {
    pub(super) fn connect_packet(&mut self, at: Moment, raw: &RawPacket<'_>, connect: &Connect<'_>) {
        let version = connect.version();
        if self.connect.is_some() {
            self.odd().second_connect.get_or_insert(at);
            let (known, rules) = self.known();
            rules.connect_again(&known, at);
        } else {
            if let Some(version) = version {
                self.version = Some(version);
                self.seldom.as_mut().into_iter().for_each(|seldom| seldom.inferred = None);
            }
            let facts = ConnectFacts {
                at,
                protocol_name: protocol_name(connect.protocol_name),
                protocol_level: connect.protocol_level,
                client_id: fact(connect.client_id),
                username: connect.username.map(fact),
                has_password: connect.has_password(),
                clean_start: connect.clean_start(),
                keep_alive: connect.keep_alive,
                will: connect.will.map(|will| {
                    Box::new(WillFacts {
                        topic: fact(will.topic),
                        qos: will.qos,
                        retain: will.retain,
                        delay_interval: will.delay_interval(),
                        fingerprint: will_fingerprint(&will),
                    })
                }),
                length: packet_length(raw),
                session_expiry_interval: connect.session_expiry_interval(),
                receive_maximum: connect.receive_maximum(),
                maximum_packet_size: connect.maximum_packet_size(),
                topic_alias_maximum: connect.topic_alias_maximum(),
                authentication_method: connect.authentication_method().map(fact),
                request_problem_information: connect.request_problem_information(),
                request_response_information: connect.request_response_information(),
            };
            self.terms.connect(&facts);
            self.resumes = !facts.clean_start;
            self.connect = Some(Box::new(facts));
        }
        if self.timeline.wanted() {
            self.timeline.push(
                at,
                Some(Side::Client),
                EventKind::Connect {
                    version,
                    client_id: fact(connect.client_id),
                    username: connect.username.map(fact),
                    has_password: connect.has_password(),
                    clean_start: connect.clean_start(),
                    keep_alive: connect.keep_alive,
                    will: connect.will.map(|will| fact(will.topic)),
                },
            );
        }
    }

    pub(super) fn connack_packet(&mut self, from: Side, at: Moment, connack: &Connack<'_>) {
        let reason_string = connack.properties.reason_string().map(fact);
        self.timeline.push(
            at,
            Some(from),
            EventKind::Connack {
                code: connack.reason_code,
                session_present: connack.session_present(),
                reason_string: reason_string.clone(),
            },
        );
        if self.connack.is_some() || from == Side::Client {
            return;
        }
        let (known, rules) = self.known();
        rules.connack(&known, at, connack);
        self.answered |= self.connect.is_some();
        let facts = ConnackFacts {
            at,
            code: connack.reason_code,
            session_present: connack.session_present(),
            reason_string,
            server_reference: connack.server_reference().map(fact),
            session_expiry_interval: connack.session_expiry_interval(),
            assigned_client_id: connack.assigned_client_identifier().map(fact),
            server_keep_alive: connack.server_keep_alive(),
            receive_maximum: connack.receive_maximum(),
            maximum_packet_size: connack.maximum_packet_size(),
            topic_alias_maximum: connack.topic_alias_maximum(),
            maximum_qos: connack.maximum_qos(),
            retain_available: connack.retain_available(),
            wildcard_subscription_available: connack.wildcard_subscription_available(),
            subscription_identifier_available: connack.subscription_identifier_available(),
            shared_subscription_available: connack.shared_subscription_available(),
        };
        self.terms.connack(&facts);
        self.connack = Some(Box::new(facts));
    }

    pub(super) fn pingreq_packet(&mut self, at: Moment) {
        self.end_row(at);
        if self.early().is_some_and(|early| early.take_pingresp(at)) {
            self.answered = true;
            return;
        }
        self.ping.unanswered.get_or_insert(at);
        self.ping.waiting += 1;
    }

    pub(super) fn pingresp_packet(&mut self, at: Moment) {
        if self.ping.waiting == 0 {
            self.seldom.early.get_or_insert_default().pingresp(at);
        }
        if let Some(asked) = self.ping.unanswered {
            self.answered = true;
            let took = at.time.nanoseconds_since(asked.time);
            self.ping.longest_answer = self.ping.longest_answer.max(took);
        } else {
            let (known, rules) = self.known();
            rules.pingresp_unasked(&known, at);
        }
        self.ping.waiting = self.ping.waiting.saturating_sub(1);
        if self.ping.waiting == 0 {
            self.ping.unanswered = None;
        }
    }

    pub(super) fn disconnect_packet(&mut self, from: Side, at: Moment, packet: &Disconnect<'_>) {
        let (known, rules) = self.known();
        rules.disconnect(&known, from, at, packet);
        let code = packet.reason_code.unwrap_or_default();
        let reason_string = packet.properties.reason_string().map(fact);
        let facts = DisconnectFacts {
            at,
            code,
            reason_string: reason_string.clone(),
            server_reference: packet.server_reference().map(fact),
            session_expiry_interval: packet.session_expiry_interval(),
        };
        self.terms.leave(from);
        self.disconnect.of_mut(from).get_or_insert_with(|| Box::new(facts));
        self.timeline.push(at, Some(from), EventKind::Disconnect { code, reason_string });
    }
}
