//! `no-subscribers`: nobody had subscribed to a message.

use super::{About, Found};
use crate::capture::Moment;
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};

pub(super) const ABOUT: About =
    About { id: "no-subscribers", severity: Severity::Info, text: include_str!("no_subscribers.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let tally = story.session.published.client.no_subscribers;
    if tally.count == 0 {
        return Vec::new();
    }
    let first = Moment { frame: tally.first, ..Moment::default() };
    vec![
        Found::new(
            &ABOUT,
            format!(
                "Nobody had subscribed to {} of {}.",
                words::counted(tally.count, "message"),
                story.client()
            ),
            [first],
        )
        .detail("The broker took the message and had nobody to give it to. If somebody should have got it, compare the topic with the subscriber's filter, letter by letter."),
    ]
}

#[cfg(test)]
mod tests {
    use crate::capture::FrameNumber;
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn messages_for_nobody() {
        let session = Tale::connected_v5().with(|session| {
            session.published.client.no_subscribers.add(FrameNumber::new(9));
        });
        let found = finding(&session.build(), "no-subscribers").unwrap();
        assert_eq!(found.headline, "Nobody had subscribed to 1 message of sensor-17.");
        assert_eq!(found.frames, [FrameNumber::new(9)]);
        assert!(finding(&Tale::connected_v5().build(), "no-subscribers").is_none());
    }
}
