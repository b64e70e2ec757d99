//! `closed-after-silence`: a server closed several connections, each after the same silence, as a timer does.

use hashbrown::HashMap;

use crate::capture::Moment;
use crate::diagnosis::{Confidence, Severity, words};
use crate::net::Endpoint;
use crate::session::SILENCE_SPREAD;
use crate::stream::Side;

use super::chain::Servers;
use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "closed-after-silence", severity: Severity::Warning, text: include_str!("closed_after_silence.md") };

/// The outcome of sessions that a server closed without a reason.
pub(super) const CLOSED: &str = "server-closed";
/// A shorter silence, in nanoseconds, may be equal to another by chance.
const SHORTEST_SILENCE: i64 = 10_000_000_000;
/// Closes within so many nanoseconds have one reason, which is no timer of each.
const TOGETHER: i64 = 2_000_000_000;
/// So many are hardly chance.
const SEVERAL: usize = 3;

/// A connection that was closed in silence.
#[derive(Clone, Copy)]
struct Silence<'s, 'a> {
    judged: &'s Judged<'a>,
    last: Moment,
    closed: Moment,
    length: i64,
}

/// Those that a loop tells of already (`loops`) are left out.
pub(super) fn find(servers: &Servers<'_, '_>, loops: &[Spanning]) -> Vec<Spanning> {
    let told: HashMap<u64, usize> = (0..)
        .zip(loops)
        .flat_map(|(place, spanning)| spanning.sessions.iter().map(move |number| (*number, place)))
        .collect();
    let mut found = Vec::new();
    for (&server, all) in servers {
        let mut silences: Vec<Silence<'_, '_>> = all.iter().filter_map(|judged| silence(judged)).collect();
        if silences.len() < 2 {
            continue;
        }
        let outlasted = all.iter().filter_map(|judged| outlasted(judged)).max().unwrap_or_default();
        silences.sort_by_key(|one| (one.length, one.closed.time, one.judged.number));
        let mut rest = silences.as_slice();
        while let Some(first) = rest.first() {
            let alike = |one: &&Silence<'_, '_>| one.length - first.length <= SILENCE_SPREAD;
            let (these, later) = rest.split_at(rest.iter().take_while(alike).count());
            rest = later;
            let longest = these.last().map_or(first.length, |last| last.length);
            let by_loop = |one: &Silence<'_, '_>| told.get(&one.judged.number);
            let told_there = by_loop(first).is_some() && these.iter().all(|one| by_loop(one) == by_loop(first));
            let apart = apart(these);
            if apart.len() > 1 && outlasted <= longest.saturating_add(TOGETHER) && !told_there {
                found.extend(describe(server, &apart));
            }
        }
    }
    found
}

/// The silence in which the server's side closed, if the client's Keep Alive allowed for it.
fn silence<'s, 'a>(judged: &'s Judged<'a>) -> Option<Silence<'s, 'a>> {
    if judged.outcome != CLOSED {
        return None;
    }
    let session = judged.session;
    let closed = judged.close.filter(|close| close.by == Side::Server)?.at;
    let last = judged.session.last_packet().filter(|at| at.is_before(closed))?;
    let length = closed.time.nanoseconds_since(last.time);
    let keep_alive = session.connect.as_ref().map(|connect| i64::from(connect.keep_alive))?;
    let allowed = keep_alive == 0 || length / 1_000_000_000 < keep_alive;
    (allowed && length >= SHORTEST_SILENCE).then_some(Silence { judged, last, closed, length })
}

/// Those of `these` that were not closed at the moment of another, in order of their closes.
fn apart<'s, 'a>(these: &[Silence<'s, 'a>]) -> Vec<Silence<'s, 'a>> {
    let mut by_time = these.to_vec();
    by_time.sort_by_key(|one| (one.closed.time, one.judged.number));
    let near = |one: &Silence<'_, '_>, other: Option<&Silence<'_, '_>>| {
        other.is_some_and(|other| one.closed.time.nanoseconds_since(other.closed.time).abs() <= TOGETHER)
    };
    let neighbour = |place: Option<usize>| place.and_then(|place| by_time.get(place));
    let alone = (0_usize..).zip(&by_time).filter(|(place, one)| {
        !near(one, neighbour(place.checked_sub(1))) && !near(one, neighbour(place.checked_add(1)))
    });
    alone.map(|(_, one)| *one).collect()
}

/// The silence with which a connection that was let in ended, or in which it still was when the capture did.
fn outlasted(judged: &Judged<'_>) -> Option<i64> {
    let session = judged.session;
    let end = judged.close.map_or(session.capture.ended, |close| close.at.time);
    judged.session.last_packet().filter(|_| judged.accepted).map(|last| end.nanoseconds_since(last.time))
}

fn describe(server: Endpoint, these: &[Silence<'_, '_>]) -> Option<Spanning> {
    let longest = these.iter().map(|one| one.length).max()?;
    let headline = format!(
        "{server} closed {} after the same silence: {}.",
        words::counted(these.len() as u64, "connection"),
        words::duration(longest)
    );
    let confidence = if these.len() < SEVERAL { Confidence::Possible } else { Confidence::Likely };
    let found = Found::new(&ABOUT, headline, these.iter().flat_map(|one| [one.last, one.closed]))
        .only(confidence)
        .detail("A proxy or load balancer between, or the broker, closes connections that are idle for so long. A longer timer there, or a shorter Keep Alive of the clients, prevents it.");
    let mut sessions: Vec<&Judged<'_>> = these.iter().map(|one| one.judged).collect();
    sessions.sort_by_key(|judged| judged.number);
    Some(Spanning::new(found, sessions))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::across::testing::{Several, find};

    fn found(silences: &[f64], pause: f64) -> Option<(Confidence, String)> {
        let several = (0..)
            .zip(silences)
            .fold(Several::default(), |all, (client, quiet)| all.silenced_as(&format!("c{client}"), *quiet, pause));
        find(&several, "closed-after-silence").map(|found| (found.finding.confidence, found.finding.headline))
    }

    #[test]
    fn equal_silences() {
        let (confidence, headline) = found(&[30.0, 30.02], 50.0).unwrap();
        assert_eq!(confidence, Confidence::Possible);
        assert_eq!(headline, "10.0.0.5:1883 closed 2 connections after the same silence: 30 s.");
        assert_eq!(found(&[30.0, 30.02, 30.01], 50.0).unwrap().0, Confidence::Likely);
    }

    #[test]
    fn silences_that_differ_or_are_short_or_end_at_one_moment() {
        assert!(found(&[30.0, 31.0], 50.0).is_none());
        assert!(found(&[3.0, 3.0], 50.0).is_none());
        assert!(found(&[30.0, 30.0], 0.5).is_none());
    }

    #[test]
    fn a_longer_silence_was_survived() {
        let several = Several::default().silenced_as("a", 30.0, 50.0).silenced_as("b", 30.0, 50.0);
        assert!(find(&several.silenced_as("c", 40.0, 50.0), "closed-after-silence").is_none());
    }

    #[test]
    fn a_loop_tells_it_itself() {
        let one = (0..3).fold(Several::default(), |all, _| all.silenced_as("a", 30.0, 50.0));
        assert!(find(&one, "reconnect-loop").unwrap().finding.detail.unwrap().starts_with("Each time"));
        assert!(find(&one, "closed-after-silence").is_none());
        let two = (0..2).fold(Several::default(), |all, _| all.silenced_as("a", 30.0, 50.0));
        assert!(find(&two, "closed-after-silence").is_some());
    }
}
