//! Which vain questions were attempts to reach an MQTT broker: those that something ties to one, and
//! that no connection followed.
//!
//! Invariant: where nothing but the absence of everything else ties questions to MQTT, at most a few
//! become attempts: many are the chatter of an ordinary network.

use std::net::IpAddr;

use crate::capture::{Moment, Timestamp};

use super::contacts::Contacts;
use super::lookups::Lookups;
use super::name::{is_broker, is_host, is_variant};
use super::neighbours::Searches;
use super::{Attempt, FOLLOWS, Lookup, LookupFailure, Question, Search, Tie};

/// A silence says something when it lasted so many nanoseconds to the end of the capture.
const PATIENCE: i64 = 3_000_000_000;
/// A question that another one leads to follows it within so many nanoseconds.
const PASSED_ON: i64 = 5_000_000_000;
/// Attempts that rest on [`Tie::Alone`], [`Tie::Wanted`] or [`Tie::Client`] alone; more are chatter.
const FEW: usize = 3;
/// A capture with more frames is no capture of one device's vain attempts.
const SMALL: u64 = 20_000;

/// What else is in the capture.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Frames.
    pub packets: u64,
    /// TCP connections.
    pub connections: u64,
    /// Those among them that have nothing to do with MQTT.
    pub others: u64,
    /// Time of the last frame.
    pub ended: Timestamp,
    /// Hosts that were asked for.
    pub wanted: &'a [IpAddr],
}

/// The attempts among all questions that failed.
pub(super) fn attempts(
    mut lookups: Lookups,
    searches: Searches,
    contacts: &Contacts,
    around: &Surroundings<'_>,
) -> Vec<Attempt> {
    let failed = gathered(lookups.failures(), around);
    let judge = Judge { lookups: &lookups, contacts, around };
    let mut all: Vec<Attempt> = failed.into_iter().filter_map(|lookup| judge.lookup(lookup)).collect();
    all.extend(searches.failures().into_iter().filter_map(|search| judge.search(search)));
    let weak = |attempt: &Attempt| attempt.tie <= Tie::Client;
    if all.iter().filter(|attempt| weak(attempt)).count() > FEW {
        all.retain(|attempt| !weak(attempt));
    }
    all.sort_by_key(|attempt| attempt.span().0);
    all
}

/// Lookups that failed, those of one name under several search domains together, without those that
/// a server passed on to another.
fn gathered(failed: Vec<Lookup>, around: &Surroundings<'_>) -> Vec<Lookup> {
    let mut all: Vec<Lookup> = Vec::new();
    let heard = |lookup: &Lookup| {
        let waited = around.ended.nanoseconds_since(lookup.asked.last.time);
        lookup.failure != LookupFailure::Silence || lookup.asked.count > 1 || waited >= PATIENCE
    };
    for lookup in failed.into_iter().filter(heard) {
        let same = all.iter_mut().find(|known| {
            let apart = lookup.asked.first.time.nanoseconds_since(known.asked.last.time);
            known.asker == lookup.asker && apart <= FOLLOWS && is_variant(&known.name, &lookup.name)
        });
        match same {
            Some(known) => known.join(lookup),
            None => all.push(lookup),
        }
    }
    let passed_on: Vec<bool> = all.iter().map(|lookup| all.iter().any(|other| is_passed_on(lookup, other))).collect();
    let mut passed_on = passed_on.into_iter();
    all.retain(|_| !passed_on.next().unwrap_or_default());
    all
}

/// Whether `lookup` is that of a server, or of the host's own resolver, on behalf of `other`.
fn is_passed_on(lookup: &Lookup, other: &Lookup) -> bool {
    let same = lookup.asker != other.asker && lookup.name == other.name;
    let after = lookup.asked.first.time.nanoseconds_since(other.asked.first.time);
    let by_server = other.servers.contains(&lookup.asker);
    let elsewhere = !lookup.servers.iter().any(|server| other.servers.contains(server)) && !other.asker.is_loopback();
    let stub = lookup.asker.is_loopback() && (-PASSED_ON..=PASSED_ON).contains(&after);
    same && (by_server || stub || elsewhere && (1..=PASSED_ON).contains(&after))
}

struct Judge<'a> {
    lookups: &'a Lookups,
    contacts: &'a Contacts,
    around: &'a Surroundings<'a>,
}

impl Judge<'_> {
    fn lookup(&self, lookup: Lookup) -> Option<Attempt> {
        let (asker, first) = (lookup.asker, lookup.asked.first);
        let names = || [&lookup.name].into_iter().chain(&lookup.variants);
        if !is_host(&lookup.name) || self.contacts.began(asker, first) {
            return None;
        }
        let open = self.contacts.open(asker, first);
        let leads_to_broker = |name: &str| self.lookups.addresses(name).any(|to| self.contacts.broker(to).is_some());
        let tie = if names().any(|name| leads_to_broker(name)) && !open {
            Tie::Broker
        } else if names().any(|name| is_broker(name)) {
            Tie::Name
        } else {
            self.weak(asker, first, !self.lookups.finds(asker))?
        };
        Some(Attempt { what: Question::Name(lookup), port: None, tie })
    }

    fn search(&self, mut search: Search) -> Option<Attempt> {
        let Search { asker, target, asked, .. } = search;
        if self.contacts.reached(asker, target, asked.first) || self.contacts.began(asker, asked.first) {
            return None;
        }
        // A router looks for the host on behalf of who knocks at it: that connection tells of it.
        if self.contacts.knocked(target, asked.first, asked.last) {
            return None;
        }
        // Shortly after a lookup it is known for what name.
        search.name = self.lookups.resolution(asker, target, asked.last).filter(|known| known.asker == asker);
        let open = self.contacts.open(asker, asked.first);
        let named = search.name.as_ref().is_some_and(|known| is_broker(&known.name));
        let tie = if self.contacts.broker(target).is_some() && !open {
            Tie::Broker
        } else if named {
            Tie::Name
        } else {
            self.weak(asker, asked.first, false)?
        };
        Some(Attempt { what: Question::Host(search), port: self.contacts.broker(target), tie })
    }

    /// What ties questions of `asker` to MQTT, when neither their object nor its name does: if it is `lost`,
    /// nothing that it asked for was found.
    fn weak(&self, asker: IpAddr, first: Moment, lost: bool) -> Option<Tie> {
        let quiet = self.around.connections == 0 || lost && self.around.others == 0;
        if self.contacts.open(asker, first) {
            None
        } else if self.contacts.is_client(asker) {
            Some(Tie::Client)
        } else if self.around.wanted.contains(&asker) && !self.contacts.connects(asker) {
            Some(Tie::Wanted)
        } else if self.around.packets <= SMALL && quiet && !self.contacts.connects(asker) {
            Some(Tie::Alone)
        } else {
            None
        }
    }
}

impl Lookup {
    /// Takes in the same lookup under another search domain. What is shorter is what was meant.
    fn join(&mut self, mut other: Lookup) {
        if other.name.len() < self.name.len() {
            std::mem::swap(self, &mut other);
        }
        if other.name != self.name && !self.variants.contains(&other.name) {
            self.variants.push(other.name);
        }
        self.variants.extend(other.variants);
        let count = self.asked.count.max(other.asked.count);
        self.asked.join(&other.asked);
        self.asked.count = count;
        self.answered.join(&other.answered);
        self.multicast &= other.multicast;
        self.upper_case |= other.upper_case;
        self.kinds = (self.kinds.0 || other.kinds.0, self.kinds.1 || other.kinds.1);
        for server in other.servers {
            if !self.servers.contains(&server) {
                self.servers.push(server);
            }
        }
        // A name of one label is nothing without a search domain; of a longer one the name itself counts.
        let unfounded = !self.name.contains('.') && other.failure == LookupFailure::NotFound;
        if unfounded || self.failure == LookupFailure::Silence {
            self.failure = other.failure;
        }
    }
}
