//! A walk from packet to packet through bytes of which it is not sure that they are MQTT.

use super::Version;
use super::glance::{Glance, Look, glance};
use crate::stream::Side;

/// Evidence, in bits, that the last packet in view ends exactly where a segment does.
pub(super) const TILES: u32 = 12;

/// Evidence, in bits, enough to believe in a chain of packets.
pub(super) const ENOUGH: u32 = 40;

/// So many repetitions of a weak packet, one right after the other, are a pattern in a payload.
const PATTERN: u32 = 3;

/// A walk from packet to packet, which goes on when more bytes are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// Where the next packet begins, from the start of the walk; may lie beyond the bytes in view.
    pub(super) next: usize,
    /// Length at which to look at the next packet again.
    need: usize,
    /// The sum of the packets' weights, without repetition.
    pub(super) weight: u32,
    /// Plausible packets so far.
    pub(super) packets: u32,
    /// Those that are not weak.
    pub(super) strong: u32,
    /// Weak packets before the first strong one.
    pub(super) weak_before: u32,
    /// Times that the last weak packet stood there again.
    repeated: u32,
    sender: Option<Side>,
    last: (u8, u16),
}

impl Walk {
    pub(super) fn new(sender: Option<Side>) -> Walk {
        Walk { next: 0, need: 0, weight: 0, packets: 0, strong: 0, weak_before: 0, repeated: 0, sender, last: (0, 0) }
    }

    /// Goes on over `bytes`, which begin where the walk does. False when it came to something
    /// that is no packet.
    pub(super) fn advance(&mut self, bytes: &[u8], version: Option<Version>) -> bool {
        while let Some(rest) = bytes.get(self.next..) {
            if rest.is_empty() || rest.len() < self.need {
                break;
            }
            match glance(rest, self.sender, version) {
                Glance::No => return false,
                Glance::Incomplete { need } => {
                    self.need = need;
                    break;
                }
                Glance::Plausible(look) => {
                    self.pass(look);
                    if self.repeated >= PATTERN {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn pass(&mut self, look: Look) {
        self.need = 0;
        self.next = usize::try_from(look.length).map_or(usize::MAX, |length| self.next.saturating_add(length));
        self.sender = self.sender.or(look.sender);
        self.packets = self.packets.saturating_add(1);
        // The same weak packet over and over is a pattern in a payload, not evidence.
        if look.weak && look.mark == self.last {
            self.repeated += 1;
        } else {
            self.weight = self.weight.saturating_add(look.weight);
            self.repeated = 0;
        }
        if !look.weak {
            self.strong = self.strong.saturating_add(1);
        } else if self.strong == 0 {
            self.weak_before = self.weak_before.saturating_add(1);
        }
        self.last = look.mark;
    }

    /// Whether the last packet ends exactly at `length`.
    pub(super) fn ends_at(&self, length: usize) -> bool {
        self.packets > 0 && self.next == length
    }
}
