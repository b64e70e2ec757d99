//! From files to finished sessions: who reads, who follows, who judges.
//!
//! Invariant: what is told does not depend on the number of threads. Where several read not the same, nothing of it is
//! told, and one alone reads again.

use std::thread;

use crate::capture::Batch;
use crate::engine::{Config, Engine, Hearer, Lanes, Next, OutOfStep, Sorted, Waiting};
use crate::report::Kept;
use crate::session::CaptureFacts;
use crate::source::Captures;

use super::arguments::Input;
use super::failure::Failure;
use super::judging::{Desk, Judging};
use super::progress::Progress;
use super::sieve::Sieve;

/// Smaller captures are read by one thread for all, in bytes.
const WORTH_READING_TWICE: u64 = 2 << 20;

/// What was read.
pub(super) struct Reading {
    pub(super) captures: Captures,
    /// How many threads worked.
    pub(super) threads: usize,
    pub(super) facts: CaptureFacts,
    pub(super) sessions: Kept,
}

/// How many threads are to work.
pub(super) fn threads(input: &Input) -> usize {
    input.threads.map_or_else(processors, usize::from)
}

/// How many threads can work at the same time.
fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Reads the captures of `input` to their end, and judges every session.
pub(super) fn read(input: &Input, config: &Config) -> Result<Reading, Failure> {
    // Where files are changed meanwhile, one thread alone still finds in them what there is: it is never out of step.
    for threads in [threads(input), 1] {
        if let Ok(read) = read_by(threads, input, config)? {
            return Ok(read);
        }
    }
    Err(OutOfStep.into())
}

impl From<OutOfStep> for Failure {
    fn from(_: OutOfStep) -> Failure {
        Failure::Capture {
            message: "cannot read what is changed meanwhile".into(),
            hint: "copy it first, and read the copy".into(),
        }
    }
}

/// Reads by at most so many threads.
fn read_by(threads: usize, input: &Input, config: &Config) -> Result<Result<Reading, OutOfStep>, Failure> {
    let engine = Engine::divided(config.clone(), || None);
    // More threads would find nothing to do.
    let threads = threads.min(engine.parts());
    let desk = Desk::default();
    let mut judging = Judging::new(&config.limits, &desk, threads);
    let followed = follow(threads, input, engine, true, &|| desk.work(), &mut judging)?;
    Ok(followed.map(|Followed { captures, facts }| Reading { captures, threads, facts, sessions: judging.finish() }))
}

/// Captures whose connections were followed.
pub(super) struct Followed {
    pub(super) captures: Captures,
    pub(super) facts: CaptureFacts,
}

/// Follows the captures of `input` to their end, or as far as `hearer` wants them, by so many threads, which do what else
/// there is to do `meanwhile`.
pub(super) fn follow(
    threads: usize,
    input: &Input,
    mut engine: Engine,
    shows_progress: bool,
    meanwhile: &(dyn Fn() -> bool + Sync),
    hearer: &mut impl Hearer,
) -> Result<Result<Followed, OutOfStep>, Failure> {
    let mut sieve = Sieve::of(input)?;
    let mut captures = Captures::open(&input.files)?;
    let mut again = Vec::new();
    if engine.is_divisible() && captures.length().is_some_and(|length| length >= WORTH_READING_TWICE) {
        while again.len() + 1 < threads
            && let Some(captures) = captures.again()
        {
            again.push((Sieve::of(input)?, captures));
        }
    }
    let mut progress = shows_progress.then(|| Progress::of(&captures));
    let mut own = |batch: &mut Batch| {
        let more = sieve.next_batch(&mut captures, batch);
        if let Some(progress) = &mut progress {
            progress.tell(&captures);
        }
        more
    };
    let begun = begin(&mut own, &mut engine, hearer);
    let waiting = Waiting::of(threads, processors(), meanwhile);
    let facts = if again.is_empty() || engine.has_large_frames() {
        engine.push_in_turns(Box::new(own), threads, waiting, hearer);
        Ok(finish(engine, threads, hearer))
    } else {
        let others = again.into_iter().map(|(sieve, captures)| behind(begun, sieve, captures)).collect();
        thread::scope(|scope| {
            let mut lanes = Lanes::start(scope, Box::new(own), others, &engine.division(), waiting);
            while engine.push_together(&mut lanes, &mut |session| hearer.ended(session))? && hearer.caught_up() {}
            Ok(finish(engine, threads, hearer))
        })
    };
    drop(progress);
    Ok(facts.map(|facts| Followed { captures, facts }))
}

fn finish(engine: Engine, threads: usize, hearer: &mut impl Hearer) -> CaptureFacts {
    let facts = engine.finish_all(threads, &mut |session| hearer.ended(session));
    hearer.caught_up();
    facts
}

/// Takes the first frames, which are not divided among threads. Returns how many batches of them were read.
fn begin(next: &mut impl FnMut(&mut Batch) -> bool, engine: &mut Engine, hearer: &mut impl Hearer) -> usize {
    let (mut sorted, mut begun) = (Sorted::default(), 0);
    while engine.is_beginning() && next(sorted.frames_mut()) {
        engine.push_batch(&sorted, &mut |session| hearer.ended(session));
        sorted.clear();
        begun += 1;
        if !hearer.caught_up() {
            break;
        }
    }
    begun
}

/// Reads what comes after so many batches.
fn behind(mut batches: usize, mut sieve: Sieve, mut captures: Captures) -> Next<'static> {
    Box::new(move |batch| {
        while batches > 0 && sieve.next_batch(&mut captures, batch) {
            batch.clear();
            batches -= 1;
        }
        sieve.next_batch(&mut captures, batch)
    })
}
