//! Threads that take turns: while one follows the frames that it read, the next reads those that come after. They are read
//! once, and followed by the processor in whose cache they are.
//!
//! Invariant: frames are followed in the order in which they were read, whoever reads them.

use std::iter;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Division, Engine, Hearer, Next, Sorted, Waiting};

/// One of the threads, and what goes round among them.
struct Turn<R, F> {
    reads: Round<R>,
    follows: Round<F>,
}

/// What is had by one thread after another.
struct Round<T> {
    before: Receiver<T>,
    after: SyncSender<T>,
}

impl Engine {
    /// Takes all frames that `next` reads and `hearer` wants, by so many threads.
    pub fn push_in_turns(&mut self, next: Next<'_>, threads: usize, waiting: Waiting<'_>, hearer: &mut impl Hearer) {
        let division = self.division();
        let reads = Round::among(threads, next);
        let follows = Round::among(threads, (self, hearer));
        let turns = reads.zip(follows).map(|(reads, follows)| Turn { reads, follows });
        thread::scope(|scope| {
            let mut turns = turns.map(|turn| {
                let division = &division;
                move || turn.run(division, waiting)
            });
            let own = turns.next();
            turns.for_each(|turn| drop(scope.spawn(turn)));
            if let Some(own) = own {
                own();
            }
        });
    }
}

impl<T> Round<T> {
    /// Of so many threads, the first of which has `it`.
    fn among(threads: usize, it: T) -> impl Iterator<Item = Round<T>> {
        let (first, mut before) = sync_channel(1);
        // There is room for one, and somebody to take it.
        let _ = first.send(it);
        let mut first = Some(first);
        let mut left = threads.max(1);
        iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let (after, next) = sync_channel(1);
            // The last hands on to the first.
            let after = if left == 0 { first.take()? } else { after };
            Some(Round { before: std::mem::replace(&mut before, next), after })
        })
    }
}

impl<H: Hearer> Turn<Next<'_>, (&mut Engine, &mut H)> {
    /// Reads and follows frames whenever it is this thread's turn. Who comes to the end does not hand on what he reads by;
    /// where no more is wanted, he who is told so does not hand on the engine.
    fn run(self, division: &Division, waiting: Waiting<'_>) {
        let Turn { reads, follows } = self;
        let mut sorted = Sorted::default();
        while let Some(mut next) = waiting.receive(&reads.before) {
            sorted.clear();
            if !next(sorted.frames_mut()) || reads.after.send(next).is_err() {
                break;
            }
            sorted.sort(division);
            let Some((engine, hearer)) = waiting.receive(&follows.before) else { break };
            engine.push_batch(&sorted, &mut |session| hearer.ended(session));
            if !hearer.caught_up() {
                break;
            }
            // Nobody takes it when the others came to the end.
            let _ = follows.after.send((engine, hearer));
        }
    }
}
