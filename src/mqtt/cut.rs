//! What the captured beginning of a packet says of why a session ends, or never began.

use super::{Connack, Disconnect, Packet, PacketType, Properties, RawPacket, ReasonCode, Version};

/// The verdict in a packet that the snap length cut behind its reason code, where what follows that could only say more: a
/// DISCONNECT, or a CONNACK that refuses. The terms of one that accepts are not known.
pub fn cut_verdict(raw: &RawPacket<'_>, version: Option<Version>) -> Option<Packet<'static>> {
    if !version.is_some_and(Version::is_v5) {
        return None;
    }
    let properties = Properties::default();
    match (raw.packet_type(), raw.body) {
        (PacketType::DISCONNECT, [code, ..]) => {
            Some(Packet::Disconnect(Disconnect { reason_code: Some(ReasonCode(*code)), properties }))
        }
        (PacketType::CONNACK, [flags, code @ 0x80..=0xFF, ..]) => {
            Some(Packet::Connack(Connack { flags: *flags, reason_code: ReasonCode(*code), properties }))
        }
        _ => None,
    }
}

/// The Packet Identifier of a packet that could not be read as a whole: its fault, or what is missing, is behind it.
pub fn begun_identifier(raw: &RawPacket<'_>) -> Option<u16> {
    let two = |at: usize| Some(u16::from_be_bytes([*raw.body.get(at)?, *raw.body.get(at + 1)?]));
    let identifier = match raw.packet_type() {
        PacketType::PUBLISH if matches!(raw.header.flags() >> 1 & 0b11, 1 | 2) => two(2 + usize::from(two(0)?)),
        PacketType::PUBACK
        | PacketType::PUBREC
        | PacketType::PUBREL
        | PacketType::PUBCOMP
        | PacketType::SUBSCRIBE
        | PacketType::SUBACK
        | PacketType::UNSUBSCRIBE
        | PacketType::UNSUBACK => two(0),
        _ => None,
    };
    identifier.filter(|identifier| *identifier != 0)
}
