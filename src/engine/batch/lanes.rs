//! Threads that read the same frames side by side. Each reads for itself, so that no frame passes from one processor's
//! cache into another's; who has time takes the next part and follows its connections.
//!
//! Invariant: lanes that read other frames, as far as their number, their bytes, their parts and the last of them tell, are
//! found out before anything is told. The caller's thread hears what all noticed; the others read on meanwhile.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::Scope;

use crate::capture::Moment;
use crate::engine::part::{KeptHints, Part};
use crate::lock::locked;

use super::{Division, Next, Sorted, Waiting, follow};

/// Threads that read side by side: the caller's, and others.
pub struct Lanes<'r> {
    own: Lane<'r>,
    others: Vec<Other>,
    waiting: Waiting<'r>,
}

/// Not all lanes read the same frames: what they read was changed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfStep;

/// What one thread reads, of as many parts as there are.
struct Lane<'r> {
    next: Next<'r>,
    sorted: Sorted,
    division: Division,
}

/// A thread beside the caller's.
#[derive(Debug)]
struct Other {
    to_do: SyncSender<Arc<Work>>,
    done: Receiver<Read>,
}

/// Parts whose connections are to be followed through the frames that were read, if there are hints.
#[derive(Debug)]
struct Work {
    hints: Option<KeptHints>,
    /// With their numbers. The caller's thread takes the last, the others the first: most often a part stays with the
    /// thread in whose cache it is.
    waiting: Mutex<VecDeque<(usize, Part)>>,
    done: Mutex<Vec<(usize, Part)>>,
}

/// By what the frames that were read are told from others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    frames: usize,
    bytes: usize,
    /// How many are of each part.
    parts: Vec<usize>,
    last: Option<Moment>,
}

impl<'r> Lanes<'r> {
    /// The caller's thread reads by `own`; for each of `others` there is one more.
    pub fn start<'s>(
        scope: &'s Scope<'s, '_>,
        own: Next<'r>,
        others: Vec<Next<'s>>,
        division: &Division,
        waiting: Waiting<'s>,
    ) -> Lanes<'r>
    where
        's: 'r,
    {
        let others = others.into_iter().map(|next| {
            let lane = Lane::new(next, division.clone());
            let (to_do, work) = sync_channel(1);
            let (finished, done) = sync_channel(1);
            scope.spawn(move || lane.run(&work, &finished, waiting));
            Other { to_do, done }
        });
        Lanes { others: others.collect(), own: Lane::new(own, division.clone()), waiting }
    }

    /// Reads the next frames, and follows the connections of all `parts` through them if there are `hints`.
    pub(super) fn follow(&mut self, parts: &mut Vec<Part>, hints: Option<KeptHints>) -> Result<(), OutOfStep> {
        let Lanes { own, others, waiting } = self;
        let parts_waiting = Mutex::new(parts.drain(..).enumerate().collect());
        let work = Arc::new(Work { hints, waiting: parts_waiting, done: Mutex::default() });
        for other in others.iter() {
            other.to_do.send(Arc::clone(&work)).map_err(|_| OutOfStep)?;
        }
        own.read();
        own.follow(&work, VecDeque::pop_back);
        let read = own.what_was_read();
        let mut in_step = true;
        for other in others.iter() {
            in_step &= waiting.receive(&other.done).is_some_and(|theirs| theirs == read);
        }
        let mut done = std::mem::take(&mut *locked(&work.done));
        done.sort_unstable_by_key(|(number, _)| *number);
        parts.extend(done.into_iter().map(|(_, part)| part));
        if in_step { Ok(()) } else { Err(OutOfStep) }
    }

    /// The frames that were read.
    pub(super) fn sorted(&self) -> &Sorted {
        &self.own.sorted
    }
}

impl<'r> Lane<'r> {
    fn new(next: Next<'r>, division: Division) -> Lane<'r> {
        Lane { next, sorted: Sorted::default(), division }
    }

    /// Follows what there is to do, and reads on as soon as that is done.
    fn run(mut self, to_do: &Receiver<Arc<Work>>, finished: &SyncSender<Read>, waiting: Waiting<'_>) {
        self.read();
        while let Some(work) = waiting.receive(to_do) {
            self.follow(&work, VecDeque::pop_front);
            // Let go first: what was lent changes again as soon as all are done.
            drop(work);
            if finished.send(self.what_was_read()).is_err() {
                break;
            }
            self.read();
        }
    }

    /// Reads the next frames.
    fn read(&mut self) {
        self.sorted.clear();
        let more = (self.next)(&mut self.sorted.frames);
        if !more {
            // The room is needed for what comes to its end now.
            self.sorted = Sorted::default();
        }
        self.sorted.sort(&self.division);
    }

    /// Follows the connections of those parts through the frames that were read that `take` takes before others do.
    fn follow(&self, work: &Work, take: impl Fn(&mut VecDeque<(usize, Part)>) -> Option<(usize, Part)>) {
        let next = || take(&mut locked(&work.waiting));
        while let Some((number, mut part)) = next() {
            if let Some(hints) = &work.hints
                && let Some(own) = self.sorted.own.get(number)
                && !self.sorted.fragments
            {
                follow(&mut part, own, &self.sorted, hints.lent());
            }
            locked(&work.done).push((number, part));
        }
    }

    fn what_was_read(&self) -> Read {
        let Sorted { frames, own, .. } = &self.sorted;
        let last = frames.len().checked_sub(1).and_then(|last| frames.get(last)).map(|frame| frame.at);
        Read { frames: frames.len(), bytes: frames.used(), parts: own.iter().map(Vec::len).collect(), last }
    }
}

impl fmt::Debug for Lanes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("own", &self.own).field("others", &self.others).finish_non_exhaustive()
    }
}

impl fmt::Debug for Lane<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("division", &self.division).finish_non_exhaustive()
    }
}
