//! `loss-high`: many segments were sent again.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "loss-high", severity: Severity::Warning, text: include_str!("loss_high.md") };

/// Fewer repetitions than this say nothing about the network.
const FEWEST: u64 = 5;
/// The share of repeated segments, in percent, that is worth a sentence.
const SHARE: u64 = 5;
/// A share that only a capture which holds every packet twice reaches.
const DOUBLED: u64 = 40;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    [Side::Client, Side::Server]
        .into_iter()
        .filter_map(|side| {
            let sent = story.session.wire.sent.of(side);
            let share = sent.retransmitted * 100 / sent.segments.max(1);
            if sent.retransmitted < FEWEST || !(SHARE..DOUBLED).contains(&share) {
                return None;
            }
            Some(
                Found::new(
                    &ABOUT,
                    format!(
                        "{share}% of the segments from {} were sent again ({} of {}): the network between loses packets.",
                        story.subject(side),
                        words::number(sent.retransmitted),
                        words::number(sent.segments)
                    ),
                    sent.first_data.into_iter().chain(sent.last_data),
                )
                .detail("Weak Wi-Fi or mobile signal, or an overloaded line. Answers come late, and short time limits run out."),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn a_lossy_network() {
        let found = |segments, again| {
            let tale = Tale::healthy().with(|session| {
                session.wire.sent.client.segments = segments;
                session.wire.sent.client.retransmitted = again;
            });
            finding(&tale.build(), "loss-high")
        };
        assert_eq!(
            found(1200, 84).unwrap().headline,
            "7% of the segments from sensor-17 were sent again (84 of 1,200): the network between loses packets."
        );
        assert!(found(1200, 30).is_none());
        assert!(found(20, 3).is_none());
        assert!(found(100, 50).is_none(), "a capture that holds every packet twice");
    }
}
