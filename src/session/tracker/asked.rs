//! The questions of an attempt that came to no connection, for the timeline.

use crate::attempt::{Attempt, Lookup, LookupFailure, Question, Search, Seen};
use crate::session::timeline::{Event, EventKind};
use crate::stream::Side;

/// What happened, in order.
pub(super) fn events(attempt: &Attempt) -> Vec<Event> {
    match &attempt.what {
        Question::Name(lookup) => self::lookup(lookup),
        Question::Host(search) => vec![self::search(search)],
    }
}

/// A host that was looked for.
pub(super) fn search(search: &Search) -> Event {
    let kind = EventKind::NeighbourQuestion { asker: search.asker, target: search.target };
    event(search.asked, Some(Side::Client), kind)
}

fn lookup(lookup: &Lookup) -> Vec<Event> {
    let Lookup { name, servers, asked, answered, failure, .. } = lookup;
    let asks = EventKind::NameQuestion { name: name.clone(), servers: servers.clone() };
    let mut events = vec![event(*asked, Some(Side::Client), asks)];
    if answered.count > 0 && *failure != LookupFailure::Silence {
        events.push(event(*answered, Some(Side::Server), EventKind::NameAnswer { failure: *failure }));
    }
    events
}

fn event(seen: Seen, side: Option<Side>, kind: EventKind) -> Event {
    Event { at: seen.first, until: seen.last, count: seen.count, side, kind }
}
