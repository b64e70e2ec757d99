//! `clean-disconnect`: the client said goodbye.

use super::{About, Judgement};
use crate::diagnosis::story::{Said, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity};
use crate::mqtt::{PacketType, Version};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "clean-disconnect",
    group: "healthy",
    severity: Severity::Ok,
    text: include_str!("clean_disconnect.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let Said::Client(disconnect) = story.said()? else {
        return None;
    };
    // A goodbye to a broker that never answered CONNECT ends no session: it gives up.
    let half = story.half_greeted();
    if disconnect.code.0 != 0 || !story.greeted(disconnect.at) {
        return None;
    }
    let (client, age) = (story.client(), story.age(disconnect.at));
    let broken = story
        .session
        .violations
        .iter()
        .find(|broken| broken.packet == PacketType::DISCONNECT && broken.side == Side::Client);
    if broken.is_some_and(|broken| broken.grave) && story.close_by(Side::Server).is_some() {
        return None;
    }
    let (confidence, sentence) = match broken {
        None if half => (
            Confidence::Likely,
            format!("{client} said goodbye after {age}; the broker's side was not captured, so whether it ever answered CONNECT is not known."),
        ),
        None => (
            Confidence::Certain,
            format!("{client} said goodbye properly after {age} and closed the connection."),
        ),
        Some(broken) => (
            Confidence::Likely,
            format!(
                "{client} said goodbye after {age}, but its DISCONNECT breaks a rule ({}): a strict broker takes that for an error and publishes the will.",
                broken.clause
            ),
        ),
    };
    let goodbye = Judgement::new(confidence, sentence)
    .at([disconnect.at])
    .at(story.close.map(|close| close.at))
    .seen_as(Sight::Goodbye);
    // In MQTT 3.x a DISCONNECT carries no code.
    Some(match story.version() {
        Some(Version::V5) => {
            goodbye.code(disconnect.code, PacketType::DISCONNECT, disconnect.reason_string.as_ref())
        }
        _ => goodbye,
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, Qualifier, diagnose};
    use crate::session::PerSide;
    use crate::stream::Side;

    #[test]
    fn a_goodbye() {
        let outcome = outcome(&Tale::healthy().build());
        assert_eq!((outcome.id, outcome.confidence), ("clean-disconnect", Confidence::Certain));
        assert_eq!(outcome.sentence, "sensor-17 said goodbye properly after 12 s and closed the connection.");
    }

    #[test]
    fn it_does_not_matter_who_closes_tcp() {
        let goodbye = Tale::connected().disconnect(Side::Client, 0, 3.0);
        assert_eq!(outcome(&goodbye.close(Side::Server, 0.001).build()).id, "clean-disconnect");
        let reset = Tale::connected().disconnect(Side::Client, 0, 3.0);
        assert_eq!(outcome(&reset.reset(Side::Server, 0.001).build()).id, "clean-disconnect");
    }

    #[test]
    fn the_start_may_be_missing() {
        let late = Tale::healthy().with(|session| {
            session.wire.syn.count = 0;
            session.wire.syn_ack.count = 0;
            session.connect = None;
            session.connack = None;
            session.counts = PerSide::default();
        });
        let verdict = diagnose(&late.build());
        assert_eq!(verdict.outcome.id, "clean-disconnect");
        assert_eq!(verdict.qualifiers, [Qualifier::PartialStart]);
        assert!(verdict.outcome.sentence.starts_with("10.0.0.21 said goodbye properly after at least"));
    }

    #[test]
    fn a_goodbye_after_the_server_closed_is_none() {
        let closed = Tale::connected().close(Side::Server, 5.0);
        let answered = closed.disconnect(Side::Client, 0, 0.5).build();
        assert_eq!(outcome(&answered).id, "server-closed");
    }

    #[test]
    fn a_broker_may_not_take_a_broken_goodbye_for_one() {
        let broken = Tale::connected().disconnect(Side::Client, 0, 3.0).violation(Side::Client, false);
        let broken = outcome(&broken.close(Side::Client, 0.001).build());
        assert_eq!((broken.id, broken.confidence), ("clean-disconnect", Confidence::Likely));
        let earlier = Tale::connected().publish(Side::Client, "a", 0, 9, 1.0).violation(Side::Client, false);
        let earlier = earlier.disconnect(Side::Client, 0, 3.0).close(Side::Client, 0.001);
        assert_eq!(outcome(&earlier.build()).confidence, Confidence::Certain);
    }

    #[test]
    fn a_goodbye_that_the_close_acknowledges_came_before_it() {
        // The capture holds the broker's FIN before the DISCONNECT that it acknowledges.
        let tale = |received: u64| {
            let tale = Tale::connected().close(Side::Server, 3.0).disconnect(Side::Client, 0, 0.000_02);
            let tale = tale.close(Side::Client, 0.000_01);
            let session = tale.with(|session| {
                session.wire.sent.client.sent.0 = 40;
                session.wire.sent.client.last_data = session.disconnect.client.as_ref().map(|goodbye| goodbye.at);
                session.wire.sent.server.fin.as_mut().unwrap().acknowledges.0 = received;
                session.wire.syn_ack.count = 2; // no round trip to judge by
            });
            outcome(&session.build())
        };
        assert_eq!(tale(40).id, "clean-disconnect");
        assert_eq!(tale(41).id, "clean-disconnect");
        assert_eq!(tale(38).id, "server-closed");
    }

    #[test]
    fn a_goodbye_to_a_silent_broker_is_giving_up() {
        let tale = Tale::connecting().disconnect(Side::Client, 0, 30.0);
        assert_eq!(outcome(&tale.close(Side::Client, 0.001).build()).id, "connect-unanswered");
    }

    #[test]
    fn a_goodbye_stands_though_the_brokers_side_was_not_captured() {
        let half = |tale: Tale| {
            let half = tale.with(|session| session.wire.sent.server.segments = 0);
            outcome(&half.close(Side::Client, 0.001).build())
        };
        let goodbye = half(Tale::connecting().disconnect(Side::Client, 0, 5.0));
        assert_eq!((goodbye.id, goodbye.confidence), ("clean-disconnect", Confidence::Likely));
        assert!(goodbye.sentence.starts_with("sensor-17 said goodbye after 5 s; the broker's side was not captured"));
        // More packets of the client show that it was accepted.
        let worked = Tale::connecting().publish(Side::Client, "a", 0, 20, 1.0).disconnect(Side::Client, 0, 5.0);
        assert_eq!(half(worked).confidence, Confidence::Certain);
        assert_eq!(half(Tale::connecting()).id, "unclassified");
    }
}
