//! Reason codes of MQTT 5.0 and return codes of 3.x: names, and which packet may carry which.

use std::fmt;

use super::PacketType;
use crate::stream::Side;

/// Reason Code of MQTT 5.0 or return code of 3.x; unknown values survive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonCode(pub u8);

macro_rules! reason_codes {
    ($($value:literal $constant:ident $name:literal,)*) => {
        impl ReasonCode {
            $(
                #[doc = concat!($name, " (", stringify!($value), ").")]
                pub const $constant: ReasonCode = ReasonCode($value);
            )*

            /// Every code that MQTT 5.0 defines, in rising order (table 2-6).
            pub const ALL: &'static [ReasonCode] = &[$(ReasonCode($value)),*];

            /// The name that does not depend on the packet.
            fn plain_name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

// MQTT 5.0 §2.4, table 2-6.
reason_codes! {
    0x00 SUCCESS "Success",
    0x01 GRANTED_QOS_1 "Granted QoS 1",
    0x02 GRANTED_QOS_2 "Granted QoS 2",
    0x04 DISCONNECT_WITH_WILL_MESSAGE "Disconnect with Will Message",
    0x10 NO_MATCHING_SUBSCRIBERS "No matching subscribers",
    0x11 NO_SUBSCRIPTION_EXISTED "No subscription existed",
    0x18 CONTINUE_AUTHENTICATION "Continue authentication",
    0x19 RE_AUTHENTICATE "Re-authenticate",
    0x80 UNSPECIFIED_ERROR "Unspecified error",
    0x81 MALFORMED_PACKET "Malformed Packet",
    0x82 PROTOCOL_ERROR "Protocol Error",
    0x83 IMPLEMENTATION_SPECIFIC_ERROR "Implementation specific error",
    0x84 UNSUPPORTED_PROTOCOL_VERSION "Unsupported Protocol Version",
    0x85 CLIENT_IDENTIFIER_NOT_VALID "Client Identifier not valid",
    0x86 BAD_USER_NAME_OR_PASSWORD "Bad User Name or Password",
    0x87 NOT_AUTHORIZED "Not authorized",
    0x88 SERVER_UNAVAILABLE "Server unavailable",
    0x89 SERVER_BUSY "Server busy",
    0x8A BANNED "Banned",
    0x8B SERVER_SHUTTING_DOWN "Server shutting down",
    0x8C BAD_AUTHENTICATION_METHOD "Bad authentication method",
    0x8D KEEP_ALIVE_TIMEOUT "Keep Alive timeout",
    0x8E SESSION_TAKEN_OVER "Session taken over",
    0x8F TOPIC_FILTER_INVALID "Topic Filter invalid",
    0x90 TOPIC_NAME_INVALID "Topic Name invalid",
    0x91 PACKET_IDENTIFIER_IN_USE "Packet Identifier in use",
    0x92 PACKET_IDENTIFIER_NOT_FOUND "Packet Identifier not found",
    0x93 RECEIVE_MAXIMUM_EXCEEDED "Receive Maximum exceeded",
    0x94 TOPIC_ALIAS_INVALID "Topic Alias invalid",
    0x95 PACKET_TOO_LARGE "Packet too large",
    0x96 MESSAGE_RATE_TOO_HIGH "Message rate too high",
    0x97 QUOTA_EXCEEDED "Quota exceeded",
    0x98 ADMINISTRATIVE_ACTION "Administrative action",
    0x99 PAYLOAD_FORMAT_INVALID "Payload format invalid",
    0x9A RETAIN_NOT_SUPPORTED "Retain not supported",
    0x9B QOS_NOT_SUPPORTED "QoS not supported",
    0x9C USE_ANOTHER_SERVER "Use another server",
    0x9D SERVER_MOVED "Server moved",
    0x9E SHARED_SUBSCRIPTIONS_NOT_SUPPORTED "Shared Subscriptions not supported",
    0x9F CONNECTION_RATE_EXCEEDED "Connection rate exceeded",
    0xA0 MAXIMUM_CONNECT_TIME "Maximum connect time",
    0xA1 SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED "Subscription Identifiers not supported",
    0xA2 WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED "Wildcard Subscriptions not supported",
}

impl ReasonCode {
    /// Normal disconnection: 0x00 in a DISCONNECT.
    pub const NORMAL_DISCONNECTION: ReasonCode = ReasonCode(0x00);
    /// Granted `QoS` 0: 0x00 in a SUBACK.
    pub const GRANTED_QOS_0: ReasonCode = ReasonCode(0x00);

    /// The name in a packet of MQTT 5.0. A defined code has its name in every packet, allowed
    /// there or not; see [`ReasonCode::is_allowed`].
    #[must_use]
    pub fn name(self, packet: PacketType) -> Option<&'static str> {
        match (self.0, packet) {
            (0x00, PacketType::DISCONNECT) => Some("Normal disconnection"),
            (0x00, PacketType::SUBACK) => Some("Granted QoS 0"),
            _ => self.plain_name(),
        }
    }

    /// Whether the code means failure: 0x80 or above (MQTT 5.0 §2.4).
    #[must_use]
    pub fn is_failure(self) -> bool {
        self.0 >= 0x80
    }

    /// Whether `sender` may put the code into `packet` in MQTT 5.0 (tables of §3.2.2.2, §3.4.2.1 to
    /// §3.7.2.1, §3.9.3, §3.11.3, §3.14.2.1, §3.15.2.1).
    ///
    /// 0x8C in a server's DISCONNECT is allowed: table 2-6 lists it, table 3-10 does not.
    #[must_use]
    pub fn is_allowed(self, packet: PacketType, sender: Side) -> bool {
        let server = sender == Side::Server;
        match packet {
            PacketType::CONNACK => {
                server
                    && matches!(
                        self.0,
                        0x00 | 0x80..=0x8A | 0x8C | 0x90 | 0x95 | 0x97 | 0x99 | 0x9A | 0x9B | 0x9C | 0x9D | 0x9F
                    )
            }
            PacketType::PUBACK | PacketType::PUBREC => match self.0 {
                0x10 => server,
                code => matches!(code, 0x00 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99),
            },
            PacketType::PUBREL | PacketType::PUBCOMP => matches!(self.0, 0x00 | 0x92),
            PacketType::SUBACK => {
                server && matches!(self.0, 0x00..=0x02 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91 | 0x97 | 0x9E | 0xA1 | 0xA2)
            }
            PacketType::UNSUBACK => server && matches!(self.0, 0x00 | 0x11 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91),
            PacketType::DISCONNECT => match self.0 {
                0x00 | 0x80..=0x83 | 0x90 | 0x93..=0x99 => true,
                0x04 => !server,
                0x87 | 0x89 | 0x8B..=0x8F | 0x9A..=0xA2 => server,
                _ => false,
            },
            PacketType::AUTH => match self.0 {
                0x00 => server,
                0x18 => true,
                0x19 => !server,
                _ => false,
            },
            _ => false,
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X}", self.0)
    }
}

/// The name of a CONNACK return code of MQTT 3.1 and 3.1.1 (3.1.1 §3.2.2.3, table 3.1).
#[must_use]
pub fn return_code_name(code: u8) -> Option<&'static str> {
    match code {
        0 => Some("Connection Accepted"),
        1 => Some("Connection Refused, unacceptable protocol version"),
        2 => Some("Connection Refused, identifier rejected"),
        3 => Some("Connection Refused, Server unavailable"),
        4 => Some("Connection Refused, bad user name or password"),
        5 => Some("Connection Refused, not authorized"),
        _ => None,
    }
}

/// The name of a SUBACK return code of MQTT 3.1.1 (§3.9.3); 3.1 has no failure code.
#[must_use]
pub fn suback_return_code_name(code: u8) -> Option<&'static str> {
    match code {
        0x00 => Some("Success - Maximum QoS 0"),
        0x01 => Some("Success - Maximum QoS 1"),
        0x02 => Some("Success - Maximum QoS 2"),
        0x80 => Some("Failure"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_three_codes() {
        assert_eq!(ReasonCode::ALL.len(), 43);
        assert!(ReasonCode::ALL.is_sorted());
        assert_eq!(ReasonCode(0).name(PacketType::DISCONNECT), Some("Normal disconnection"));
        assert_eq!(ReasonCode(0).name(PacketType::SUBACK), Some("Granted QoS 0"));
        assert_eq!(ReasonCode(0).name(PacketType::AUTH), Some("Success"));
        assert_eq!(ReasonCode(0x8D).name(PacketType::DISCONNECT), Some("Keep Alive timeout"));
        assert_eq!(ReasonCode(0x03).name(PacketType::CONNACK), None);
    }

    fn allowed(packet: PacketType, sender: Side) -> Vec<u8> {
        (0..=255).filter(|&code| ReasonCode(code).is_allowed(packet, sender)).collect()
    }

    #[test]
    fn codes_of_each_packet() {
        let (client, server) = (Side::Client, Side::Server);
        assert_eq!(
            allowed(PacketType::CONNACK, server),
            [
                0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99,
                0x9A, 0x9B, 0x9C, 0x9D, 0x9F
            ]
        );
        for packet in [PacketType::PUBACK, PacketType::PUBREC] {
            assert_eq!(allowed(packet, server), [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
            assert_eq!(allowed(packet, client), [0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
        }
        assert_eq!(allowed(PacketType::PUBREL, client), [0x00, 0x92]);
        assert_eq!(
            allowed(PacketType::SUBACK, server),
            [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2]
        );
        assert_eq!(allowed(PacketType::UNSUBACK, server), [0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91]);
        assert_eq!(
            allowed(PacketType::DISCONNECT, client),
            [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]
        );
        assert_eq!(
            allowed(PacketType::DISCONNECT, server),
            [
                0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96,
                0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2
            ]
        );
        assert_eq!(allowed(PacketType::AUTH, client), [0x18, 0x19]);
        assert_eq!(allowed(PacketType::AUTH, server), [0x00, 0x18]);
        assert!(allowed(PacketType::CONNACK, client).is_empty());
    }
}
