//! Any control packet: the sum of the fifteen, and the parser that tells them apart.

use super::read::{Fault, Read, fault};
use super::{
    Acknowledgment, Auth, Connack, Connect, Disconnect, PacketType, Publish, RawPacket, Suback, Subscribe, Unsubscribe,
    Version,
};
use super::{acknowledgment, auth, connack, connect, disconnect, publish, suback, subscribe, unsubscribe};

/// A parsed control packet.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'p> {
    /// Connection request.
    Connect(Connect<'p>),
    /// Connect acknowledgment.
    Connack(Connack<'p>),
    /// Publish message.
    Publish(Publish<'p>),
    /// Publish acknowledgment (`QoS` 1).
    Puback(Acknowledgment<'p>),
    /// Publish received (`QoS` 2, part 1).
    Pubrec(Acknowledgment<'p>),
    /// Publish release (`QoS` 2, part 2).
    Pubrel(Acknowledgment<'p>),
    /// Publish complete (`QoS` 2, part 3).
    Pubcomp(Acknowledgment<'p>),
    /// Subscribe request.
    Subscribe(Subscribe<'p>),
    /// Subscribe acknowledgment.
    Suback(Suback<'p>),
    /// Unsubscribe request.
    Unsubscribe(Unsubscribe<'p>),
    /// Unsubscribe acknowledgment.
    Unsuback(Suback<'p>),
    /// PING request.
    Pingreq,
    /// PING response.
    Pingresp,
    /// Disconnect notification.
    Disconnect(Disconnect<'p>),
    /// Authentication exchange (MQTT 5.0).
    Auth(Auth<'p>),
    /// Packet type 0, or 15 in MQTT 3.x: reserved.
    Reserved,
}

impl Packet<'_> {
    /// The Packet Identifier, of packets that have one.
    #[must_use]
    pub fn packet_identifier(&self) -> Option<u16> {
        match self {
            Packet::Publish(publish) => publish.packet_identifier,
            Packet::Puback(packet) | Packet::Pubrec(packet) | Packet::Pubrel(packet) | Packet::Pubcomp(packet) => {
                Some(packet.packet_identifier)
            }
            Packet::Subscribe(packet) => Some(packet.packet_identifier),
            Packet::Unsubscribe(packet) => Some(packet.packet_identifier),
            Packet::Suback(packet) | Packet::Unsuback(packet) => Some(packet.packet_identifier),
            _ => None,
        }
    }

    /// The packet type. [`Packet::Reserved`] answers type 0: see the raw packet for the byte.
    #[must_use]
    pub fn packet_type(&self) -> PacketType {
        match self {
            Packet::Connect(_) => PacketType::CONNECT,
            Packet::Connack(_) => PacketType::CONNACK,
            Packet::Publish(_) => PacketType::PUBLISH,
            Packet::Puback(_) => PacketType::PUBACK,
            Packet::Pubrec(_) => PacketType::PUBREC,
            Packet::Pubrel(_) => PacketType::PUBREL,
            Packet::Pubcomp(_) => PacketType::PUBCOMP,
            Packet::Subscribe(_) => PacketType::SUBSCRIBE,
            Packet::Suback(_) => PacketType::SUBACK,
            Packet::Unsubscribe(_) => PacketType::UNSUBSCRIBE,
            Packet::Unsuback(_) => PacketType::UNSUBACK,
            Packet::Pingreq => PacketType::PINGREQ,
            Packet::Pingresp => PacketType::PINGRESP,
            Packet::Disconnect(_) => PacketType::DISCONNECT,
            Packet::Auth(_) => PacketType::AUTH,
            Packet::Reserved => PacketType::RESERVED,
        }
    }
}

/// A packet that could not be decoded; the next one is still found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The field that could not be read, in the specification's words.
    pub field: &'static str,
    /// Offset in the body where it begins.
    pub at: usize,
    /// What is wrong with it.
    pub why: MalformedReason,
    /// The statement it breaks, such as `MQTT-1.5.4-1`, or a section such as `§2.2.2.2`.
    pub clause: &'static str,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MalformedReason {
    /// The packet ends before the field does.
    TooShort,
    /// Bytes are left over after the last field.
    TrailingBytes,
    /// A Variable Byte Integer runs over four bytes.
    VariableByteInteger,
    /// A property id that MQTT 5.0 does not define: the rest of the properties cannot be read.
    UnknownProperty(u32),
}

/// Why a packet was not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Its bytes cannot be decoded.
    Malformed(Malformed),
    /// The capture does not hold enough: of the packet, or, with the version unknown, of the
    /// session to tell which of two readings is meant.
    Partial {
        /// The first field that is not there in full, or that depends on the version.
        field: &'static str,
    },
}

/// Parses a packet. `version` is `None` when it is not known: then only what all versions share is
/// read, and what only one version can have written.
///
/// A CONNECT carries its own version. A packet with [`RawPacket::missing`] set is parsed when it is
/// a PUBLISH and everything before its payload is there.
#[inline]
pub fn parse<'p>(raw: &RawPacket<'p>, version: Option<Version>) -> Result<Packet<'p>, ParseError> {
    let whole = raw.missing.is_none();
    if raw.packet_type() == PacketType::PUBLISH {
        return match publish::publish(raw, version) {
            Ok(publish) => Ok(Packet::Publish(publish)),
            Err(fault) => Err(fault.into_error(raw.body, whole)),
        };
    }
    let packet: fn(Acknowledgment<'p>) -> Packet<'p> = match raw.packet_type() {
        PacketType::PUBACK => Packet::Puback,
        PacketType::PUBREC => Packet::Pubrec,
        PacketType::PUBREL => Packet::Pubrel,
        PacketType::PUBCOMP => Packet::Pubcomp,
        _ => return any_other(raw, version),
    };
    match acknowledgment::acknowledgment(raw.body, version) {
        Ok((_, body)) if whole => Ok(packet(body)),
        Ok(_) => Err(ParseError::Partial { field: "Payload" }),
        Err(error) => Err(fault(error).into_error(raw.body, whole)),
    }
}

/// Parses what is neither a PUBLISH nor one of its acknowledgments.
fn any_other<'p>(raw: &RawPacket<'p>, version: Option<Version>) -> Result<Packet<'p>, ParseError> {
    let whole = raw.missing.is_none();
    match other(raw, version) {
        Ok(Some(packet)) if whole => Ok(packet),
        Ok(Some(_)) => Err(ParseError::Partial { field: "Payload" }),
        Ok(None) => Err(ParseError::Partial { field: "Properties" }),
        Err(fault) => Err(fault.into_error(raw.body, whole)),
    }
}

/// Every packet but PUBLISH and its acknowledgments; `None` when the version is unknown and two readings fit.
fn other<'p>(raw: &RawPacket<'p>, version: Option<Version>) -> Result<Option<Packet<'p>>, Fault> {
    /// The packet of a body read to its end.
    fn read<'p, T>(read: Read<'p, T>, packet: fn(T) -> Packet<'p>) -> Result<Option<Packet<'p>>, Fault> {
        read.map(|(_, body)| Some(packet(body))).map_err(fault)
    }
    let body = raw.body;
    match raw.packet_type() {
        PacketType::CONNECT => read(connect::connect(body), Packet::Connect),
        PacketType::CONNACK => read(connack::connack(body, version), Packet::Connack),
        PacketType::SUBSCRIBE => {
            subscribe::subscribe(body, version).map_or(Ok(None), |body| read(body, Packet::Subscribe))
        }
        PacketType::SUBACK => suback::suback(body, version).map_or(Ok(None), |body| read(body, Packet::Suback)),
        PacketType::UNSUBSCRIBE => {
            unsubscribe::unsubscribe(body, version).map_or(Ok(None), |body| read(body, Packet::Unsubscribe))
        }
        PacketType::UNSUBACK => read(suback::unsuback(body, version), Packet::Unsuback),
        PacketType::PINGREQ => Ok(Some(Packet::Pingreq)),
        PacketType::PINGRESP => Ok(Some(Packet::Pingresp)),
        PacketType::DISCONNECT => read(disconnect::disconnect(body, version), Packet::Disconnect),
        PacketType::AUTH if version.is_none_or(Version::is_v5) => read(auth::auth(body), Packet::Auth),
        _ => Ok(Some(Packet::Reserved)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_bytes(bytes: &[u8], version: Option<Version>) -> Result<PacketType, ParseError> {
        parse(&RawPacket::from_bytes(bytes).unwrap(), version).map(|packet| packet.packet_type())
    }

    #[test]
    fn type_15_is_auth_in_5_0_only() {
        assert_eq!(parse_bytes(&[0xF0, 0], Some(Version::V5)), Ok(PacketType::AUTH));
        assert_eq!(parse_bytes(&[0xF0, 0], Some(Version::V311)), Ok(PacketType::RESERVED));
        assert_eq!(parse_bytes(&[0x00, 0], None), Ok(PacketType::RESERVED));
    }

    #[test]
    fn a_cut_packet_is_partial_and_a_bad_one_malformed() {
        let cut = [0x40, 2, 0];
        assert_eq!(parse_bytes(&cut, None), Err(ParseError::Partial { field: "Packet Identifier" }));
        let cut_in_topic = [0x30, 9, 0, 5, b'a'];
        assert_eq!(parse_bytes(&cut_in_topic, None), Err(ParseError::Partial { field: "Topic Name" }));
        let cut_connect = b"\x10\x20\x00\x04MQTT\x04\x02\x00\x3C\x00\x09abc";
        assert_eq!(parse_bytes(cut_connect, None), Err(ParseError::Partial { field: "Client Identifier" }));
        let short = [0x30, 3, 0, 5, b'a'];
        let malformed =
            Malformed { field: "Topic Name", at: 0, why: MalformedReason::TooShort, clause: "MQTT-3.3.2-1" };
        assert_eq!(parse_bytes(&short, None), Err(ParseError::Malformed(malformed)));
        let trailing = b"\x10\x0E\x00\x04MQTT\x04\x02\x00\x3C\x00\x01ab";
        let Err(ParseError::Malformed(found)) = parse_bytes(trailing, None) else { panic!() };
        assert_eq!((found.at, found.why), (13, MalformedReason::TrailingBytes));
    }

    #[test]
    fn a_suback_that_fits_both_layouts_is_said_to() {
        assert_eq!(parse_bytes(&[0x90, 4, 0, 1, 0, 1], None), Err(ParseError::Partial { field: "Properties" }));
    }
}
