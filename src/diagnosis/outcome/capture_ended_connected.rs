//! `capture-ended-connected`: the capture ended first.

use super::{About, Judgement};
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Confidence, Severity, words};

pub(super) const ABOUT: About = About {
    id: "capture-ended-connected",
    group: "healthy",
    severity: Severity::Ok,
    text: include_str!("capture_ended_connected.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    if story.close.is_some() || story.session.capture.evicted || !story.connected() {
        return None;
    }
    let client = story.client();
    let heard = story.client_heard()?;
    let silent = story.until_capture_end(heard);
    let allowed = story.keep_alive().filter(|seconds| *seconds > 0).map(|seconds| i64::from(seconds) * SECOND * 3 / 2);
    let overdue = allowed.is_some_and(|allowed| silent > allowed);
    let goes_on = story.session.capture.goes_on;
    let (is, when, has) = if goes_on { ("is", "", "has") } else { ("was still", " when the capture ended", "had") };
    let sentence = if story.session.tls.is_some() {
        let server = story.server();
        format!("{client} {is} connected to {server} over TLS{when}; what was said inside cannot be read.")
    } else if overdue {
        let silent = words::duration(silent);
        format!("{client} {is} connected{when}, but {has} been silent for {silent}.")
    } else {
        format!("{client} {is} connected{when}.")
    };
    let confidence = if overdue { Confidence::Possible } else { Confidence::Certain };
    let accepted = story.session.connack.as_ref().map(|connack| connack.at);
    Some(
        Judgement::new(confidence, sentence)
            .at(accepted)
            .at([heard, story.session.wire.last])
            .cause_if(overdue, "The client lost power or network, and the broker had not closed the session yet.")
            .step_if(
                overdue,
                "Capture longer: the broker ends such a session about 1.5 times the Keep Alive after the last packet.",
            ),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, Qualifier, diagnose};
    use crate::stream::Side;

    #[test]
    fn while_the_capture_goes_on_nothing_has_ended() {
        let verdict = diagnose(&Tale::connected().with(|session| session.capture.goes_on = true).build());
        assert_eq!(verdict.outcome.id, "capture-ended-connected");
        assert!(verdict.outcome.sentence.ends_with(" is connected."), "{}", verdict.outcome.sentence);
        assert!(verdict.qualifiers.is_empty());
    }

    #[test]
    fn the_capture_ends_first() {
        let verdict = diagnose(&Tale::connected().build());
        assert_eq!(verdict.outcome.id, "capture-ended-connected");
        assert_eq!(verdict.outcome.confidence, Confidence::Certain);
        assert_eq!(verdict.qualifiers, [Qualifier::PartialEnd]);
    }

    #[test]
    fn a_client_silent_for_too_long_may_be_gone() {
        let near_miss = outcome(&Tale::connected().ended_after(89.0).build());
        assert_eq!(near_miss.confidence, Confidence::Certain);
        let outcome = outcome(&Tale::connected().ended_after(95.0).build());
        assert_eq!((outcome.id, outcome.confidence), ("capture-ended-connected", Confidence::Possible));
        assert!(outcome.sentence.contains("silent for 1 min 35 s"));
    }

    #[test]
    fn a_close_is_not_it() {
        assert_ne!(outcome(&Tale::connected().close(Side::Client, 1.0).build()).id, "capture-ended-connected");
    }
}
