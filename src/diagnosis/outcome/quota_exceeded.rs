//! `quota-exceeded`: a limit of the broker was reached.

use super::{About, Judgement, refusal};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "quota-exceeded",
    group: "ended-by-server",
    severity: Severity::Warning,
    text: include_str!("quota_exceeded.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let disconnect = refusal::dismissed(story, &[0x89, 0x96, 0x97, 0x9F])?;
    let client = story.client();
    let code = disconnect.code.0;
    let what = format!("The broker ended the session of {client} because a limit was reached");
    let before = story.last(Side::Client);
    Some(
        refusal::dismissal(disconnect, &what)
            .at(before.map(|packet| packet.at))
            .cause_if(code == 0x96, "The client sends too many messages in too short a time: a loop without a pause, or a burst after it reconnected.")
            .cause_if(code == 0x97, "An administrative limit is used up: messages, subscriptions, storage, or a licence.")
            .cause_if(code == 0x9F, "The client connects too often.")
            .cause_if(code == 0x89, "The broker is overloaded.")
            .step("Compare the broker's limits with what the client sends (`mqttcap show` lists its packets).")
            .step_if(code == 0x96, "Look for a loop without a pause in the client's program.")
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;

    #[test]
    fn the_broker_says_it() {
        let tale = Tale::connected_v5().publish(Side::Client, "a", 1, 20, 1.0);
        let said = outcome(&tale.disconnect(Side::Server, 0x96, 0.01).build());
        assert_eq!((said.id, said.confidence), ("quota-exceeded", Confidence::Certain));
        assert!(said.sentence.ends_with("Message rate too high (0x96)."));
        let near_miss = outcome(&Tale::connected_v5().disconnect(Side::Server, 0x98, 1.0).build());
        assert_eq!(near_miss.id, "administrative-disconnect");
    }
}
