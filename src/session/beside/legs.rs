//! Both legs of a proxy: the connection of a client, and the one on which the proxy passed it on to the broker.
//!
//! Invariant: the same CONNECT to another server while the first one waits, from another address, whose CONNACK is there before
//! the first one's, is that of a proxy. A client that connects to two brokers at a time does so from one address.

use hashbrown::HashMap;

use super::one_by_one;
use crate::capture::Moment;
use crate::session::facts::{Leg, Session, TextFact};

/// Connections with the same CONNECT that may wait for their answer at a time: who waits longer is not looked for.
const WAITING: usize = 8;

/// What a proxy passes on as it is: client id, protocol level, Keep Alive, length; and the code of the answer.
type Words = (TextFact, u8, u16, u32, u8);

/// From CONNECT to CONNACK of the session at a place.
#[derive(Clone, Copy)]
struct Wait {
    place: usize,
    asked: Moment,
    answered: Moment,
}

impl Wait {
    fn encloses(&self, other: &Wait) -> bool {
        self.asked.is_before(other.asked) && other.answered.is_before(self.answered)
    }
}

/// Tells each of `sessions` on which other connection a proxy passed it on, or had it from.
pub(super) fn find_legs(sessions: &mut [Box<Session>]) {
    let servers = |session: &Session| session.wire.peers.server.endpoint;
    let first = sessions.first().map(|session| servers(session));
    if one_by_one(sessions).all(|(_, session)| Some(servers(session)) == first) {
        return;
    }
    let mut alike: HashMap<Words, Vec<Wait>> = HashMap::new();
    for (place, session) in one_by_one(sessions) {
        if let Some((words, asked, answered)) = session.let_in_with() {
            alike.entry(words).or_default().push(Wait { place, asked, answered });
        }
    }
    for mut waits in alike.into_values().filter(|waits| waits.len() > 1) {
        waits.sort_unstable_by_key(|wait| wait.asked.frame);
        for (index, inner) in waits.iter().enumerate() {
            let before = waits.get(..index).unwrap_or_default().iter().rev().take(WAITING);
            let outer = before.filter(|wait| wait.encloses(inner)).find(|outer| {
                let both = sessions.get(outer.place).zip(sessions.get(inner.place));
                both.is_some_and(|(outer, inner)| outer.may_be_passed_on_as(inner))
            });
            if let Some(outer) = outer {
                tell(sessions, outer.place, inner.place);
            }
        }
    }
}

fn tell(sessions: &mut [Box<Session>], outer: usize, inner: usize) {
    let Some((client_side, broker_side)) = sessions.get(outer).zip(sessions.get(inner)) else { return };
    let (client_side, broker_side) = (Leg::of(client_side), Leg::of(broker_side));
    if let Some(session) = sessions.get_mut(outer) {
        session.neighbours.ways.legs.inner = Some(broker_side);
    }
    if let Some(session) = sessions.get_mut(inner) {
        session.neighbours.ways.legs.outer = Some(client_side);
    }
}

impl Leg {
    fn of(session: &Session) -> Leg {
        let peers = &session.wire.peers;
        Leg {
            client: peers.client.endpoint,
            server: peers.server.endpoint,
            began: session.wire.first,
            close: session.wire.close(),
        }
    }
}

impl Session {
    /// What its CONNECT and CONNACK say that a proxy does not change, and when they came.
    fn let_in_with(&self) -> Option<(Words, Moment, Moment)> {
        let (connect, connack) = self.connect.as_ref().zip(self.connack.as_ref())?;
        let named = self.sent_client_id()?.clone();
        let words = (named, connect.protocol_level, connect.keep_alive, connect.length, connack.code.0);
        Some((words, connect.at, connack.at))
    }

    fn may_be_passed_on_as(&self, inner: &Session) -> bool {
        let (own, other) = (&self.wire.peers, &inner.wire.peers);
        own.server.endpoint != other.server.endpoint && own.client.endpoint.address != other.client.endpoint.address
    }
}
