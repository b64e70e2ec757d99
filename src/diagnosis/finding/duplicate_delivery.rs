//! `duplicate-delivery`: a receiver got one message twice.

use super::found::and_more;
use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::session::{Overlap, Twice};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "duplicate-delivery", severity: Severity::Info, text: include_str!("duplicate_delivery.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let session = story.session;
    // Without the other direction nobody knows whether the first was acknowledged, and its id free for another message.
    let half = story.is(Qualifier::OneWay);
    let repeated = [Side::Client, Side::Server]
        .into_iter()
        .filter(|_| !half)
        .filter_map(|sender| Some(repeated(story, sender, session.ledger.of(sender).twice.as_ref()?)));
    repeated.chain(session.overlap.as_ref().map(|overlap| overlapping(story, overlap))).collect()
}

/// TCP delivers every copy that is sent on a connection.
fn repeated(story: &Story<'_>, sender: Side, twice: &Twice) -> Found {
    let topic = twice.topic.as_ref().map_or_else(String::new, |topic| format!(" to {}", words::quoted(topic)));
    let (from, to) = (story.subject(sender), story.subject(sender.other()));
    let after = |moment: crate::capture::Moment| words::duration(twice.again.time.nanoseconds_since(moment.time));
    let when = match twice.acknowledged {
        Some(answered) => format!("{} after its acknowledgment", after(answered)),
        None => format!("{} after the first, before an acknowledgment", after(twice.sent)),
    };
    let more = and_more(twice.count);
    Found::new(
        &ABOUT,
        format!("A message of QoS 1{topic} reached {to} twice{more}: {from} sent it again {when}."),
        [twice.sent].into_iter().chain(twice.acknowledged).chain([twice.again]),
    )
    .by(sender)
    .detail("QoS 1 means at least once. A program to which a second copy does harm needs QoS 2, or a number in the payload by which it knows what it has had.")
}

/// A broker may deliver a message once for each filter that matches (MQTT 5.0 §3.3.4, 3.1.1 §3.3.5).
fn overlapping(story: &Story<'_>, overlap: &Overlap) -> Found {
    let (one, other) = (words::quoted(&overlap.filters.0), words::quoted(&overlap.filters.1));
    let (topic, more, client) = (words::quoted(&overlap.topic), and_more(overlap.count), story.client());
    Found::new(
        &ABOUT,
        format!("The broker delivered a message to {topic} twice at once to {client}{more}: its filters {one} and {other} both match."),
        [overlap.moments.0, overlap.moments.1],
    )
    .only(Confidence::Likely)
    .by(Side::Server)
    .detail("Brokers may deliver once for each filter that matches. Subscribe to filters that do not overlap, or expect copies.")
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, finding, text};
    use crate::session::{Overlap, Twice};
    use crate::stream::Side;

    #[test]
    fn a_copy_after_the_acknowledgment() {
        let tale = Tale::connected().publish(Side::Server, "a/b", 1, 40, 1.0).publish(Side::Server, "a/b", 1, 40, 5.0);
        let session = tale.with(|session| {
            let moments: Vec<_> = session.last_packets.server.iter().rev().take(2).map(|packet| packet.at).collect();
            session.ledger.server.twice = Some(Twice {
                count: 2,
                topic: Some(text("a/b")),
                sent: moments[1],
                acknowledged: Some(moments[1]),
                again: moments[0],
                end: 0,
            });
        });
        let found = finding(&session.build(), "duplicate-delivery").unwrap();
        assert_eq!(
            found.headline,
            "A message of QoS 1 to “a/b” reached sensor-17 twice (and 1 more): the broker sent it again 5 s after its acknowledgment."
        );
        assert_eq!(found.confidence, Confidence::Certain);
    }

    #[test]
    fn a_copy_for_each_filter() {
        let tale = Tale::connected().publish(Side::Server, "a/b", 0, 40, 1.0);
        let session = tale.with(|session| {
            let at = session.last_packets.server.last().unwrap().at;
            session.overlap =
                Some(Box::new(Overlap { count: 1, topic: text("a/b"), filters: (text("a/#"), text("+/b")), moments: (at, at) }));
        });
        let found = finding(&session.build(), "duplicate-delivery").unwrap();
        assert!(found.headline.ends_with("its filters “a/#” and “+/b” both match."), "{}", found.headline);
        assert_eq!(found.confidence, Confidence::Likely);
        assert!(finding(&Tale::healthy().build(), "duplicate-delivery").is_none());
    }
}
