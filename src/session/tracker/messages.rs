//! Messages: PUBLISH and its acknowledgments.

use std::num::NonZeroU64;

use crate::capture::Moment;
use crate::mqtt::{Acknowledgment, Packet, PacketType, Publish, RawPacket, ReasonCode};
use crate::session::exchanges::{Answer, Before, Published};
use crate::session::facts::{Refusal, TextFact};
use crate::session::fingerprint;
use crate::session::rules::{Came, Known, Rules, Sent};
use crate::session::timeline::EventKind;
use crate::session::topics::TopicId;
use crate::stream::Side;

use super::ledger::Kinship;
use super::newest::Newest;
use super::{Tracker, early, fact, known, spoken_of};

impl Tracker {
    pub(super) fn publish_packet(&mut self, from: Side, raw: &RawPacket<'_>, publish: &Publish<'_>, last: &mut Newest) {
        let at = raw.completed;
        let alias = publish.topic_alias();
        let topic = self.topic(from, publish.topic.0, alias);
        if alias.is_some() && self.topics.is_full(from, self.limits.topic_aliases) {
            self.rules.doubt(at);
        }
        let text = topic.and_then(|topic| self.topics.text(topic));
        let fingerprint = text.and_then(|text| fingerprint(&text.0, publish.payload, publish.payload_length));
        self.newest = fingerprint.and_then(NonZeroU64::new);
        let mut repeated = false;
        let mut before = None;
        if let Some(packet_identifier) = publish.packet_identifier {
            if self.exchanges.is_full() {
                self.rules.doubt(at);
            }
            let end = raw.offset.0 + u64::from(last.length);
            let done = if publish.dup { self.exchanges.finished(from, packet_identifier, fingerprint) } else { None };
            let finished = done.map(|done| (done.started, done.answered));
            let (qos, sender) = (publish.qos, from);
            (repeated, before) =
                self.exchanges.publish(&Published { at, sender, packet_identifier, qos, topic, fingerprint, end });
            if from == Side::Client && before.is_none() && !publish.dup {
                self.published_in_use(at, packet_identifier, last);
            }
            let answerer = self.last_packets.newest(from.other());
            if before.is_none()
                && self.published.of(from).unmatched_acknowledgments > 0
                && answerer.is_some_and(|newest| early::may_precede(newest.at, at))
            {
                self.take_early(from, packet_identifier, at);
            }
            let open = before.filter(|_| repeated).map(|before| before.started);
            self.enter(from, at, publish, packet_identifier, &Kinship { topic, open, finished, end });
            repeated |= publish.dup;
        }
        let open = self.exchanges.open(from);
        let agreed = self.terms.allow(from, publish, open) && before.is_none();
        if !agreed || !self.rules.is_usual(from, publish) {
            let known = known!(self);
            let published = self.published.of(from);
            let completed = published.completed + published.refused;
            let topic = topic.and_then(|topic| self.topics.text(topic));
            self.rules.publish(&known, from, at, publish, &Sent { topic, before, open, completed });
        }
        if from == Side::Server {
            self.delivered(at, publish, topic);
        }
        let facts = &mut **self.published.of_mut(from);
        if repeated {
            facts.resent += 1;
        } else if let Some(count) = facts.by_qos.get_mut(usize::from(publish.qos.0)) {
            *count += 1;
        }
        facts.payload_bytes += u64::from(publish.payload_length);
        let length = u64::from(last.length);
        if facts.largest.is_none_or(|(largest, _)| length > largest) {
            facts.largest = Some((length, at));
        }
        last.packet_identifier = publish.packet_identifier;
        last.qos = publish.qos;
        last.topic = topic;
        if self.timeline.wanted() {
            let topic = topic.and_then(|topic| self.topics.text(topic)).cloned();
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
        acknowledged: u64,
        last: &mut Newest,
    ) {
        let at = raw.completed;
        let code = packet.reason_code.unwrap_or_default();
        let reason_string = packet.properties.reason_string().map(fact);
        let answer = Answer {
            at,
            from,
            packet: last.packet,
            packet_identifier: packet.packet_identifier,
            code,
            end: raw.offset.0 + u64::from(last.length),
            acknowledged,
        };
        let before = self.settle(&answer, reason_string.as_ref());
        match last.packet {
            PacketType::PUBREL if before.is_none() => self.enter_release(from, at, packet.packet_identifier),
            PacketType::PUBACK | PacketType::PUBREC if before.is_none() => {
                self.seldom.early.get_or_insert_default().keep_acknowledgment(answer, reason_string.clone());
            }
            _ => {}
        }
        let usual = before.as_ref().is_some_and(|before| Rules::is_usual_answer(last.packet, packet, before));
        if !usual {
            let (known, rules) = self.known();
            rules.acknowledgment(&known, from, at, last.packet, packet, before);
        }
        if code == ReasonCode::NO_MATCHING_SUBSCRIBERS && last.packet != PacketType::PUBREL {
            self.published.of_mut(from.other()).no_subscribers.add(at.frame);
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

    /// Tells the rules of a packet that they may wait for.
    #[cold]
    pub(super) fn came(&mut self, from: Side, parsed: &Packet<'_>, packet: PacketType, at: Moment) {
        let (code, answers) = match parsed {
            Packet::Puback(read) | Packet::Pubrec(read) | Packet::Pubcomp(read) => (read.reason_code, true),
            _ => (None, false),
        };
        let packet_identifier = parsed.packet_identifier();
        let exchange = packet_identifier.filter(|_| answers);
        let started = exchange.and_then(|identifier| self.exchanges.started(from.other(), identifier));
        self.rules.came(&Came { from, packet, packet_identifier, code: code.unwrap_or_default(), started, at });
    }

    /// Takes an acknowledgment to the exchange that waits for it: what that was before.
    fn settle(&mut self, answer: &Answer, reason_string: Option<&TextFact>) -> Option<Before> {
        let Answer { at, from, packet, code, .. } = *answer;
        let publisher = if packet == PacketType::PUBREL { from } else { from.other() };
        let facts = &mut **self.published.of_mut(publisher);
        let acknowledged = self.exchanges.acknowledge(answer, facts, self.ledger.of_mut(publisher));
        self.watch_window(publisher, at);
        self.answered |= acknowledged.before.is_some();
        if let Some(refused) = acknowledged.refused {
            self.refuse(Refusal {
                at,
                by: from,
                packet,
                code,
                reason_string: reason_string.cloned(),
                topic: refused.topic.and_then(|topic| self.topics.text(topic)).cloned(),
                request: Some(refused.request),
            });
        }
        acknowledged.before
    }

    /// The acknowledgment of the message that `sender` just published may stand before it in the capture.
    #[cold]
    fn take_early(&mut self, sender: Side, packet_identifier: u16, at: Moment) {
        let early = self.early().and_then(|early| early.take_acknowledgment(sender, packet_identifier, at));
        if let Some((answer, reason_string)) = early {
            self.published.of_mut(sender).unmatched_acknowledgments -= 1;
            self.settle(&answer, reason_string.as_ref());
        }
    }

    /// The topic of a PUBLISH, by its place.
    #[inline]
    fn topic(&mut self, from: Side, name: &[u8], alias: Option<u16>) -> Option<TopicId> {
        let Tracker { topics, exchanges, last_packets, limits, .. } = self;
        topics.resolve(from, name, alias, limits.topic_aliases, |mark| {
            spoken_of(exchanges, last_packets).for_each(mark);
        })
    }
}
