//! `message-resent`: messages were sent again.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Qualifier, Severity, words};
use crate::mqtt::PacketType;
use crate::session::Ledger;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "message-resent", severity: Severity::Info, text: include_str!("message_resent.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let session = story.session;
    [Side::Client, Side::Server]
        .into_iter()
        .filter_map(|side| {
            let ledger = session.ledger.of(side);
            // Without the other direction nobody knows whether the acknowledgment came, after which the id was free.
            let half = story.is(Qualifier::OneWay);
            let without = if half { 0 } else { ledger.again_without_dup.count };
            let guessed = ledger.again_without_dup.count - without;
            let resent = session.published.of(side).resent.saturating_sub(guessed);
            let again = session
                .open_exchanges
                .iter()
                .find(|exchange| exchange.sender == side && exchange.resent > 0)
                .map(|exchange| exchange.last);
            if resent == 0 {
                return None;
            }
            let start = session.first_packet.of(side).unwrap_or(session.wire.first);
            let parts = parts(ledger.again.count, without, carried(ledger));
            let carried = ledger.carried.first().map(|carried| carried.at);
            Some(
                Found::new(
                    &ABOUT,
                    format!(
                        "{} {} again by {}.",
                        words::counted(resent, "message"),
                        if resent == 1 { "was sent" } else { "were sent" },
                        story.subject(side)
                    ),
                    again.into_iter().chain(carried).chain([start]),
                )
                .detail(format!("{parts}The acknowledgment was late or lost, or the sender continued a session from before. A receiver of QoS 1 may see the message twice.")),
            )
        })
        .collect()
}

/// Messages that continue an earlier connection.
fn carried(ledger: &Ledger) -> u64 {
    ledger.carried.iter().filter(|carried| carried.packet == PacketType::PUBLISH).count() as u64
}

/// `2 of them on this connection with the DUP flag, 1 without it, 3 from an earlier connection. `
fn parts(again: u64, without: u64, carried: u64) -> String {
    let kinds =
        [(again, "on this connection with the DUP flag"), (without, "on this connection without it"), (carried, "from an earlier connection")];
    let told = kinds.into_iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, kind)| format!("{} {kind}", words::number(count))).collect();
    if told.is_empty() { String::new() } else { format!("{}. ", words::list(&told)) }
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

    #[test]
    fn one_direction_alone_shows_repetitions_by_their_flag_only() {
        let again = |dup: u64, without: u64| {
            let tale = Tale::connecting().with(|session| {
                session.published.client.resent = dup + without;
                session.ledger.client.again.count = dup;
                session.ledger.client.again_without_dup.count = without;
            });
            tale.with(|session| {
                session.wire.sent.server.segments = 0;
                session.wire.syn_ack.count = 0;
            })
        };
        assert!(finding(&again(0, 3).build(), "message-resent").is_none());
        let found = finding(&again(2, 3).build(), "message-resent").unwrap();
        assert_eq!(found.headline, "2 messages were sent again by sensor-17.");
    }

    #[test]
    fn the_kinds_are_told_apart() {
        assert_eq!(super::parts(0, 0, 0), "");
        assert_eq!(
            super::parts(2, 0, 1),
            "2 on this connection with the DUP flag and 1 from an earlier connection. "
        );
    }
}
