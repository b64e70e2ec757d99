//! `publish-unacknowledged`: a message of `QoS` 1 or 2 got no acknowledgment.

use super::found::and_more;
use super::{About, Found};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Severity, words};
use crate::mqtt::{PacketType, Version};
use crate::session::{Exchange, ExchangeState};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "publish-unacknowledged",
    severity: Severity::Warning,
    text: include_str!("publish_unacknowledged.md"),
};

/// How long an acknowledgment may take before it counts as missing.
const PATIENCE: i64 = 5 * SECOND;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    [Side::Client, Side::Server].into_iter().filter_map(|sender| waiting(story, sender)).collect()
}

fn waiting(story: &Story<'_>, sender: Side) -> Option<Found> {
    let waiting = |exchange: &&Exchange| {
        exchange.sender == sender
            && exchange.packet == PacketType::PUBLISH
            && exchange.state == ExchangeState::Sent
            && overdue(story, exchange)
    };
    let mut open = story.session.open_exchanges.iter().filter(waiting);
    let first = open.next()?;
    let more = and_more(1 + open.count() as u64);
    let topic = first.topic.as_ref().map_or_else(String::new, |topic| format!(" to {}", words::quoted(topic)));
    let from = story.subject(sender);
    let v5 = story.version() == Some(Version::V5);
    let clause = match (first.qos.0, v5) {
        (1, true) => "MQTT-4.3.2-4",
        (1, false) => "MQTT-4.3.2-2",
        (_, true) => "MQTT-4.3.3-8",
        (_, false) => "MQTT-4.3.3-2",
    };
    Some(
        Found::new(
            &ABOUT,
            format!("A message of QoS {}{topic} from {from} was never acknowledged{more}.", first.qos.0),
            [first.started, first.last],
        )
        .on(&[Ground::Absence])
        .clause(clause)
        .detail(
            "The receiver may have it or not; a sender with a persistent session sends it again after it reconnects.",
        ),
    )
}

/// Whether the acknowledgment had time enough: until the session ended, or the capture.
fn overdue(story: &Story<'_>, exchange: &Exchange) -> bool {
    let until = story.close.map_or(story.capture_end(), |close| close.at.time);
    until.nanoseconds_since(exchange.last.time) >= PATIENCE
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, finding, open_publish};
    use crate::session::ExchangeState;
    use crate::stream::Side;

    fn tale(after: f64) -> Tale {
        let tale = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0);
        tale.with(|session| open_publish(session, ExchangeState::Sent)).close(Side::Server, after)
    }

    #[test]
    fn an_acknowledgment_that_never_came() {
        let found = finding(&tale(20.0).build(), "publish-unacknowledged").unwrap();
        assert_eq!(found.headline, "A message of QoS 1 to “a/b” from sensor-17 was never acknowledged.");
    }

    #[test]
    fn a_session_that_ended_at_once_left_no_time_for_it() {
        assert!(finding(&tale(0.5).build(), "publish-unacknowledged").is_none());
    }

    #[test]
    fn what_was_not_captured_is_not_missing() {
        let gap = tale(20.0).with(|session| session.wire.sent.server.missing_bytes = 4);
        let found = finding(&gap.build(), "publish-unacknowledged").unwrap();
        assert_eq!(found.confidence, Confidence::Possible);
        let half = tale(20.0).with(|session| session.wire.sent.server.segments = 0);
        assert!(finding(&half.build(), "publish-unacknowledged").is_none());
    }
}
