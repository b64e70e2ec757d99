//! `publish-unacknowledged`: a message of `QoS` 1 or 2 got no acknowledgment.

use super::found::and_more;
use super::{About, Found};
use crate::capture::{Moment, Timestamp};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::{PacketType, Version};
use crate::session::{Arrived, Close, Exchange, ExchangeState, TextFact, Unheard};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "publish-unacknowledged",
    severity: Severity::Warning,
    text: include_str!("publish_unacknowledged.md"),
};

/// How long an acknowledgment may take before it counts as missing.
const PATIENCE: i64 = 5 * SECOND;

/// The same where the session ended without it, so that it cannot come any more.
const OVER: i64 = 2 * SECOND;

/// Bytes of the shortest acknowledgment (MQTT 5.0 §3.4).
const SHORTEST: u64 = 4;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let both = || [Side::Client, Side::Server].into_iter();
    let waiting = both().filter_map(|sender| waiting(story, sender));
    let lost = both().filter_map(|sender| lost_on_the_way(story, sender));
    waiting.chain(lost).chain(both().filter_map(|sender| too_late(story, sender))).collect()
}

/// The acknowledgment came when the sender had waited for a while and gone.
fn too_late(story: &Story<'_>, sender: Side) -> Option<Found> {
    let close = story.close_by(sender)?;
    let mut all = story.session.ledger.of(sender).unheard.iter().filter(|unheard| waited_in_vain(close, unheard));
    let first = all.next()?;
    let more = and_more(1 + all.count() as u64);
    let topic = topic_of(first.topic.as_ref());
    let waited = words::duration(close.at.time.nanoseconds_since(first.published.time));
    let after = words::duration(first.answered.time.nanoseconds_since(close.at.time));
    let from = story.subject(sender);
    Some(
        Found::new(
            &ABOUT,
            format!("A message of QoS {}{topic} from {from} was not acknowledged for {waited}: the acknowledgment came {after} after {from} had gone{more}.", first.qos.0),
            [first.published, close.at, first.answered],
        )
        .only(Confidence::VeryLikely)
        .detail(format!("{} has the message; {from} cannot know that, and may send it again.", story.opener(sender.other()))),
    )
}

/// Whether the sender waited for the acknowledgment for a while, and it came after its `close`.
fn waited_in_vain(close: Close, unheard: &Unheard) -> bool {
    let waited = close.at.time.nanoseconds_since(unheard.published.time);
    waited >= OVER && close.at.is_before(unheard.answered)
}

/// ` to “a/b”`, where the topic is known.
fn topic_of(topic: Option<&TextFact>) -> String {
    topic.map_or_else(String::new, |topic| format!(" to {}", words::quoted(topic)))
}

/// The acknowledgment was sent, and did not arrive as far as TCP tells.
fn lost_on_the_way(story: &Story<'_>, sender: Side) -> Option<Found> {
    let session = story.session;
    let answerer = sender.other();
    let repeated = session.wire.sent.of(answerer).retries.count > 0;
    let late = |at: Moment| end(story).nanoseconds_since(at.time) >= PATIENCE;
    let gone = |unheard: &Unheard| story.close_by(sender).is_some_and(|close| waited_in_vain(close, unheard));
    let lost = |unheard: &&Unheard| (repeated || late(unheard.answered)) && !gone(unheard);
    let mut lost = session.ledger.of(sender).unheard.iter().filter(lost);
    let first = lost.next()?;
    let more = and_more(1 + lost.count() as u64);
    let topic = topic_of(first.topic.as_ref());
    let (by, from) = (story.subject(answerer), story.subject(sender));
    Some(
        Found::new(
            &ABOUT,
            format!("The acknowledgment of a message of QoS {}{topic} was sent by {by} but did not reach {from}: TCP never acknowledged it{more}.", first.qos.0),
            [first.published, first.answered],
        )
        .only(Confidence::VeryLikely)
        .on(&[Ground::Absence])
        .detail(format!("{} has the message; {from} cannot know that, and may send it again.", story.opener(answerer))),
    )
}

/// When nothing more could come.
fn end(story: &Story<'_>) -> Timestamp {
    story.close.map_or(story.capture_end(), |close| close.at.time)
}

/// What TCP tells of a message that was not acknowledged.
fn whereabouts(story: &Story<'_>, exchange: &Exchange) -> String {
    let to = story.subject(exchange.sender.other());
    let span = words::duration(end(story).nanoseconds_since(exchange.started.time));
    let again = match exchange.resent {
        0 => String::new(),
        times => format!(", though it was sent again {}", words::counted(times.into(), "time")),
    };
    let (fate, receiver) = match exchange.arrived {
        Arrived::Yes => (
            format!("It arrived: TCP acknowledged it at the host of {to}, which sent no answer in {span}{again}. "),
            "Its program may have the message or not; a",
        ),
        Arrived::No => (format!("TCP never acknowledged it in {span}{again}: it most likely did not arrive. "), "A"),
        Arrived::Unknown => (String::new(), "The receiver may have it or not; a"),
    };
    format!("{fate}{receiver} sender with a persistent session sends it again after it reconnects.")
}

fn waiting(story: &Story<'_>, sender: Side) -> Option<Found> {
    let waiting = |exchange: &&Exchange| {
        exchange.sender == sender
            && exchange.packet == PacketType::PUBLISH
            && exchange.state == ExchangeState::Sent
            // There is no QoS 3, so nothing that would acknowledge it.
            && exchange.qos.0 <= 2
            && overdue(story, exchange)
    };
    let open = || story.session.open_exchanges.iter().filter(waiting);
    let (first, count) = (open().next()?, open().count() as u64);
    // What the capture lacks of the other side may be the acknowledgments.
    let other = story.session.wire.sent.of(sender.other());
    if count <= (other.missing_bytes + other.unseen_bytes) / SHORTEST {
        return None;
    }
    let more = and_more(count);
    let topic = topic_of(first.topic.as_ref());
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
        .detail(whereabouts(story, first)),
    )
}

/// Whether the acknowledgment had time enough: until the session ended, or the capture.
fn overdue(story: &Story<'_>, exchange: &Exchange) -> bool {
    let patience = if story.close.is_some() { OVER } else { PATIENCE };
    end(story).nanoseconds_since(exchange.last.time) >= patience
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, finding, open_publish, text};
    use crate::mqtt::QoS;
    use crate::session::{Arrived, ExchangeState, Unheard};
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
    fn there_is_no_acknowledgment_for_qos_3() {
        let tale = tale(20.0).with(|session| session.open_exchanges[0].qos = QoS(3));
        assert!(finding(&tale.build(), "publish-unacknowledged").is_none());
    }

    #[test]
    fn tcp_tells_whether_it_arrived() {
        let detail = |arrived| {
            let tale = tale(20.0).with(|session| session.open_exchanges[0].arrived = arrived);
            finding(&tale.build(), "publish-unacknowledged").unwrap().detail.unwrap()
        };
        assert!(detail(Arrived::Yes).starts_with("It arrived: TCP acknowledged it at the host of the broker, which sent no answer in 20 s."));
        assert!(detail(Arrived::No).starts_with("TCP never acknowledged it in 20 s: it most likely did not arrive. A sender"));
        assert!(detail(Arrived::Unknown).starts_with("The receiver may have it"));
    }

    #[test]
    fn an_acknowledgment_that_was_lost() {
        let sent = |after: f64| {
            let tale = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0);
            let tale = tale.packet(Side::Server, crate::mqtt::PacketType::PUBACK, 0.01).with(|session| {
                let moment = |side| session.last_packets.of(side).last().unwrap().at;
                let (published, answered) = (moment(Side::Client), moment(Side::Server));
                let topic = Some(text("a/b"));
                let unheard =
                    Unheard { packet_identifier: 1, qos: QoS(1), topic, fingerprint: None, published, answered };
                session.ledger.client.unheard.push(unheard);
            });
            finding(&tale.close(Side::Server, after).build(), "publish-unacknowledged")
        };
        let found = sent(20.0).unwrap();
        assert_eq!(found.headline, "The acknowledgment of a message of QoS 1 to “a/b” was sent by the broker but did not reach sensor-17: TCP never acknowledged it.");
        assert_eq!(found.confidence, Confidence::VeryLikely);
        // A client that closes at once acknowledges nothing more.
        assert!(sent(0.1).is_none());
    }

    #[test]
    fn an_acknowledgment_to_a_client_that_has_gone() {
        let left = |waited: f64, by: Side| {
            let tale = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0).close(by, waited);
            let tale = tale.packet(Side::Server, crate::mqtt::PacketType::PUBACK, 1.5).with(|session| {
                let moment = |side| session.last_packets.of(side).last().unwrap().at;
                let (published, answered) = (moment(Side::Client), moment(Side::Server));
                let (topic, qos) = (Some(text("a/b")), QoS(1));
                let unheard = Unheard { packet_identifier: 1, qos, topic, fingerprint: None, published, answered };
                session.ledger.client.unheard.push(unheard);
            });
            finding(&tale.build(), "publish-unacknowledged")
        };
        let found = left(3.0, Side::Client).unwrap();
        assert_eq!(found.headline, "A message of QoS 1 to “a/b” from sensor-17 was not acknowledged for 3 s: the acknowledgment came 1.5 s after sensor-17 had gone.");
        // Who leaves at once waits for nothing, and after its own FIN the broker sends nothing.
        assert!(left(0.5, Side::Client).is_none());
        assert!(left(3.0, Side::Server).is_none());
    }

    #[test]
    fn a_session_that_ended_at_once_left_no_time_for_it() {
        assert!(finding(&tale(0.5).build(), "publish-unacknowledged").is_none());
    }

    #[test]
    fn what_ended_cannot_be_acknowledged_any_more() {
        assert!(finding(&tale(3.0).build(), "publish-unacknowledged").is_some());
        let open = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0).ended_after(3.0);
        let open = open.with(|session| open_publish(session, ExchangeState::Sent));
        assert!(finding(&open.build(), "publish-unacknowledged").is_none());
    }

    #[test]
    fn what_was_not_captured_is_not_missing() {
        let gap = |bytes| {
            let tale = tale(20.0).with(|session| session.wire.sent.server.missing_bytes = bytes);
            finding(&tale.build(), "publish-unacknowledged")
        };
        assert!(gap(4).is_none());
        let begun = tale(20.0).with(|session| session.wire.sent.server.unseen_bytes = 4);
        assert!(finding(&begun.build(), "publish-unacknowledged").is_none());
        // Nothing but the end of something else.
        assert_eq!(gap(3).unwrap().confidence, Confidence::Possible);
        let half = tale(20.0).with(|session| session.wire.sent.server.segments = 0);
        assert!(finding(&half.build(), "publish-unacknowledged").is_none());
    }
}
