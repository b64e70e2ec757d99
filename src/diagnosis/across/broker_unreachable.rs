//! `broker-unreachable`: for a while nobody could reach the broker.

use std::collections::BTreeSet;

use crate::diagnosis::{Confidence, Severity, words};
use crate::net::Endpoint;

use super::chain::{Servers, accepted};
use super::{About, Counted, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "broker-unreachable", severity: Severity::Error, text: include_str!("broker_unreachable.md") };

/// Outcomes of connections that TCP never opened.
pub(super) const UNREACHED: [&str; 4] =
    ["syn-unanswered", "connection-refused", "icmp-unreachable", "tcp-handshake-incomplete"];
/// Hosts that make it more than the trouble of one.
const HOSTS: usize = 2;

/// How long it took is told only where frames have times (`paced`).
pub(super) fn find(servers: &Servers<'_, '_>, counted: &[Counted], paced: bool) -> Vec<Spanning> {
    let mut found = Vec::new();
    for (&server, tries) in servers {
        let mut rest = tries.as_slice();
        let least = least(counted, server);
        while let Some(start) = rest.iter().position(|judged| unreached(judged)) {
            let here = rest.get(start..).unwrap_or_default();
            let (these, later) = here.split_at(here.iter().take_while(|judged| unreached(judged)).count());
            let hosts = these.iter().map(|judged| judged.host);
            let hosts = hosts.collect::<BTreeSet<_>>().len();
            // Whoever was connected all the time could reach it.
            let connected = || tries.iter().any(|judged| goes_on(judged, these));
            if hosts >= HOSTS && !connected() {
                found.extend(told(server, these, (hosts, least), later.first().copied(), paced));
            }
            rest = later;
        }
    }
    found
}

/// What stands before a number of sessions with `server`: some may only have been counted.
pub(super) fn least(counted: &[Counted], server: Endpoint) -> &'static str {
    let more = counted.iter().any(|kind| kind.server.is_none_or(|other| other == server));
    if more { "at least " } else { "" }
}

fn unreached(judged: &Judged<'_>) -> bool {
    UNREACHED.contains(&judged.outcome)
}

/// Whether the server was heard on another connection after the first of `these` and before the last.
fn goes_on(judged: &Judged<'_>, these: &[&Judged<'_>]) -> bool {
    let (Some(first), Some(last)) = (these.first(), these.last()) else { return false };
    let heard = judged.session.wire.sent.server.last_segment;
    !unreached(judged)
        && judged.session.wire.first.is_before(last.session.wire.first)
        && heard.is_some_and(|heard| first.session.wire.last.is_before(heard))
}

fn told(
    server: Endpoint,
    these: &[&Judged<'_>],
    (hosts, at_least): (usize, &str),
    then: Option<&Judged<'_>>,
    paced: bool,
) -> Option<Spanning> {
    let (first, last) = (these.first()?, these.last()?);
    let span = last.session.wire.last.time.nanoseconds_since(first.session.wire.first.time);
    let same = these.iter().all(|judged| judged.outcome == first.outcome);
    let how = match first.outcome {
        "connection-refused" if same => ", and its host refused each time",
        "syn-unanswered" if same => ", and nothing answered",
        "icmp-unreachable" if same => ", and were told that there is no way",
        _ => "",
    };
    let end = match then {
        Some(then) if accepted(then) => format!(" Then it answered again (session {}).", then.number),
        _ => String::new(),
    };
    let within = if paced { format!(" within {}", words::duration(span)) } else { String::new() };
    let headline = format!(
        "Nobody could reach {server}: {at_least}{} tried {at_least}{}{within}{how}.{end}",
        words::counted(hosts as u64, "host"),
        words::counted(these.len() as u64, "time"),
    );
    let found = Found::new(&ABOUT, headline, these.iter().map(|judged| judged.session.wire.first))
        .only(if same { Confidence::Certain } else { Confidence::VeryLikely })
        .by(crate::stream::Side::Server)
        .detail("The fault is at the broker, its host or the network before it, not at one of the clients.");
    Some(Spanning::new(found, these.iter().copied()))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::across::testing::{Several, find};

    #[test]
    fn several_hosts_knock_in_vain() {
        let several = Several::default().knocked_from(21, 1.0).knocked_from(22, 1.0).knocked_from(21, 1.0).healthy();
        let found = find(&several, "broker-unreachable").unwrap();
        assert_eq!(found.sessions, [1, 2, 3]);
        assert!(found.finding.headline.starts_with("Nobody could reach 10.0.0.5:1883: 2 hosts tried 3 times"));
        assert!(found.finding.headline.ends_with("Then it answered again (session 4)."), "{}", found.finding.headline);
    }

    #[test]
    fn one_host_or_success_between_is_not_everyone() {
        let one = Several::default().knocked_from(21, 1.0).knocked_from(21, 1.0).knocked_from(21, 1.0);
        assert!(find(&one, "broker-unreachable").is_none());
        let between = Several::default().knocked_from(21, 1.0).healthy().knocked_from(22, 1.0);
        assert!(find(&between, "broker-unreachable").is_none());
    }
}
