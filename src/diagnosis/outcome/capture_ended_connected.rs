//! `capture-ended-connected`: the capture ended first.

use super::{About, Judgement};
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Confidence, Qualifier, Severity, words};

pub(super) const ABOUT: About = About {
    id: "capture-ended-connected",
    group: "healthy",
    severity: Severity::Ok,
    text: include_str!("capture_ended_connected.md"),
};

/// Who was silent for so many nanoseconds, and had promised nothing, may have left unseen.
const LONG: i64 = 600 * SECOND;

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    if story.close.is_some() || story.session.capture.evicted || !story.connected() {
        return None;
    }
    let client = story.client();
    let heard = story.client_heard()?;
    let silent = story.until_capture_end(heard);
    let allowed = story.keep_alive().filter(|seconds| *seconds > 0).map(|seconds| i64::from(seconds) * SECOND * 3 / 2);
    let overdue = allowed.is_some_and(|allowed| silent > allowed);
    let sent = &story.session.wire.sent.client;
    let unseen = sent.acknowledged > sent.sent;
    let spoke = sent.last_segment.unwrap_or(heard);
    let quiet = story.keep_alive() == Some(0) && story.until_capture_end(spoke) >= LONG;
    let goes_on = story.session.capture.goes_on;
    let (is, when, has) = if goes_on { ("is", "", "has") } else { ("was still", " when the capture ended", "had") };
    let sentence = if story.session.tls.is_some() {
        let server = story.server();
        format!("{client} {is} connected to {server} over TLS{when}; what was said inside cannot be read.")
    } else if unseen {
        format!("{client} {is} connected as far as can be seen{when}; what it sent last, a goodbye perhaps, was not captured.")
    } else if quiet {
        let silent = words::duration(story.until_capture_end(spoke));
        format!("{client} {is} connected as far as can be seen{when}: it {has} sent nothing for {silent}, and with its Keep Alive of 0 it did not have to.")
    } else if overdue {
        let silent = words::duration(silent);
        format!("{client} {is} connected{when}, but {has} been silent for {silent}.")
    } else {
        format!("{client} {is} connected{when}.")
    };
    // What it stopped in the middle of, or repeated, suggests an end that was not seen.
    let stopped = story.session.unfinished_packet.client.is_some() || sent.retries.count > 0;
    let confidence = match () {
        () if overdue || unseen || stopped && story.is(Qualifier::OneWay) => Confidence::Possible,
        // Of the other direction nothing was seen, its end neither.
        () if quiet || story.is(Qualifier::OneWay) => Confidence::Likely,
        () => Confidence::Certain,
    };
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
    use crate::mqtt::PacketType;
    use crate::session::UnfinishedPacket;
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
    fn what_was_sent_last_may_not_have_been_captured() {
        let told = |unseen| {
            let tale = Tale::connected().with(|session| session.wire.sent.client.acknowledged.0 += unseen);
            let outcome = outcome(&tale.build());
            (outcome.confidence, outcome.sentence.contains("a goodbye perhaps, was not captured"))
        };
        assert_eq!(told(0), (Confidence::Certain, false));
        assert_eq!(told(2), (Confidence::Possible, true));
    }

    #[test]
    fn the_end_of_a_direction_that_was_not_captured_is_not_seen() {
        let tale = Tale::connected().with(|session| session.wire.sent.server.segments = 0);
        let outcome = outcome(&tale.build());
        assert_eq!((outcome.id, outcome.confidence), ("capture-ended-connected", Confidence::Likely));
    }

    #[test]
    fn who_stopped_within_a_packet_may_have_been_cut_off_unseen() {
        let told = |server: u64| {
            let tale = Tale::connected().with(|session| {
                let started = session.wire.last;
                session.wire.sent.server.segments = server;
                session.unfinished_packet.client =
                    Some(UnfinishedPacket { packet: PacketType::PUBLISH, length: 517, started });
            });
            outcome(&tale.build()).confidence
        };
        assert_eq!(told(0), Confidence::Possible);
        assert_eq!(told(9), Confidence::Certain);
    }

    #[test]
    fn without_a_keep_alive_a_long_silence_tells_nothing() {
        let told = |keep_alive, seconds| {
            let tale = Tale::connected().with(|session| session.connect.as_mut().unwrap().keep_alive = keep_alive);
            outcome(&tale.ended_after(seconds).build())
        };
        let quiet = told(0, 3600.0);
        assert_eq!(quiet.confidence, Confidence::Likely);
        assert!(quiet.sentence.contains("it had sent nothing for 1 h, and with its Keep Alive of 0"), "{}", quiet.sentence);
        assert_eq!(told(0, 300.0).confidence, Confidence::Certain);
        assert_eq!(told(3600, 3600.0).confidence, Confidence::Certain);
    }

    #[test]
    fn a_close_is_not_it() {
        assert_ne!(outcome(&Tale::connected().close(Side::Client, 1.0).build()).id, "capture-ended-connected");
    }
}
