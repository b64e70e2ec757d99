//! How many bytes all connections together may keep of what is not whole: MQTT packets, TLS messages, HTTP heads, first bytes.
//!
//! Invariant: what the shares of a room hold is never more than it was made for. The last quarter is for small pieces: a few
//! large messages shall not keep others from being read at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes of a small piece.
const SMALL: usize = 1024;

/// Room for what is not whole; all copies count together.
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

    /// Times that something was not kept further, or not looked for, because there was no room.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

/// What one buffer holds of a room; given back when dropped.
#[derive(Debug, Default)]
pub struct Share {
    room: Option<Room>,
    held: usize,
}

impl Share {
    /// Nothing yet.
    #[must_use]
    pub fn of(room: &Room) -> Share {
        Share { room: Some(room.clone()), held: 0 }
    }

    /// Holds `bytes` from now on, more or fewer than before. False when there is no room: it holds what it held.
    pub fn hold(&mut self, bytes: usize) -> bool {
        let Some(Room(count)) = &self.room else { return true };
        let limit = if bytes <= SMALL { count.bytes } else { count.bytes / 4 * 3 };
        let change = |used: usize| {
            let used = used.saturating_sub(self.held).saturating_add(bytes);
            (bytes <= self.held || used <= limit).then_some(used)
        };
        let fits = count.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok();
        if fits {
            self.held = bytes;
        }
        fits
    }

    /// Room for `buffer` to take `more` bytes, by doubling up to `most`. False, and noted, when there is none.
    #[must_use]
    pub fn make_room(&mut self, buffer: &mut Vec<u8>, more: usize, most: usize) -> bool {
        let needed = buffer.len() + more;
        if needed > buffer.capacity() {
            let capacity = buffer.capacity().saturating_mul(2).clamp(needed, most.max(needed));
            if !self.hold(capacity) {
                self.refuse();
                return false;
            }
            buffer.reserve_exact(capacity - buffer.len());
        }
        true
    }

    /// As [`Share::make_room`] where it is known that `whole` bytes are to come: for all of them at once, unless room is
    /// scarce. What does not come is not touched, so that a length that lies takes no memory.
    #[must_use]
    pub fn make_room_for(&mut self, buffer: &mut Vec<u8>, more: usize, whole: usize) -> bool {
        let free = buffer.capacity() - buffer.len();
        if more > free && more < whole && !self.is_scarce() && self.hold(whole) {
            buffer.reserve_exact(whole.saturating_sub(buffer.len()).max(more));
        }
        self.make_room(buffer, more, whole)
    }

    /// Something was not kept for want of room.
    pub fn refuse(&self) {
        if let Some(Room(count)) = &self.room {
            count.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether more than half of the room is used.
    #[must_use]
    pub fn is_scarce(&self) -> bool {
        self.room.as_ref().is_some_and(|Room(count)| count.used.load(Ordering::Relaxed) > count.bytes / 2)
    }
}

/// A copy holds nothing of the room: it is made to be looked at, and gone in a moment.
impl Clone for Share {
    fn clone(&self) -> Share {
        Share::default()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.hold(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_hold_more_than_the_room() {
        let room = Room::new(100);
        let mut large = Share::of(&Room::new(8000));
        assert!(!large.hold(6001) && large.hold(6000));
        let (mut one, mut other) = (Share::of(&room), Share::of(&room));
        assert!(one.hold(60) && other.hold(40) && !other.hold(41) && other.hold(30));
        let mut buffer = Vec::new();
        assert!(other.make_room(&mut buffer, 35, 64) && !other.make_room(&mut buffer, 90, 64));
        assert_eq!(room.refused(), 1);
        drop(one);
        assert!(other.hold(100) && other.is_scarce());
    }

    #[test]
    fn what_is_known_to_come_has_its_room_at_once_while_there_is_enough() {
        let room = Room::new(10_000);
        let (mut one, mut other) = (Share::of(&room), Share::of(&room));
        let (mut long, mut short) = (Vec::new(), Vec::new());
        assert!(one.make_room_for(&mut long, 100, 6000) && long.capacity() == 6000);
        assert!(other.make_room_for(&mut short, 100, 6000) && short.capacity() == 100);
        short.resize(100, 0);
        assert!(other.make_room_for(&mut short, 50, 6000) && short.capacity() == 200);
    }

    #[test]
    fn without_a_room_there_is_no_bound() {
        assert!(Share::default().hold(usize::MAX));
    }
}
