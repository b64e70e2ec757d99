//! Sessions that ended, decided on many at once by several threads.
//!
//! Invariant: they are kept in the order in which they ended, whoever decided on them.

use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use crate::diagnosis::{self, Ruling};
use crate::engine::Finished;
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
    waiting: Vec<Finished>,
    threads: usize,
}

impl Judging {
    /// None yet; of those that come, no more are kept than `limits` allow.
    pub(super) fn new(limits: &Limits, threads: usize) -> Judging {
        Judging { kept: Kept::new(limits), waiting: Vec::with_capacity(AT_ONCE), threads }
    }

    /// Takes a session that ended.
    pub(super) fn take(&mut self, session: Finished) {
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
        let threads = if self.waiting.len() < ALONE { 1 } else { self.threads };
        let share = self.waiting.len().div_ceil(threads).max(1);
        let mut shares = Vec::with_capacity(threads);
        while self.waiting.len() > share {
            shares.push(self.waiting.split_off(self.waiting.len() - share));
        }
        let Judging { kept, waiting, .. } = self;
        thread::scope(|scope| {
            let others = shares.into_iter().rev().map(|share| scope.spawn(|| ruled(share.into_iter()).collect()));
            let others: Vec<ScopedJoinHandle<'_, Vec<_>>> = others.collect();
            for (session, ruling) in ruled(waiting.drain(..)) {
                kept.keep(session, ruling);
            }
            for (session, ruling) in
                others.into_iter().flat_map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)))
            {
                kept.keep(session, ruling);
            }
        });
    }
}

fn ruled(finished: impl Iterator<Item = Finished>) -> impl Iterator<Item = (Session, Ruling)> {
    finished.map(|finished| {
        let session = finished.into_session();
        let ruling = diagnosis::rule(&session);
        (session, ruling)
    })
}
