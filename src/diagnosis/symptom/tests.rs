//! What holds for the table of symptoms, and what it says of single sessions.

use super::*;
use crate::diagnosis::diagnose;
use crate::diagnosis::testing::{self, Tale};
use crate::mqtt::{PacketType, ReasonCode};
use crate::stream::Side;

fn saw(tale: Tale, client: &str) -> Option<&'static str> {
    let verdict = diagnose(&tale.build());
    let mut reports = verdict.client_saw.into_iter();
    reports.find(|report| report.client == client).map(|report| report.reports)
}

#[test]
fn the_numbers_of_pubsubclient() {
    let saw = |tale| saw(tale, "PubSubClient");
    assert_eq!(saw(Tale::connecting().connack(5)), Some("rc=5 (MQTT_CONNECT_UNAUTHORIZED)"));
    assert_eq!(saw(Tale::knocking(3)), Some("rc=-2 (MQTT_CONNECT_FAILED)"));
    assert_eq!(saw(Tale::connected().close(Side::Server, 5.0)), Some("rc=-3 (MQTT_CONNECTION_LOST)"));
    assert_eq!(saw(Tale::connecting().close(Side::Client, 15.0)), Some("rc=-4 (MQTT_CONNECTION_TIMEOUT)"));
    assert_eq!(saw(Tale::healthy()), Some("rc=-1 (MQTT_DISCONNECTED)"));
}

#[test]
fn a_library_that_cannot_have_been_it_is_not_named() {
    assert_eq!(saw(Tale::connecting_v5().connack(0x87), "PubSubClient"), None);
    let qos1 = Tale::connected().publish(Side::Client, "a", 1, 20, 1.0).close(Side::Server, 5.0);
    assert_eq!(saw(qos1, "PubSubClient"), None);
    let qos0 = Tale::connected().publish(Side::Client, "a", 0, 20, 1.0).close(Side::Server, 5.0);
    assert!(saw(qos0, "PubSubClient").is_some());
}

#[test]
fn version_5_shows_names_and_numbers() {
    let refused = || Tale::connecting_v5().connack(0x87);
    assert_eq!(saw(refused(), "MQTT.js"), Some("“Connection refused: Not authorized”, code 135"));
    assert_eq!(saw(refused(), "mosquitto clients"), Some("“Connection error: …”, exit code 135"));
    let taken = Tale::connected_v5().disconnect(Side::Server, 0x8E, 1.0);
    assert_eq!(saw(taken, "MQTT.js"), Some("the `disconnect` event with reasonCode 142"));
}

#[test]
fn the_client_id_may_name_the_library() {
    let named = Tale::connecting().connack(5).with(|session| {
        session.connect.as_mut().unwrap().client_id = testing::text("mqttjs_a1b2c3d4");
    });
    assert_eq!(diagnose(&named.build()).client_saw[0].client, "MQTT.js");
    let plain = diagnose(&Tale::connecting().connack(5).build());
    assert_eq!(plain.client_saw[0].client, "PubSubClient");
}

#[test]
fn names_of_codes_are_those_of_the_specification() {
    for code in 0x80..=0xA2 {
        let name = ReasonCode(code).name(PacketType::CONNACK).unwrap();
        for (library, prints) in version5::reports(Sight::Refused(code)) {
            if library == Library::MqttJs {
                assert!(prints.contains(name) && prints.ends_with(&code.to_string()), "{code}");
            }
        }
    }
}

#[test]
fn every_row_says_something() {
    for symptom in all() {
        assert!(!symptom.prints.is_empty());
        assert!(symptom.code.is_some() || !symptom.sees.is_empty(), "{}", symptom.prints);
        assert!(symptom.means.is_empty() || symptom.means.ends_with('.'), "{}", symptom.means);
        testing::assert_may_be_written(symptom.means);
    }
}
