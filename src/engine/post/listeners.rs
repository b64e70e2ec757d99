//! Who is subscribed to what, to know who should have got a message.
//!
//! Invariant: a session has a claim on a message only if it was connected and subscribed, with `QoS` 1 or 2, for long
//! enough before it and after. Shared Subscriptions give none: another member of the group may have got it.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::capture::{Moment, Timestamp};
use crate::mqtt::topic;
use crate::net::Endpoint;
use crate::session::{Subscription, TextFact};

use super::recent::Letter;

/// How long, in nanoseconds, a subscription must have been granted before a message has to come.
const SETTLED: i64 = 100_000_000;
/// How long a session must go on after a message that has to come.
const PATIENCE: i64 = 5_000_000_000;
/// A session that ended so long ago is forgotten.
const FORGET: i64 = 120_000_000_000;
/// No Local, a bit of the Subscription Options (MQTT 5.0 §3.8.3.1).
const NO_LOCAL: u8 = 0b100;
/// Topics of which it is remembered who listens.
const TOPICS: usize = 4096;

#[derive(Debug)]
struct Listener {
    server: Endpoint,
    subscriptions: Vec<Wanted>,
    closed: Option<Timestamp>,
    /// When it last got a message that nobody was seen to publish.
    surprised: Option<Timestamp>,
}

#[derive(Debug)]
struct Wanted {
    filter: TextFact,
    options: u8,
    granted: Moment,
    ended: Option<Timestamp>,
}

/// Those that listen to a topic, as of a state of all subscriptions.
#[derive(Debug)]
struct Audience {
    generation: u64,
    streams: SmallVec<[u32; 4]>,
}

#[derive(Debug)]
pub(super) struct Listeners {
    limit: usize,
    watched: usize,
    all: HashMap<u32, Listener, FixedState>,
    audiences: HashMap<(Endpoint, TextFact), Audience, FixedState>,
    generation: u64,
    left_out: u64,
}

impl Listeners {
    pub(super) fn new(limit: usize) -> Listeners {
        Listeners {
            limit,
            watched: 0,
            all: HashMap::default(),
            audiences: HashMap::default(),
            generation: 0,
            left_out: 0,
        }
    }

    /// Sessions whose subscriptions are not looked at.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(super) fn set(&mut self, stream: u32, server: Endpoint, subscriptions: &[Subscription]) {
        let granted = subscriptions.iter().filter_map(|one| {
            let (granted, _) = one.answer.filter(|(_, code)| (1..=2).contains(&code.0))?;
            let ended = one.ended.map(|at| at.time);
            let fits = !topic::is_shared(&one.filter.0);
            fits.then(|| Wanted { filter: one.filter.clone(), options: one.options, granted, ended })
        });
        let wanted: Vec<Wanted> = granted.collect();
        let before = self.all.get(&stream).map_or(0, |listener| listener.subscriptions.len());
        if wanted.is_empty() && before == 0 {
            return;
        }
        if self.watched - before + wanted.len() > self.limit {
            self.left_out += u64::from(before == 0);
            return;
        }
        self.generation += 1;
        self.watched = self.watched - before + wanted.len();
        let surprised = self.all.get(&stream).and_then(|listener| listener.surprised);
        self.all.insert(stream, Listener { server, subscriptions: wanted, closed: None, surprised });
    }

    pub(super) fn closed(&mut self, stream: u32, at: Timestamp) {
        if let Some(listener) = self.all.get_mut(&stream) {
            listener.closed.get_or_insert(at);
        }
        let gone = |listener: &Listener| listener.closed.is_some_and(|closed| at.nanoseconds_since(closed) > FORGET);
        if self.watched * 2 > self.limit {
            self.all.retain(|_, listener| !gone(listener));
            self.watched = self.all.values().map(|listener| listener.subscriptions.len()).sum();
            self.generation += 1;
        }
    }

    pub(super) fn surprised(&mut self, stream: u32, at: Timestamp) {
        if let Some(listener) = self.all.get_mut(&stream) {
            listener.surprised = Some(at);
        }
    }

    /// The sessions that should have got `letter` by `now` and did not, each with the filter and when it was granted.
    pub(super) fn owed(&mut self, letter: &Letter, now: Timestamp) -> SmallVec<[(u32, TextFact, Moment); 1]> {
        let mut owed = SmallVec::new();
        if self.all.is_empty() || now.nanoseconds_since(letter.at.time) < PATIENCE {
            return owed;
        }
        for stream in self.audience(letter) {
            let Some(listener) = self.all.get(&stream) else { continue };
            if !letter.reached.contains(&stream)
                && let Some(wanted) = listener.claim(stream, letter)
            {
                owed.push((stream, wanted.filter.clone(), wanted.granted));
            }
        }
        owed
    }

    fn audience(&mut self, letter: &Letter) -> SmallVec<[u32; 4]> {
        let key = (letter.server, letter.topic.clone());
        if let Some(audience) = self.audiences.get(&key)
            && audience.generation == self.generation
        {
            return audience.streams.clone();
        }
        if self.audiences.len() >= TOPICS {
            self.audiences.clear();
        }
        let matching = |wanted: &Wanted| topic::matches(&wanted.filter.0, &letter.topic.0);
        let listening =
            |listener: &Listener| listener.server == letter.server && listener.subscriptions.iter().any(matching);
        let listeners = self.all.iter().filter(|(_, listener)| listening(listener));
        let mut streams: SmallVec<[u32; 4]> = listeners.map(|(stream, _)| *stream).collect();
        streams.sort_unstable();
        self.audiences.insert(key, Audience { generation: self.generation, streams: streams.clone() });
        streams
    }
}

impl Listener {
    /// The subscription by which `stream` has a claim on `letter`.
    fn claim(&self, stream: u32, letter: &Letter) -> Option<&Wanted> {
        let published = letter.at.time;
        let goes_on = |end: Option<Timestamp>| end.is_none_or(|end| end.nanoseconds_since(published) > PATIENCE);
        // A message that nobody published may be this one, changed by the broker.
        if !goes_on(self.closed) || self.surprised.is_some_and(|at| at >= published) {
            return None;
        }
        self.subscriptions.iter().find(|wanted| {
            let own = stream == letter.stream && wanted.options & NO_LOCAL != 0;
            !own && published.nanoseconds_since(wanted.granted.time) > SETTLED
                && goes_on(wanted.ended)
                && topic::matches(&wanted.filter.0, &letter.topic.0)
        })
    }
}
