//! What libraries print of the codes of MQTT 5.0, which they show by name or number.

use super::{Library, Sight};

/// Builds the reports of every code from its number and name.
macro_rules! codes {
    ($($hex:literal $decimal:literal $name:literal,)*) => {
        /// What libraries print of a CONNACK that refuses.
        fn refused(code: u8) -> Option<[(Library, &'static str); 7]> {
            match code {
                $($hex => Some([
                    (Library::PahoPython, concat!("on_connect with the reason code “", $name, "”")),
                    (Library::Mosquitto, concat!("“Connection error: …”, exit code ", $decimal)),
                    (Library::MqttJs, concat!("“Connection refused: ", $name, "”, code ", $decimal)),
                    (Library::PahoC, concat!("onFailure with the reason code ", $decimal)),
                    (Library::Rumqttc, "`ConnectionRefused(…)`"),
                    (Library::HiveMq, "`Mqtt5ConnAckException`"),
                    (Library::Aiomqtt, concat!("`MqttConnectError: [code:", $decimal, "] ", $name, "`")),
                ]),)*
                _ => None,
            }
        }

        /// What libraries print of a DISCONNECT of the broker.
        fn disconnected(code: u8) -> Option<[(Library, &'static str); 5]> {
            match code {
                $($hex => Some([
                    (Library::PahoPython, concat!("on_disconnect with the reason code “", $name, "”; version 2.1.0 prints “Normal disconnection” if the packet has no properties")),
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
    0x80 128 "Unspecified error",
    0x81 129 "Malformed Packet",
    0x82 130 "Protocol Error",
    0x83 131 "Implementation specific error",
    0x84 132 "Unsupported Protocol Version",
    0x85 133 "Client Identifier not valid",
    0x86 134 "Bad User Name or Password",
    0x87 135 "Not authorized",
    0x88 136 "Server unavailable",
    0x89 137 "Server busy",
    0x8A 138 "Banned",
    0x8B 139 "Server shutting down",
    0x8C 140 "Bad authentication method",
    0x8D 141 "Keep Alive timeout",
    0x8E 142 "Session taken over",
    0x8F 143 "Topic Filter invalid",
    0x90 144 "Topic Name invalid",
    0x93 147 "Receive Maximum exceeded",
    0x94 148 "Topic Alias invalid",
    0x95 149 "Packet too large",
    0x96 150 "Message rate too high",
    0x97 151 "Quota exceeded",
    0x98 152 "Administrative action",
    0x99 153 "Payload format invalid",
    0x9A 154 "Retain not supported",
    0x9B 155 "QoS not supported",
    0x9C 156 "Use another server",
    0x9D 157 "Server moved",
    0x9E 158 "Shared Subscriptions not supported",
    0x9F 159 "Connection rate exceeded",
    0xA0 160 "Maximum connect time",
    0xA1 161 "Subscription Identifiers not supported",
    0xA2 162 "Wildcard Subscriptions not supported",
}

/// What libraries that speak MQTT 5.0 print for `sight`.
pub(super) fn reports(sight: Sight) -> Vec<(Library, &'static str)> {
    match sight {
        // An old broker answers with a return code of MQTT 3.x.
        Sight::Refused(1) => vec![(
            Library::Mosquitto,
            "“Connection error: Unsupported Protocol Version. Try connecting to an MQTT v5 broker, or use MQTT v3.x mode.”, exit code 132",
        )],
        Sight::Refused(5) => vec![(Library::PahoPython, "`KeyError: 5`")],
        Sight::Refused(code) => refused(code).map_or_else(Vec::new, Vec::from),
        Sight::Disconnected(code) => disconnected(code).map_or_else(Vec::new, Vec::from),
        _ => Vec::new(),
    }
}
