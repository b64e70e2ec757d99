//! `refused-client-id`: the broker rejected the client id.

use super::admitted::{self, Compared};
use super::{About, Judgement, refusal};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};
use crate::mqtt::{PacketType, Version};
use crate::session::TextFact;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "refused-client-id",
    group: "refused",
    severity: Severity::Error,
    text: include_str!("refused_client_id.md"),
};

/// How what is wrong with the client id is told.
const ID: &str = "the Client Identifier";

/// The longest client id that every broker must take (MQTT 3.1.1 [MQTT-3.1.3-5]).
const SURE_LENGTH: usize = 23;

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let connack = refusal::refused(story, &[2, 0x85])?;
    let connect = story.session.connect.as_ref();
    let id = connect.map(|connect| &connect.client_id);
    let empty = id.is_some_and(TextFact::is_empty);
    let long = id.is_some_and(|id| id.0.len() > SURE_LENGTH);
    let odd = id.is_some_and(|id| !id.0.iter().all(u8::is_ascii_alphanumeric));
    let kept = connect.is_some_and(|connect| !connect.clean_start);
    let v5 = story.version() == Some(Version::V5);
    let mut broken = story.session.violations.iter();
    let damaged = broken.find(|broken| {
        broken.side == Side::Client && broken.packet == PacketType::CONNECT && broken.grave && broken.what.starts_with(ID)
    });
    let (damage, sound) = (damaged.map(|broken| format!("CONNECT breaks the protocol: {} ({}).", broken.what, broken.clause)), damaged.is_none() && !empty);
    let what = match id {
        Some(_) if empty => format!("The broker rejected the empty client id of {}", story.client_host()),
        Some(id) => format!("The broker rejected the client id {}", words::quoted(id)),
        None => "The broker rejected the client id".to_owned(),
    };
    let compared = admitted::compare(story).filter(|compared| !compared.user_is_fine);
    let length = id.map_or(0, |id| id.0.len());
    Some(
        refusal::judgement(story, connack, &what)
            .cause_if(compared.is_some(), compared.map_or_else(String::new, |Compared { cause, .. }| cause))
            .cause_if(empty && kept && !v5, "An empty client id needs Clean Session 1: without it the broker could never find the session again (MQTT-3.1.3-8).")
            .cause_if(empty && kept && v5, "The broker takes an empty client id only with Clean Start 1, as MQTT 3.1.1 had it: EMQX and rumqttd do so.")
            .cause_if(empty && (v5 || !kept), "The broker wants every client to name itself.")
            .cause_if(!empty && damage.is_some(), damage.unwrap_or_default())
            .cause_if(long, format!("The client id has {length} bytes, and brokers need not take more than {SURE_LENGTH}."))
            .cause_if(sound && odd, "The broker allows only certain characters in a client id.")
            .cause_if(sound, "The broker knows its clients, and this id is not among them, or does not fit the certificate or user name.")
            .cause_if(!v5 && sound, "mosquitto sends this code also when the Keep Alive exceeds its `max_keepalive`.")
            .step_if(empty, "Give the client an id of its own, such as its serial number.")
            .step_if(empty && kept && !v5, "Or set Clean Session 1, if no messages are to be kept for it while it is away.")
            .step_if(empty && kept && v5, "Or set Clean Start 1 and read the id that the broker assigns from its CONNACK.")
            .step_if(!empty && !sound, "Look at the client id in Wireshark, and at how the program makes it.")
            .step_if(sound, "Compare the client id with the rules and the device registry of the broker.")
            .step_if(long || odd, format!("Try an id of at most {SURE_LENGTH} letters and digits.")),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::{Tale, outcome, text};
    use crate::stream::Side;

    #[test]
    fn a_rejected_id_is_named() {
        let outcome = outcome(&Tale::connecting().connack(2).build());
        assert_eq!(outcome.id, "refused-client-id");
        assert_eq!(outcome.sentence, "The broker rejected the client id “sensor-17”: identifier rejected (2).");
    }

    #[test]
    fn an_id_that_is_no_text_is_the_reason() {
        let causes = |what: &'static str| {
            let tale = Tale::connecting().violation(Side::Client, true).connack(2).with(|session| {
                session.violations.last_mut().unwrap().what = what.into();
            });
            diagnose(&tale.build()).causes.concat()
        };
        let told = causes("the Client Identifier is not valid UTF-8");
        assert!(told.starts_with("CONNECT breaks the protocol: the Client Identifier is not valid UTF-8"), "{told}");
        assert!(!told.contains("knows its clients"));
        assert!(causes("the User Name is not valid UTF-8").contains("knows its clients"));
    }

    #[test]
    fn an_empty_id_of_mqtt_5_may_want_a_clean_start() {
        let first = |clean_start| {
            let tale = Tale::connecting_v5().connack(0x85).with(|session| {
                let connect = session.connect.as_mut().unwrap();
                (connect.client_id, connect.clean_start) = (text(""), clean_start);
            });
            diagnose(&tale.build()).causes[0].to_string()
        };
        assert!(first(false).contains("only with Clean Start 1"), "{}", first(false));
        assert!(first(true).starts_with("The broker wants every client"), "{}", first(true));
    }

    #[test]
    fn an_empty_id_without_clean_session() {
        let tale = Tale::connecting().connack(0x85).with(|session| {
            let connect = session.connect.as_mut().unwrap();
            connect.client_id = text("");
            connect.clean_start = false;
        });
        let verdict = diagnose(&tale.build());
        assert!(verdict.causes[0].contains("Clean Session 1"));
        assert!(verdict.outcome.sentence.contains("empty client id of 10.0.0.21"));
    }
}
