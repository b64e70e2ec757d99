//! `bridge-loop`: the same messages go to and fro between two brokers.

use crate::diagnosis::{Confidence, Severity, words};
use crate::session::{Rounds, Traffic};

use super::chain::Streams;
use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "bridge-loop", severity: Severity::Error, text: include_str!("bridge_loop.md") };

/// Fewer rounds may be messages that happen to be alike.
const ROUNDS: u64 = 10;
/// A round that takes so many nanoseconds on average is none of machines that only pass on what they get.
const ROUND: i64 = 1_000_000_000;

pub(super) fn find(sessions: &Streams<'_, '_>, traffic: &Traffic) -> Vec<Spanning> {
    let found = traffic.rounds.iter().filter_map(|rounds| {
        let (one, other) = (sessions.of(rounds.streams.0)?, sessions.of(rounds.streams.1)?);
        (is_loop(rounds) && are_mutual(one, other)).then(|| told(rounds, one, other, traffic.stopped.is_some()))
    });
    found.collect()
}

fn is_loop(rounds: &Rounds) -> bool {
    let (first, last) = rounds.span;
    let each = last.time.nanoseconds_since(first.time) / i64::try_from(rounds.count.max(1)).unwrap_or(i64::MAX);
    rounds.count >= ROUNDS && each < ROUND
}

/// Whether the client of each is the broker of the other, on two hosts: a program that publishes to two brokers is none.
fn are_mutual(one: &Judged<'_>, other: &Judged<'_>) -> bool {
    one.host != other.host && one.host == other.server.address && other.host == one.server.address
}

fn told(rounds: &Rounds, one: &Judged<'_>, other: &Judged<'_>, stopped: bool) -> Spanning {
    let (first, last) = rounds.span;
    let headline = format!(
        "Messages go round between {} and {}: each brings the other what it got from it, {}{} in {}, the first to {}.",
        one.server,
        other.server,
        if stopped { "at least " } else { "" },
        words::counted(rounds.count, "round"),
        words::duration(last.time.nanoseconds_since(first.time)),
        words::quoted(&rounds.topic)
    );
    let found = Found::new(&ABOUT, headline, [first, last])
        .only(Confidence::VeryLikely)
        .detail("Both brokers have a bridge to the other with topics in both directions. Leave one of the two out, or give each one direction only and a prefix of its own.");
    let mut both = [one, other];
    both.sort_by_key(|judged| judged.number);
    Spanning::new(found, both)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::across::testing::{Several, find};

    #[test]
    fn two_brokers_that_bring_each_other_their_messages() {
        let several =
            |count, hosts: [u8; 2]| Several::default().between(5, 6).between(hosts[0], hosts[1]).goes_round(count);
        let found = find(&several(12, [6, 5]), "bridge-loop").unwrap();
        assert_eq!(found.sessions, [1, 2]);
        assert_eq!(
            found.finding.headline,
            "Messages go round between 10.0.0.6:1883 and 10.0.0.5:1883: each brings the other what it got from it, 12 rounds in 1.2 s, the first to “plant/x”."
        );
        // A few that are alike, and a program that publishes to two brokers.
        assert!(find(&several(9, [6, 5]), "bridge-loop").is_none());
        assert!(find(&several(12, [5, 7]), "bridge-loop").is_none());
    }
}
