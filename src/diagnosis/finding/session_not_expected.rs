//! `session-not-expected`: the broker kept a session that the client wanted to be new.

use super::{About, Found};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "session-not-expected", severity: Severity::Warning, text: include_str!("session_not_expected.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let (Some(connect), Some(connack)) = (&story.session.connect, &story.session.connack) else {
        return Vec::new();
    };
    if !(connect.clean_start && connack.session_present && connack.code.0 == 0) {
        return Vec::new();
    }
    let v5 = story.version().is_some_and(crate::mqtt::Version::is_v5);
    let clause = if v5 { "MQTT-3.2.2-2" } else { "MQTT-3.2.2-1" };
    vec![
        Found::new(
            &ABOUT,
            format!("The broker says that it kept a session of {}, which had asked for a new one.", story.client()),
            [connect.at, connack.at],
        )
        .by(Side::Server)
        .clause(clause),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn session_present_after_a_clean_start() {
        let found = |clean: bool, present: bool| {
            let tale = Tale::connected().with(|session| {
                session.connect.as_mut().unwrap().clean_start = clean;
                session.connack.as_mut().unwrap().session_present = present;
            });
            finding(&tale.build(), "session-not-expected")
        };
        assert!(found(true, true).is_some());
        assert!(found(false, true).is_none());
        assert!(found(true, false).is_none());
    }
}
