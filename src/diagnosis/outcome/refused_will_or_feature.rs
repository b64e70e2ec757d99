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
    Some(
        refusal::judgement(story, connack, &what)
            .cause_if(code == 0x90, "The broker does not accept the topic of the will.")
            .cause_if(code == 0x99, "The will says that it is text (Payload Format Indicator 1) and is not.")
            .cause_if(code == 0x9A, "The will asks to be retained, and the broker does not retain messages.")
            .cause_if(code == 0x9B, "The will asks for a higher QoS than the broker offers.")
            .cause_if(code == 0x95, "CONNECT, with its will, is larger than the broker takes.")
            .cause_if(code == 0x95, "EMQX 5.8 and older send this code for any CONNECT that breaks the protocol.")
            .step(
                "Connect once without a will. If that works, change its topic, QoS or retain setting as the code says.",
            ),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};

    #[test]
    fn a_will_that_may_not_be_retained() {
        let refused = outcome(&Tale::connecting_v5().connack(0x9A).build());
        assert_eq!(refused.id, "refused-will-or-feature");
        assert!(refused.sentence.ends_with("Retain not supported (0x9A)."));
        let near_miss = outcome(&Tale::connected_v5().disconnect(crate::stream::Side::Server, 0x9A, 1.0).build());
        assert_eq!(near_miss.id, "feature-not-supported");
    }
}
