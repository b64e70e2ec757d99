//! Of each client that was refused, who was let in by the same server with the same user name, or with the same client
//! id: what differs between the two is why.
//!
//! Invariant: of each name two are remembered, the first that was let in and the first that differs from it.

use std::hash::Hash;

use hashbrown::HashMap;

use super::facts::{Admission, Admitted, Session, TextFact};
use crate::net::Endpoint;

/// A server, and a user name or none.
type User = (Endpoint, Option<TextFact>);
/// A server and a client id.
type Id = (Endpoint, TextFact);

#[derive(Default)]
struct Doors {
    /// By user name, those that differ in their client id.
    users: HashMap<User, Vec<Admission>>,
    /// By client id, those that differ in their user name.
    ids: HashMap<Id, Vec<Admission>>,
    /// By both.
    pairs: HashMap<(User, TextFact), Vec<Admission>>,
}

/// Tells each of `sessions` that was refused who was let in with the same user name or client id.
pub fn compare_refused(sessions: &mut [Box<Session>]) {
    let mut doors = Doors::default();
    for session in sessions.iter().filter(|session| session.was_admitted() == Some(false)) {
        doors.watch(session);
    }
    if doors.users.is_empty() {
        return;
    }
    for session in sessions.iter().filter(|session| session.was_admitted() == Some(true)) {
        doors.admitted(session);
    }
    for session in sessions.iter_mut().filter(|session| session.was_admitted() == Some(false)) {
        if let Some(admitted) = doors.beside(session) {
            session.admitted = Some(Box::new(admitted));
        }
    }
}

impl Session {
    /// Whether the broker let the client in, if both its CONNECT and the answer are known.
    fn was_admitted(&self) -> Option<bool> {
        self.connect.as_ref()?;
        Some(self.connack.as_ref()?.code.0 == 0)
    }

    fn names(&self) -> Option<(User, TextFact)> {
        let connect = self.connect.as_ref()?;
        let username = connect.username.clone().filter(|name| !name.is_empty());
        Some(((self.wire.peers.server.endpoint, username), connect.client_id.clone()))
    }
}

impl Doors {
    fn watch(&mut self, refused: &Session) {
        let Some((user, id)) = refused.names() else { return };
        if !id.is_empty() {
            self.ids.entry((user.0, id.clone())).or_default();
            self.pairs.entry((user.clone(), id)).or_default();
        }
        self.users.entry(user).or_default();
    }

    fn admitted(&mut self, session: &Session) {
        let (Some((user, id)), Some(connack)) = (session.names(), &session.connack) else { return };
        let told = Admission {
            at: connack.at,
            client: session.wire.peers.client.endpoint,
            client_id: id.clone(),
            username: user.1.clone(),
        };
        add(&mut self.ids, &(user.0, id.clone()), &told, |one| &one.username);
        add(&mut self.users, &user, &told, |one| &one.client_id);
        add(&mut self.pairs, &(user, id), &told, |one| &one.at);
    }

    fn beside(&self, refused: &Session) -> Option<Admitted> {
        let (user, id) = refused.names()?;
        let at = refused.connack.as_ref()?.at;
        let others = self.users.get(&user).into_iter().flatten();
        let other = others.clone().find(|other| other.client_id != id || id.is_empty()).cloned();
        let pairs = || self.pairs.get(&(user.clone(), id.clone())).into_iter().flatten();
        let before = pairs().find(|other| other.at.is_before(at));
        let same = before.or_else(|| pairs().next()).cloned();
        let mut ids = self.ids.get(&(user.0, id.clone())).into_iter().flatten();
        let other_user = ids.find(|other| other.username != user.1).cloned();
        let admitted = Admitted { same, other_id: other, other_user };
        admitted.is_some().then_some(admitted)
    }
}

/// Remembers `told` under `key`, if somebody asks for it and none like it is known.
fn add<K: Hash + Eq, T: PartialEq>(
    known: &mut HashMap<K, Vec<Admission>>,
    key: &K,
    told: &Admission,
    what: impl Fn(&Admission) -> &T,
) {
    if let Some(known) = known.get_mut(key)
        && known.len() < 2
        && known.iter().all(|one| what(one) != what(told))
    {
        known.push(told.clone());
    }
}
