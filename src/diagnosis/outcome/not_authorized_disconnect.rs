//! `not-authorized-disconnect`: the client did what it may not.

use super::{About, Judgement, refusal};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;
use crate::mqtt::PacketType;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "not-authorized-disconnect",
    group: "ended-by-server",
    severity: Severity::Error,
    text: include_str!("not_authorized_disconnect.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let disconnect = refusal::dismissed(story, &[0x87])?;
    let before = story.last_of(Side::Client, disconnect.at);
    let connect = story.session.connect.as_ref();
    let will = connect.is_some_and(|connect| connect.will.is_some());
    // It asked for nothing but to be let in.
    let only_came = connect.is_some() && before.is_some_and(|last| matches!(last.packet, PacketType::CONNECT | PacketType::AUTH));
    let asked = before.is_some_and(|last| matches!(last.packet, PacketType::PUBLISH | PacketType::SUBSCRIBE));
    Some(
        refusal::dismissal_after(story, disconnect, before)
            .at(before.and_then(|last| story.unanswered_before(last)).map(|asked| asked.at))
            .at(before.map(|packet| packet.at))
            .cause_if(only_came, "The broker looked up what this client may only after it had accepted the connection, and does not let it in.")
            .cause_if(only_came && will, "The broker's rules do not let this client publish its will.")
            .cause_if(asked, "The broker's rules do not let this client publish or subscribe there.")
            .cause("The permission was taken away, or a token has expired, while the client was connected.")
            .cause_if(!only_came && !asked, "The broker's rules do not let this client publish or subscribe as it did before.")
            .step_if(!only_came, "Compare what the client asked for last with the broker's rules for its topic, user and client id.")
            .step_if(only_came, "Compare the client's user name and client id with the broker's rules.")
            .step("Look into the broker's log at this time.")
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::mqtt::PacketType;
    use crate::stream::Side;

    #[test]
    fn what_the_client_sends_afterwards_is_not_what_it_asked_for() {
        let told = Tale::connected_v5().subscribe("a/#", None, 1.0).disconnect(Side::Server, 0x87, 0.01);
        let told = diagnose(&told.disconnect(Side::Client, 0, 0.08).build());
        assert!(told.outcome.sentence.ends_with("10 ms after a SUBSCRIBE for “a/#”."), "{}", told.outcome.sentence);
        assert!(told.causes[0].ends_with("publish or subscribe there."), "{:?}", told.causes);
    }

    #[test]
    fn a_request_before_that_was_not_answered_either() {
        let told = |answer| {
            let tale = Tale::connected_v5().subscribe("a/#", answer, 1.0).publish(Side::Client, "b", 1, 20, 0.0001);
            outcome(&tale.disconnect(Side::Server, 0x87, 0.01).build()).sentence
        };
        assert!(told(None).ends_with("10 ms after a SUBSCRIBE for “a/#” and a PUBLISH to “b”."), "{}", told(None));
        assert!(told(Some(0)).ends_with("10 ms after a PUBLISH to “b”."), "{}", told(Some(0)));
    }

    #[test]
    fn the_broker_says_it() {
        let tale = Tale::connected_v5().publish(Side::Client, "a", 1, 20, 1.0);
        let said = outcome(&tale.disconnect(Side::Server, 0x87, 0.01).build());
        assert_eq!((said.id, said.confidence), ("not-authorized-disconnect", Confidence::Certain));
        assert_eq!(
            said.sentence,
            "The broker ended the session of sensor-17 with Not authorized (0x87), 10 ms after a PUBLISH to “a”."
        );
        let causes = |tale: Tale| diagnose(&tale.disconnect(Side::Server, 0x87, 0.01).build()).causes;
        let asked = causes(Tale::connected_v5().publish(Side::Client, "a", 1, 20, 1.0));
        assert!(asked[0].ends_with("publish or subscribe there."), "{asked:?}");
        // Nothing was asked for that a topic's rule could forbid.
        let came = causes(Tale::connected_v5());
        assert!(came[0].starts_with("The broker looked up"), "{came:?}");
        assert!(!came.iter().any(|cause| cause.contains("subscribe")), "{came:?}");
        let later = causes(Tale::connected_v5().packet(Side::Client, PacketType::PINGREQ, 1.0));
        assert!(later[0].starts_with("The permission was taken away"), "{later:?}");
        let near_miss = outcome(&Tale::connected_v5().disconnect(Side::Server, 0x98, 1.0).build());
        assert_eq!(near_miss.id, "administrative-disconnect");
    }
}
