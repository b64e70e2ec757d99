//! Sessions that ended, decided on many at once by several threads.
//!
//! Invariant: they are kept in the order in which they ended, whoever decided on them.

use std::thread;

use crate::diagnosis::{self, Ruling};
use crate::limits::Limits;
use crate::report::Kept;
use crate::session::Session;

/// So many sessions are judged at once.
const AT_ONCE: usize = 1024;
/// Fewer are not worth a thread.
const ALONE: usize = 64;

/// Sessions on their way into a report.
#[derive(Debug)]
pub(super) struct Judging {
    kept: Kept,
    #[expect(clippy::vec_box, reason = "a session is large, and is passed on several times")]
    waiting: Vec<Box<Session>>,
    threads: usize,
}

impl Judging {
    /// None yet; of those that come, no more are kept than `limits` allow.
    pub(super) fn new(limits: &Limits, threads: usize) -> Judging {
        Judging { kept: Kept::new(limits), waiting: Vec::new(), threads }
    }

    /// Takes a session that ended.
    pub(super) fn take(&mut self, session: Box<Session>) {
        self.waiting.push(session);
        if self.waiting.len() >= AT_ONCE {
            self.judge();
        }
    }

    /// All that were taken.
    pub(super) fn finish(mut self) -> Kept {
        self.judge();
        self.kept
    }

    fn judge(&mut self) {
        let sessions = std::mem::take(&mut self.waiting);
        let mut rulings: Vec<Option<Ruling>> = sessions.iter().map(|_| None).collect();
        let threads = if sessions.len() < ALONE { 1 } else { self.threads };
        let share = sessions.len().div_ceil(threads).max(1);
        thread::scope(|scope| {
            let mut shares = sessions.chunks(share).zip(rulings.chunks_mut(share));
            let own = shares.next();
            for (sessions, rulings) in shares {
                scope.spawn(move || rule(sessions, rulings));
            }
            if let Some((sessions, rulings)) = own {
                rule(sessions, rulings);
            }
        });
        for (session, ruling) in sessions.into_iter().zip(rulings) {
            if let Some(ruling) = ruling {
                self.kept.keep(session, ruling);
            }
        }
    }
}

fn rule(sessions: &[Box<Session>], rulings: &mut [Option<Ruling>]) {
    for (session, ruling) in sessions.iter().zip(rulings) {
        *ruling = Some(diagnosis::rule(session));
    }
}
