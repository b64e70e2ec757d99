//! `refused-protocol-version`: the broker does not speak the version that was asked for.

use super::{About, Judgement, connect_closed, refusal};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::Version;

pub(super) const ABOUT: About = About {
    id: "refused-protocol-version",
    group: "refused",
    severity: Severity::Error,
    text: include_str!("refused_protocol_version.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let connack = refusal::refused(story, &[1, 0x84])?;
    let client = story.client();
    let asked = match (story.version(), &story.session.connect) {
        (Some(version), _) => format!("MQTT {version}"),
        (None, Some(connect)) => {
            format!("protocol {} level {}", words::quoted(&connect.protocol_name), connect.protocol_level)
        }
        (None, None) => "a version that cannot be read".to_owned(),
    };
    let what = format!("The broker refused {client}, which asked for {asked}");
    // What it asked for may be in order, and what the broker could read of it not.
    let fault = connect_closed::connect_fault(story).filter(|_| story.session.connect.is_none());
    // A broker that speaks 3.1.1 has no reason to refuse it: EMQX sends 1 for other faults too.
    let generic = connack.code.0 == 1 && story.version() == Some(Version::V311);
    let v5 = story.version() == Some(Version::V5);
    let oldest = story.version() == Some(Version::V31);
    let known = story.version().is_some();
    let unheard_of = !known && story.session.connect.is_some();
    let mut judgement = refusal::judgement(story, connack, &what);
    if generic || fault.is_some() {
        judgement.confidence = Confidence::Likely;
    }
    Some(
        judgement
            .cause_if(fault.is_some(), fault.clone().unwrap_or_default())
            .cause_if(v5, "The broker is an old one, or its MQTT 5.0 support is switched off.")
            .cause_if(generic, "The broker uses code 1 for any fault of CONNECT: EMQX does so for clients of MQTT 3.x.")
            .cause_if(oldest, "The broker does not speak MQTT 3.1, the oldest version: many brokers do not.")
            .cause_if(!v5 && known && !oldest, "The broker has this version switched off.")
            .cause_if(!known && !unheard_of, "The broker does not speak the version that the client asked for.")
            .cause_if(unheard_of, "No version of MQTT has this name and level: “MQIsdp” 3 is MQTT 3.1, “MQTT” 4 is 3.1.1 and “MQTT” 5 is 5.0.")
            .step_if(v5, "Set the client to MQTT 3.1.1 (Paho Python: `protocol=mqtt.MQTTv311`; MQTT.js: `protocolVersion: 4`), or update the broker.")
            .step_if(generic, "Try another version with the client (MQTT 5.0), and look at the versions that the broker's listener allows.")
            .step_if(!v5 && !generic, "Set the client to MQTT 3.1.1 or 5.0, and look at the versions that the broker's listener allows.")
            .step_if(generic, "Look into the broker's log at this time: it names the real fault."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::mqtt::PacketType;
    use crate::session::UnfinishedPacket;

    #[test]
    fn an_old_broker_refuses_version_5() {
        let outcome = outcome(&Tale::connecting_v5().connack(1).build());
        assert_eq!((outcome.id, outcome.confidence), ("refused-protocol-version", Confidence::Certain));
        assert_eq!(
            outcome.sentence,
            "The broker refused sensor-17, which asked for MQTT 5.0: unacceptable protocol version (1)."
        );
    }

    #[test]
    fn a_connect_that_was_not_whole_asks_for_nothing_odd() {
        let cut = Tale::opened().with(|session| {
            let started = session.wire.last;
            let part = UnfinishedPacket { packet: PacketType::CONNECT, length: 22, started };
            session.unfinished_packet.client = Some(part);
        });
        let verdict = diagnose(&cut.connack(1).build());
        assert_eq!((verdict.outcome.id, verdict.outcome.confidence), ("refused-protocol-version", Confidence::Likely));
        assert!(verdict.causes[0].starts_with("CONNECT is incomplete"), "{:?}", verdict.causes);
        assert!(!verdict.causes.iter().any(|cause| cause.contains("No version of MQTT")), "{:?}", verdict.causes);
    }

    #[test]
    fn code_1_for_version_3_1_1_may_be_generic() {
        let generic = outcome(&Tale::connecting().connack(1).build());
        assert_eq!((generic.id, generic.confidence), ("refused-protocol-version", Confidence::Likely));
        let near_miss = outcome(&Tale::connecting().connack(2).build());
        assert_ne!(near_miss.id, "refused-protocol-version");
    }
}
