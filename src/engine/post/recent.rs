//! The messages that went to brokers of late, found by their content.
//!
//! Invariant: in capture order; letters with the same content are chained from the newest to the oldest.

use std::collections::VecDeque;
use std::net::IpAddr;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::capture::{Moment, Timestamp};
use crate::mqtt::QoS;
use crate::net::Endpoint;
use crate::session::TextFact;

use super::Passing;

/// A message is remembered for so many nanoseconds.
const AGE: i64 = 60_000_000_000;
/// Messages with the same content that are looked at.
const CHAIN: usize = 16;
/// Subscribers remembered of one message.
const REACHED: usize = 64;
/// Newest messages among which the one that is acknowledged is looked for.
const UNACKNOWLEDGED: usize = 256;

/// Room is made for so many letters at least, if as many may come.
const FEWEST: usize = 16;

/// A message to a broker.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) stream: u32,
    pub(super) server: Endpoint,
    pub(super) at: Moment,
    pub(super) topic: TextFact,
    fingerprint: u64,
    pub(super) qos: QoS,
    dup: bool,
    packet_identifier: Option<u16>,
    /// Bytes of its payload.
    pub(super) payload: u32,
    /// The broker acknowledged it.
    taken: bool,
    previous: Option<u64>,
    /// Whom it reached.
    pub(super) reached: SmallVec<[u32; 2]>,
}

/// What a message from the broker is.
pub(super) struct Found {
    /// The publication that it is; `None` if that reached this subscriber before.
    pub(super) letter: Option<Origin>,
}

/// A publication that was found.
pub(super) struct Origin {
    pub(super) publisher: u32,
    pub(super) at: Moment,
    /// No other publication has this content.
    pub(super) only: bool,
    /// Another publisher sent the same.
    pub(super) rivals: bool,
}

#[derive(Debug, Default)]
pub(super) struct Recent {
    letters: VecDeque<Letter>,
    /// Number of the oldest letter.
    begins: u64,
    newest: HashMap<u64, u64, FixedState>,
}

impl Letter {
    #[allow(clippy::too_many_arguments)] // the fields of a PUBLISH
    pub(super) fn new(
        stream: u32,
        server: Endpoint,
        at: Moment,
        topic: TextFact,
        fingerprint: u64,
        qos: QoS,
        dup: bool,
        packet_identifier: Option<u16>,
        payload: u32,
    ) -> Letter {
        let reached = SmallVec::new();
        let (taken, previous) = (false, None);
        Letter {
            stream,
            server,
            at,
            topic,
            fingerprint,
            qos,
            dup,
            packet_identifier,
            payload,
            taken,
            previous,
            reached,
        }
    }

    /// Whether subscribers can be said to have a claim on it: the broker took it, and it is no repetition.
    pub(super) fn is_owed(&self) -> bool {
        self.taken && !self.dup && self.qos > QoS(0) && self.reached.len() < REACHED
    }
}

impl Recent {
    /// Lets go of the oldest letter if it is too old, or there are more than `most`.
    pub(super) fn retire(&mut self, now: Timestamp, most: usize) -> Option<Letter> {
        let old = |letter: &Letter| now.nanoseconds_since(letter.at.time) > AGE;
        if self.letters.len() <= most && !self.letters.front().is_some_and(old) {
            return None;
        }
        let letter = self.letters.pop_front()?;
        if self.newest.get(&letter.fingerprint) == Some(&self.begins) {
            self.newest.remove(&letter.fingerprint);
        }
        self.begins += 1;
        Some(letter)
    }

    /// Adds a letter, after which no more than `more` will come.
    pub(super) fn push(&mut self, mut letter: Letter, more: usize) {
        if self.letters.len() == self.letters.capacity() {
            self.letters.reserve_exact(self.letters.len().max(FEWEST).min(more) + 1);
        }
        let number = self.begins + self.letters.len() as u64;
        letter.previous = self.newest.insert(letter.fingerprint, number);
        self.letters.push_back(letter);
    }

    /// The topic of the newest letter.
    pub(super) fn newest_topic(&self) -> Option<&TextFact> {
        self.letters.back().map(|letter| &letter.topic)
    }

    /// Whether the newest letter closes a round: one with its content came from the same session, and between them one went
    /// to another broker. Answers that other session, and when the round began.
    pub(super) fn round(&self) -> Option<(u32, Moment)> {
        let newest = self.letters.back()?;
        let before = |letter: &Letter| self.letters.get(self.place(letter.previous?)?);
        let between = before(newest).filter(|other| other.server != newest.server)?;
        let first = before(between).filter(|first| first.stream == newest.stream && first.topic == newest.topic)?;
        (between.topic == newest.topic).then_some((between.stream, first.at))
    }

    pub(super) fn taken(&mut self, stream: u32, packet_identifier: u16) {
        let mut newest = self.letters.iter_mut().rev().take(UNACKNOWLEDGED);
        let its = |letter: &&mut Letter| letter.stream == stream && letter.packet_identifier == Some(packet_identifier);
        if let Some(letter) = newest.find(its) {
            letter.taken = true;
        }
    }

    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.begins)?).ok()
    }

    /// Which letter a message from the broker `server` to `subscriber` is: of those with its content the oldest that
    /// did not reach the subscriber and is newer than one that did.
    pub(super) fn find(&mut self, subscriber: u32, server: IpAddr, passing: &Passing) -> Option<Found> {
        let mut next = self.newest.get(&passing.fingerprint).copied();
        let (mut chosen, mut count, mut rivals, mut had) = (None, 0_u32, false, false);
        let mut publisher = None;
        for _ in 0..CHAIN {
            let Some(place) = next.and_then(|number| self.place(number)) else { break };
            let Some(letter) = self.letters.get(place) else { break };
            next = letter.previous;
            if letter.server.address != server || letter.topic != passing.topic {
                continue;
            }
            if letter.reached.contains(&subscriber) {
                had = true;
                break;
            }
            rivals |= publisher.is_some_and(|publisher| publisher != letter.stream);
            publisher = Some(letter.stream);
            chosen = Some(place);
            count += 1;
        }
        let Some(letter) = chosen.and_then(|place| self.letters.get_mut(place)) else {
            return had.then_some(Found { letter: None });
        };
        if letter.reached.len() < REACHED {
            letter.reached.push(subscriber);
        }
        let origin = Origin { publisher: letter.stream, at: letter.at, only: count == 1, rivals };
        Some(Found { letter: Some(origin) })
    }
}
