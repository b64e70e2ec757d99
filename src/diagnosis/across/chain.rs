//! Sessions that belong together, and the pauses between them.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::diagnosis::words;
use crate::net::Endpoint;

use super::Judged;

/// Pauses told one by one; more are told by their middle.
const TOLD: usize = 5;

/// `sessions` by a key; those without one are left out. Order is kept.
fn by_key<'s, 'a, K: Ord>(
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

/// Judged sessions by server.
pub(super) type Servers<'s, 'a> = BTreeMap<Endpoint, Vec<&'s Judged<'a>>>;

/// `sessions` by the address and port of their server.
pub(super) fn by_server<'s, 'a>(sessions: &'s [Judged<'a>]) -> Servers<'s, 'a> {
    by_key(sessions, |judged| Some(judged.session.wire.peers.server.endpoint))
}

/// Judged sessions of client ids that came more than once, those of one client id together.
pub(super) struct Returning<'s, 'a> {
    /// By client id and the server's address.
    pub(super) all: Vec<Vec<&'s Judged<'a>>>,
    /// Those that were let in, by client id and the server's address and port.
    pub(super) let_in: Vec<Vec<&'s Judged<'a>>>,
}

impl<'s, 'a> Returning<'s, 'a> {
    pub(super) fn new(sessions: &'s [Judged<'a>]) -> Returning<'s, 'a> {
        let server = |judged: &Judged<'_>| judged.session.wire.peers.server.endpoint;
        let all = repeated(sessions, |judged| Some((client_id(judged)?, server(judged).address)));
        let mut let_in: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for ((id, _), same_id) in &all {
            for judged in same_id.iter().filter(|judged| accepted(judged)) {
                let_in.entry((*id, server(judged))).or_default().push(*judged);
            }
        }
        Returning { all: all.into_values().collect(), let_in: let_in.into_values().collect() }
    }
}

/// The client id that was sent, if one was.
pub(super) fn client_id<'a>(judged: &Judged<'a>) -> Option<&'a [u8]> {
    judged.session.connect.as_ref().map(|connect| &*connect.client_id.0).filter(|id| !id.is_empty())
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
