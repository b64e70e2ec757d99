//! `slow-acknowledgment`: messages of QoS 1 or 2 waited many seconds for their last acknowledgment, and got it.

use super::late_ping::longest_let_pass;
use super::{About, Found};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Confidence, Severity, words};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "slow-acknowledgment", severity: Severity::Warning, text: include_str!("slow_acknowledgment.md") };

/// A shorter wait is nothing that people notice.
const SLOW: i64 = 5 * SECOND;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    [Side::Client, Side::Server].into_iter().filter_map(|sender| of(story, sender)).collect()
}

fn of(story: &Story<'_>, sender: Side) -> Option<Found> {
    let late = story.session.ledger.of(sender).late;
    let (sent, answered) = late.slowest?;
    let waited = answered.time.nanoseconds_since(sent.time);
    if waited < SLOW {
        return None;
    }
    let (from, to) = (story.subject(sender), story.opener(sender.other()));
    let [_, _, twice, ..] = story.session.published.of(sender).by_qos;
    // Of QoS 2 a part of the time may be the sender's own, until its PUBREL.
    let level = if twice > 0 { "QoS 1 or 2" } else { "QoS 1" };
    let span = words::duration(waited);
    let others = match late.count.saturating_sub(1) {
        0 => String::new(),
        others => format!(" ({} more took longer than a second)", words::number(others)),
    };
    let lossy = story.session.wire.sent.of(sender).retransmitted > 0;
    let detail = match sender {
        _ if stood_still(story, waited) => "Meanwhile the client said nothing, for longer than a broker lets pass at its Keep Alive, and went on: the capture's clock was set forward, or the capture stood still, in that time.",
        _ if twice > 0 => "The last acknowledgment of QoS 2 answers a PUBREL: a part of the time may be that of the sender.",
        _ if lossy => "Some of what was sent had to be sent again by TCP: the network between may have taken the time.",
        Side::Client => "TCP had to send nothing again, so the broker's host had it: the broker took the time. RabbitMQ holds publishers back while its memory or disk alarm is on (`rabbitmq-diagnostics alarms`); others are overloaded, or wait for their storage.",
        Side::Server => "TCP had to send nothing again, so the client's host had it: the client's program took the time, in the callback that takes messages for instance.",
    };
    let found = Found::new(
        &ABOUT,
        format!("{to} acknowledged a message of {level} from {from} only after {span}{others}."),
        [sent, answered],
    );
    let found = if stood_still(story, waited) { found.only(Confidence::Possible) } else { found };
    Some(found.on(&[Ground::Timing]).detail(detail))
}

/// Whether so many nanoseconds were longer than any broker waits for the client, which was silent for as long.
fn stood_still(story: &Story<'_>, waited: i64) -> bool {
    let limit = story.keep_alive().filter(|seconds| *seconds > 0).map(longest_let_pass);
    let silence = story.session.keep_alive.longest_silence.map_or(0, |(silence, _)| silence);
    limit.is_some_and(|limit| waited > limit && silence > limit)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, finding};
    use crate::stream::Side;

    #[test]
    fn an_acknowledgment_after_many_seconds() {
        let found = |milliseconds: i64, count, retransmitted| {
            let tale = Tale::connected().publish(Side::Client, "a", 1, 20, 1.0).with(|session| {
                let sent = session.wire.last;
                let mut answered = sent;
                answered.time.0 += milliseconds * 1_000_000;
                let late = &mut session.ledger.client.late;
                (late.count, late.slowest) = (count, Some((sent, answered)));
                session.wire.sent.client.retransmitted = retransmitted;
            });
            finding(&tale.build(), "slow-acknowledgment")
        };
        let slow = found(14_900, 14, 0).unwrap();
        assert_eq!(
            slow.headline,
            "The broker acknowledged a message of QoS 1 from sensor-17 only after 14.9 s (13 more took longer than a second)."
        );
        assert!(slow.detail.unwrap().contains("the broker took the time"));
        assert!(found(6_000, 1, 2).unwrap().detail.unwrap().contains("the network between"));
        assert!(found(4_900, 14, 0).is_none());
        // Longer than any broker waits: but the client may have spoken meanwhile.
        assert!(found(3_600_000, 1, 0).unwrap().detail.unwrap().contains("the broker took the time"));
    }

    #[test]
    fn an_hour_in_which_nobody_spoke_is_the_captures() {
        let found = |seconds: i64| {
            let tale = Tale::connected().publish(Side::Client, "a", 1, 20, 1.0).with(|session| {
                let sent = session.wire.last;
                let mut answered = sent;
                answered.time.0 += seconds * 1_000_000_000;
                let late = &mut session.ledger.client.late;
                (late.count, late.slowest) = (1, Some((sent, answered)));
                session.keep_alive.longest_silence = Some((seconds * 1_000_000_000, answered));
            });
            finding(&tale.build(), "slow-acknowledgment").unwrap()
        };
        let (hour, minute) = (found(3600), found(60));
        assert_eq!(hour.confidence, Confidence::Possible);
        assert!(hour.detail.unwrap().contains("the capture's clock was set forward"));
        assert_eq!(minute.confidence, Confidence::Certain);
    }
}
