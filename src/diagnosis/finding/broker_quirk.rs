//! `broker-quirk`: the broker answers in a way of its own.

use super::{About, Found};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;
use crate::mqtt::{PacketType, Version};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "broker-quirk", severity: Severity::Info, text: include_str!("broker_quirk.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let session = story.session;
    let (version, client) = (story.version(), || story.client());
    let old = version.is_some_and(|version| version != Version::V5);
    let connack = session.connack.as_ref();
    let mut found = Vec::new();
    let from_5 = connack.filter(|connack| old && connack.code.0 >= 0x80);
    if let Some(connack) = from_5 {
        let quirk =
            format!("The broker answered {}, a client of MQTT 3.x, with a code of MQTT 5.0 ({}).", client(), connack.code);
        found.push(Found::new(&ABOUT, quirk, [connack.at]).named("broker-quirk:connack-of-5.0"));
    }
    let from_3 = connack.filter(|connack| version == Some(Version::V5) && (1..0x80).contains(&connack.code.0));
    if let Some(connack) = from_3 {
        let quirk = format!(
            "The broker answered {}, a client of MQTT 5.0, with a return code of MQTT 3.x ({}).",
            client(),
            connack.code.0
        );
        found.push(Found::new(&ABOUT, quirk, [connack.at]).named("broker-quirk:connack-of-3.x"));
    }
    let by_server = || session.refusals.iter().filter(|refusal| refusal.by == Side::Server);
    let puback = by_server().find(|r| r.packet == PacketType::PUBACK && r.code.0 == 0x95);
    if let Some(refusal) = puback {
        let quirk = "The broker refused a message with “Packet too large” (0x95) in a PUBACK, as mosquitto does for its `message_size_limit`.";
        found.push(Found::new(&ABOUT, quirk, [refusal.at]).named("broker-quirk:puback-0x95"));
    }
    let suback = by_server().find(|r| old && r.packet == PacketType::SUBACK && r.code.0 > 0x80);
    if let Some(refusal) = suback {
        let quirk = format!(
            "The broker answered a SUBSCRIBE of {}, a client of MQTT 3.x, with a code of MQTT 5.0 ({}).",
            client(),
            refusal.code
        );
        found.push(Found::new(&ABOUT, quirk, [refusal.at]).named("broker-quirk:suback-of-5.0").clause("MQTT-3.9.3-2"));
    }
    found.into_iter().map(|found| found.by(Side::Server)).collect()
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn answers_of_another_version() {
        let old = Tale::connecting().connack(0x87).build();
        assert!(finding(&old, "broker-quirk:connack-of-5.0").is_some());
        let new = Tale::connecting_v5().connack(1).build();
        assert!(finding(&new, "broker-quirk:connack-of-3.x").is_some());
        let subscription = Tale::connected().subscribe("a", Some(0x8F), 1.0).build();
        assert!(finding(&subscription, "broker-quirk:suback-of-5.0").is_some());
    }

    #[test]
    fn answers_of_the_own_version_are_none() {
        for session in [
            Tale::connecting().connack(5).build(),
            Tale::connecting_v5().connack(0x87).build(),
            Tale::connected().subscribe("a", Some(0x80), 1.0).build(),
            Tale::connected_v5().subscribe("a", Some(0x8F), 1.0).build(),
        ] {
            let verdict = crate::diagnosis::diagnose(&session);
            assert!(!verdict.findings.iter().any(|found| found.id.starts_with("broker-quirk")));
        }
    }
}
