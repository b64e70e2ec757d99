//! What finished stories show beside each other.
//!
//! Invariant: it changes what is known of why, never how a session ended.

mod admissions;
mod crowds;
mod departures;
mod detours;
mod legs;
mod serving;
mod silences;
mod taken;

use super::facts::Session;
use crate::fetch;

pub use silences::SILENCE_SPREAD;

/// Tells each of `sessions`, which stand in the order of their first frames, what others show of it.
pub fn compare(sessions: &mut [Box<Session>]) {
    admissions::compare_refused(sessions);
    silences::compare_silences(sessions);
    detours::find_detours(sessions);
    serving::find_serving(sessions);
    legs::find_legs(sessions);
    taken::compare_taken(sessions);
    crowds::compare_crowds(sessions);
    departures::compare_departures(sessions);
}

fn one_by_one(sessions: &[Box<Session>]) -> impl Iterator<Item = (usize, &Session)> {
    fetch::ahead(sessions, |session, depth| session.fetch(depth)).map(|session| &**session).enumerate()
}
