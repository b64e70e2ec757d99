//! Of each client that was refused, who was let in by the same server with the same user name, or with the same client
//! id: what differs between the two is why.
//!
//! Invariant: of each name two are remembered, the first that was let in and the first that differs from it.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::facts::{Admission, Admitted, Session, TextFact};
use crate::capture::Moment;
use crate::fetch;
use crate::net::Endpoint;

/// By the hash of what refused sessions are asked for, places of sessions that were let in. Two names may have one hash.
type Known = HashMap<u64, Vec<usize>>;

#[derive(Default)]
struct Doors {
    /// By user name, those that differ in their client id.
    users: Known,
    /// By client id, those that differ in their user name.
    ids: Known,
    /// By both.
    pairs: Known,
}

/// What a client called itself, and to which server.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Names<'s> {
    server: Endpoint,
    username: Option<&'s TextFact>,
    client_id: &'s TextFact,
}

/// Tells each of `sessions` that was refused who was let in with the same user name or client id.
pub fn compare_refused(sessions: &mut [Box<Session>]) {
    let mut doors = Doors::default();
    let of =
        |sessions, admitted| one_by_one(sessions).filter(move |(_, session)| session.was_admitted() == Some(admitted));
    for names in of(sessions, false).filter_map(|(_, session)| session.names()) {
        doors.watch(names);
    }
    if doors.users.is_empty() {
        return;
    }
    for (place, names) in of(sessions, true).filter_map(|(place, session)| Some((place, session.names()?))) {
        doors.admitted(place, names, sessions);
    }
    let told = |(place, session)| Some((place, doors.beside(session, sessions)?));
    let told: Vec<(usize, Admitted)> = of(sessions, false).filter_map(told).collect();
    for (place, admitted) in told {
        if let Some(session) = sessions.get_mut(place) {
            session.neighbours.admitted = Some(Box::new(admitted));
        }
    }
}

fn one_by_one(sessions: &[Box<Session>]) -> impl Iterator<Item = (usize, &Session)> {
    fetch::ahead(sessions, |session, depth| session.fetch(depth)).map(|session| &**session).enumerate()
}

impl Session {
    /// Whether the broker let the client in, if both its CONNECT and the answer are known.
    fn was_admitted(&self) -> Option<bool> {
        self.connect.as_ref()?;
        Some(self.connack.as_ref()?.code.0 == 0)
    }

    /// When the broker answered.
    fn answered(&self) -> Option<Moment> {
        self.connack.as_ref().map(|connack| connack.at)
    }

    fn names(&self) -> Option<Names<'_>> {
        let connect = self.connect.as_ref()?;
        let username = connect.username.as_ref().filter(|name| !name.is_empty());
        Some(Names { server: self.wire.peers.server.endpoint, username, client_id: &connect.client_id })
    }

    fn admission(&self) -> Option<Admission> {
        let (names, client) = (self.names()?, self.wire.peers.client.endpoint);
        let (client_id, username) = (names.client_id.clone(), names.username.cloned());
        let will = self.connect.as_ref()?.will.clone();
        Some(Admission { at: self.answered()?, client, client_id, username, will })
    }
}

impl Names<'_> {
    /// What stands for the user name, the client id, and both.
    fn hashes(self) -> [u64; 3] {
        let hash = |username: Option<Option<&TextFact>>, client_id: Option<&TextFact>| {
            FixedState::default().hash_one((self.server, username, client_id))
        };
        let (username, client_id) = (Some(self.username), Some(self.client_id));
        [hash(username, None), hash(None, client_id), hash(username, client_id)]
    }

    fn same_user(&self, other: &Names<'_>) -> bool {
        (self.server, self.username) == (other.server, other.username)
    }

    fn same_id(&self, other: &Names<'_>) -> bool {
        (self.server, self.client_id) == (other.server, other.client_id)
    }
}

impl Doors {
    fn watch(&mut self, refused: Names<'_>) {
        let [user, id, pair] = refused.hashes();
        if !refused.client_id.is_empty() {
            self.ids.entry(id).or_default();
            self.pairs.entry(pair).or_default();
        }
        self.users.entry(user).or_default();
    }

    fn admitted(&mut self, place: usize, names: Names<'_>, sessions: &[Box<Session>]) {
        let [user, id, pair] = names.hashes();
        let others =
            |known: &[usize]| known.iter().filter_map(|other| sessions.get(*other)?.names()).collect::<Vec<_>>();
        add(&mut self.ids, id, place, |known| others(known).iter().all(|other| other.username != names.username));
        add(&mut self.users, user, place, |known| others(known).iter().all(|other| other.client_id != names.client_id));
        add(&mut self.pairs, pair, place, |_| true);
    }

    fn beside(&self, refused: &Session, sessions: &[Box<Session>]) -> Option<Admitted> {
        let (names, at) = (refused.names()?, refused.answered()?);
        let [user, id, pair] = names.hashes();
        let find = |known: &Known, hash: u64, fits: &dyn Fn(&Names<'_>, Moment) -> bool| {
            let mut all = known.get(&hash)?.iter().filter_map(|place| sessions.get(*place));
            all.find(|one| one.names().zip(one.answered()).is_some_and(|(names, at)| fits(&names, at)))?.admission()
        };
        let before = find(&self.pairs, pair, &|one, answered| *one == names && answered.is_before(at));
        let same = before.or_else(|| find(&self.pairs, pair, &|one, _| *one == names));
        let other_id = find(&self.users, user, &|one, _| {
            one.same_user(&names) && (one.client_id != names.client_id || names.client_id.is_empty())
        });
        let other_user = find(&self.ids, id, &|one, _| one.same_id(&names) && one.username != names.username);
        let admitted = Admitted { same, other_id, other_user };
        admitted.is_some().then_some(admitted)
    }
}

/// Remembers the session at `place` under `hash`, if somebody asks for it and it `differs` from the one that is known.
fn add(known: &mut Known, hash: u64, place: usize, differs: impl Fn(&[usize]) -> bool) {
    if let Some(known) = known.get_mut(&hash)
        && known.len() < 2
        && differs(known)
    {
        known.push(place);
    }
}
