//! `message-not-delivered`: a broker took messages and did not pass them to a client whose subscription matches.

use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::session::{Missed, Session, Traffic};
use crate::stream::Side;

use super::chain::{Streams, client};
use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "message-not-delivered", severity: Severity::Warning, text: include_str!("message_not_delivered.md") };

/// How long, in nanoseconds, the subscriber must have stayed.
const PATIENCE: i64 = 5_000_000_000;

pub(super) fn find(sessions: &Streams<'_, '_>, traffic: &Traffic) -> Vec<Spanning> {
    let both = |missed: &Missed| Some((sessions.of(missed.publisher)?, sessions.of(missed.subscriber)?));
    let found = traffic.missed.iter().filter_map(|missed| {
        let (publisher, subscriber) = both(missed)?;
        if !is_complete(publisher) || !is_complete(subscriber) || !is_ready(subscriber.session, missed) {
            return None;
        }
        match subscriber.session.connect.as_ref().and_then(|connect| connect.maximum_packet_size) {
            None => Some(told(missed, publisher, subscriber, traffic)),
            // The payload alone: what stands around it is written anew for each subscriber.
            Some(most) if missed.smallest > most => Some(too_large(missed, most, publisher, subscriber)),
            Some(_) => None,
        }
    });
    found.collect()
}

/// Whether the capture holds all of the session, so that what it does not show was not sent.
fn is_complete(judged: &Judged<'_>) -> bool {
    let session = judged.session;
    let limits = [
        Qualifier::CaptureGaps,
        Qualifier::OneWay,
        Qualifier::CutPackets,
        Qualifier::PartialStart,
        Qualifier::ClockJump,
        Qualifier::NoTimes,
        Qualifier::Bridge,
    ];
    let whole = [Side::Client, Side::Server].into_iter().all(|side| {
        *session.partial_packets.of(side) == 0
            && *session.skipped_bytes.of(side) == 0
            && session.unfinished_packet.of(side).is_none()
    });
    whole && session.malformed.is_empty() && !limits.iter().any(|limit| judged.verdict.qualifiers.contains(limit))
}

/// Whether nothing kept the broker from sending to the subscriber.
fn is_ready(session: &Session, missed: &Missed) -> bool {
    let sent = &session.wire.sent;
    let held_back = session.ledger.server.window.full.count > 0
        || session.open_exchanges.iter().any(|exchange| exchange.sender == Side::Server)
        || sent.client.zero_window.is_some()
        || sent.server.retries.count > 0;
    let left = session.disconnect.client.as_ref().map(|goodbye| goodbye.at.time);
    let stayed = left.is_none_or(|left| left.nanoseconds_since(missed.last.time) > PATIENCE);
    !held_back && stayed
}

fn told(missed: &Missed, publisher: &Judged<'_>, subscriber: &Judged<'_>, traffic: &Traffic) -> Spanning {
    let (from, to) = (client(publisher), client(subscriber));
    let others = traffic.routes.iter().find(|route| {
        route.publisher == missed.publisher && route.subscriber == missed.subscriber && route.messages > 0
    });
    let others = others.map_or_else(String::new, |route| {
        format!(" {} of its messages did arrive there.", words::number(route.messages))
    });
    let (messages, topic) = (words::counted(missed.messages, "message"), words::quoted(&missed.topic));
    let (first, them) = if missed.messages == 1 { ("", "it") } else { ("the first ", "them") };
    let elsewhere = match missed.reached {
        0 => String::new(),
        count => format!(
            ", and sent {} to {}",
            if missed.messages == 1 { "it" } else { "the first" },
            words::counted(count, "other subscriber")
        ),
    };
    let headline = format!(
        "The broker did not pass {messages} of {from} ({first}to {topic}) on to {to}, although it took {them}{elsewhere} and {to} is subscribed to {} with QoS 1 or 2.",
        words::quoted(&missed.filter)
    );
    let found = Found::new(&ABOUT, headline, [missed.granted, missed.published, missed.last])
        .only(Confidence::Likely)
        .by(Side::Server)
        .detail(format!("Its access rules may withhold what {to} may not read, or drop what {from} may not publish, while both are answered as if all were well (mosquitto does so); its queue for {to} may be full; or it changes the message on the way. The broker's log tells.{others}"));
    let mut both = [publisher, subscriber];
    both.sort_by_key(|judged| judged.number);
    let count = if publisher.number == subscriber.number { 1 } else { 2 };
    Spanning::new(found, both.into_iter().take(count))
}

/// The messages are larger than the subscriber takes.
fn too_large(missed: &Missed, most: u32, publisher: &Judged<'_>, subscriber: &Judged<'_>) -> Spanning {
    let (from, to) = (client(publisher), client(subscriber));
    let (messages, topic) = (words::counted(missed.messages, "message"), words::quoted(&missed.topic));
    let (first, have) = if missed.messages == 1 { ("", "has") } else { ("the first ", "have at least") };
    let headline = format!(
        "The broker did not pass {messages} of {from} ({first}to {topic}) on to {to}: {} {have} {} of payload, and {to} takes no packets of more than {} (Maximum Packet Size).",
        if missed.messages == 1 { "it" } else { "they" },
        words::bytes(missed.smallest.into()),
        words::bytes(most.into())
    );
    let connect = subscriber.session.connect.as_ref().map(|connect| connect.at);
    let moments = connect.into_iter().chain([missed.granted, missed.published, missed.last]);
    let found = Found::new(&ABOUT, headline, moments)
        .only(Confidence::VeryLikely)
        .by(Side::Client)
        .clause("MQTT-3.1.2-25")
        .detail(format!("A broker must discard what is larger than a client takes, as if it had been delivered; the publisher is not told. Let {to} announce a larger Maximum Packet Size, or none, or let {from} send less at once."));
    let mut both = [publisher, subscriber];
    both.sort_by_key(|judged| judged.number);
    let count = if publisher.number == subscriber.number { 1 } else { 2 };
    Spanning::new(found, both.into_iter().take(count))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::across::testing::{Several, find};
    use crate::stream::Side;

    #[test]
    fn a_message_that_the_broker_keeps_to_itself() {
        let several = Several::default().healthy().healthy().misses(0, 1);
        let found = find(&several, "message-not-delivered").unwrap();
        assert_eq!(found.sessions, [1, 2]);
        assert_eq!(found.finding.confidence, Confidence::Likely);
        assert_eq!(
            found.finding.headline,
            "The broker did not pass 1 message of sensor-17 (to “office/light”) on to sensor-17, although it took it and sensor-17 is subscribed to “office/#” with QoS 1 or 2."
        );
    }

    #[test]
    fn what_the_capture_may_lack_or_the_subscriber_holds_up() {
        let gap = Several::default().healthy().healthy().misses(0, 1);
        let gap = gap.change(1, |session| session.wire.sent.server.missing_bytes = 10);
        assert!(find(&gap, "message-not-delivered").is_none());
        let full = Several::default().healthy().healthy().misses(0, 1);
        let full = full.change(1, |session| session.ledger.server.window.full.count = 1);
        assert!(find(&full, "message-not-delivered").is_none());
        let late = Several::default().healthy().healthy().misses(0, 1);
        let late = late.change(0, |session| *session.partial_packets.of_mut(Side::Client) = 1);
        assert!(find(&late, "message-not-delivered").is_none());
    }

    #[test]
    fn a_message_that_is_larger_than_the_subscriber_takes() {
        let with = |most| {
            let several = Several::default().healthy().healthy().misses(0, 1);
            several.change(1, |session| session.connect.as_mut().unwrap().maximum_packet_size = Some(most))
        };
        let found = find(&with(999), "message-not-delivered").unwrap().finding;
        assert_eq!((found.confidence, found.clause), (Confidence::VeryLikely, Some("MQTT-3.1.2-25")));
        assert_eq!(
            found.headline,
            "The broker did not pass 1 message of sensor-17 (to “office/light”) on to sensor-17: it has 1,000 bytes of payload, and sensor-17 takes no packets of more than 999 bytes (Maximum Packet Size)."
        );
        // It may fit: what stands around the payload is the broker's choice.
        assert!(find(&with(1000), "message-not-delivered").is_none());
    }
}
