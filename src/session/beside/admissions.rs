//! Of each client that was refused, by a CONNACK or with a close, who was let in by the same server with the same user
//! name, or with the same client id: what differs between the two is why.
//!
//! Invariant: of each name two are remembered, the first that was let in and the first that differs from it.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::one_by_one;
use crate::capture::Moment;
use crate::net::Endpoint;
use crate::session::facts::{Admission, Admitted, Session, TextFact};
use crate::stream::Side;

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

/// A session whose client was let in or refused: what is asked of each of many is found out once.
struct Knock {
    place: usize,
    admitted: bool,
    hashes: Hashes,
}

/// What stands for the names of a client.
#[derive(Clone, Copy)]
struct Hashes {
    user: u64,
    /// None for a client that left its id to the server.
    id: Option<u64>,
}

/// Tells each of `sessions` that was refused who was let in with the same user name or client id.
pub(super) fn compare_refused(sessions: &mut [Box<Session>]) {
    let knock = |(place, session): (usize, &Session)| {
        let (admitted, hashes) = (session.was_admitted()?, session.names()?.hashes());
        Some(Knock { place, admitted, hashes })
    };
    let knocks: Vec<Knock> = one_by_one(sessions).filter_map(knock).collect();
    let (mut doors, refused) = (Doors::default(), || knocks.iter().filter(|knock| !knock.admitted));
    refused().for_each(|knock| doors.watch(knock.hashes));
    if doors.users.is_empty() {
        return;
    }
    knocks.iter().filter(|knock| knock.admitted).for_each(|knock| doors.admitted(knock, sessions));
    let told = |knock: &Knock| Some((knock.place, doors.beside(knock, sessions)?));
    let told: Vec<(usize, Admitted)> = refused().filter_map(told).collect();
    for (place, admitted) in told {
        if let Some(session) = sessions.get_mut(place) {
            session.neighbours.admitted = Some(Box::new(admitted));
        }
    }
}

impl Session {
    /// Whether the broker let the client in, if its CONNECT is known and was answered, by a CONNACK or with a close.
    fn was_admitted(&self) -> Option<bool> {
        self.connect.as_ref()?;
        match &self.connack {
            Some(connack) => Some(connack.code.0 == 0),
            None => self.closed_by_server().map(|_| false),
        }
    }

    /// When the broker answered.
    fn answered(&self) -> Option<Moment> {
        self.connack.as_ref().map(|connack| connack.at).or_else(|| self.closed_by_server())
    }

    fn closed_by_server(&self) -> Option<Moment> {
        self.wire.close().filter(|close| close.by == Side::Server).map(|close| close.at)
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
    fn hashes(self) -> Hashes {
        let hash = |username: Option<Option<&TextFact>>, client_id: Option<&TextFact>| {
            FixedState::default().hash_one((self.server, username, client_id))
        };
        let id = Some(self.client_id).filter(|client_id| !client_id.is_empty());
        Hashes { user: hash(Some(self.username), None), id: id.map(|_| hash(None, id)) }
    }

    fn same_user(&self, other: &Names<'_>) -> bool {
        (self.server, self.username) == (other.server, other.username)
    }

    fn same_id(&self, other: &Names<'_>) -> bool {
        (self.server, self.client_id) == (other.server, other.client_id)
    }
}

impl Doors {
    fn watch(&mut self, refused: Hashes) {
        self.users.entry(refused.user).or_default();
        if let Some((id, pair)) = refused.id.zip(refused.pair()) {
            self.ids.entry(id).or_default();
            self.pairs.entry(pair).or_default();
        }
    }

    fn admitted(&mut self, knock: &Knock, sessions: &[Box<Session>]) {
        let Knock { place, hashes, .. } = *knock;
        let names = |place: usize| sessions.get(place).and_then(|session| session.names());
        let others = |known: &[usize]| known.iter().filter_map(|other| names(*other)).collect::<Vec<_>>();
        let own = || names(place);
        add(&mut self.users, Some(hashes.user), place, |known| {
            own().is_some_and(|own| others(known).iter().all(|other| other.client_id != own.client_id))
        });
        add(&mut self.ids, hashes.id, place, |known| {
            own().is_some_and(|own| others(known).iter().all(|other| other.username != own.username))
        });
        add(&mut self.pairs, hashes.pair(), place, |_| true);
    }

    fn beside(&self, knock: &Knock, sessions: &[Box<Session>]) -> Option<Admitted> {
        let Hashes { user, id } = knock.hashes;
        let refused = sessions.get(knock.place)?;
        let (names, at) = (refused.names()?, refused.answered()?);
        let find = |known: &Known, hash: u64, fits: &dyn Fn(&Names<'_>, Moment) -> bool| {
            let mut all = known.get(&hash)?.iter().filter_map(|place| sessions.get(*place));
            all.find(|one| one.names().zip(one.answered()).is_some_and(|(names, at)| fits(&names, at)))?.admission()
        };
        let pair = |fits: &dyn Fn(&Names<'_>, Moment) -> bool| find(&self.pairs, knock.hashes.pair()?, fits);
        let before = pair(&|one, answered| *one == names && answered.is_before(at));
        let same = before.or_else(|| pair(&|one, _| *one == names));
        let other_id = find(&self.users, user, &|one, _| {
            one.same_user(&names) && (one.client_id != names.client_id || names.client_id.is_empty())
        });
        let other_user =
            id.and_then(|id| find(&self.ids, id, &|one, _| one.same_id(&names) && one.username != names.username));
        let admitted = Admitted { same, other_id, other_user };
        admitted.is_some().then_some(admitted)
    }
}

impl Hashes {
    /// What stands for both names.
    fn pair(self) -> Option<u64> {
        Some(self.user.rotate_left(32) ^ self.id?)
    }
}

/// Remembers the session at `place` under `hash`, if somebody asks for it and it `differs` from the one that is known.
fn add(known: &mut Known, hash: Option<u64>, place: usize, differs: impl Fn(&[usize]) -> bool) {
    if let Some(known) = hash.and_then(|hash| known.get_mut(&hash))
        && known.len() < 2
        && differs(known)
    {
        known.push(place);
    }
}
