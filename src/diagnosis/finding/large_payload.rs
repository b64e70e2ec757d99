//! `large-payload`: a message was very large.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "large-payload", severity: Severity::Info, text: include_str!("large_payload.md") };

/// A size that some brokers refuse: the limit of AWS `IoT`, in bytes.
const LARGE: u64 = 128 << 10;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    [Side::Client, Side::Server]
        .into_iter()
        .filter_map(|side| {
            let (length, at) = story.session.published.of(side).largest?;
            if length <= LARGE {
                return None;
            }
            Some(
                Found::new(
                    &ABOUT,
                    format!(
                        "A message from {} was {} long.",
                        story.subject(side),
                        words::bytes(length)
                    ),
                    [at],
                )
                .detail("Brokers limit the size (AWS IoT 128 KiB, EMQX 1 MB by default), and small devices drop what exceeds their buffer."),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};
    use crate::stream::Side;

    #[test]
    fn a_message_beyond_the_lowest_limit() {
        let found = |length| {
            let tale = Tale::connected().publish(Side::Client, "a", 0, length, 1.0);
            finding(&tale.build(), "large-payload")
        };
        assert_eq!(found(200_000).unwrap().headline, "A message from sensor-17 was 200,000 bytes long.");
        assert!(found(100_000).is_none());
    }
}
