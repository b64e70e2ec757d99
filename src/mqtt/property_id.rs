//! The 27 properties of MQTT 5.0 by identifier: name, type, and where each is allowed.

use std::fmt;

use super::PacketType;

/// Property identifier of MQTT 5.0 (§2.2.2.2); unknown values survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyId(pub u32);

/// The type of a property's value (MQTT 5.0 §2.2.2.2, table 2-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// Byte.
    Byte,
    /// Two Byte Integer.
    TwoByte,
    /// Four Byte Integer.
    FourByte,
    /// Variable Byte Integer.
    Variable,
    /// UTF-8 Encoded String.
    Text,
    /// UTF-8 String Pair.
    Pair,
    /// Binary Data.
    Binary,
}

/// Allows a property in some packets.
#[allow(clippy::indexing_slicing)] // a packet type beyond the table is no program
const fn allow(allowed: &mut [u64; 16], property: u8, packets: &[PacketType]) {
    let mut rest = packets;
    while let [first, others @ ..] = rest {
        allowed[first.0 as usize] |= 1 << property;
        rest = others;
    }
}

const CONNECT: PacketType = PacketType::CONNECT;
const CONNACK: PacketType = PacketType::CONNACK;
const PUBLISH: PacketType = PacketType::PUBLISH;
const PUBACK: PacketType = PacketType::PUBACK;
const PUBREC: PacketType = PacketType::PUBREC;
const PUBREL: PacketType = PacketType::PUBREL;
const PUBCOMP: PacketType = PacketType::PUBCOMP;
const SUBSCRIBE: PacketType = PacketType::SUBSCRIBE;
const SUBACK: PacketType = PacketType::SUBACK;
const UNSUBSCRIBE: PacketType = PacketType::UNSUBSCRIBE;
const UNSUBACK: PacketType = PacketType::UNSUBACK;
const DISCONNECT: PacketType = PacketType::DISCONNECT;
const AUTH: PacketType = PacketType::AUTH;

macro_rules! properties {
    ($($value:literal $constant:ident $name:literal $type:ident [$($packet:ident)*],)*) => {
        impl PropertyId {
            $(
                #[doc = concat!($name, " (", stringify!($value), ").")]
                pub const $constant: PropertyId = PropertyId($value);
            )*

            /// Every property that MQTT 5.0 defines, in rising order (table 2-4).
            pub const ALL: &'static [PropertyId] = &[$(PropertyId($value)),*];

            /// The name of table 2-4.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }

            /// The type of its value, `None` when MQTT 5.0 does not define the property.
            #[must_use]
            #[inline]
            pub fn value_type(self) -> Option<ValueType> {
                match self.0 {
                    $($value => Some(ValueType::$type),)*
                    _ => None,
                }
            }

        }

        /// The properties that may stand in a packet, as bits by identifier; by packet type.
        const ALLOWED: [u64; 16] = {
            let mut allowed = [0; 16];
            $(allow(&mut allowed, $value, &[$($packet),*]);)*
            allowed
        };
    };
}

// MQTT 5.0 §2.2.2.2, table 2-4.
properties! {
    0x01 PAYLOAD_FORMAT_INDICATOR "Payload Format Indicator" Byte [PUBLISH],
    0x02 MESSAGE_EXPIRY_INTERVAL "Message Expiry Interval" FourByte [PUBLISH],
    0x03 CONTENT_TYPE "Content Type" Text [PUBLISH],
    0x08 RESPONSE_TOPIC "Response Topic" Text [PUBLISH],
    0x09 CORRELATION_DATA "Correlation Data" Binary [PUBLISH],
    0x0B SUBSCRIPTION_IDENTIFIER "Subscription Identifier" Variable [PUBLISH SUBSCRIBE],
    0x11 SESSION_EXPIRY_INTERVAL "Session Expiry Interval" FourByte [CONNECT CONNACK DISCONNECT],
    0x12 ASSIGNED_CLIENT_IDENTIFIER "Assigned Client Identifier" Text [CONNACK],
    0x13 SERVER_KEEP_ALIVE "Server Keep Alive" TwoByte [CONNACK],
    0x15 AUTHENTICATION_METHOD "Authentication Method" Text [CONNECT CONNACK AUTH],
    0x16 AUTHENTICATION_DATA "Authentication Data" Binary [CONNECT CONNACK AUTH],
    0x17 REQUEST_PROBLEM_INFORMATION "Request Problem Information" Byte [CONNECT],
    0x18 WILL_DELAY_INTERVAL "Will Delay Interval" FourByte [],
    0x19 REQUEST_RESPONSE_INFORMATION "Request Response Information" Byte [CONNECT],
    0x1A RESPONSE_INFORMATION "Response Information" Text [CONNACK],
    0x1C SERVER_REFERENCE "Server Reference" Text [CONNACK DISCONNECT],
    0x1F REASON_STRING "Reason String" Text
        [CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH],
    0x21 RECEIVE_MAXIMUM "Receive Maximum" TwoByte [CONNECT CONNACK],
    0x22 TOPIC_ALIAS_MAXIMUM "Topic Alias Maximum" TwoByte [CONNECT CONNACK],
    0x23 TOPIC_ALIAS "Topic Alias" TwoByte [PUBLISH],
    0x24 MAXIMUM_QOS "Maximum QoS" Byte [CONNACK],
    0x25 RETAIN_AVAILABLE "Retain Available" Byte [CONNACK],
    0x26 USER_PROPERTY "User Property" Pair
        [CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK DISCONNECT AUTH],
    0x27 MAXIMUM_PACKET_SIZE "Maximum Packet Size" FourByte [CONNECT CONNACK],
    0x28 WILDCARD_SUBSCRIPTION_AVAILABLE "Wildcard Subscription Available" Byte [CONNACK],
    0x29 SUBSCRIPTION_IDENTIFIER_AVAILABLE "Subscription Identifier Available" Byte [CONNACK],
    0x2A SHARED_SUBSCRIPTION_AVAILABLE "Shared Subscription Available" Byte [CONNACK],
}

impl PropertyId {
    /// Its place in a set of the properties that MQTT 5.0 defines, all of which are below 64; none for another.
    #[inline]
    pub(super) fn bit(self) -> u64 {
        1_u64.checked_shl(self.0).unwrap_or(0)
    }

    /// Whether the property may stand in a packet of this type, outside the will.
    #[must_use]
    pub fn allowed_in(self, packet: PacketType) -> bool {
        PropertyId::all_allowed_in(packet) & self.bit() != 0
    }

    /// The properties that may stand in a packet of this type, outside the will, as bits by identifier.
    #[inline]
    pub(super) fn all_allowed_in(packet: PacketType) -> u64 {
        ALLOWED.get(usize::from(packet.0)).copied().unwrap_or(0)
    }

    /// Whether the property may stand in the will properties of a CONNECT (MQTT 5.0 §3.1.3.2).
    #[must_use]
    pub fn allowed_in_will(self) -> bool {
        matches!(self.0, 0x01 | 0x02 | 0x03 | 0x08 | 0x09 | 0x18 | 0x26)
    }

    /// Whether the property may stand more than once: User Property anywhere, Subscription
    /// Identifier in a PUBLISH only (MQTT 5.0 §3.3.2.3.8, §3.8.2.1.2).
    #[must_use]
    pub fn may_repeat_in(self, packet: PacketType) -> bool {
        self == PropertyId::USER_PROPERTY
            || (self == PropertyId::SUBSCRIPTION_IDENTIFIER && packet == PacketType::PUBLISH)
    }
}

impl fmt::Display for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "property 0x{:02X}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_seven_properties_and_how_many_each_packet_allows() {
        assert_eq!(PropertyId::ALL.len(), 27);
        // Counted in the sections of MQTT 5.0 chapter 3 that list each packet's properties.
        for (packet, count) in [
            (CONNECT, 9),
            (CONNACK, 17),
            (PUBLISH, 8),
            (PUBACK, 2),
            (PUBREC, 2),
            (PUBREL, 2),
            (PUBCOMP, 2),
            (SUBSCRIBE, 2),
            (SUBACK, 2),
            (UNSUBSCRIBE, 1),
            (UNSUBACK, 2),
            (PacketType::PINGREQ, 0),
            (PacketType::PINGRESP, 0),
            (DISCONNECT, 4),
            (AUTH, 4),
        ] {
            let found = PropertyId::ALL.iter().filter(|id| id.allowed_in(packet)).count();
            assert_eq!(found, count, "{packet}");
        }
        assert_eq!(PropertyId::ALL.iter().filter(|id| id.allowed_in_will()).count(), 7);
        assert_eq!(PropertyId(0x04).value_type(), None);
        assert!(!PropertyId::USER_PROPERTY.allowed_in(PacketType(200)));
    }
}
