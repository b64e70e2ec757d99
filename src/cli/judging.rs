//! Sessions that ended, decided on many at once by whichever thread has time.
//!
//! Invariant: they are kept in the order in which they ended, whoever decided on them. No more than [`LOTS`] lots are not
//! kept yet, nor so many that are only counted not gone.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::thread;

use crate::diagnosis::{self, Ruling};
use crate::engine::{Finished, Hearer};
use crate::fetch::Depth;
use crate::limits::Limits;
use crate::lock::locked;
use crate::report::Kept;
use crate::session::Session;

/// So many sessions are decided on by one thread.
const AT_ONCE: usize = 64;
/// So many lots wait for others before whoever brings them decides on one.
const WAITING: usize = 32;
/// So many lots wait, or wait for one before them to be decided on.
const LOTS: u64 = 128;

/// Sessions on their way into a report.
#[derive(Debug)]
pub(super) struct Judging<'d> {
    desk: &'d Desk,
    /// So many lots may wait for other threads.
    patience: usize,
    next: Vec<Finished>,
    lots: u64,
    kept: Kept,
    kept_lots: u64,
}

/// A lot that was decided on.
type Ruled = Vec<(Box<Session>, Ruling)>;

/// Where threads find sessions to decide on, in numbered lots.
#[derive(Debug, Default)]
pub(super) struct Desk {
    waiting: Mutex<VecDeque<(u64, Vec<Finished>)>>,
    /// A lot on which deciding failed is told too: whoever brought it would wait for it else.
    ruled: Mutex<BTreeMap<u64, thread::Result<Ruled>>>,
    /// Sessions that were only counted: to let go of them takes time too.
    #[expect(clippy::vec_box, reason = "they were decided on in their boxes")]
    counted: Mutex<Vec<Vec<Box<Session>>>>,
}

impl Desk {
    /// Decides on the lot that waits longest, or lets go of what was counted; `false` if there is neither.
    pub(super) fn work(&self) -> bool {
        let Some((number, lot)) = locked(&self.waiting).pop_front() else {
            let counted = locked(&self.counted).pop();
            return counted.is_some();
        };
        // Nothing of the lot is looked at after a failure.
        let ruled = catch_unwind(AssertUnwindSafe(|| rule(lot)));
        locked(&self.ruled).insert(number, ruled);
        true
    }
}

/// How many sessions before one is decided on each depth of it is asked for.
const AHEAD: [(usize, Depth); 3] = [(2, Depth::Connection), (1, Depth::Session), (0, Depth::Details)];

/// Decides on a lot.
fn rule(lot: Vec<Finished>) -> Ruled {
    let mut ruled = Vec::with_capacity(lot.len());
    let mut lot = lot.into_iter();
    while let Some(finished) = lot.next() {
        for (ahead, depth) in AHEAD {
            lot.as_slice().get(ahead).into_iter().for_each(|next| next.fetch(depth));
        }
        let session = finished.into_session();
        let ruling = diagnosis::rule(&session);
        ruled.push((session, ruling));
    }
    ruled
}

impl<'d> Judging<'d> {
    /// None yet; of those that come, no more are kept than `limits` allow. With more than one of `threads`, others may work
    /// at `desk` too.
    pub(super) fn new(limits: &Limits, desk: &'d Desk, threads: usize) -> Judging<'d> {
        let patience = if threads > 1 { WAITING } else { 0 };
        Judging { desk, patience, next: Vec::new(), lots: 0, kept: Kept::new(limits), kept_lots: 0 }
    }

    /// All that were taken, once no other thread works any more.
    pub(super) fn finish(mut self) -> Kept {
        self.patience = 0;
        self.hand_on();
        while self.desk.work() {}
        self.keep();
        self.kept
    }

    fn hand_on(&mut self) {
        let lot = std::mem::replace(&mut self.next, Vec::with_capacity(AT_ONCE));
        let waiting = {
            let mut waiting = locked(&self.desk.waiting);
            waiting.push_back((self.lots, lot));
            waiting.len()
        };
        self.lots += 1;
        if waiting > self.patience {
            self.desk.work();
        }
        self.keep();
        while self.lots - self.kept_lots > LOTS {
            if !self.desk.work() {
                thread::yield_now();
            }
            self.keep();
        }
    }

    /// Keeps what was decided on, in order.
    fn keep(&mut self) {
        loop {
            let Some(lot) = locked(&self.desk.ruled).remove(&self.kept_lots) else { break };
            let lot = lot.unwrap_or_else(|failure| resume_unwind(failure));
            let counted = lot.into_iter().filter_map(|(session, ruling)| self.kept.keep(session, ruling)).collect();
            self.kept_lots += 1;
            self.let_go(counted);
        }
    }

    /// Leaves sessions that were counted to whoever has time.
    #[expect(clippy::vec_box, reason = "they were decided on in their boxes")]
    fn let_go(&self, sessions: Vec<Box<Session>>) {
        let mut counted = locked(&self.desk.counted);
        if !sessions.is_empty() && self.patience > counted.len() {
            counted.push(sessions);
        }
    }
}

impl Hearer for Judging<'_> {
    fn ended(&mut self, session: Finished) {
        self.next.push(session);
        if self.next.len() >= AT_ONCE {
            self.hand_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a rule failed")]
    fn a_failure_of_another_thread_is_not_waited_for() {
        let desk = Desk::default();
        let mut judging = Judging::new(&Limits::default(), &desk, 2);
        judging.lots = LOTS + 1;
        locked(&desk.ruled).insert(0, Err(Box::new("a rule failed")));
        judging.hand_on();
    }
}
