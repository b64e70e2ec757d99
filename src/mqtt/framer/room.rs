//! How many bytes of packets that have begun all framers together may keep.
//!
//! Invariant: what the shares of a room hold is never more than it was made for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Room for packets that have begun; all copies count together.
#[derive(Clone, Debug)]
pub struct Room(Arc<Count>);

#[derive(Debug)]
struct Count {
    bytes: usize,
    used: AtomicUsize,
    refused: AtomicU64,
}

impl Room {
    /// Room for `bytes` bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Room {
        Room(Arc::new(Count { bytes, used: AtomicUsize::new(0), refused: AtomicU64::new(0) }))
    }

    /// Times that a packet was not kept further, or not looked for, because there was no room.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

/// What one framer holds of a room; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    room: Option<Room>,
    held: usize,
}

impl Share {
    pub(super) fn of(room: Option<Room>) -> Share {
        Share { room, held: 0 }
    }

    /// Holds `bytes` from now on, more or fewer than before. False when there is no room: it holds what it held.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        let Some(Room(count)) = &self.room else { return true };
        let change = |used: usize| {
            let used = used.saturating_sub(self.held).saturating_add(bytes);
            (bytes <= self.held || used <= count.bytes).then_some(used)
        };
        let fits = count.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok();
        if fits {
            self.held = bytes;
        }
        fits
    }

    /// Something was not kept for want of room.
    pub(super) fn refuse(&self) {
        if let Some(Room(count)) = &self.room {
            count.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether more than half of the room is used.
    pub(super) fn is_scarce(&self) -> bool {
        self.room.as_ref().is_some_and(|Room(count)| count.used.load(Ordering::Relaxed) > count.bytes / 2)
    }
}

/// A copy holds nothing of the room: it is made to be looked at, and gone in a moment.
impl Clone for Share {
    fn clone(&self) -> Share {
        Share::of(None)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.hold(0);
    }
}
