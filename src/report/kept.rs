//! The finished sessions that a report is made of: the most useful are kept whole, the others are only counted.
//!
//! Invariant: every session is kept or counted, once. Attempts that carried nothing never push out a session that carried
//! something, and healthy sessions never one that went wrong. Which are kept depends on nothing but their order.

use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use hashbrown::HashMap;

use crate::diagnosis::{self, Counted, Ruling, Tallies};
use crate::fetch::Depth;
use crate::limits::Limits;
use crate::net::Endpoint;
use crate::session::{self, Session};

use super::model::{Case, Extent};

/// Fewer sessions are not worth a thread.
const FEWEST: usize = 64;

/// How useful a session is to who reads the report, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// It carried nothing.
    Attempt,
    /// It went well, and nothing about it is worth a warning.
    Healthy,
    /// It went wrong, or something about it may need attention.
    Telling,
}

/// A session that was decided on, and of which nothing was said yet.
#[derive(Debug)]
struct Ruled {
    session: Box<Session>,
    ruling: Ruling,
}

/// Sessions as they end, up to the limits.
#[derive(Debug)]
pub struct Kept {
    sessions: usize,
    attempts: usize,
    attempts_of_server: usize,
    ruled: [Vec<Ruled>; 3],
    servers: HashMap<Endpoint, usize>,
    tallies: Tallies,
}

impl Kept {
    /// None yet, and never more than `limits` allow.
    pub fn new(limits: &Limits) -> Kept {
        Kept {
            sessions: limits.finished_sessions,
            attempts: limits.finished_attempts,
            attempts_of_server: limits.attempts_of_server,
            ruled: [const { Vec::new() }; 3],
            servers: HashMap::new(),
            tallies: Tallies::default(),
        }
    }

    /// Decides on a session, and keeps it or counts it.
    pub fn judge(&mut self, session: Box<Session>) {
        let ruling = diagnosis::rule(&session);
        self.keep(session, ruling);
    }

    /// Keeps a session that was decided on, or counts it. Returns one that was counted.
    pub fn keep(&mut self, session: Box<Session>, ruling: Ruling) -> Option<Box<Session>> {
        let class = class_of(&session, ruling);
        let kept: usize = self.ruled.iter().map(Vec::len).sum();
        if class == Use::Attempt && !self.has_room_for_attempt(session.wire.peers.server.endpoint) {
            self.tallies.add(&session, ruling);
            return Some(session);
        }
        let mut counted = None;
        if kept >= self.sessions {
            let [attempts, healthy, _] = &mut self.ruled;
            let less = match class {
                Use::Attempt => None,
                Use::Healthy => attempts.pop(),
                Use::Telling => attempts.pop().or_else(|| healthy.pop()),
            };
            let Some(less) = less else {
                self.tallies.add(&session, ruling);
                return Some(session);
            };
            self.tallies.add(&less.session, less.ruling);
            counted = Some(less.session);
        }
        let [attempts, healthy, telling] = &mut self.ruled;
        let list = match class {
            Use::Attempt => {
                *self.servers.entry(session.wire.peers.server.endpoint).or_default() += 1;
                attempts
            }
            Use::Healthy => healthy,
            Use::Telling => telling,
        };
        list.push(Ruled { session, ruling });
        counted
    }

    /// The kept sessions in order of their first frame, put into words by at most so many threads, and what was counted. Of
    /// those that `extent` leaves unexplained there is an outline.
    pub(super) fn tell(self, extent: Extent, threads: usize) -> (Vec<Case>, Vec<Counted>) {
        let Kept { ruled: [attempts, healthy, telling], tallies, .. } = self;
        let mut ruled: Vec<Ruled> = [telling, healthy, attempts].into_iter().flatten().collect();
        ruled.sort_by_cached_key(|Ruled { session, .. }| (session.wire.first.frame, session.wire.stream));
        let explained = |ruling: Ruling| ruling.telling || extent == Extent::Everything;
        let (mut sessions, explained): (Vec<Box<Session>>, Vec<bool>) =
            ruled.into_iter().map(|Ruled { session, ruling }| (session, explained(ruling))).unzip();
        session::compare(&mut sessions);
        let mut cases = Vec::with_capacity(sessions.len());
        let share = sessions.len().div_ceil(threads.max(1)).max(FEWEST);
        let mut left = sessions.into_iter().zip(explained);
        let shares =
            std::iter::from_fn(|| Some(left.by_ref().take(share).collect()).filter(|share: &Share| !share.is_empty()));
        let mut shares = shares.collect::<Vec<Share>>().into_iter();
        let own = shares.next().unwrap_or_default();
        thread::scope(|scope| {
            let others = shares.map(|share| scope.spawn(|| told(share).collect()));
            let others: Vec<ScopedJoinHandle<'_, Vec<_>>> = others.collect();
            cases.extend(told(own));
            cases
                .extend(others.into_iter().flat_map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic))));
        });
        (cases, tallies.into_kinds())
    }

    fn has_room_for_attempt(&self, server: Endpoint) -> bool {
        let [attempts, ..] = &self.ruled;
        attempts.len() < self.attempts
            && self.servers.get(&server).is_none_or(|attempts| *attempts < self.attempts_of_server)
    }
}

/// Sessions that one thread puts into words, and whether all words are wanted.
type Share = Vec<(Box<Session>, bool)>;

fn told(share: Share) -> impl Iterator<Item = Case> {
    let mut sessions = share.into_iter();
    std::iter::from_fn(move || {
        let (session, explained) = sessions.next()?;
        for (ahead, depth) in [(1, Depth::Connection), (0, Depth::Session)] {
            sessions.as_slice().get(ahead).into_iter().for_each(|(next, _)| next.fetch(depth));
        }
        let outline =
            (!explained).then(|| diagnosis::outline(&session)).filter(|verdict| !verdict.outcome.is_noteworthy());
        let verdict = outline.unwrap_or_else(|| diagnosis::diagnose(&session));
        Some(Case::alone(0, session, verdict))
    })
}

fn class_of(session: &Session, ruling: Ruling) -> Use {
    if session.carried_nothing() {
        Use::Attempt
    } else if ruling.telling {
        Use::Telling
    } else {
        Use::Healthy
    }
}
