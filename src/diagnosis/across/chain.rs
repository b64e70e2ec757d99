//! Sessions that belong together, and the pauses between them.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::diagnosis::words;

use super::Judged;

/// Pauses told one by one; more are told by their middle.
const TOLD: usize = 5;

/// `sessions` by a key; those without one are left out. Order is kept.
pub(super) fn by_key<'s, 'a, K: Ord>(
    sessions: &'s [Judged<'a>],
    key: impl Fn(&'s Judged<'a>) -> Option<K>,
) -> BTreeMap<K, Vec<&'s Judged<'a>>> {
    let mut groups: BTreeMap<K, Vec<&Judged<'a>>> = BTreeMap::new();
    for session in sessions {
        if let Some(key) = key(session) {
            groups.entry(key).or_default().push(session);
        }
    }
    groups
}

/// As [`by_key`], without keys that only one session has: in most captures those are nearly all.
pub(super) fn repeated<'s, 'a, K: Ord + Hash>(
    sessions: &'s [Judged<'a>],
    key: impl Fn(&'s Judged<'a>) -> Option<K>,
) -> BTreeMap<K, Vec<&'s Judged<'a>>> {
    let hasher = FixedState::default();
    let mut counts: HashMap<u64, u32> = HashMap::new();
    for key in sessions.iter().filter_map(&key) {
        *counts.entry(hasher.hash_one(key)).or_default() += 1;
    }
    // Two keys with one hash would both be kept: no harm.
    let again = |key: &K| counts.get(&hasher.hash_one(key)).is_some_and(|count| *count > 1);
    by_key(sessions, |judged| key(judged).filter(again))
}

/// Judged sessions by their `tcp.stream`.
pub(super) struct Streams<'s, 'a>(HashMap<u32, &'s Judged<'a>>);

impl<'s, 'a> Streams<'s, 'a> {
    pub(super) fn new(sessions: &'s [Judged<'a>]) -> Streams<'s, 'a> {
        let streams = sessions.iter().filter_map(|judged| Some((judged.session.wire.stream?, judged)));
        Streams(streams.collect())
    }

    /// The session over `stream`.
    pub(super) fn of(&self, stream: u32) -> Option<&'s Judged<'a>> {
        self.0.get(&stream).copied()
    }
}

/// What to call the client: its client id, else its address.
pub(super) fn client(judged: &Judged<'_>) -> String {
    let session = judged.session;
    let sent = session.connect.as_ref().map(|connect| &connect.client_id).filter(|id| !id.is_empty());
    let given = session.connack.as_ref().and_then(|connack| connack.assigned_client_id.as_ref());
    sent.or(given).map_or_else(|| session.wire.peers.client.endpoint.address.to_string(), words::plain)
}

/// Whether the client was let in.
pub(super) fn accepted(judged: &Judged<'_>) -> bool {
    judged.session.connack.as_ref().is_some_and(|connack| connack.code.0 == 0)
}

/// How long it is from each of `moments` to the next, in nanoseconds.
pub(super) fn pauses(moments: &[i64]) -> Vec<i64> {
    moments.iter().zip(moments.iter().skip(1)).map(|(one, next)| next.saturating_sub(*one)).collect()
}

/// “after 1 s, 2 s and 4 s”, “about every 5 s”, “every 2 s to 2 min”.
pub(super) fn rhythm(pauses: &[i64]) -> String {
    let mut sorted = pauses.to_vec();
    sorted.sort_unstable();
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return String::new() };
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    if most - least <= middle / 4 {
        return format!("about every {}", words::duration(middle));
    }
    if pauses.len() <= TOLD {
        let told: Vec<String> = pauses.iter().map(|pause| words::duration(*pause)).collect();
        return format!("after {}", words::list(&told));
    }
    format!("every {} to {}", words::duration(*least), words::duration(*most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rhythms() {
        let second = 1_000_000_000;
        assert_eq!(rhythm(&[]), "");
        assert_eq!(rhythm(&[5 * second, 5 * second + 200_000_000]), "about every 5.2 s");
        assert_eq!(rhythm(&[second, 2 * second, 4 * second]), "after 1 s, 2 s and 4 s");
        assert_eq!(rhythm(&[1, 2, 4, 8, 16, 32].map(|pause| pause * second)), "every 1 s to 32 s");
    }
}
