//! What can be explained, and what the answers hold.

use super::*;
use crate::diagnosis::testing::assert_may_be_written;
use crate::diagnosis::{Qualifier, finding, outcome, symptom};
use crate::mqtt::{PacketType, PropertyId, ReasonCode};

#[test]
fn every_name_of_the_list_is_found_again() {
    for group in all() {
        for topic in group.topics {
            let found = explain(&topic.name);
            assert_ne!(found.kind, Kind::Unknown, "{}", topic.name);
            assert!(!found.body.is_empty(), "{}", topic.name);
            assert_may_be_written(&found.body);
            assert_may_be_written(&found.title);
            if group.kind != Kind::ClientCode {
                assert_eq!(found.kind, group.kind, "{}", topic.name);
                assert_eq!(found.title, topic.title);
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for entry in entry::all() {
        for name in &entry.see_also {
            assert_ne!(explain(name).kind, Kind::Unknown, "{} -> {name}", entry.name);
        }
    }
}

#[test]
fn every_id_of_a_verdict_has_its_text() {
    for about in outcome::ABOUT {
        assert_eq!(explain(about.id).kind, Kind::Outcome, "{}", about.id);
    }
    for about in finding::ABOUT {
        assert_eq!(explain(about.id).kind, Kind::Finding, "{}", about.id);
    }
    for qualifier in Qualifier::ALL {
        assert_eq!(explain(qualifier.id()).kind, Kind::Qualifier);
    }
    assert_eq!(explain("broker-quirk:puback-0x95").kind, Kind::Finding);
    assert_eq!(explain("rule-violated:MQTT-3.1.2-22").kind, Kind::Finding);
}

#[test]
fn every_reason_code_in_every_packet() {
    for code in ReasonCode::ALL {
        for asked in [code.to_string(), code.to_string().to_lowercase(), code.0.to_string()] {
            let found = explain(&asked);
            for packet in (1..=15).map(PacketType) {
                if code::allowed(*code, packet) {
                    let name = code.name(packet).unwrap();
                    assert!(found.body.contains(packet.name()), "{asked} in {packet}");
                    assert!(found.body.contains(name), "{asked} in {packet}");
                }
            }
        }
        let name = code.name(PacketType::CONNACK).unwrap();
        assert_ne!(explain(name).kind, Kind::Unknown, "{name}");
    }
}

#[test]
fn every_property_and_packet() {
    for id in PropertyId::ALL {
        let by_name = explain(id.name().unwrap());
        assert_eq!(by_name.kind, Kind::Property, "{id}");
        assert_eq!(explain(&format!("property {}", id.0)), by_name);
        assert_eq!(explain(&format!("property 0x{:02x}", id.0)), by_name);
    }
    for packet in (1..=15).map(PacketType) {
        assert_eq!(explain(&packet.name().to_lowercase()).kind, Kind::PacketType, "{packet}");
    }
    assert_eq!(explain("0x1f").kind, Kind::Property);
}

#[test]
fn a_number_of_a_client_lists_every_library_that_has_it() {
    for symptom in symptom::all() {
        let Some(code) = symptom.code else { continue };
        let body = explain(&format!("rc={code}")).body;
        assert!(body.contains(symptom.library.name()), "{code} {}", symptom.prints);
        let name = symptom.library.name();
        let only = explain_for_client(&format!("rc={code}"), name);
        assert_eq!(only.title, format!("{code}, printed by {name}"));
        assert_eq!(explain(&format!("{name} rc={code}")), only);
    }
    let table = [
        (-5, &["Tasmota", "arduino-mqtt", "mosquitto", "Paho C"][..]),
        (-4, &["PubSubClient", "arduino-mqtt", "mosquitto", "Paho C"]),
        (-3, &["PubSubClient", "arduino-mqtt", "mosquitto", "Paho C"]),
        (-2, &["PubSubClient", "ArduinoMqttClient", "arduino-mqtt", "mosquitto", "Paho C", "esp-mqtt"]),
        (-1, &["PubSubClient", "ArduinoMqttClient", "arduino-mqtt", "Paho Python", "mosquitto", "Paho C", "esp-mqtt"]),
        (0, &["PubSubClient", "AsyncMqttClient", "Paho Python", "esp-mqtt"]),
        (5, &["PubSubClient", "AsyncMqttClient", "Paho Python", "mosquitto", "Paho C", "esp-mqtt"]),
        (6, &["AsyncMqttClient", "Paho Python"]),
        (7, &["AsyncMqttClient", "Paho Python", "mosquitto"]),
        (8, &["Paho Python", "mosquitto"]),
    ];
    for (code, libraries) in table {
        let body = explain(&format!("rc={code}")).body;
        for library in libraries {
            assert!(body.contains(library), "{code} {library}");
        }
    }
}

#[test]
fn return_codes_come_before_what_libraries_make_of_them() {
    let found = explain("rc=5");
    assert_eq!(found.kind, Kind::ReturnCode);
    assert!(found.body.contains("mosquitto") && found.body.contains("MQTT_CONNECT_UNAUTHORIZED"));
    assert_eq!(found.see_also.first().map(String::as_str), Some("refused-not-authorized"));
    assert_eq!(explain("5"), found);
    assert_eq!(explain("0x05").kind, Kind::ReturnCode);
    assert_eq!(explain("rc=-2").kind, Kind::ClientCode);
    assert_eq!(explain("-2"), explain("rc=-2"));
    assert_eq!(explain("32103").kind, Kind::ClientCode);
}

#[test]
fn dashes_mean_the_outcome_and_words_the_code() {
    assert_eq!(explain("packet-too-large").kind, Kind::Outcome);
    assert_eq!(explain("Packet too large").kind, Kind::ReasonCode);
    assert!(explain("packet-too-large").see_also.contains(&"0x95".to_owned()));
    assert_eq!(explain("Not authorized").kind, Kind::ReasonCode);
    assert_eq!(explain("bad user name or password").kind, Kind::ReasonCode);
}

#[test]
fn printed_texts_are_found() {
    assert!(explain("MQTT_CONNECT_FAILED").body.contains("PubSubClient"));
    assert!(explain("ECONNREFUSED").see_also.contains(&"connection-refused".to_owned()));
    assert!(
        explain("Invalid header flag bits, must be 0x0 for puback packet").see_also.contains(&"http-answer".to_owned())
    );
}

#[test]
fn whole_lines_are_found() {
    let first = |line: &str| explain(line).see_also.into_iter().next().unwrap_or_default();
    // The example sketch of PubSubClient.
    let sketch = explain("Attempting MQTT connection...failed, rc=-2 try again in 5 seconds");
    assert_eq!(sketch, explain_for_client("rc=-2", "PubSubClient"));
    assert_eq!(explain("failed, rc=-2 try again in 5 seconds"), sketch);
    assert_eq!(explain("failed, rc=5 try again in 5 seconds"), explain("PubSubClient rc=5"));
    assert_eq!(explain("MQT: Connect failed to broker:1883, rc -4. Retry in 10 sec"), explain("Tasmota rc=-4"));
    // From the records of captures/: mosquitto's log, what clients printed.
    for (line, outcome) in [
        ("1795276800: Client sensor-17 has exceeded timeout, disconnecting.", "keepalive-expired"),
        ("1795276800: Client sensor-17 already connected, closing old connection.", "session-taken-over"),
        ("1795276800: Client sensor-17 disconnected, not authorised.", "refused-not-authorized"),
        ("Socket error on client", "client-closed"),
        ("Error: Connection refused", "connection-refused"),
        ("Connection error: Connection Refused: not authorised.", "refused-not-authorized"),
        ("Timed out waiting for a response from the server (32000)", "connect-unanswered"),
        ("Disconnected from MQTT server core-mosquitto:1883 (7)", "session-taken-over"),
        ("ECONNREFUSED", "connection-refused"),
        ("Subscribe error: Topic Filter invalid", "subscription-denied"),
        ("AWS_IO_DNS_QUERY_FAILED", "dns-name-not-found"),
        ("Mqtt5DisconnectException", "session-taken-over"),
        ("mbedTLS -0x2700", "tls-server-cert-rejected"),
    ] {
        assert_eq!(first(line), outcome, "{line}");
    }
    for line in ["hello world foo", "the client is happy", "an error of some kind happened (maybe)"] {
        assert_eq!(explain(line).kind, Kind::Unknown, "{line}");
    }
}

#[test]
fn every_line_of_a_log_leads_to_outcomes() {
    for line in symptom::log_lines() {
        let found = explain(line.phrase);
        assert_eq!(found.kind, Kind::BrokerLog, "{}", line.phrase);
        assert!(found.body.contains(line.means) && !found.see_also.is_empty(), "{}", line.phrase);
        assert_may_be_written(&found.body);
    }
}

#[test]
fn what_is_not_known_gets_the_nearest_names() {
    let near = explain("keepalive-expird");
    assert_eq!(near.kind, Kind::Unknown);
    assert_eq!(near.see_also.first().map(String::as_str), Some("keepalive-expired"));
    let far = explain("qwertzuiop");
    assert_eq!(far.kind, Kind::Unknown);
    assert!(far.see_also.is_empty() && far.body.contains("rc=-2"));
    for odd in ["", " ", "0x", "0xfff", "rc=", "rc=99999999999", "−2", "“”", &"x".repeat(100_000)] {
        let _ = explain(odd);
    }
    assert_eq!(explain("−2"), explain("-2"));
}
