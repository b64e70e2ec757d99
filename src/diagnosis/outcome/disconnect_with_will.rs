//! `disconnect-with-will`: the client left and asked for its will.

use super::{About, Judgement, refusal};
use crate::diagnosis::story::{Said, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity};
use crate::mqtt::PacketType;

pub(super) const ABOUT: About = About {
    id: "disconnect-with-will",
    group: "healthy",
    severity: Severity::Info,
    text: include_str!("disconnect_with_will.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let Said::Client(disconnect) = story.said()? else {
        return None;
    };
    // A goodbye to a broker that never answered CONNECT ends no session: it gives up.
    if disconnect.code.0 != 4 || !story.greeted(disconnect.at) {
        return None;
    }
    let client = story.client();
    let without = story.session.connect.as_ref().is_some_and(|connect| connect.will.is_none());
    let saying = refusal::saying(disconnect.reason_string.as_ref());
    Some(
        Judgement::new(
            Confidence::Certain,
            if without {
                format!("{client} left on purpose and asked the broker to publish a will, but it had set none{saying}.")
            } else {
                format!("{client} left on purpose and asked the broker to publish its will{saying}.")
            },
        )
        .code(disconnect.code, PacketType::DISCONNECT, disconnect.reason_string.as_ref())
        .at([disconnect.at])
        .at(story.close.map(|close| close.at))
        .cause_if(!without, "The client announces in this way that it goes offline, for instance before it sleeps.")
        .cause_if(without, "mosquitto_sub and mosquitto_rr leave in this way with MQTT 5.0, whether they have a will or not.")
        .step_if(without, "If other clients are to learn that this one left, give it a will: CONNECT carried none.")
        .seen_as(Sight::Goodbye),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;

    #[test]
    fn code_4_and_no_other() {
        let with_will = Tale::connected_v5().disconnect(Side::Client, 4, 1.0);
        assert_eq!(outcome(&with_will.build()).id, "disconnect-with-will");
        let near_miss = Tale::connected_v5().disconnect(Side::Client, 0, 1.0);
        assert_eq!(outcome(&near_miss.build()).id, "clean-disconnect");
        // mosquitto_rr, whose CONNECT was not answered.
        let gives_up = Tale::connecting_v5().disconnect(Side::Client, 4, 4.0).close(Side::Client, 0.001);
        assert_eq!(outcome(&gives_up.build()).id, "connect-unanswered");
    }

    #[test]
    fn a_will_that_was_never_set() {
        let told = |will| {
            let tale = Tale::connected_v5().with(|session| session.connect.as_mut().unwrap().will = will);
            outcome(&tale.disconnect(Side::Client, 4, 1.0).build()).sentence
        };
        assert!(told(None).ends_with("publish a will, but it had set none."), "{}", told(None));
    }
}
