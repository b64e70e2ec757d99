//! Messages: PUBLISH and its acknowledgments.

use crate::mqtt::{Acknowledgment, PacketType, Publish, RawPacket, ReasonCode};
use crate::session::exchanges::{Answer, Published};
use crate::session::facts::LastPacket;
use crate::session::fingerprint;
use crate::session::rules::{Known, Sent};
use crate::session::timeline::EventKind;
use crate::stream::Side;

use super::ledger::Kinship;
use super::{Tracker, fact, known};

impl Tracker {
    pub(super) fn publish_packet(
        &mut self,
        from: Side,
        raw: &RawPacket<'_>,
        publish: &Publish<'_>,
        last: &mut LastPacket,
    ) {
        let at = raw.completed;
        let alias = publish.topic_alias();
        let topic = self.topics.of_mut(from).resolve(publish.topic.0, alias, self.limits.topic_aliases);
        if alias.is_some() && self.topics.of(from).is_full(self.limits.topic_aliases) {
            self.rules.doubt(at);
        }
        let known_topic = topic.as_ref();
        let fingerprint = known_topic.and_then(|topic| fingerprint(&topic.0, publish.payload, publish.payload_length));
        self.newest = fingerprint;
        let mut repeated = false;
        let mut before = None;
        if let Some(packet_identifier) = publish.packet_identifier {
            if self.exchanges.is_full() {
                self.rules.doubt(at);
            }
            let end = raw.offset.0 + last.length;
            let done = if publish.dup { self.exchanges.finished(from, packet_identifier, fingerprint) } else { None };
            let finished = done.map(|done| (done.started, done.answered));
            let (qos, sender) = (publish.qos, from);
            let published = Published { at, sender, packet_identifier, qos, topic: topic.clone(), fingerprint, end };
            (repeated, before) = self.exchanges.publish(published);
            let open = before.filter(|_| repeated).map(|before| before.started);
            self.enter(from, at, publish, packet_identifier, &Kinship { topic: topic.as_ref(), open, finished, end });
            repeated |= publish.dup;
        }
        let open = self.exchanges.open(from);
        let known = known!(self);
        let published = self.published.of_mut(from).get_or_insert_default();
        let sent = Sent { topic: topic.as_ref(), before, open, published };
        self.rules.publish(&known, from, at, publish, &sent);
        if from == Side::Server {
            self.delivered(at, publish, topic.as_ref());
        }
        let facts = self.published.of_mut(from).get_or_insert_default();
        if repeated {
            facts.resent += 1;
        } else if let Some(count) = facts.by_qos.get_mut(usize::from(publish.qos.0)) {
            *count += 1;
        }
        facts.payload_bytes += u64::from(publish.payload_length);
        if facts.largest.is_none_or(|(largest, _)| last.length > largest) {
            facts.largest = Some((last.length, at));
        }
        last.packet_identifier = publish.packet_identifier;
        last.qos = publish.qos;
        last.topic.clone_from(&topic);
        if self.timeline.wanted() {
            self.timeline.push(
                at,
                Some(from),
                EventKind::Publish {
                    topic,
                    qos: publish.qos,
                    retain: publish.retain,
                    dup: publish.dup,
                    packet_identifier: publish.packet_identifier,
                    payload_length: u64::from(publish.payload_length),
                },
            );
        }
    }

    pub(super) fn acknowledgment_packet(
        &mut self,
        from: Side,
        raw: &RawPacket<'_>,
        packet: &Acknowledgment<'_>,
        last: &mut LastPacket,
    ) {
        let at = raw.completed;
        let code = packet.reason_code.unwrap_or_default();
        let reason_string = packet.properties.reason_string().map(fact);
        let publisher = if last.packet == PacketType::PUBREL { from } else { from.other() };
        let answer = Answer {
            at,
            from,
            packet: last.packet,
            packet_identifier: packet.packet_identifier,
            code,
            end: raw.offset.0 + last.length,
        };
        let facts = self.published.of_mut(publisher).get_or_insert_default();
        let book = self.ledger.of_mut(publisher);
        let acknowledged = self.exchanges.acknowledge(&answer, facts, book);
        if last.packet == PacketType::PUBREL && acknowledged.before.is_none() {
            self.enter_release(from, at, packet.packet_identifier);
        }
        self.watch_window(publisher, at);
        self.answers_matched += u64::from(acknowledged.before.is_some());
        let (known, rules) = self.known();
        rules.acknowledgment(&known, from, at, last.packet, packet, acknowledged.before);
        if code == ReasonCode::NO_MATCHING_SUBSCRIBERS {
            self.published.of_mut(publisher).get_or_insert_default().no_subscribers.add(at.frame);
        }
        if let Some(mut refusal) = acknowledged.refusal {
            refusal.reason_string.clone_from(&reason_string);
            self.refuse(refusal);
        }
        last.packet_identifier = Some(packet.packet_identifier);
        self.timeline.push(
            at,
            Some(from),
            EventKind::Acknowledgment {
                packet: last.packet,
                packet_identifier: packet.packet_identifier,
                code,
                reason_string,
            },
        );
    }
}
