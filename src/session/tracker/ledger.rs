//! The ledger of each side's messages, and the rows of messages that a server sends to one subscriber.

use std::num::NonZeroU64;

use crate::capture::{Moment, Timestamp};
use crate::mqtt::{PacketType, Publish, topic};
use crate::session::facts::{Book, Carried, Overlap, RetainedBurst, TextFact, Twice};
use crate::session::topics::TopicId;
use crate::session::wire::Wire;
use crate::stream::Side;

use super::Tracker;

/// Messages kept that continue an earlier connection, and first messages of a connection.
const CARRIED: usize = 64;
const OPENING: usize = 8;
/// A longer pause, in nanoseconds, ends a row of retained messages.
const ROW: i64 = 2_000_000_000;
/// So many nanoseconds apart, one message may be delivered for each filter that matches it.
const AT_ONCE: i64 = 50_000_000;

/// What a PUBLISH of `QoS` 1 or 2 has to do with those before it.
pub(super) struct Kinship {
    pub(super) topic: Option<TopicId>,
    /// When the exchange that is open under its packet identifier began, if it is the same message.
    pub(super) open: Option<Moment>,
    /// The same for one that was finished, if this has DUP 1: PUBLISH and last acknowledgment.
    pub(super) finished: Option<(Moment, Moment)>,
    /// Where it ends in the sender's stream.
    pub(super) end: u64,
}

/// The last message that the server delivered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered {
    fingerprint: NonZeroU64,
    packet_identifier: Option<u16>,
    at: Moment,
}

impl Tracker {
    /// Enters a PUBLISH of `QoS` 1 or 2 with its place among those before it.
    pub(super) fn enter(&mut self, from: Side, at: Moment, publish: &Publish<'_>, id: u16, kin: &Kinship) {
        let fingerprint = self.newest;
        let topic = || kin.topic.and_then(|topic| self.topics.text(topic)).cloned();
        let ledger = self.ledger.of_mut(from);
        let sent = kin.open.or(kin.finished.map(|(sent, _)| sent));
        if let Some(sent) = sent {
            if publish.dup {
                ledger.again.add(at.frame);
            } else {
                ledger.again_without_dup.add(at.frame);
            }
            if publish.qos.0 == 1 {
                let acknowledged = kin.finished.map(|(_, answered)| answered).filter(|_| kin.open.is_none());
                let again = Twice { count: 0, topic: topic(), sent, acknowledged, again: at, end: kin.end };
                ledger.twice.get_or_insert(again).count += 1;
            }
        } else if publish.dup || self.resumes && ledger.opening.len() < OPENING {
            let carried = Carried {
                packet: PacketType::PUBLISH,
                packet_identifier: id,
                qos: publish.qos,
                topic: topic(),
                fingerprint: fingerprint.map(NonZeroU64::get),
                at,
            };
            ledger.carry(carried, publish.dup);
        }
        self.watch_window(from, at);
    }

    /// Enters a PUBREL to no exchange of this connection.
    pub(super) fn enter_release(&mut self, from: Side, at: Moment, packet_identifier: u16) {
        let packet = PacketType::PUBREL;
        let qos = crate::mqtt::QoS(2);
        let carried = Carried { packet, packet_identifier, qos, topic: None, fingerprint: None, at };
        self.ledger.of_mut(from).carry(carried, true);
    }

    /// Looks whether what `sender` has open fills the other side's Receive Maximum.
    pub(super) fn watch_window(&mut self, sender: Side, at: Moment) {
        let limit = *self.terms.receive_maximum.of(sender);
        if limit == u32::MAX {
            return;
        }
        let (open, limit) = (self.exchanges.open(sender), limit as usize);
        let full = open >= limit;
        let book = self.ledger.of_mut(sender);
        if open > limit {
            book.window.exceeded = true;
        }
        match book.window.since {
            None if full => {
                book.window.since = Some(at);
                book.window.full.add(at.frame);
            }
            Some(since) if !full => {
                book.window.since = None;
                book.window.stalled(since, at.time);
            }
            _ => {}
        }
    }

    /// Notes a message that the server delivers.
    pub(super) fn delivered(&mut self, at: Moment, publish: &Publish<'_>, topic: Option<TopicId>) {
        if publish.retain {
            self.retained_message(at, publish.payload_length);
        }
        let Some(fingerprint) = self.newest else { return };
        let packet_identifier = publish.packet_identifier;
        let newest = Delivered { fingerprint, packet_identifier, at };
        let Some(last) = self.seldom.last_delivered.replace(newest) else { return };
        if last.fingerprint != fingerprint {
            return;
        }
        let apart = at.time.nanoseconds_since(last.at.time);
        let other = packet_identifier.is_none() || packet_identifier != last.packet_identifier;
        if publish.dup || publish.retain || !other || apart > AT_ONCE {
            return;
        }
        let Some(topic) = topic.and_then(|topic| self.topics.text(topic)).cloned() else { return };
        if let Some(overlap) = self.oddities.as_mut().and_then(|oddities| oddities.overlap.as_mut()) {
            overlap.count += 1;
        } else if let Some(filters) = self.two_filters(&topic) {
            self.odd().overlap = Some(Box::new(Overlap { count: 1, topic, filters, moments: (last.at, at) }));
        }
    }

    /// Two granted filters that match `name`.
    fn two_filters(&self, name: &TextFact) -> Option<(TextFact, TextFact)> {
        let mut matching = self.subscriptions.iter().filter(|one| {
            let granted = one.answer.is_some_and(|(_, code)| code.0 < 0x80) && one.ended.is_none();
            granted && !topic::is_shared(&one.filter.0) && topic::matches(&one.filter.0, &name.0)
        });
        let first = matching.next()?;
        let second = matching.find(|other| other.filter != first.filter)?;
        Some((first.filter.clone(), second.filter.clone()))
    }

    /// A row of retained messages may begin.
    pub(super) fn await_retained(&mut self, asked: Moment, filter: Option<TextFact>) {
        self.keep_largest_row();
        let (first, last) = (asked, asked);
        self.seldom.row = Some(Box::new(RetainedBurst { asked, filter, messages: 0, payload_bytes: 0, first, last }));
    }

    /// Time has passed: a row to which nothing comes any more is over.
    pub(super) fn end_row(&mut self, now: Moment) {
        if self.seldom.row.as_ref().is_some_and(|row| now.time.nanoseconds_since(row.last.time) > ROW) {
            self.keep_largest_row();
        }
    }

    fn retained_message(&mut self, at: Moment, payload_length: u32) {
        let Some(row) = self.seldom.as_mut().and_then(|seldom| seldom.row.as_mut()) else { return };
        if at.time.nanoseconds_since(row.last.time) > ROW {
            self.keep_largest_row();
            return;
        }
        if row.messages == 0 {
            row.first = at;
        }
        row.messages += 1;
        row.payload_bytes += u64::from(payload_length);
        row.last = at;
    }

    pub(super) fn keep_largest_row(&mut self) {
        let row = self.seldom.as_mut().and_then(|seldom| seldom.row.take());
        let Some(row) = row.filter(|row| row.messages > 0) else { return };
        let retained = &mut self.odd().retained;
        if retained.as_ref().is_none_or(|largest| row.messages > largest.messages) {
            *retained = Some(row);
        }
    }
}

impl Book {
    fn carry(&mut self, carried: Carried, continues: bool) {
        let ledger = &mut **self;
        let (list, limit) = if continues { (&mut ledger.carried, CARRIED) } else { (&mut ledger.opening, OPENING) };
        if list.len() < limit {
            list.push(carried);
        }
    }

    /// The session is over: a window that is still full was so until then, and a copy that never arrived is none.
    pub(super) fn close(&mut self, sender: Side, wire: &Wire, captured: Timestamp) {
        if let Some(since) = self.window.since {
            self.window.stalled(since, wire.close().map_or(captured, |close| close.at.time));
        }
        let acknowledged = wire.sent.of(sender).acknowledged.0;
        if self.twice.as_ref().is_some_and(|twice| twice.end > acknowledged) {
            self.twice = None;
        }
    }
}

impl crate::session::facts::Window {
    fn stalled(&mut self, since: Moment, until: Timestamp) {
        let length = until.nanoseconds_since(since.time);
        self.total = self.total.saturating_add(length);
        if self.longest.is_none_or(|(longest, _)| length > longest) {
            self.longest = Some((length, since));
        }
    }
}
