//! `refused-other`: the broker refused the connection with a general code.

use super::{About, Judgement, refusal};
use crate::diagnosis::Severity;
use crate::diagnosis::story::{Said, Story};
use crate::mqtt::PacketType;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "refused-other", group: "refused", severity: Severity::Error, text: include_str!("refused_other.md") };

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    // Every refusal that no rule before this one took.
    let Said::Refusal(connack) = story.said()? else {
        return None;
    };
    let client = story.client();
    let code = connack.code.0;
    let known = connack.code.is_allowed(PacketType::CONNACK, Side::Server);
    let unnamed = code == 0x80 && story.session.connect.as_ref().is_some_and(|connect| connect.client_id.is_empty());
    let connect = story.session.connect.as_ref();
    // What Aedes says of a Keep Alive above its `keepaliveLimit`; code 6 is reserved in MQTT 3.x.
    let too_long = connect.filter(|connect| code == 6 && connect.keep_alive > 0).map(|connect| connect.keep_alive);
    let what = format!("The broker refused the connection of {client}");
    let judgement = refusal::judgement(story, connack, &what);
    Some(
        judgement
            .cause_if(matches!(code, 0x81 | 0x82), "CONNECT breaks the protocol; the client library is at fault.")
            .cause_if(
                unnamed,
                "The client id is empty, and the broker wants every client to name itself: mosquitto 2.0 says so by this code.",
            )
            .cause_if(
                matches!(code, 0x80 | 0x83),
                "A plugin or rule of the broker failed or refused, and the broker does not say which.",
            )
            .cause_if(too_long.is_some(), format!("The Keep Alive of {} s is longer than the broker allows: Aedes says so by this code (`keepaliveLimit`).", too_long.unwrap_or_default()))
            .cause_if(!known, "The broker sends a code that MQTT does not define for a CONNACK.")
            .step_if(unnamed, "Give the client an id of its own, such as its serial number.")
            .step_if(too_long.is_some(), "Try a shorter Keep Alive, of 60 s for instance.")
            .step("Look into the broker's log at this time.")
            .step_if(
                matches!(code, 0x81 | 0x82),
                "Update the client library, or connect once without will and properties.",
            ),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};

    #[test]
    fn general_and_undefined_codes() {
        let general = outcome(&Tale::connecting_v5().connack(0x80).build());
        assert_eq!(general.id, "refused-other");
        let undefined = outcome(&Tale::connecting().connack(9).build());
        assert_eq!(undefined.id, "refused-other");
        assert_eq!(
            undefined.sentence,
            "The broker refused the connection of sensor-17: code 9, which has no meaning in a CONNACK."
        );
        let causes = |code| crate::diagnosis::diagnose(&Tale::connecting().connack(code).build()).causes;
        assert!(causes(6)[0].starts_with("The Keep Alive of 60 s is longer than the broker allows: Aedes"), "{:?}", causes(6));
        assert!(!causes(9).concat().contains("Aedes"));
        assert_ne!(outcome(&Tale::connecting().connack(5).build()).id, "refused-other");
    }
}
