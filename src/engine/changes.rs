//! Connections while they go on: what would be said of them if the capture ended now.
//!
//! Invariant: looking changes nothing that is said later. Each connection waits at most once to be looked at.

use std::collections::VecDeque;

use crate::net::Endpoint;
use crate::session::Session;
use crate::tcp::{self, Connection};

use super::dialogue::Dialogue;
use super::ended::Turned;
use super::{Engine, Rest};

/// Connections that changed since they were last looked at, those that wait longest first.
#[derive(Debug, Default)]
pub(super) struct Changes {
    watched: bool,
    waiting: VecDeque<(Endpoint, Endpoint)>,
}

impl Changes {
    /// Whether the connections that change are taken note of.
    pub(super) fn is_watched(&self) -> bool {
        self.watched
    }

    /// Something came on this connection.
    #[inline]
    pub(super) fn note(&mut self, connection: &mut Connection<Dialogue>) {
        if self.watched && !connection.reader.changed {
            connection.reader.changed = true;
            self.waiting.push_back((connection.facts.a, connection.facts.b));
        }
    }
}

impl Rest {
    /// The session on a connection that is followed, if it is one, as it would be if the capture ended now.
    fn as_it_stands(&self, connection: &Connection<Dialogue>) -> Option<Box<Session>> {
        if self.translations.is_view(connection.facts.stream) {
            return None;
        }
        let facts = Box::new(connection.facts.clone());
        let Turned::Session(finished) = self.turned_out(connection.reader.as_it_stands(&facts), facts) else {
            return None;
        };
        let mut session = finished.into_session();
        session.capture.goes_on = true;
        Some(session)
    }
}

impl Engine {
    /// From now on takes note of the connections that change, for [`Engine::changed`].
    pub fn note_changes(&mut self) {
        self.rest.changes.watched = true;
    }

    /// Hands out, of at most `most` connections that changed since they were last looked at, the sessions as they
    /// would be if the capture ended now. How many connections still wait.
    pub fn changed(&mut self, most: usize, out: &mut impl FnMut(Box<Session>)) -> usize {
        let Engine { parts, rest, .. } = self;
        let count = parts.len();
        for _ in 0..most {
            let Some((a, b)) = rest.changes.waiting.pop_front() else { break };
            // It may have ended by now.
            let Some(connection) = parts.get_mut(tcp::part_of(a, b, count)).and_then(|part| part.table.get_mut(a, b))
            else {
                continue;
            };
            if !connection.reader.changed {
                continue;
            }
            connection.reader.changed = false;
            if let Some(session) = rest.as_it_stands(connection) {
                out(session);
            }
        }
        rest.changes.waiting.len()
    }

    /// The session between two endpoints, in either order, as it would be if the capture ended now.
    pub fn look_at(&self, one: Endpoint, other: Endpoint) -> Option<Box<Session>> {
        let part = self.parts.get(tcp::part_of(one, other, self.parts.len()))?;
        self.rest.as_it_stands(part.table.get(one, other)?)
    }

    /// The attempts to reach a broker that came to no connection, as they would be if the capture ended now.
    pub fn attempts(&self, out: &mut impl FnMut(Box<Session>)) {
        self.rest.questions(out);
    }

    /// Ends connections whose SYN nobody answered for [`UNANSWERED`](crate::tcp::patience::UNANSWERED): while capturing goes on, nobody will.
    pub fn give_up_unanswered(&mut self, out: &mut impl FnMut(Box<Session>)) {
        let now = self.rest.latest();
        self.parts.iter_mut().for_each(|part| part.give_up_unanswered(now));
        self.hear_all();
        self.hand_out(out);
    }

    /// Takes every connection for changed: for what time alone changes.
    pub fn look_at_all(&mut self) {
        let Engine { parts, rest, .. } = self;
        for part in parts {
            part.table.each_mut(&mut |connection| rest.changes.note(connection));
        }
    }

    /// The streams that are followed.
    pub fn streams(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().flat_map(|part| part.table.iter()).map(|connection| connection.facts.stream)
    }

    /// How many open connections were let go because there were too many.
    pub fn let_go(&self) -> u64 {
        self.parts.iter().map(|part| part.table.evicted()).sum()
    }

    /// How many connections are followed.
    pub fn connections(&self) -> usize {
        self.parts.iter().map(|part| part.table.len()).sum()
    }
}
