//! How much out-of-order data may be kept, in one direction and over all connections.
//!
//! Bytes are reckoned with [`super::out_of_order::OVERHEAD`] a piece, so that many tiny segments
//! count for what they cost.

use crate::limits::Limits;

/// What may be kept out of order, and what all connections together keep.
#[derive(Debug)]
pub(super) struct Budget {
    direction_bytes: usize,
    direction_segments: usize,
    total_bytes: usize,
    used: usize,
    given_up: u64,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Budget {
        Budget {
            direction_bytes: limits.out_of_order_bytes,
            direction_segments: limits.out_of_order_segments,
            total_bytes: limits.out_of_order_bytes_total,
            used: 0,
            given_up: 0,
        }
    }

    /// Whether a store of `cost` bytes in `pieces` pieces may grow by `added` bytes.
    pub(super) fn allows(&self, cost: usize, pieces: usize, added: usize) -> bool {
        cost.saturating_add(added) <= self.direction_bytes
            && pieces < self.direction_segments
            && self.used.saturating_add(added) <= self.total_bytes
    }

    /// A store went from `before` to `after` bytes.
    pub(super) fn change(&mut self, before: usize, after: usize) {
        self.used = self.used.saturating_sub(before).saturating_add(after);
    }

    /// A hole was given up because no more may wait behind it.
    pub(super) fn note_given_up(&mut self) {
        self.given_up += 1;
    }

    /// How many were.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Bytes kept over all connections.
    pub(super) fn used(&self) -> usize {
        self.used
    }
}
