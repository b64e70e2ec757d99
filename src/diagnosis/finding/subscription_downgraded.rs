//! `subscription-downgraded`: the broker granted a lower `QoS` than asked for.

use super::found::and_more;
use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};
use crate::session::Subscription;

pub(super) const ABOUT: About =
    About { id: "subscription-downgraded", severity: Severity::Info, text: include_str!("subscription_downgraded.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let lower = |subscription: &&Subscription| {
        let asked = subscription.requested_qos().0;
        subscription.answer.is_some_and(|(_, code)| code.0 < asked && asked <= 2)
    };
    let mut lowered = story.session.subscriptions.iter().filter(lower);
    let Some((first, (at, granted))) = lowered.next().and_then(|s| Some((s, s.answer?))) else {
        return Vec::new();
    };
    let more = and_more(1 + lowered.count() as u64);
    vec![
        Found::new(
            &ABOUT,
            format!(
                "The broker granted {} QoS {} for {} instead of QoS {}{more}.",
                story.client(),
                granted.0,
                words::quoted(&first.filter),
                first.requested_qos().0
            ),
            [first.asked, at],
        )
        .detail("The client gets its messages with fewer guarantees than it asked for. RabbitMQ and the cloud brokers offer no QoS 2."),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn less_than_was_asked_for() {
        let session = Tale::connected().subscribe("a/#", Some(0), 1.0).build();
        let found = finding(&session, "subscription-downgraded").unwrap();
        assert_eq!(found.headline, "The broker granted sensor-17 QoS 0 for “a/#” instead of QoS 1.");
        let same = Tale::connected().subscribe("a/#", Some(1), 1.0).build();
        assert!(finding(&same, "subscription-downgraded").is_none());
        let denied = Tale::connected().subscribe("a/#", Some(0x80), 1.0).build();
        assert!(finding(&denied, "subscription-downgraded").is_none());
    }
}
