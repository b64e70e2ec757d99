//! Control packet types: their names, their flags, and which side may send them.

use std::fmt;

use super::Version;
use crate::stream::Side;

/// MQTT Control Packet type: the high four bits of the first byte (MQTT 5.0 §2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketType(pub u8);

impl PacketType {
    /// Type 0: forbidden.
    pub const RESERVED: PacketType = PacketType(0);
    /// Connection request.
    pub const CONNECT: PacketType = PacketType(1);
    /// Connect acknowledgment.
    pub const CONNACK: PacketType = PacketType(2);
    /// Publish message.
    pub const PUBLISH: PacketType = PacketType(3);
    /// Publish acknowledgment (`QoS` 1).
    pub const PUBACK: PacketType = PacketType(4);
    /// Publish received (`QoS` 2, part 1).
    pub const PUBREC: PacketType = PacketType(5);
    /// Publish release (`QoS` 2, part 2).
    pub const PUBREL: PacketType = PacketType(6);
    /// Publish complete (`QoS` 2, part 3).
    pub const PUBCOMP: PacketType = PacketType(7);
    /// Subscribe request.
    pub const SUBSCRIBE: PacketType = PacketType(8);
    /// Subscribe acknowledgment.
    pub const SUBACK: PacketType = PacketType(9);
    /// Unsubscribe request.
    pub const UNSUBSCRIBE: PacketType = PacketType(10);
    /// Unsubscribe acknowledgment.
    pub const UNSUBACK: PacketType = PacketType(11);
    /// PING request.
    pub const PINGREQ: PacketType = PacketType(12);
    /// PING response.
    pub const PINGRESP: PacketType = PacketType(13);
    /// Disconnect notification.
    pub const DISCONNECT: PacketType = PacketType(14);
    /// Authentication exchange (MQTT 5.0).
    pub const AUTH: PacketType = PacketType(15);

    /// The name as the specifications write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "CONNECT",
            2 => "CONNACK",
            3 => "PUBLISH",
            4 => "PUBACK",
            5 => "PUBREC",
            6 => "PUBREL",
            7 => "PUBCOMP",
            8 => "SUBSCRIBE",
            9 => "SUBACK",
            10 => "UNSUBSCRIBE",
            11 => "UNSUBACK",
            12 => "PINGREQ",
            13 => "PINGRESP",
            14 => "DISCONNECT",
            15 => "AUTH",
            _ => "Reserved",
        }
    }

    /// The fixed flags of table 2-2, or `None` for PUBLISH, whose flags carry meaning.
    #[must_use]
    pub fn fixed_flags(self) -> Option<u8> {
        match self {
            PacketType::PUBLISH => None,
            PacketType::PUBREL | PacketType::SUBSCRIBE | PacketType::UNSUBSCRIBE => Some(0b0010),
            _ => Some(0),
        }
    }

    /// Whether `sender` may send it (MQTT 5.0 table 2-1). With the version unknown, whatever one
    /// version allows is allowed.
    #[must_use]
    pub fn may_be_sent_by(self, sender: Side, version: Option<Version>) -> bool {
        let maybe_v5 = version.is_none_or(Version::is_v5);
        match self {
            PacketType::CONNECT | PacketType::SUBSCRIBE | PacketType::UNSUBSCRIBE | PacketType::PINGREQ => {
                sender == Side::Client
            }
            PacketType::CONNACK | PacketType::SUBACK | PacketType::UNSUBACK | PacketType::PINGRESP => {
                sender == Side::Server
            }
            PacketType::DISCONNECT => sender == Side::Client || maybe_v5,
            PacketType::AUTH => maybe_v5,
            PacketType(3..=7) => true,
            _ => false,
        }
    }

    /// Whether it is PUBACK, PUBREC, PUBREL or PUBCOMP.
    #[must_use]
    pub fn is_acknowledgment(self) -> bool {
        matches!(self.0, 4..=7)
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_of_table_2_1() {
        let (client, server) = (Side::Client, Side::Server);
        assert!(PacketType::CONNECT.may_be_sent_by(client, None));
        assert!(!PacketType::CONNECT.may_be_sent_by(server, None));
        assert!(!PacketType::CONNACK.may_be_sent_by(client, None));
        assert!(PacketType::PUBREL.may_be_sent_by(server, Some(Version::V31)));
        assert!(!PacketType::DISCONNECT.may_be_sent_by(server, Some(Version::V311)));
        assert!(PacketType::DISCONNECT.may_be_sent_by(server, Some(Version::V5)));
        assert!(!PacketType::AUTH.may_be_sent_by(client, Some(Version::V311)));
        assert!(!PacketType::RESERVED.may_be_sent_by(client, None));
    }
}
