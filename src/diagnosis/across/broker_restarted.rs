//! `broker-restarted` and `reconnect-storm`: a broker ended its sessions at one moment and came back, and how its
//! clients came back.

use std::collections::BTreeSet;

use crate::capture::Moment;
use crate::diagnosis::story::reset_is_foreign;
use crate::diagnosis::{Confidence, Severity, words};
use crate::net::Endpoint;
use crate::stream::Side;

use super::broker_unreachable::UNREACHED;
use super::chain::{Servers, accepted, client};
use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "broker-restarted", severity: Severity::Warning, text: include_str!("broker_restarted.md") };
pub(super) const STORM: About =
    About { id: "reconnect-storm", severity: Severity::Warning, text: include_str!("reconnect_storm.md") };

/// Outcomes of sessions that a broker ends when it goes down.
const ENDED: [&str; 2] = ["server-shutdown", "server-closed"];
/// Closes within so many nanoseconds belong together.
const TOGETHER: i64 = 1_000_000_000;
/// Sessions that end together, and tell of the broker rather than of themselves.
const SEVERAL: usize = 3;
/// A return is awaited for so many nanoseconds.
const BACK: i64 = 600_000_000_000;
/// Clients that come back within one second, and make a storm.
const STORM_CLIENTS: usize = 10;

/// A moment at which a broker went away.
struct Outage<'s, 'a> {
    at: Moment,
    last: Moment,
    ended: Vec<&'s Judged<'a>>,
    /// Attempts that failed until it was back.
    failed: Vec<&'s Judged<'a>>,
    /// The first session that it accepted again, and those after it.
    back: Vec<&'s Judged<'a>>,
}

pub(super) fn find(servers: &Servers<'_, '_>) -> Vec<Spanning> {
    let mut found = Vec::new();
    for (server, all) in servers {
        for outage in outages(all) {
            found.extend(restarted(*server, &outage));
            found.extend(storm(*server, &outage));
        }
    }
    found
}

/// The moment at which the server ended the session, if it did so without a reason that concerns this session alone.
fn ended(judged: &Judged<'_>) -> Option<Moment> {
    if !ENDED.contains(&judged.outcome) || !accepted(judged) || reset_is_foreign(judged.session) {
        return None;
    }
    judged.close.filter(|close| close.by == Side::Server).map(|close| close.at)
}

fn outages<'s, 'a>(all: &[&'s Judged<'a>]) -> Vec<Outage<'s, 'a>> {
    let mut closes: Vec<(Moment, &'s Judged<'a>)> =
        all.iter().filter_map(|judged| Some((ended(judged)?, *judged))).collect();
    closes.sort_by_key(|(at, judged)| (at.time, judged.number));
    let mut outages = Vec::new();
    let mut rest = closes.as_slice();
    while let Some((at, _)) = rest.first() {
        let together = rest.iter().take_while(|(other, _)| other.time.nanoseconds_since(at.time) <= TOGETHER).count();
        let (these, later) = rest.split_at(together);
        rest = later;
        let last = these.last().map_or(*at, |(at, _)| *at);
        // A session that goes on shows that the broker does.
        let survives = |judged: &&&Judged<'_>| {
            let wire = &judged.session.wire;
            let heard =
                wire.sent.server.last_segment.filter(|_| wire.reset.is_none_or(|reset| reset.by == Side::Client));
            wire.first.time < at.time && heard.is_some_and(|heard| last.time < heard.time)
        };
        if all.iter().filter(|judged| ended(judged).is_none()).any(|judged| survives(&judged)) {
            continue;
        }
        let after = |judged: &&&Judged<'a>| {
            let pause = judged.session.wire.first.time.nanoseconds_since(at.time);
            last.is_before(judged.session.wire.first) && pause <= BACK
        };
        // Whom another device refuses shows nothing of the broker.
        let turned_away = |judged: &&&Judged<'_>| reset_is_foreign(judged.session);
        let tried = all.iter().filter(after).filter(|judged| !turned_away(judged));
        let failed = tried.take_while(|judged| UNREACHED.contains(&judged.outcome));
        let failed: Vec<_> = failed.copied().collect();
        let back = all.iter().filter(after).filter(|judged| accepted(judged)).copied().collect();
        let ended = these.iter().map(|(_, judged)| *judged).collect();
        outages.push(Outage { at: *at, last, ended, failed, back });
    }
    outages
}

fn restarted(server: Endpoint, outage: &Outage<'_, '_>) -> Option<Spanning> {
    let back = outage.back.first()?;
    let accepted = back.session.connack.as_ref()?.at;
    let announced = outage.ended.iter().any(|judged| judged.verdict.outcome.code.is_some_and(|code| code.0 == 0x8B));
    let was_away = !outage.failed.is_empty();
    if outage.ended.len() < SEVERAL && !was_away && !announced {
        return None;
    }
    let ended = outage.ended.len() as u64;
    let sessions = if ended == 1 { "its session".to_owned() } else { format!("all {} sessions", words::number(ended)) };
    let refused = match outage.failed.len() as u64 {
        0 => String::new(),
        count => format!(" after {}", words::counted(count, "attempt")) + " in vain",
    };
    let headline = format!(
        "{server} went away and came back: it ended {sessions}, and accepted a client again {} later{refused} (session {}).",
        words::duration(accepted.time.nanoseconds_since(outage.at.time)),
        back.number
    );
    let moments = [outage.at, outage.last]
        .into_iter()
        .chain(outage.failed.iter().take(3).map(|judged| judged.session.wire.first));
    let found = Found::new(&ABOUT, headline, moments.chain([accepted]))
        .only(if was_away || announced { Confidence::VeryLikely } else { Confidence::Likely })
        .by(Side::Server)
        .detail(
            "The broker, or a proxy in front of it, was restarted, or crashed and was started again. Its log tells.",
        );
    let mut all: Vec<&Judged<'_>> = outage.ended.iter().chain(&outage.failed).chain([back]).copied().collect();
    all.sort_by_key(|judged| judged.number);
    Some(Spanning::new(found, all))
}

fn storm(server: Endpoint, outage: &Outage<'_, '_>) -> Option<Spanning> {
    let lost: BTreeSet<String> = outage.ended.iter().map(|judged| client(judged)).collect();
    let returned: Vec<&Judged<'_>> =
        outage.back.iter().filter(|judged| lost.contains(&client(judged))).copied().collect();
    let first = returned.first()?.session.wire.first;
    let soon = |judged: &&&Judged<'_>| judged.session.wire.first.time.nanoseconds_since(first.time) <= TOGETHER;
    let herd: Vec<&Judged<'_>> = returned.iter().take_while(soon).copied().collect();
    let clients: BTreeSet<String> = herd.iter().map(|judged| client(judged)).collect();
    if clients.len() < STORM_CLIENTS {
        return None;
    }
    let span = herd.last()?.session.wire.first.time.nanoseconds_since(first.time);
    let headline = format!(
        "{} came back to {server} within {} of one another after it had ended their sessions.",
        words::counted(clients.len() as u64, "client"),
        words::duration(span)
    );
    let found = Found::new(&STORM, headline, herd.iter().map(|judged| judged.session.wire.first))
        .detail("All of them connect, authenticate and subscribe at one moment. Let each client wait for a random time, and longer after each failure, before it connects again.");
    Some(Spanning::new(found, herd))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::across::testing::{Several, find};

    #[test]
    fn all_sessions_end_and_begin_again() {
        let several = Several::default().dropped_as("a", 0.0).dropped_as("b", 0.0).dropped_as("c", 3.0);
        let several = several.healthy_as("a", 0.1);
        let found = find(&several, "broker-restarted").unwrap();
        assert_eq!(found.sessions, [1, 2, 3, 4]);
        assert_eq!(found.finding.confidence, Confidence::Likely);
        assert!(
            found.finding.headline.starts_with("10.0.0.5:1883 went away and came back: it ended all 3 sessions"),
            "{}",
            found.finding.headline
        );
        let away = Several::default().dropped_as("a", 3.0).knocked(1.0).healthy_as("a", 0.1);
        let found = find(&away, "broker-restarted").unwrap();
        assert_eq!(found.finding.confidence, Confidence::VeryLikely);
        assert!(found.finding.headline.contains("after 1 attempt in vain"), "{}", found.finding.headline);
    }

    #[test]
    fn one_close_no_return_or_a_session_that_goes_on() {
        let one = Several::default().dropped_as("a", 3.0).healthy_as("a", 0.1);
        assert!(find(&one, "broker-restarted").is_none());
        let two = Several::default().dropped_as("a", 0.0).dropped_as("b", 3.0).healthy_as("a", 0.1);
        assert!(find(&two, "broker-restarted").is_none());
        let gone = Several::default().dropped_as("a", 0.0).dropped_as("b", 0.0).dropped_as("c", 3.0);
        assert!(find(&gone, "broker-restarted").is_none());
        let goes_on =
            Several::default().healthy_as("d", 0.0).dropped_as("a", 0.0).dropped_as("b", 0.0).dropped_as("c", 3.0);
        assert!(find(&goes_on.healthy_as("a", 0.1), "broker-restarted").is_none());
    }

    #[test]
    fn what_a_firewall_resets_the_broker_did_not_end() {
        let reset = |foreign| {
            let several = Several::default().reset_from_outside(foreign, 3.0).knocked_from_outside(foreign, 1.0);
            find(&several.healthy_as("sensor-17", 0.1), "broker-restarted")
        };
        assert!(reset(false).is_some());
        assert!(reset(true).is_none());
    }

    #[test]
    fn a_herd_comes_back() {
        let names: Vec<String> = (0..12).map(|number| format!("sensor-{number}")).collect();
        let herd = |pause: f64| {
            let lost = names.iter().fold(Several::default(), |several, name| several.dropped_as(name, 0.01));
            let away = lost.pause(3.0);
            names.iter().fold(away, |several, name| several.healthy_as(name, pause))
        };
        let found = find(&herd(0.02), "reconnect-storm").unwrap();
        assert_eq!(found.sessions.len(), 12);
        assert!(
            found.finding.headline.starts_with("12 clients came back to 10.0.0.5:1883 within 220 ms"),
            "{}",
            found.finding.headline
        );
        assert!(find(&herd(2.0), "reconnect-storm").is_none());
    }
}
