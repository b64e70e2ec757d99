//! Sessions that were judged and then only counted, because there were too many to keep.
//!
//! Invariant: a session is counted once; what is said of how many addresses they came from is never too much.

use std::net::IpAddr;

use hashbrown::HashSet;

use crate::capture::Moment;
use crate::net::Endpoint;
use crate::session::Session;

use super::{Note, Ruling, Severity, words};

/// Kinds of counted sessions told apart.
const KINDS: usize = 64;
/// Addresses told apart over all kinds.
const ADDRESSES: usize = 65_536;
/// Notes on counted sessions.
const NOTES: usize = 8;

/// Sessions of one server with one outcome that were not kept.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The server; `None` for those beyond the servers that are told apart.
    pub server: Option<Endpoint>,
    /// Their outcome.
    pub outcome: &'static str,
    /// How bad that is.
    pub severity: Severity,
    /// Whether they are attempts: connections that carried nothing.
    pub attempts: bool,
    /// How many.
    pub sessions: u64,
    /// Where their clients are, as far as they are told apart.
    pub addresses: HashSet<IpAddr>,
    /// Whether there are more addresses than those.
    pub more_addresses: bool,
    /// The first frame of all of them.
    pub first: Moment,
    /// The last frame of all of them.
    pub last: Moment,
}

impl Counted {
    /// `9,998,976 more connection attempts to 10.0.0.5:1883 (unclassified), from at least 65,536 addresses`.
    pub fn in_words(&self) -> String {
        let what = if self.attempts { "more connection attempt" } else { "more session" };
        let server = match self.server {
            Some(server) if self.attempts => format!(" to {server}"),
            Some(server) => format!(" with {server}"),
            None => " with other servers".to_owned(),
        };
        let from = match (self.more_addresses, self.addresses.len()) {
            // What was told apart are the addresses of other kinds.
            (true, 0 | 1) => String::new(),
            (true, count) => format!(", from at least {}", counted_addresses(count)),
            (false, count) => format!(", from {}", counted_addresses(count)),
        };
        format!("{}{server} ({}){from}", words::counted(self.sessions, what), self.outcome)
    }
}

fn counted_addresses(count: usize) -> String {
    let plural = if count == 1 { "address" } else { "addresses" };
    format!("{} {plural}", words::number(count as u64))
}

/// All counted sessions.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    kinds: Vec<Counted>,
    addresses: usize,
}

impl Tallies {
    /// Counts a session.
    pub fn add(&mut self, session: &Session, ruling: Ruling) {
        let wire = &session.wire;
        let attempts = session.carried_nothing();
        let server = Some(wire.peers.server.endpoint);
        let outcome = ruling.outcome;
        let is = |kind: &Counted, server| (kind.server, kind.outcome, kind.attempts) == (server, outcome, attempts);
        let known = self.kinds.iter().position(|kind| is(kind, server));
        // Of servers beyond those told apart, the outcomes still are.
        let known = known.or_else(|| {
            let full = self.kinds.len() >= KINDS;
            full.then(|| self.kinds.iter().position(|kind| is(kind, None))).flatten()
        });
        let place = known.unwrap_or_else(|| {
            let server = server.filter(|_| self.kinds.len() < KINDS);
            self.kinds.push(Counted {
                server,
                outcome,
                severity: ruling.severity,
                attempts,
                sessions: 0,
                addresses: HashSet::new(),
                more_addresses: false,
                first: wire.first,
                last: wire.last,
            });
            self.kinds.len() - 1
        });
        let Some(kind) = self.kinds.get_mut(place) else { return };
        kind.sessions += 1;
        if wire.first.frame < kind.first.frame {
            kind.first = wire.first;
        }
        if wire.last.frame > kind.last.frame {
            kind.last = wire.last;
        }
        let address = wire.peers.client.endpoint.address;
        if self.addresses < ADDRESSES {
            self.addresses += usize::from(kind.addresses.insert(address));
        } else if !kind.more_addresses && !kind.addresses.contains(&address) {
            kind.more_addresses = true;
        }
    }

    /// The kinds, those with the most sessions first.
    pub fn into_kinds(mut self) -> Vec<Counted> {
        self.kinds.sort_by_key(|kind| (std::cmp::Reverse(kind.sessions), kind.first.frame));
        self.kinds
    }
}

/// What to say of sessions that were only counted.
pub fn notes_on_counted(counted: &[Counted]) -> Vec<Note> {
    let mut notes: Vec<Note> = counted.iter().take(NOTES).map(note).collect();
    if let Some(rest) = counted.get(NOTES..).filter(|rest| !rest.is_empty()) {
        let sessions = rest.iter().map(|kind| kind.sessions).sum();
        let text = format!(
            "{}, with other servers or outcomes, counted and not kept: there were too many.",
            words::counted(sessions, "more session")
        );
        let frames = rest.iter().map(|kind| kind.first.frame).min().into_iter().collect();
        notes.push(Note { id: ID, text, frames });
    }
    notes
}

const ID: &str = "capture-left-out";

fn note(kind: &Counted) -> Note {
    let option = if kind.attempts { "attempts-of-server" } else { "finished-sessions" };
    let text =
        format!("{}, counted and not kept: there were too many (--limit {option}=N keeps more).", kind.in_words());
    Note { id: ID, text, frames: vec![kind.first.frame, kind.last.frame] }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn addresses_that_were_not_told_apart_are_not_counted() {
        let kind = |addresses: u32, more_addresses: bool| Counted {
            server: None,
            outcome: "unclassified",
            severity: Severity::Warning,
            attempts: false,
            sessions: 2_997,
            addresses: (0..addresses).map(|last| Ipv4Addr::from(0x0a00_0000 + last).into()).collect(),
            more_addresses,
            first: Moment::default(),
            last: Moment::default(),
        };
        let whole = "2,997 more sessions with other servers (unclassified)";
        assert_eq!(kind(0, true).in_words(), whole);
        assert_eq!(kind(1, true).in_words(), whole);
        assert_eq!(kind(2, true).in_words(), format!("{whole}, from at least 2 addresses"));
        assert_eq!(kind(1, false).in_words(), format!("{whole}, from 1 address"));
    }
}
