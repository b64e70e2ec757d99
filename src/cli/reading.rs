//! Reading ahead: while some frames are worked on, a thread of its own reads the next.
//!
//! Invariant: what is read is handed on in order, and no more of it waits than [`AHEAD`] batches.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

/// Batches that may wait.
const AHEAD: usize = 3;

/// Lets `next` fill batches until it has no more, and `take` take each; with `ahead` both at the same time.
pub(super) fn ahead<T: Default + Send>(
    ahead: bool,
    mut next: impl FnMut(&mut T) -> bool + Send,
    mut take: impl FnMut(&T),
) {
    if !ahead {
        let mut batch = T::default();
        while next(&mut batch) {
            take(&batch);
        }
        return;
    }
    let (full, filled): (SyncSender<T>, Receiver<T>) = mpsc::sync_channel(AHEAD);
    let (empty, emptied): (SyncSender<T>, Receiver<T>) = mpsc::sync_channel(AHEAD + 1);
    thread::scope(|scope| {
        scope.spawn(move || {
            loop {
                let mut batch = emptied.try_recv().unwrap_or_default();
                // Nobody takes any more: the other end is gone.
                if !next(&mut batch) || full.send(batch).is_err() {
                    break;
                }
            }
        });
        for batch in filled {
            take(&batch);
            // It is used again if the reader still reads, else it is let go.
            let _ = empty.try_send(batch);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(threads: bool) -> Vec<u32> {
        let mut left = 1000;
        let next = |batch: &mut Vec<u32>| {
            batch.clear();
            batch.extend((0..7).map(|place| left * 7 + place));
            left -= 1;
            left > 0
        };
        let mut taken = Vec::new();
        ahead(threads, next, |batch| taken.extend(batch));
        taken
    }

    #[test]
    fn order_is_kept_and_nothing_is_lost() {
        let expected: Vec<u32> = (2..=1000).rev().flat_map(|left| (0..7).map(move |place| left * 7 + place)).collect();
        assert_eq!(all(false), expected);
        assert_eq!(all(true), expected);
    }
}
