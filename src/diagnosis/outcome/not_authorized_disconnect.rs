//! `not-authorized-disconnect`: the client did what it may not.

use super::{About, Judgement, refusal};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "not-authorized-disconnect",
    group: "ended-by-server",
    severity: Severity::Error,
    text: include_str!("not_authorized_disconnect.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let disconnect = refusal::dismissed(story, &[0x87])?;
    let before = story.last(Side::Client);
    Some(
        refusal::dismissal_after(story, disconnect, before)
            .at(before.map(|packet| packet.at))
            .cause("The broker's rules do not let this client publish or subscribe there.")
            .cause("The permission was taken away, or a token has expired, while the client was connected.")
            .step("Compare what the client asked for last with the broker's rules for its topic, user and client id.")
            .step("Look into the broker's log at this time.")
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
        let said = outcome(&tale.disconnect(Side::Server, 0x87, 0.01).build());
        assert_eq!((said.id, said.confidence), ("not-authorized-disconnect", Confidence::Certain));
        assert_eq!(
            said.sentence,
            "The broker ended the session of sensor-17 with Not authorized (0x87), 10 ms after a PUBLISH to “a”."
        );
        let near_miss = outcome(&Tale::connected_v5().disconnect(Side::Server, 0x98, 1.0).build());
        assert_eq!(near_miss.id, "administrative-disconnect");
    }
}
