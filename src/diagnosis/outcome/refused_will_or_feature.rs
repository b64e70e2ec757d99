//! `refused-will-or-feature`: the broker refused something that CONNECT asked for.

use super::{About, Judgement, refusal};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;

pub(super) const ABOUT: About = About {
    id: "refused-will-or-feature",
    group: "refused",
    severity: Severity::Error,
    text: include_str!("refused_will_or_feature.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let connack = refusal::refused(story, &[0x90, 0x95, 0x99, 0x9A, 0x9B])?;
    let client = story.client();
    let code = connack.code.0;
    let what = format!("The broker refused something that the CONNECT of {client} asked for");
    // Without a CONNECT that was read, it may have had one.
    let willed = story.session.connect.as_ref().is_none_or(|connect| connect.will.is_some());
    let odd = !willed && code != 0x95;
    Some(
        refusal::judgement(story, connack, &what)
            .cause_if(willed && code == 0x90, "The broker does not accept the topic of the will.")
            .cause_if(willed && code == 0x99, "The will says that it is text (Payload Format Indicator 1) and is not.")
            .cause_if(willed && code == 0x9A, "The will asks to be retained, and the broker does not retain messages.")
            .cause_if(willed && code == 0x9B, "The will asks for a higher QoS than the broker offers.")
            .cause_if(code == 0x95, "CONNECT is larger than the broker takes.")
            .cause_if(code == 0x95, "EMQX 5.8 and older send this code for any CONNECT that breaks the protocol.")
            .cause_if(odd, "The code is about a will, and this CONNECT has none: the broker, or a plugin of it, uses the code for something else.")
            .step_if(willed, "Connect once without a will. If that works, change its topic, QoS or retain setting as the code says.")
            .step_if(!willed, "Look into the broker's log at this time."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::{Tale, outcome};

    #[test]
    fn a_will_that_is_not_there_is_not_blamed() {
        let verdict = diagnose(&Tale::connecting_v5().connack(0x9B).build());
        assert!(verdict.causes.iter().all(|cause| !cause.starts_with("The will")), "{:?}", verdict.causes);
        let unseen = Tale::connecting_v5().connack(0x9B).with(|session| session.connect = None);
        assert!(diagnose(&unseen.build()).causes[0].starts_with("The will"));
    }

    #[test]
    fn a_will_that_may_not_be_retained() {
        let refused = outcome(&Tale::connecting_v5().connack(0x9A).build());
        assert_eq!(refused.id, "refused-will-or-feature");
        assert!(refused.sentence.ends_with("Retain not supported (0x9A)."));
        let near_miss = outcome(&Tale::connected_v5().disconnect(crate::stream::Side::Server, 0x9A, 1.0).build());
        assert_eq!(near_miss.id, "feature-not-supported");
    }
}
