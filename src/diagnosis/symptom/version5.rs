//! What libraries print of the codes of MQTT 5.0, which they show by name or number.

use super::{Library, Sight};

/// Builds the reports of every code from its number, its name, and the name that Paho Python has for it.
macro_rules! codes {
    ($($hex:literal $decimal:literal $name:literal $paho:literal,)*) => {
        /// What libraries print of a CONNACK that refuses.
        fn refused(code: u8) -> Option<[(Library, &'static str); 7]> {
            match code {
                $($hex => Some([
                    (Library::PahoPython, concat!("on_connect with the reason code “", $paho, "”")),
                    (Library::Mosquitto, concat!("“Connection error: …”, exit code ", $decimal)),
                    (Library::MqttJs, concat!("“Connection refused: ", $name, "”, code ", $decimal)),
                    (Library::PahoC, concat!("onFailure with the reason code ", $decimal)),
                    (Library::Rumqttc, "`ConnectionRefused(…)`"),
                    (Library::HiveMq, "`Mqtt5ConnAckException`"),
                    (Library::Aiomqtt, concat!("`MqttConnectError: [code:", $decimal, "] ", $paho, "`")),
                ]),)*
                _ => None,
            }
        }

        /// What libraries print of a DISCONNECT of the broker.
        fn disconnected(code: u8) -> Option<[(Library, &'static str); 5]> {
            match code {
                $($hex => Some([
                    (Library::PahoPython, concat!("on_disconnect with the reason code “", $paho, "”; version 2.1.0 prints “Normal disconnection” if the packet has no properties")),
                    (Library::MqttJs, concat!("the `disconnect` event with reasonCode ", $decimal)),
                    (Library::PahoJava, concat!("32204, reason code ", $decimal)),
                    (Library::Rumqttc, "`ServerDisconnect { … }`"),
                    (Library::HiveMq, "`Mqtt5DisconnectException`: “Server sent DISCONNECT.”"),
                ]),)*
                _ => None,
            }
        }
    };
}

codes! {
    0x80 128 "Unspecified error" "Unspecified error",
    0x81 129 "Malformed Packet" "Malformed packet",
    0x82 130 "Protocol Error" "Protocol error",
    0x83 131 "Implementation specific error" "Implementation specific error",
    0x84 132 "Unsupported Protocol Version" "Unsupported protocol version",
    0x85 133 "Client Identifier not valid" "Client identifier not valid",
    0x86 134 "Bad User Name or Password" "Bad user name or password",
    0x87 135 "Not authorized" "Not authorized",
    0x88 136 "Server unavailable" "Server unavailable",
    0x89 137 "Server busy" "Server busy",
    0x8A 138 "Banned" "Banned",
    0x8B 139 "Server shutting down" "Server shutting down",
    0x8C 140 "Bad authentication method" "Bad authentication method",
    0x8D 141 "Keep Alive timeout" "Keep alive timeout",
    0x8E 142 "Session taken over" "Session taken over",
    0x8F 143 "Topic Filter invalid" "Topic filter invalid",
    0x90 144 "Topic Name invalid" "Topic name invalid",
    0x93 147 "Receive Maximum exceeded" "Receive maximum exceeded",
    0x94 148 "Topic Alias invalid" "Topic alias invalid",
    0x95 149 "Packet too large" "Packet too large",
    0x96 150 "Message rate too high" "Message rate too high",
    0x97 151 "Quota exceeded" "Quota exceeded",
    0x98 152 "Administrative action" "Administrative action",
    0x99 153 "Payload format invalid" "Payload format invalid",
    0x9A 154 "Retain not supported" "Retain not supported",
    0x9B 155 "QoS not supported" "QoS not supported",
    0x9C 156 "Use another server" "Use another server",
    0x9D 157 "Server moved" "Server moved",
    0x9E 158 "Shared Subscriptions not supported" "Shared subscription not supported",
    0x9F 159 "Connection rate exceeded" "Connection rate exceeded",
    0xA0 160 "Maximum connect time" "Maximum connect time",
    0xA1 161 "Subscription Identifiers not supported" "Subscription identifiers not supported",
    0xA2 162 "Wildcard Subscriptions not supported" "Wildcard subscription not supported",
}

/// What aiomqtt says of an answer that Paho Python cannot read.
const WAITED: &str = "`MqttError: Operation timed out`, 10 s after it began";

/// What libraries print of a return code of MQTT 3.x, from a broker that does not know 5.0.
fn returned(code: u8) -> Vec<(Library, &'static str)> {
    let (paho, mqtt_js) = match code {
        2 => (
            "on_disconnect with “Protocol error” (`KeyError: 2` before version 2.2)",
            "“Connection refused: Identifier rejected”, code 2",
        ),
        3 => (
            "on_disconnect with “Protocol error” (`KeyError: 3` before version 2.2)",
            "“Connection refused: Server unavailable”, code 3",
        ),
        4 => (
            "on_disconnect with “Protocol error” (`KeyError: 4` before version 2.2)",
            "“Connection refused: Bad username or password”, code 4",
        ),
        _ => (
            "on_disconnect with “Protocol error” (`KeyError: 5` before version 2.2)",
            "“Connection refused: Not authorized”, code 5",
        ),
    };
    let mosquitto = "“Error: A network protocol error occurred when communicating with the broker.”, exit code 2";
    vec![
        (Library::PahoPython, paho),
        (Library::Mosquitto, mosquitto),
        (Library::MqttJs, mqtt_js),
        (Library::Aiomqtt, WAITED),
    ]
}

/// What libraries that speak MQTT 5.0 print for `sight`.
pub(super) fn reports(sight: Sight) -> Vec<(Library, &'static str)> {
    match sight {
        // An old broker answers with a return code of MQTT 3.x.
        Sight::Refused(1) => vec![
            (Library::PahoPython, "on_connect with the reason code “Unsupported protocol version”"),
            (
                Library::Mosquitto,
                "“Connection error: Unsupported Protocol Version. Try connecting to an MQTT v5 broker, or use MQTT v3.x mode.”, exit code 132",
            ),
            (Library::MqttJs, "“Connection refused: Unacceptable protocol version”, code 1"),
            (Library::Aiomqtt, "`MqttConnectError: [code:132] Unsupported protocol version`"),
        ],
        Sight::Refused(code @ 2..=5) => returned(code),
        // Paho Python does not know this code in a CONNACK.
        Sight::Refused(0x99) => {
            let mut named = refused(0x99).map_or_else(Vec::new, Vec::from);
            named.retain(|(library, _)| ![Library::PahoPython, Library::Aiomqtt].contains(library));
            named.push((Library::PahoPython, "on_disconnect with “Protocol error” (`ValueError` before version 2.2)"));
            named.push((Library::Aiomqtt, WAITED));
            named
        }
        Sight::Refused(code) => refused(code).map_or_else(Vec::new, Vec::from),
        Sight::Disconnected(code) => disconnected(code).map_or_else(Vec::new, Vec::from),
        _ => Vec::new(),
    }
}
