//! `subscription-unanswered`: a SUBSCRIBE arrived and got no SUBACK.

use super::found::and_more;
use super::{About, Found};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Severity, words};
use crate::mqtt::PacketType;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "subscription-unanswered",
    severity: Severity::Warning,
    text: include_str!("subscription_unanswered.md"),
};

/// How long a SUBACK may take before it counts as missing.
const PATIENCE: i64 = 5 * SECOND;

/// The same where the session ended without it, so that it cannot come any more.
const OVER: i64 = 2 * SECOND;

/// Bytes of the shortest SUBACK.
const SHORTEST: u64 = 5;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    unanswered(story).into_iter().collect()
}

fn unanswered(story: &Story<'_>) -> Option<Found> {
    let session = story.session;
    let counts = &session.counts;
    let end = story.close.map_or(story.capture_end(), |close| close.at.time);
    let patience = if story.close.is_some() { OVER } else { PATIENCE };
    let mut open = session
        .subscriptions
        .iter()
        .filter(|one| one.answer.is_none() && end.nanoseconds_since(one.asked.time) >= patience);
    let first = open.next()?;
    let more = open.count() as u64;
    // A SUBACK may have come that answers nothing, or may be what the capture lacks.
    let asked = counts.client.of(PacketType::SUBSCRIBE);
    let answers = counts.server.of(PacketType::SUBACK);
    let other = &session.wire.sent.server;
    let lacking = (other.missing_bytes + other.unseen_bytes) / SHORTEST;
    if !story.connected() || answers + lacking >= asked || !story.acknowledged(Side::Client) {
        return None;
    }
    let span = words::duration(end.nanoseconds_since(first.asked.time));
    let more = and_more(1 + more);
    Some(
        Found::new(
            &ABOUT,
            format!(
                "The SUBSCRIBE of {} for {} was never answered, in {span}{more}.",
                story.client(),
                words::quoted(&first.filter)
            ),
            [first.asked],
        )
        .on(&[Ground::Absence])
        .clause("MQTT-3.8.4-1")
        .detail("It arrived: TCP acknowledged it. Whether the broker took the subscription the client cannot know; many libraries wait for the SUBACK, some for ever."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};
    use crate::mqtt::PacketType;
    use crate::stream::Side;

    fn asked(answer: Option<u8>, after: f64) -> Tale {
        Tale::connected().subscribe("a/#", answer, 1.0).close(Side::Client, after)
    }

    #[test]
    fn a_suback_that_never_came() {
        let found = finding(&asked(None, 14.0).build(), "subscription-unanswered").unwrap();
        assert_eq!(found.headline, "The SUBSCRIBE of sensor-17 for “a/#” was never answered, in 14 s.");
    }

    #[test]
    fn one_that_came_or_had_no_time_to() {
        assert!(finding(&asked(Some(0), 14.0).build(), "subscription-unanswered").is_none());
        assert!(finding(&asked(None, 0.5).build(), "subscription-unanswered").is_none());
    }

    #[test]
    fn a_suback_without_codes_is_an_answer() {
        let empty = asked(None, 14.0).with(|session| session.counts.server.add(PacketType::SUBACK));
        assert!(finding(&empty.build(), "subscription-unanswered").is_none());
    }

    #[test]
    fn what_never_arrived_needs_no_answer() {
        let lost = asked(None, 14.0).with(|session| session.wire.sent.client.sent.0 += 20);
        assert!(finding(&lost.build(), "subscription-unanswered").is_none());
    }
}
