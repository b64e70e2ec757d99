//! `wildcard-all`: the client subscribed to everything.

use super::{About, Found};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;
use crate::session::Subscription;

pub(super) const ABOUT: About =
    About { id: "wildcard-all", severity: Severity::Info, text: include_str!("wildcard_all.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let everything = |subscription: &&Subscription| {
        let granted = subscription.answer.is_none_or(|(_, code)| code.0 < 0x80);
        granted && subscription.filter.0.as_ref() == b"#"
    };
    let Some(first) = story.session.subscriptions.iter().find(everything) else {
        return Vec::new();
    };
    vec![
        Found::new(
            &ABOUT,
            format!("{} subscribed to every message of the broker (“#”).", story.client()),
            [first.asked].into_iter().chain(first.answer.map(|(at, _)| at)),
        )
        .detail("It gets all traffic, which can be more than it, or its line, can take."),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn everything_and_not_a_part_of_it() {
        let found = |filter, answer| {
            let session = Tale::connected().subscribe(filter, Some(answer), 1.0).build();
            finding(&session, "wildcard-all")
        };
        assert!(found("#", 1).is_some());
        assert!(found("a/#", 1).is_none());
        assert!(found("#", 0x80).is_none());
    }
}
