//! `message-resent`: messages were sent again.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "message-resent", severity: Severity::Info, text: include_str!("message_resent.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let session = story.session;
    [Side::Client, Side::Server]
        .into_iter()
        .filter_map(|side| {
            let resent = session.published.of(side).resent;
            let again = session
                .open_exchanges
                .iter()
                .find(|exchange| exchange.sender == side && exchange.resent > 0)
                .map(|exchange| exchange.last);
            if resent == 0 {
                return None;
            }
            let start = session.first_packet.of(side).unwrap_or(session.wire.first);
            Some(
                Found::new(
                    &ABOUT,
                    format!(
                        "{} {} again by {}.",
                        words::counted(resent, "message"),
                        if resent == 1 { "was sent" } else { "were sent" },
                        story.subject(side)
                    ),
                    again.into_iter().chain([start]),
                )
                .detail("The acknowledgment was late or lost, or the sender continued a session from before. A receiver of QoS 1 may see the message twice."),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn messages_sent_again() {
        let session = Tale::connected().with(|session| session.published.client.resent = 2);
        let found = finding(&session.build(), "message-resent").unwrap();
        assert_eq!(found.headline, "2 messages were sent again by sensor-17.");
        assert!(finding(&Tale::connected().build(), "message-resent").is_none());
    }
}
