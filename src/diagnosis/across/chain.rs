//! Sessions that belong together, and the pauses between them.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::capture::Moment;
use crate::diagnosis::words;
use crate::net::Endpoint;
use crate::session::{Session, TextFact};

use super::{ClientId, Judged};

/// Pauses told one by one; more are told by their middle.
const TOLD: usize = 5;

/// `sessions` by a key that several have, in order of the keys; those without one are left out. Order is kept.
pub(super) fn repeated<'s, 'a, K: Ord + Hash>(
    sessions: &'s [Judged<'a>],
    key: impl Fn(&'s Judged<'a>) -> Option<K>,
) -> Vec<(K, Vec<&'s Judged<'a>>)> {
    let hasher = FixedState::default();
    let mut counts: HashMap<u64, u32> = HashMap::new();
    for key in sessions.iter().filter_map(&key) {
        *counts.entry(hasher.hash_one(key)).or_default() += 1;
    }
    // Two keys with one hash would both be kept: no harm.
    let again = |key: &K| counts.get(&hasher.hash_one(key)).is_some_and(|count| *count > 1);
    let keyed = sessions.iter().filter_map(|judged| Some((key(judged).filter(again)?, judged)));
    let mut keyed: Vec<(K, &Judged<'a>)> = keyed.collect();
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut groups: Vec<(K, Vec<&Judged<'a>>)> = Vec::new();
    for (key, judged) in keyed {
        match groups.last_mut().filter(|(last, _)| *last == key) {
            Some((_, group)) => group.push(judged),
            None => groups.push((key, vec![judged])),
        }
    }
    groups
}

/// Judged sessions by server.
pub(super) type Servers<'s, 'a> = BTreeMap<Endpoint, Vec<&'s Judged<'a>>>;

/// `sessions` by the address and port of their server.
pub(super) fn by_server<'s, 'a>(sessions: &'s [Judged<'a>]) -> Servers<'s, 'a> {
    let mut servers = Servers::new();
    for judged in sessions {
        servers.entry(judged.server).or_default().push(judged);
    }
    servers
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
        let mut all = repeated(sessions, |judged| Some((client_id(judged)?, judged.server.address)));
        for (_, same_id) in &mut all {
            leave_out_onward(same_id);
        }
        let mut let_in = Vec::new();
        for (_, same_id) in &all {
            let mut ports: BTreeMap<u16, Vec<_>> = BTreeMap::new();
            for judged in same_id.iter().filter(|judged| accepted(judged)) {
                ports.entry(judged.server.port).or_default().push(*judged);
            }
            let_in.extend(ports.into_values());
        }
        Returning { all: all.into_iter().map(|(_, same_id)| same_id).collect(), let_in }
    }
}

/// Sessions before one among which the one that it carries on is looked for.
const CARRIED_ON: usize = 8;

/// Leaves out the connections that a proxy on the broker's host made of others in the list.
fn leave_out_onward(same_id: &mut Vec<&Judged<'_>>) {
    let is_onward = |place: usize, onward: &Judged<'_>| {
        let before = same_id.get(place.saturating_sub(CARRIED_ON)..place).unwrap_or_default();
        onward.host == onward.server.address && before.iter().any(|other| carries_on(onward.session, other.session))
    };
    let onward: Vec<bool> = (0..).zip(same_id.iter()).map(|(place, judged)| is_onward(place, judged)).collect();
    let mut onward = onward.into_iter();
    same_id.retain(|_| !onward.next().unwrap_or_default());
}

/// Whether one session lies between CONNECT and CONNACK of another, on another port of its server, with its CONNECT and
/// CONNACK.
fn carries_on(onward: &Session, other: &Session) -> bool {
    let span = |session: &Session| Some((session.connect.as_ref()?.at, session.connack.as_ref()?.at));
    let server = |session: &Session| session.wire.peers.server.endpoint;
    let inside = |((connect, connack), (asked, answered)): ((Moment, Moment), (Moment, Moment))| {
        asked.is_before(connect) && connack.is_before(answered)
    };
    server(onward) != server(other) && span(onward).zip(span(other)).is_some_and(inside)
}

/// The client id that was sent, if one was.
pub(super) fn client_id<'a>(judged: &Judged<'a>) -> Option<ClientId<'a>> {
    judged.client_id.filter(|_| judged.names_itself)
}

/// Judged sessions by their `tcp.stream`.
pub(super) struct Streams<'s, 'a>(HashMap<u32, &'s Judged<'a>>);

impl<'s, 'a> Streams<'s, 'a> {
    pub(super) fn new(sessions: &'s [Judged<'a>]) -> Streams<'s, 'a> {
        let streams = sessions.iter().filter_map(|judged| Some((judged.stream?, judged)));
        Streams(streams.collect())
    }

    /// The session over `stream`.
    pub(super) fn of(&self, stream: u32) -> Option<&'s Judged<'a>> {
        self.0.get(&stream).copied()
    }
}

/// What to call the client: its client id, else its address.
pub(super) fn client(judged: &Judged<'_>) -> String {
    judged.client_id.map_or_else(|| judged.host.to_string(), |id| words::plain(&TextFact::new(id.bytes)))
}

/// Whether the client was let in.
pub(super) fn accepted(judged: &Judged<'_>) -> bool {
    judged.accepted
}

/// How long it is from each of `moments` to the next, in nanoseconds: at most 73 years, where a damaged capture has such
/// times.
pub(super) fn pauses(moments: &[i64]) -> Vec<i64> {
    let pause = |(one, next): (&i64, &i64)| next.saturating_sub(*one).clamp(-i64::MAX / 4, i64::MAX / 4);
    moments.iter().zip(moments.iter().skip(1)).map(pause).collect()
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
