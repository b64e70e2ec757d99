//! Asking the processor for what will soon be needed, so that it is in the cache by then: where thousands of sessions take
//! turns, nothing of the next one is.
//!
//! Invariant: a hint; nothing but time depends on it.

use std::{ptr, slice};

use prefetch_index::prefetch_index;

/// Bytes of a cache line.
pub const LINE: usize = 64;

/// What is asked for of a connection. What lies behind a pointer can be asked for once the pointer is there, so these
/// are asked for one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What all connections have in one piece.
    Connection,
    /// What that points to: the session.
    Session,
    /// What the session points to.
    Details,
}

/// `all` one by one; `ask` asks for what those that come next will touch.
pub fn ahead<T>(all: &[T], ask: impl Fn(&T, Depth)) -> impl Iterator<Item = &T> {
    all.iter().enumerate().map(move |(place, one)| {
        for (next, depth) in [(6, Depth::Connection), (4, Depth::Session), (2, Depth::Details)] {
            all.get(place + next).into_iter().for_each(|next| ask(next, depth));
        }
        one
    })
}

/// Asks for the cache line in which `what` begins.
#[inline]
pub fn start<T>(what: &T) {
    prefetch_index(slice::from_ref(what), 0);
}

/// Asks for all cache lines of `what`, a `byte` of which tells where it lies.
#[inline]
pub fn whole<T, B>(what: &T, byte: &B) {
    const { assert!(size_of::<B>() == 1) };
    let before = ptr::from_ref(byte).addr().wrapping_sub(ptr::from_ref(what).addr());
    for line in (0..size_of::<T>()).step_by(LINE) {
        prefetch_index(slice::from_ref(byte), line.wrapping_sub(before));
    }
}

/// Asks for the cache line in which each of `what` begins.
#[inline]
pub fn starts<T>(what: &[T]) {
    (0..what.len()).for_each(|index| prefetch_index(what, index));
}
