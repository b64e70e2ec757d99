//! Servers that let in nobody more: they closed upon every CONNECT that came while as many clients were connected as ever
//! were at once.
//!
//! Invariant: who was turned away differs in nothing that is known from those who were let in, and they are several, or one
//! that was let in at another time.

use hashbrown::{HashMap, HashSet};

use super::one_by_one;
use crate::capture::Timestamp;
use crate::net::Endpoint;
use crate::session::facts::{Session, TextFact};
use crate::stream::Side;

/// Fewer than so many connected clients are no crowd.
const CROWD: usize = 2;

/// What happens at a door, in the order in which what happens at the same moment counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Leaves,
    Comes,
    TurnedAway(usize),
}

#[derive(Default)]
struct Door<'s> {
    /// When a client came in, and when it was gone.
    inside: Vec<(Timestamp, Timestamp)>,
    /// When and where one was turned away.
    away: Vec<(Timestamp, usize)>,
    /// How many were inside when the first was turned away, and the last.
    then: (usize, usize),
    users: HashSet<Option<&'s TextFact>>,
    ids: HashSet<&'s TextFact>,
    users_away: HashSet<Option<&'s TextFact>>,
    ids_away: HashSet<&'s TextFact>,
}

/// Tells each of `sessions` that the server turned away how many were connected, if that seems to be why.
pub(super) fn compare_crowds(sessions: &mut [Box<Session>]) {
    let mut doors: HashMap<Endpoint, Door<'_>> = HashMap::new();
    for (place, session) in one_by_one(sessions) {
        if let Some(at) = session.turned_away() {
            doors.entry(session.wire.peers.server.endpoint).or_default().away.push((at, place));
        }
    }
    if doors.is_empty() {
        return;
    }
    for (_, session) in one_by_one(sessions) {
        if let Some(stay) = session.stay()
            && let Some(door) = doors.get_mut(&session.wire.peers.server.endpoint)
        {
            door.count(stay);
        }
    }
    // Of most doors that is enough to know better.
    doors.retain(|_, door| door.then.0 >= CROWD && door.then.0 == door.then.1);
    if doors.is_empty() {
        return;
    }
    for (_, session) in one_by_one(sessions) {
        if let Some(door) = doors.get_mut(&session.wire.peers.server.endpoint) {
            door.note(session);
        }
    }
    let full: Vec<(usize, u64)> = doors.into_values().flat_map(|door| door.full()).collect();
    for (place, crowd) in full {
        if let Some(session) = sessions.get_mut(place) {
            session.neighbours.taken.get_or_insert_default().crowd = Some(crowd);
        }
    }
}

impl<'s> Door<'s> {
    fn count(&mut self, (from, until): (Timestamp, Timestamp)) {
        let holds = |away: Option<&(Timestamp, usize)>| away.is_some_and(|(at, _)| from <= *at && *at < until);
        self.then.0 += usize::from(holds(self.away.first()));
        self.then.1 += usize::from(holds(self.away.last()));
    }

    fn note(&mut self, session: &'s Session) {
        let Some(connect) = &session.connect else { return };
        let user = connect.username.as_ref();
        if let Some(stay) = session.stay() {
            self.inside.push(stay);
            self.users.insert(user);
            self.ids.insert(&connect.client_id);
        } else if session.turned_away().is_some() {
            self.users_away.insert(user);
            self.ids_away.insert(&connect.client_id);
        }
    }

    /// Who was turned away, and how many were inside.
    fn full(&self) -> Vec<(usize, u64)> {
        let several = self.ids_away.len() >= 2 || self.ids_away.is_subset(&self.ids);
        if self.inside.len() < CROWD || !several || !self.users_away.is_subset(&self.users) {
            return Vec::new();
        }
        let came = self.inside.iter().flat_map(|(from, until)| [(*from, Step::Comes), (*until, Step::Leaves)]);
        let mut steps: Vec<(Timestamp, Step)> =
            came.chain(self.away.iter().map(|(at, place)| (*at, Step::TurnedAway(*place)))).collect();
        steps.sort_unstable();
        let (mut now, mut most, mut away) = (0_u64, 0, Vec::new());
        for (_, step) in steps {
            match step {
                Step::Leaves => now = now.saturating_sub(1),
                Step::Comes => now += 1,
                Step::TurnedAway(place) => away.push((place, now)),
            }
            most = now.max(most);
        }
        if most < CROWD as u64 || away.iter().any(|(_, inside)| *inside != most) {
            away.clear();
        }
        away
    }
}

impl Session {
    /// When its client came in, and when it was gone.
    fn stay(&self) -> Option<(Timestamp, Timestamp)> {
        let connack = self.connack.as_ref().filter(|connack| connack.code.0 == 0 && self.connect.is_some())?;
        let end = self.wire.close().map_or(self.wire.last, |close| close.at);
        Some((connack.at.time, end.time))
    }

    /// When the server closed upon its CONNECT without an answer.
    fn turned_away(&self) -> Option<Timestamp> {
        let unanswered = self.connect.is_some() && self.connack.is_none();
        let close = self.wire.close().filter(|close| unanswered && close.by == Side::Server)?;
        Some(close.at.time)
    }
}
