//! `feature-not-supported`: the broker does not offer what the client used.

use super::{About, Judgement, refusal};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "feature-not-supported",
    group: "ended-by-server",
    severity: Severity::Error,
    text: include_str!("feature_not_supported.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let disconnect = refusal::dismissed(story, &[0x9A, 0x9B, 0x9E, 0xA1, 0xA2])?;
    let client = story.client();
    let code = disconnect.code.0;
    let what = format!("The broker ended the session because it does not offer something that {client} used");
    let before = story.last(Side::Client);
    Some(
        refusal::dismissal(disconnect, &what)
            .at(before.map(|packet| packet.at))
            .cause_if(code == 0x9A, "The client published a message to be retained.")
            .cause_if(code == 0x9B, "The client used a higher QoS than the broker offers.")
            .cause_if(code == 0x9E, "The client subscribed with `$share/…` (a shared subscription).")
            .cause_if(code == 0xA1, "The client subscribed with a Subscription Identifier.")
            .cause_if(code == 0xA2, "The client subscribed with a wildcard (`+` or `#`).")
            .step("Look at the CONNACK: an MQTT 5.0 broker announces there what it does not offer, and the client is to respect it.")
            .step("Switch the feature off in the client, or on in the broker.")
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
        let said = outcome(&tale.disconnect(Side::Server, 0x9A, 0.01).build());
        assert_eq!((said.id, said.confidence), ("feature-not-supported", Confidence::Certain));
        assert!(said.sentence.ends_with("Retain not supported (0x9A)."));
        let near_miss = outcome(&Tale::connected_v5().disconnect(Side::Server, 0x97, 1.0).build());
        assert_eq!(near_miss.id, "quota-exceeded");
    }
}
