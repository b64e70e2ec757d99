//! The post that passes a broker: which message from it is which message to it, and what did not come.
//!
//! Invariant: a message is matched by broker, topic and content, only with one that was published before, and each
//! publication goes to a subscriber once. Whatever is remembered is bounded.

mod listeners;
mod recent;
#[cfg(test)]
mod tests;
mod wills;

use std::net::IpAddr;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::capture::{Moment, Timestamp};
use crate::limits::Limits;
use crate::mqtt::QoS;
use crate::net::Endpoint;
use crate::session::{Missed, Rounds, Route, Strays, Subscription, TextFact, Traffic};

use listeners::Listeners;
use recent::{Letter, Recent};
use wills::Wills;

/// A PUBLISH as far as its way through the broker is concerned.
#[derive(Debug)]
pub(super) struct Passing {
    pub(super) at: Moment,
    pub(super) topic: TextFact,
    pub(super) fingerprint: u64,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) dup: bool,
    pub(super) packet_identifier: Option<u16>,
    /// Bytes of its payload.
    pub(super) payload: u32,
}

/// A message that a broker keeps for later subscribers.
#[derive(Debug)]
struct Kept {
    stream: u32,
    fingerprint: u64,
    at: Moment,
}

#[derive(Debug)]
pub(super) struct Post {
    limits: (usize, usize),
    /// Messages that may still be followed.
    room: u64,
    /// When the last of them came.
    stopped: Option<Moment>,
    recent: Recent,
    kept: HashMap<(IpAddr, TextFact), Kept, FixedState>,
    listeners: Listeners,
    wills: Wills,
    routes: HashMap<(u32, u32), Route, FixedState>,
    strays: HashMap<u32, Strays, FixedState>,
    missed: HashMap<(u32, u32), Missed, FixedState>,
    rounds: HashMap<(u32, u32), Rounds, FixedState>,
    left_out: u64,
}

impl Post {
    pub(super) fn new(limits: &Limits) -> Post {
        Post {
            limits: (limits.recent_messages, limits.routes),
            room: limits.followed_messages,
            stopped: None,
            recent: Recent::default(),
            kept: HashMap::default(),
            listeners: Listeners::new(limits.watched_subscriptions),
            wills: Wills::new(limits.routes),
            routes: HashMap::default(),
            strays: HashMap::default(),
            missed: HashMap::default(),
            rounds: HashMap::default(),
            left_out: 0,
        }
    }

    /// Whether messages are still followed.
    pub(super) fn is_open(&self) -> bool {
        self.stopped.is_none()
    }

    /// One more message; answers whether it is still followed.
    fn admit(&mut self, at: Moment) -> bool {
        if let Some(room) = self.room.checked_sub(1) {
            self.room = room;
        } else if self.stopped.is_none() {
            self.stopped = Some(at);
            self.recent = Recent::default();
        }
        self.is_open()
    }

    /// A client connects with a will.
    pub(super) fn will(&mut self, stream: u32, server: IpAddr, fingerprint: u64) {
        self.wills.written(stream, server, fingerprint);
    }

    /// What `stream` subscribed to has changed.
    pub(super) fn subscribed(&mut self, stream: u32, server: Endpoint, subscriptions: &[Subscription]) {
        self.listeners.set(stream, server, subscriptions);
    }

    /// The connection `stream` came to its end.
    pub(super) fn closed(&mut self, stream: u32, at: Moment) {
        self.listeners.closed(stream, at.time);
    }

    /// A message to the broker.
    pub(super) fn collect(&mut self, stream: u32, server: Endpoint, passing: Passing) {
        let Passing { at, topic, fingerprint, qos, retain, dup, packet_identifier, payload } = passing;
        if !self.admit(at) {
            return;
        }
        let (most, routes) = self.limits;
        while let Some(old) = self.recent.retire(at.time, most) {
            self.miss(&old, at.time);
        }
        if retain {
            let key = (server.address, topic.clone());
            if self.kept.len() < routes || self.kept.contains_key(&key) {
                self.kept.insert(key, Kept { stream, fingerprint, at });
            }
        }
        let more = usize::try_from(self.room).unwrap_or(most).min(most);
        self.recent
            .push(Letter::new(stream, server, at, topic, fingerprint, qos, dup, packet_identifier, payload), more);
        if let Some((other, began)) = self.recent.round()
            && stream < other
        {
            self.round((stream, other), began, at);
        }
    }

    /// A message of the first session went round by the second, from `began` to `at`.
    #[cold]
    fn round(&mut self, streams: (u32, u32), began: Moment, at: Moment) {
        if self.rounds.len() >= self.limits.1 && !self.rounds.contains_key(&streams) {
            self.left_out += 1;
            return;
        }
        let Some(topic) = self.recent.newest_topic() else { return };
        let new = || Rounds { streams, count: 0, topic: topic.clone(), span: (began, at) };
        let rounds = self.rounds.entry(streams).or_insert_with(new);
        rounds.count += 1;
        rounds.span.1 = at;
    }

    /// The broker took the newest message of `stream` with this packet identifier.
    pub(super) fn taken(&mut self, stream: u32, packet_identifier: u16) {
        self.recent.taken(stream, packet_identifier);
    }

    /// A message from the broker.
    pub(super) fn deliver(&mut self, stream: u32, server: IpAddr, passing: &Passing) {
        if !self.admit(passing.at) {
            return;
        }
        if passing.retain
            && let Some(kept) = self.kept.get(&(server, passing.topic.clone()))
            && kept.fingerprint == passing.fingerprint
        {
            let (publisher, since) = (kept.stream, kept.at);
            let Some(route) = self.route(publisher, stream, passing, since) else { return };
            route.retained += 1;
            return;
        }
        let Some(found) = self.recent.find(stream, server, passing) else {
            self.stray(stream, server, passing);
            return;
        };
        let Some(letter) = found.letter else { return };
        let Some(route) = self.route(letter.publisher, stream, passing, letter.at) else { return };
        route.messages += 1;
        route.ambiguous += u64::from(letter.rivals);
        if letter.only && !passing.dup {
            route.latency.add(passing.at.time.nanoseconds_since(letter.at.time));
        }
    }

    fn route(&mut self, publisher: u32, subscriber: u32, passing: &Passing, since: Moment) -> Option<&mut Route> {
        let key = (publisher, subscriber);
        if self.routes.len() >= self.limits.1 && !self.routes.contains_key(&key) {
            self.left_out += 1;
            return None;
        }
        Some(self.routes.entry(key).or_insert_with(|| Route {
            publisher,
            subscriber,
            messages: 0,
            retained: 0,
            ambiguous: 0,
            topic: passing.topic.clone(),
            first: (since, passing.at),
            latency: crate::session::Latency::default(),
        }))
    }

    /// A message from the broker that nobody was seen to publish.
    fn stray(&mut self, stream: u32, server: IpAddr, passing: &Passing) {
        self.listeners.surprised(stream, passing.at.time);
        // A copy of what was retained before may look like a will of now.
        let replaced = || self.kept.get(&(server, passing.topic.clone())).is_some();
        if (!passing.retain || replaced()) && self.wills.sighted(stream, server, passing) {
            return;
        }
        if self.strays.len() >= self.limits.1 && !self.strays.contains_key(&stream) {
            self.left_out += 1;
            return;
        }
        let strays = self.strays.entry(stream).or_insert(Strays { subscriber: stream, messages: 0, retained: 0 });
        strays.messages += 1;
        strays.retained += u64::from(passing.retain);
    }

    /// Notes who should have got a message and did not, up to `now`.
    fn miss(&mut self, letter: &Letter, now: Timestamp) {
        if !letter.is_owed() {
            return;
        }
        for (stream, filter, granted) in self.listeners.owed(letter, now) {
            let key = (letter.stream, stream);
            if self.missed.len() >= self.limits.1 && !self.missed.contains_key(&key) {
                self.left_out += 1;
                continue;
            }
            let missed = self.missed.entry(key).or_insert_with(|| Missed {
                publisher: letter.stream,
                subscriber: stream,
                messages: 0,
                topic: letter.topic.clone(),
                filter,
                granted,
                published: letter.at,
                last: letter.at,
                reached: letter.reached.len() as u64,
                smallest: letter.payload,
            });
            missed.messages += 1;
            missed.smallest = missed.smallest.min(letter.payload);
            missed.last = letter.at;
        }
    }

    /// The capture ended at `now`: what was seen.
    pub(super) fn finish(mut self, now: Timestamp) -> Traffic {
        while let Some(old) = self.recent.retire(now, 0) {
            self.miss(&old, now);
        }
        let mut traffic = Traffic {
            routes: self.routes.into_values().collect(),
            strays: self.strays.into_values().collect(),
            wills: self.wills.into_sightings(),
            missed: self.missed.into_values().collect(),
            rounds: self.rounds.into_values().collect(),
            left_out: self.left_out + self.listeners.left_out(),
            stopped: self.stopped,
        };
        traffic.routes.sort_by_key(|route| (route.publisher, route.subscriber));
        traffic.strays.sort_by_key(|strays| strays.subscriber);
        traffic.missed.sort_by_key(|missed| (missed.publisher, missed.subscriber));
        traffic.rounds.sort_by_key(|rounds| rounds.streams);
        traffic
    }
}
