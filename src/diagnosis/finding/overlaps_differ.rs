//! `overlaps-differ`: two copies of the same bytes of the stream have different content.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "overlaps-differ", severity: Severity::Warning, text: include_str!("overlaps_differ.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    [Side::Client, Side::Server]
        .into_iter()
        .filter(|side| story.session.wire.sent.of(*side).conflicting_overlaps > 0)
        .map(|side| {
            let sent = story.session.wire.sent.of(side);
            let bytes = match sent.conflicting_overlaps {
                1 => "One byte".to_owned(),
                more => format!("{} bytes", words::number(more)),
            };
            Found::new(
                &ABOUT,
                format!(
                    "{bytes} that {} sent came a second time with other content: segments may have been forged.",
                    story.subject(side)
                ),
                [sent.conflict],
            )
            .detail("The first copy is told here, as far as the receiver acknowledged it; which one the receiver took is not sure.")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::capture::{FrameNumber, Moment};
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn copies_that_differ() {
        let tale = Tale::healthy().with(|session| {
            session.wire.sent.client.conflicting_overlaps = 12;
            session.wire.sent.client.conflict = Moment { frame: FrameNumber::new(9), ..Moment::default() };
        });
        let found = finding(&tale.build(), "overlaps-differ").unwrap();
        assert_eq!(
            found.headline,
            "12 bytes that sensor-17 sent came a second time with other content: segments may have been forged."
        );
        assert_eq!(found.frames, [FrameNumber::new(9)]);
    }

    #[test]
    fn equal_copies_are_not_worth_a_word() {
        let tale = Tale::healthy().with(|session| session.wire.sent.client.retransmitted = 2);
        assert!(finding(&tale.build(), "overlaps-differ").is_none());
    }
}
