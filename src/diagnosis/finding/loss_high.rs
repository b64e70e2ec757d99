//! `loss-high`: many segments were sent again.

use super::{About, Found};
use crate::capture::Moment;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Severity, words};
use crate::session::Wire;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "loss-high", severity: Severity::Warning, text: include_str!("loss_high.md") };

/// Fewer repetitions than this say nothing about the network.
const FEWEST: u64 = 5;
/// The share of repeated segments, in percent, that is worth a sentence.
const SHARE: u64 = 5;
/// A share that only a capture which holds every packet twice reaches.
const DOUBLED: u64 = 40;

/// No host sends SYN or SYN-ACK again before so many nanoseconds (RFC 6298 §2.1 begins with a second).
const AGAIN: i64 = SECOND / 2;

/// Whether the capture holds packets twice, as one merged of two points does: SYN and SYN-ACK come again sooner than a
/// host would send them again.
fn is_doubled(wire: &Wire) -> bool {
    let soon = |first: Moment, last: Moment| last.time.nanoseconds_since(first.time) < AGAIN;
    let (syn, answer) = (wire.syn, wire.syn_ack);
    syn.count == 2 && answer.count == 2 && soon(syn.first, syn.last) && soon(answer.first, answer.last)
}

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    if is_doubled(&story.session.wire) {
        return Vec::new();
    }
    [Side::Client, Side::Server]
        .into_iter()
        .filter_map(|side| {
            let sent = story.session.wire.sent.of(side);
            // What was repeated in vain at the end is not lost now and then: the connection failed, or is about to.
            let vain = u64::from(sent.retries.count);
            let (again, segments) = (sent.retransmitted.saturating_sub(vain), sent.segments.saturating_sub(vain));
            let share = again * 100 / segments.max(1);
            // Copies that stand behind other segments look like repetitions.
            let doubled = sent.duplicated * 2 >= again;
            // What was too large for the way is sent again in smaller pieces.
            let resized = sent.too_large > 0;
            if doubled || resized || again < FEWEST || !(SHARE..DOUBLED).contains(&share) {
                return None;
            }
            Some(
                Found::new(
                    &ABOUT,
                    format!(
                        "{share}% of the segments from {} were sent again ({} of {}): the network between loses packets.",
                        story.subject(side),
                        words::number(again),
                        words::number(segments)
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
        let copied = |duplicated| {
            let tale = Tale::healthy().with(|session| {
                let sent = &mut session.wire.sent.client;
                (sent.segments, sent.retransmitted, sent.duplicated) = (60, 12, duplicated);
            });
            finding(&tale.build(), "loss-high")
        };
        let resized = |too_large| {
            let tale = Tale::healthy().with(|session| {
                let sent = &mut session.wire.sent.client;
                (sent.segments, sent.retransmitted, sent.too_large) = (60, 12, too_large);
            });
            finding(&tale.build(), "loss-high")
        };
        assert!(resized(0).is_some());
        assert!(resized(1).is_none(), "a router asked for smaller segments");
        assert!(copied(2).is_some());
        assert!(copied(8).is_none(), "some of its copies stand behind other packets");
    }

    #[test]
    fn what_is_repeated_in_vain_is_no_loss_now_and_then() {
        let found = |vain| {
            let tale = Tale::healthy().with(|session| {
                let sent = &mut session.wire.sent.client;
                (sent.segments, sent.retransmitted, sent.retries.count) = (60, 12, vain);
            });
            finding(&tale.build(), "loss-high").map(|found| found.headline)
        };
        assert!(found(8).is_none());
        let told = "11% of the segments from sensor-17 were sent again (6 of 54): the network between loses packets.";
        assert_eq!(found(6).unwrap(), told);
    }

    #[test]
    fn copies_from_a_second_point_of_capture_are_no_loss() {
        let found = |syn: i64, syn_ack: i64| {
            let tale = Tale::healthy().with(|session| {
                session.wire.sent.client.segments = 30;
                session.wire.sent.client.retransmitted = 7;
                for (one, apart) in [(&mut session.wire.syn, syn), (&mut session.wire.syn_ack, syn_ack)] {
                    one.count = if apart > 0 { 2 } else { 1 };
                    one.last.time.0 += apart * 1_000_000;
                }
            });
            finding(&tale.build(), "loss-high").is_some()
        };
        assert!(!found(40, 40));
        assert!(found(1_010, 1_010) && found(0, 40) && found(40, 0) && found(0, 0));
    }
}
