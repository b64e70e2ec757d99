//! The finished sessions that a report is made of: the most useful are kept whole, the others are only counted.
//!
//! Invariant: every session is kept or counted, once. Attempts that carried nothing never push out a session that carried
//! something, and healthy sessions never one that went wrong. Which are kept depends on nothing but their order.

use std::collections::HashMap;

use crate::diagnosis::{self, Severity, Tallies, Verdict};
use crate::limits::Limits;
use crate::net::Endpoint;
use crate::session::Session;

use super::model::Case;

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

/// Sessions as they end, up to the limits.
#[derive(Debug)]
pub struct Kept {
    sessions: usize,
    attempts: usize,
    attempts_of_server: usize,
    cases: [Vec<Case>; 3],
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
            cases: [const { Vec::new() }; 3],
            servers: HashMap::new(),
            tallies: Tallies::default(),
        }
    }

    /// These sessions, however many there are.
    pub fn of(sessions: impl IntoIterator<Item = (Session, Verdict)>) -> Kept {
        let most = usize::MAX;
        let limits =
            Limits { finished_sessions: most, finished_attempts: most, attempts_of_server: most, ..Limits::default() };
        let mut kept = Kept::new(&limits);
        for (session, verdict) in sessions {
            kept.keep(session, verdict);
        }
        kept
    }

    /// Judges a session, and keeps it or counts it.
    pub fn judge(&mut self, session: Box<Session>) {
        let verdict = diagnosis::diagnose(&session);
        self.keep(session, verdict);
    }

    /// Keeps a session that was judged, or counts it.
    pub fn keep(&mut self, session: impl Into<Box<Session>>, verdict: Verdict) {
        let session: Box<Session> = session.into();
        let class = class_of(&session, &verdict);
        let kept: usize = self.cases.iter().map(Vec::len).sum();
        if class == Use::Attempt && !self.has_room_for_attempt(session.wire.peers.server.endpoint) {
            self.tallies.add(&session, &verdict);
            return;
        }
        if kept >= self.sessions {
            let [attempts, healthy, _] = &mut self.cases;
            let less = match class {
                Use::Attempt => None,
                Use::Healthy => attempts.pop(),
                Use::Telling => attempts.pop().or_else(|| healthy.pop()),
            };
            let Some(less) = less else {
                self.tallies.add(&session, &verdict);
                return;
            };
            self.tallies.add(&less.session, &less.verdict);
        }
        let [attempts, healthy, telling] = &mut self.cases;
        let list = match class {
            Use::Attempt => {
                *self.servers.entry(session.wire.peers.server.endpoint).or_default() += 1;
                attempts
            }
            Use::Healthy => healthy,
            Use::Telling => telling,
        };
        list.push(Case::alone(0, session, verdict));
    }

    /// The kept sessions, in no order that means anything, and what was counted.
    pub(super) fn into_cases(self) -> (Vec<Case>, Tallies) {
        let [attempts, healthy, mut all] = self.cases;
        all.reserve_exact(attempts.len() + healthy.len());
        all.extend(healthy);
        all.extend(attempts);
        (all, self.tallies)
    }

    fn has_room_for_attempt(&self, server: Endpoint) -> bool {
        let [attempts, ..] = &self.cases;
        attempts.len() < self.attempts
            && self.servers.get(&server).is_none_or(|attempts| *attempts < self.attempts_of_server)
    }
}

fn class_of(session: &Session, verdict: &Verdict) -> Use {
    let grave = verdict.findings.iter().any(|finding| finding.severity >= Severity::Warning);
    if session.carried_nothing() {
        Use::Attempt
    } else if verdict.outcome.severity >= Severity::Warning || grave {
        Use::Telling
    } else {
        Use::Healthy
    }
}
