//! Sessions that one server closed at about the same time.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::capture::{FrameNumber, Moment};
use crate::tcp::Facts;

use super::{ServerClose, TOGETHER};

/// Of the sessions closed together, this many are named.
const NAMED: usize = 16;
/// A shorter silence, in nanoseconds, is none that a timer ends.
const SILENCE: i64 = 1_000_000_000;
/// Silences that one timer ends differ by so many nanoseconds at most.
const SPREAD: i64 = 50_000_000;
/// So many closes together are looked at one by one at most.
const FEW: usize = 64;

/// Closes at about the same time.
#[derive(Default)]
pub(super) struct Together {
    pub(super) frames: Vec<FrameNumber>,
    pub(super) count: u64,
    pub(super) alike: u64,
}

impl Together {
    /// Those of `closes` within one second of `end`, but for that of the connection of `facts` itself, and those of the
    /// same `client`, which came back; and none of a connection that was over before the other began: a server that goes
    /// takes no new ones.
    pub(super) fn of(closes: &VecDeque<ServerClose>, end: Moment, facts: &Facts, client: Option<u64>) -> Together {
        let early = closes.partition_point(|other| end.time.nanoseconds_since(other.at.time) > TOGETHER);
        let late = closes.partition_point(|other| other.at.time.nanoseconds_since(end.time) <= TOGETHER).max(early);
        // Its own is between its frames: there may be thousands of others.
        let first = closes.partition_point(|other| other.at.frame < facts.first.frame).clamp(early, late);
        let over = closes.partition_point(|other| other.at.frame <= facts.last().frame).clamp(first, late);
        let mut of_own = closes.range(first..over).filter(|close| close.stream == Some(facts.stream));
        let quiet = of_own.clone().next().map_or(0, |own| own.quiet);
        let own = of_own.by_ref().count();
        // What was closed before this one began was not open beside it.
        let early = if begun(facts).is_some() { first } else { early };
        let same = |other: &ServerClose| client.is_some() && other.client == client;
        let (mut looked_at, mut open, mut alike) = (0, 0, 0);
        let mut named: SmallVec<[FrameNumber; NAMED]> = SmallVec::new();
        for other in closes.range(early..late).filter(|other| other.stream != Some(facts.stream) && !same(other)) {
            looked_at += 1;
            if other.begun.is_none_or(|begun| begun < end.frame) {
                open += 1;
                if named.len() < NAMED {
                    named.push(other.at.frame);
                    alike += usize::from(is_timed(end, quiet, other));
                }
            }
            if looked_at == FEW {
                break;
            }
        }
        // Among thousands of closes one client's own change nothing; of those that are not looked at the same share were open.
        let count = match late - early {
            all if all <= FEW => open,
            all => all.saturating_sub(own) * open / looked_at.max(1),
        };
        // Of those that are not looked at the same share.
        let alike = alike * count / named.len().max(1);
        Together { frames: named.into_vec(), count: count as u64, alike: alike as u64 }
    }
}

/// The first frame of a connection whose beginning was captured.
pub(in crate::engine) fn begun(facts: &Facts) -> Option<FrameNumber> {
    (facts.syn.count > 0).then_some(facts.first.frame)
}

/// Whether `other` came after the same silence as a close at `end` after `quiet` nanoseconds without data, and at another
/// time: so a timer does, that each connection has for itself.
fn is_timed(end: Moment, quiet: i64, other: &ServerClose) -> bool {
    let apart = end.time.nanoseconds_since(other.at.time).abs();
    quiet >= SILENCE && quiet.saturating_sub(other.quiet).abs() <= SPREAD && apart >= 2 * SPREAD
}
