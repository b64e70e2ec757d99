//! `subscription-denied`: the broker refused a subscription.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};
use crate::mqtt::PacketType;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "subscription-denied", severity: Severity::Warning, text: include_str!("subscription_denied.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let refusals = &story.session.refusals;
    let mut denied =
        refusals.iter().filter(|refusal| refusal.packet == PacketType::SUBACK && refusal.by == Side::Server);
    let Some(first) = denied.next() else {
        return Vec::new();
    };
    let what = match (1 + denied.count() as u64, first.topic.as_ref().map(words::quoted)) {
        (1, Some(filter)) => format!("the subscription to {filter}"),
        (1, None) => "a subscription".to_owned(),
        (count, Some(filter)) => format!("{} subscriptions, the first to {filter}", words::number(count)),
        (count, None) => format!("{} subscriptions", words::number(count)),
    };
    // In 3.1.1 there is one code for all failures.
    let code = match story.version() {
        Some(version) if !version.is_v5() && first.code.0 == 0x80 => "Failure (0x80)".to_owned(),
        _ => words::code_in_words(first.code, PacketType::SUBACK),
    };
    let client = story.client();
    vec![
        Found::new(
            &ABOUT,
            format!("The broker denied {client} {what}: {code}."),
            first.request.into_iter().chain([first.at]),
        )
        .detail(
            "Messages of these topics do not reach the client. Check the broker's rules for this user and client id.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn a_denied_subscription() {
        let session = Tale::connected().subscribe("a/#", Some(0x80), 1.0).build();
        let found = finding(&session, "subscription-denied").unwrap();
        assert_eq!(found.headline, "The broker denied sensor-17 the subscription to “a/#”: Failure (0x80).");
        assert_eq!(found.frames.len(), 2);
    }

    #[test]
    fn a_granted_one_is_none() {
        let session = Tale::connected().subscribe("a/#", Some(0), 1.0).build();
        assert!(finding(&session, "subscription-denied").is_none());
    }
}
