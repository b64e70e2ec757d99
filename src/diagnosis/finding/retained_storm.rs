//! `retained-storm`: a subscription brought a flood of retained messages.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};

pub(super) const ABOUT: About =
    About { id: "retained-storm", severity: Severity::Info, text: include_str!("retained_storm.md") };

/// Retained messages after one SUBSCRIBE that make a flood.
const MANY: u64 = 100;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let Some(row) = story.session.retained.as_ref().filter(|row| row.messages >= MANY) else {
        return Vec::new();
    };
    let filter = row.filter.as_ref().map_or_else(String::new, |filter| format!(" to {}", words::quoted(filter)));
    let headline = format!(
        "After {} subscribed{filter}, the broker sent it {} retained messages ({}) in {}.",
        story.client(),
        words::number(row.messages),
        words::bytes(row.payload_bytes),
        words::duration(row.last.time.nanoseconds_since(row.asked.time))
    );
    let found = Found::new(&ABOUT, headline, [row.asked, row.first, row.last]);
    vec![found.detail("They come all at once, before anything new. A small device may drop some of them, or lose the connection over them.")]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding, text};
    use crate::session::{RetainedBurst, Session};

    fn flood(messages: u64) -> Session {
        let tale = Tale::connected().subscribe("#", Some(0), 1.0).with(|session| {
            let at = session.wire.last;
            session.retained = Some(Box::new(RetainedBurst {
                asked: session.subscriptions[0].asked,
                filter: Some(text("#")),
                messages,
                payload_bytes: messages * 10,
                first: at,
                last: at,
            }));
        });
        tale.build()
    }

    #[test]
    fn many_retained_messages_at_once() {
        let found = finding(&flood(250), "retained-storm").unwrap();
        assert!(
            found.headline.starts_with("After sensor-17 subscribed to “#”, the broker sent it 250 retained messages"),
            "{}",
            found.headline
        );
        assert!(finding(&flood(20), "retained-storm").is_none());
    }
}
