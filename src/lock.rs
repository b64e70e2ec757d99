//! Locks whose holder may have failed.
//!
//! Invariant: a poisoned lock is taken all the same, as the failure is told elsewhere.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for `what`, and holds it.
pub fn locked<T: ?Sized>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
