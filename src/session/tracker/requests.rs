//! Requests: SUBSCRIBE and UNSUBSCRIBE, and what was granted.

use smallvec::SmallVec;
use thin_vec::ThinVec;

use crate::capture::Moment;
use crate::mqtt::{PacketType, ReasonCode, Suback, Subscribe, Unsubscribe};
use crate::session::facts::{Refusal, Subscription, TextFact};
use crate::session::push_tight;
use crate::session::rules::{Asked, Known};
use crate::session::timeline::EventKind;
use crate::stream::Side;

use super::newest::Newest;
use super::{Tracker, fact, known};

/// Filters or codes of one packet that the timeline shows.
const SHOWN: usize = 8;

/// A SUBSCRIBE or UNSUBSCRIBE that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) packet: PacketType,
    pub(super) packet_identifier: u16,
    pub(super) at: Moment,
    /// Positions in `subscriptions`: those asked for, or those to be ended.
    pub(super) subscriptions: SmallVec<[usize; 4]>,
    pub(super) first_filter: Option<TextFact>,
    /// How many topic filters it holds.
    pub(super) filters: usize,
}

impl Tracker {
    pub(super) fn subscribe_packet(&mut self, from: Side, at: Moment, packet: &Subscribe<'_>, last: &mut Newest) {
        let (known, rules) = self.known();
        rules.subscribe(&known, at, packet);
        let mut positions = SmallVec::new();
        let mut shown = Vec::new();
        let mut more = 0;
        let mut first = None;
        for request in packet.requests() {
            let filter = fact(request.filter);
            first.get_or_insert_with(|| filter.clone());
            if shown.len() < SHOWN {
                shown.push((filter.clone(), request.options));
            } else {
                more += 1;
            }
            if self.subscriptions.len() < self.limits.names {
                positions.push(self.subscriptions.len());
                let subscription = Subscription {
                    filter,
                    options: request.options,
                    asked: at,
                    answer: None,
                    reason_string: None,
                    ended: None,
                };
                push_tight(&mut self.subscriptions, subscription);
            } else {
                self.rules.doubt(at);
            }
        }
        self.await_retained(at, first.clone());
        self.request(at, packet.packet_identifier, positions, first, shown.len() + more, last);
        let kind = EventKind::Request {
            packet: last.packet,
            packet_identifier: packet.packet_identifier,
            filters: shown,
            more,
        };
        self.timeline.push(at, Some(from), kind);
    }

    pub(super) fn unsubscribe_packet(&mut self, from: Side, at: Moment, packet: &Unsubscribe<'_>, last: &mut Newest) {
        let mut positions = SmallVec::new();
        let mut shown = Vec::new();
        let mut more = 0;
        let mut first = None;
        for filter in packet.filters() {
            if let Some(position) =
                self.subscriptions.iter().rposition(|known| known.ended.is_none() && *known.filter.0 == *filter.0)
            {
                positions.push(position);
            }
            let filter = fact(filter);
            first.get_or_insert_with(|| filter.clone());
            if shown.len() < SHOWN {
                shown.push((filter, 0));
            } else {
                more += 1;
            }
        }
        self.request(at, packet.packet_identifier, positions, first, shown.len() + more, last);
        let kind = EventKind::Request {
            packet: last.packet,
            packet_identifier: packet.packet_identifier,
            filters: shown,
            more,
        };
        self.timeline.push(at, Some(from), kind);
    }

    pub(super) fn request(
        &mut self,
        at: Moment,
        packet_identifier: u16,
        subscriptions: SmallVec<[usize; 4]>,
        first_filter: Option<TextFact>,
        filters: usize,
        last: &mut Newest,
    ) {
        last.packet_identifier = Some(packet_identifier);
        let asked = self.seldom.requests.iter().find(|request| request.packet_identifier == packet_identifier);
        let in_use = asked.map(|request| request.at);
        if let Some(open) = in_use.or_else(|| self.exchanges.started(Side::Client, packet_identifier)) {
            let (known, rules) = self.known();
            rules.request_in_use(&known, at, last.packet, packet_identifier, open);
        }
        last.topic = first_filter.as_ref().and_then(|filter| self.share(filter));
        let request = Request { packet: last.packet, packet_identifier, at, subscriptions, first_filter, filters };
        if let Some(early) = self.early().and_then(|early| early.take(&request)) {
            self.answered = true;
            self.answer(early.at, &early.codes, &request, early.reason_string.as_ref());
        } else if self.seldom.requests.len() < self.limits.open_exchanges {
            let requests = &mut self.seldom.requests;
            if requests.is_empty() {
                requests.reserve_exact(1);
            }
            requests.push(request);
        } else {
            self.rules.doubt(at);
        }
    }

    /// A message of the client is new: no request that waits for its answer may have its packet identifier.
    #[inline]
    pub(super) fn published_in_use(&mut self, at: Moment, packet_identifier: u16, last: &Newest) {
        let request = self.seldom.requests.iter().find(|request| request.packet_identifier == packet_identifier);
        if let Some(open) = request.map(|request| request.at) {
            let (known, rules) = self.known();
            rules.request_in_use(&known, at, last.packet, packet_identifier, open);
        }
    }

    pub(super) fn answer_packet(&mut self, from: Side, at: Moment, packet: &Suback<'_>, last: &mut Newest) {
        let asked = if last.packet == PacketType::SUBACK { PacketType::SUBSCRIBE } else { PacketType::UNSUBSCRIBE };
        let reason_string = packet.properties.reason_string().map(fact);
        last.packet_identifier = Some(packet.packet_identifier);
        let shown: Vec<ReasonCode> = packet.codes.iter().take(SHOWN).copied().map(ReasonCode).collect();
        let more = packet.codes.len() - shown.len();
        self.timeline.push(
            at,
            Some(from),
            EventKind::Answer {
                packet: last.packet,
                packet_identifier: packet.packet_identifier,
                codes: shown,
                more,
                reason_string: reason_string.clone(),
            },
        );
        if from == Side::Client {
            return;
        }
        let position = self
            .seldom
            .requests
            .iter()
            .position(|request| request.packet == asked && request.packet_identifier == packet.packet_identifier);
        let request = position.and_then(|position| self.seldom.requests.get(position)).map(|request| Asked {
            at: request.at,
            filters: request.filters,
            subscriptions: &request.subscriptions,
        });
        let known = known!(self);
        self.rules.answer(&known, at, last.packet, packet, request);
        if let Some(position) = position {
            let requests = &mut self.seldom.requests;
            let request = requests.remove(position);
            if requests.is_empty() {
                *requests = ThinVec::new();
            }
            self.answered = true;
            self.answer(at, packet.codes, &request, reason_string.as_ref());
        } else {
            self.seldom.early.get_or_insert_default().keep(asked, packet, at, reason_string);
        }
    }

    pub(super) fn answer(&mut self, at: Moment, codes: &[u8], request: &Request, reason_string: Option<&TextFact>) {
        let subscribed = request.packet == PacketType::SUBSCRIBE;
        for (index, code) in codes.iter().copied().map(ReasonCode).enumerate() {
            let position = request.subscriptions.get(index).copied();
            let subscription = position.and_then(|position| self.subscriptions.get_mut(position));
            let filter = subscription.as_ref().map(|subscription| subscription.filter.clone());
            if let Some(subscription) = subscription
                && subscribed
            {
                subscription.answer = Some((at, code));
                subscription.reason_string = reason_string.cloned();
            }
            if code.0 >= 0x80 {
                self.refuse(Refusal {
                    at,
                    by: Side::Server,
                    packet: if subscribed { PacketType::SUBACK } else { PacketType::UNSUBACK },
                    code,
                    reason_string: reason_string.cloned(),
                    topic: filter,
                    request: Some(request.at),
                });
            }
        }
        if !subscribed {
            for position in &request.subscriptions {
                if let Some(subscription) = self.subscriptions.get_mut(*position) {
                    subscription.ended = Some(at);
                }
            }
        }
    }
}
