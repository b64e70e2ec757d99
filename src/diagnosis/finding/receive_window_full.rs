//! `receive-window-full`: all that the receiver's Receive Maximum allows was unacknowledged for a while.

use super::{About, Found};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Severity, words};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "receive-window-full", severity: Severity::Warning, text: include_str!("receive_window_full.md") };

/// How long the window must stay full, beyond a round trip.
const STALLED: i64 = SECOND;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    [Side::Client, Side::Server].into_iter().filter_map(|sender| stalled(story, sender)).collect()
}

fn stalled(story: &Story<'_>, sender: Side) -> Option<Found> {
    let session = story.session;
    let window = &session.ledger.of(sender).window;
    let (length, since) = window.longest?;
    let limit = match sender {
        Side::Client => session.connack.as_ref()?.receive_maximum?,
        Side::Server => session.connect.as_ref()?.receive_maximum?,
    };
    if window.exceeded || length < STALLED + story.round_trip() {
        return None;
    }
    let (from, to) = (story.opener(sender), story.subject(sender.other()));
    let span = words::duration(length);
    let often = match window.full.count {
        0 | 1 => String::new(),
        count => format!(" (it was full {} times)", words::number(count)),
    };
    Some(
        Found::new(
            &ABOUT,
            format!("{from} had to hold back messages of QoS 1 and 2 for {span}: {limit} waited for an acknowledgment, all that the Receive Maximum of {to} allows{often}."),
            [since],
        )
        .on(&[Ground::Absence, Ground::Timing, Ground::State])
        .by(sender.other())
        .clause(if sender == Side::Client { "MQTT-3.3.4-7" } else { "MQTT-3.3.4-9" })
        .detail("Only messages of QoS 0, and acknowledgments, may pass in such a time. The receiver acknowledges too slowly for what is sent, or its Receive Maximum is too small for the round trip."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};
    use crate::session::Session;

    fn stalled(nanoseconds: i64) -> Session {
        let tale = Tale::connected_v5().with(|session| {
            session.connect.as_mut().unwrap().receive_maximum = Some(2);
            session.ledger.server.window.longest = Some((nanoseconds, session.wire.last));
            session.ledger.server.window.full.count = 1;
        });
        tale.build()
    }

    #[test]
    fn a_receiver_that_acknowledges_too_slowly() {
        let found = finding(&stalled(3_000_000_000), "receive-window-full").unwrap();
        assert_eq!(
            found.headline,
            "The broker had to hold back messages of QoS 1 and 2 for 3 s: 2 waited for an acknowledgment, all that the Receive Maximum of sensor-17 allows."
        );
    }

    #[test]
    fn a_window_that_is_full_for_a_moment_holds_nothing_up() {
        assert!(finding(&stalled(300_000_000), "receive-window-full").is_none());
        assert!(finding(&Tale::connected_v5().build(), "receive-window-full").is_none());
        let mut ignored = stalled(3_000_000_000);
        ignored.ledger.server.window.exceeded = true;
        assert!(finding(&ignored, "receive-window-full").is_none());
    }
}
