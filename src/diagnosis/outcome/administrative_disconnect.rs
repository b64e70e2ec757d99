//! `administrative-disconnect`: the broker ended the session on purpose.

use super::{About, Judgement, refusal, session_taken_over};
use crate::diagnosis::story::{Said, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "administrative-disconnect",
    group: "ended-by-server",
    severity: Severity::Info,
    text: include_str!("administrative_disconnect.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    // Every DISCONNECT of the broker that no rule before this one took.
    let Said::Server(disconnect) = story.said()? else {
        return None;
    };
    if story.bare_dismissal().is_some() && session_taken_over::seen(story).is_some() {
        return None;
    }
    let client = story.client();
    let what = format!("The broker ended the session of {client} on purpose");
    let code = disconnect.code.0;
    let old = story.version().is_some_and(|version| !version.is_v5());
    // In MQTT 3.x a DISCONNECT carries no code.
    let dismissal = if old {
        Judgement::new(Confidence::Certain, format!("The broker ended the session of {client} with a DISCONNECT."))
            .at([disconnect.at])
            .seen_as(Sight::Lost)
    } else {
        refusal::dismissal(disconnect, &what)
    };
    Some(
        dismissal
            .at(story.last(Side::Client).map(|packet| packet.at))
            .cause_if(
                code == 0x98,
                "Somebody disconnected the client by hand, or its permissions or credentials were changed.",
            )
            .cause_if(code == 0xA0, "The time that a connection may last is over, often because a token expired.")
            .cause_if(
                matches!(code, 0x80 | 0x83),
                "A rule, plugin or internal failure of the broker, which it does not name.",
            )
            .cause_if(code == 0x88, "The service behind the broker is not available.")
            .cause_if(old, "In MQTT 3.x a broker may not send DISCONNECT at all: this one does so of its own accord.")
            .cause_if(code != 0x98, "A policy of the broker, or its operator, ended the session.")
            .step("Look into the broker's log at this time: it names the reason."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;

    #[test]
    fn an_operator_disconnects_a_client() {
        let said = outcome(&Tale::connected_v5().disconnect(Side::Server, 0x98, 5.0).build());
        assert_eq!(said.id, "administrative-disconnect");
        assert_eq!(
            said.sentence,
            "The broker ended the session of sensor-17 on purpose: Administrative action (0x98)."
        );
    }

    #[test]
    fn a_disconnect_of_3_x_carries_no_code() {
        let said = outcome(&Tale::connected().disconnect(Side::Server, 0, 5.0).build());
        assert_eq!(said.id, "administrative-disconnect");
        assert_eq!(said.sentence, "The broker ended the session of sensor-17 with a DISCONNECT.");
        assert!(said.code.is_none());
    }

    #[test]
    fn the_first_word_counts() {
        let first = Tale::connected_v5().disconnect(Side::Server, 0x98, 5.0).disconnect(Side::Client, 0, 0.01);
        assert_eq!(outcome(&first.build()).id, "administrative-disconnect");
        let near_miss = Tale::connected_v5().disconnect(Side::Client, 0, 5.0).disconnect(Side::Server, 0x98, 0.01);
        assert_eq!(outcome(&near_miss.build()).id, "clean-disconnect");
    }
}
