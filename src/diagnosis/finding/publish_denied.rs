//! `publish-denied`: a message was refused by its receiver.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};
use crate::mqtt::PacketType;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "publish-denied", severity: Severity::Warning, text: include_str!("publish_denied.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    [Side::Server, Side::Client].into_iter().filter_map(|by| denied_by(story, by)).collect()
}

fn denied_by(story: &Story<'_>, by: Side) -> Option<Found> {
    let mut denied = story
        .session
        .refusals
        .iter()
        .filter(|refusal| refusal.by == by && matches!(refusal.packet, PacketType::PUBACK | PacketType::PUBREC));
    let first = denied.next()?;
    let seen = 1 + denied.count() as u64;
    let count = seen.max(story.session.published.of(by.other()).refused);
    let topic = first.topic.as_ref().map(words::quoted);
    let code = words::code_in_words(first.code, first.packet);
    let (receiver, sender) = match by {
        Side::Server => ("The broker".to_owned(), story.client()),
        Side::Client => (story.client(), "the broker".to_owned()),
    };
    let what = match (count, topic) {
        (1, Some(topic)) => format!("a message to {topic} from {sender}"),
        (1, None) => format!("a message from {sender}"),
        (count, Some(topic)) => {
            format!("{} messages from {sender}, the first to {topic}", words::number(count))
        }
        (count, None) => format!("{} messages from {sender}", words::number(count)),
    };
    Some(
        Found::new(
            &ABOUT,
            format!("{receiver} refused {what}: {code}."),
            first.request.into_iter().chain([first.at]),
        )
        .detail("The message was received and not passed on; sending it again will not help."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding, text};
    use crate::mqtt::{PacketType, ReasonCode};
    use crate::session::Refusal;
    use crate::stream::Side;

    #[test]
    fn a_refused_message() {
        let tale = Tale::connected_v5().publish(Side::Client, "a/b", 1, 40, 1.0);
        let session = tale.with(|session| {
            let at = session.wire.last;
            session.refusals.push(Refusal {
                at,
                by: Side::Server,
                packet: PacketType::PUBACK,
                code: ReasonCode(0x87),
                reason_string: None,
                topic: Some(text("a/b")),
                request: None,
            });
            session.published.client.refused = 3;
        });
        let session = session.build();
        assert_eq!(
            finding(&session, "publish-denied").unwrap().headline,
            "The broker refused 3 messages from sensor-17, the first to “a/b”: Not authorized (0x87)."
        );
        assert!(finding(&session, "subscription-denied").is_none());
    }

    #[test]
    fn a_denied_subscription_is_not_it() {
        let session = Tale::connected().subscribe("a", Some(0x80), 1.0).build();
        assert!(finding(&session, "publish-denied").is_none());
    }
}
