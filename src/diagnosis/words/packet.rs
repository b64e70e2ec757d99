//! Control packets and their codes by name.

use crate::mqtt::{Malformed, MalformedReason, PacketType, ReasonCode, return_code_name};
use crate::session::LastPacket;
use crate::stream::Side;

use super::text::quoted;

/// The name of a code in the packet that carried it. A CONNACK below 0x80 carries a return code
/// of MQTT 3.x, whatever version the client asked for.
pub(crate) fn code_name(code: ReasonCode, packet: PacketType) -> Option<&'static str> {
    if is_return_code(code, packet) {
        return return_code_name(code.0);
    }
    // A failure says in any packet what it means; “Granted QoS 1” is no way to leave.
    let meant = code.is_failure() || [Side::Client, Side::Server].iter().any(|side| code.is_allowed(packet, *side));
    code.name(packet).filter(|_| meant)
}

/// A code with its name and its number: `Not authorized (0x87)`, `not authorized (5)`.
pub(crate) fn code_in_words(code: ReasonCode, packet: PacketType) -> String {
    let number = if is_return_code(code, packet) { code.0.to_string() } else { code.to_string() };
    match code_name(code, packet) {
        Some(name) => {
            let short = name.strip_prefix("Connection Refused, ").unwrap_or(name);
            format!("{short} ({number})")
        }
        None => format!("code {number}, which has no meaning in a {packet}"),
    }
}

fn is_return_code(code: ReasonCode, packet: PacketType) -> bool {
    packet == PacketType::CONNACK && (1..0x80).contains(&code.0)
}

/// A packet as the last thing that happened: `a PUBLISH to “a/b”`.
pub(crate) fn last_in_words(last: &LastPacket) -> String {
    let packet = named(last.packet);
    match &last.topic {
        Some(topic) if !topic.is_empty() => {
            let link = match last.packet {
                PacketType::SUBSCRIBE | PacketType::UNSUBSCRIBE => "for",
                _ => "to",
            };
            format!("{packet} {link} {}", quoted(topic))
        }
        _ => packet,
    }
}

/// Why a packet cannot be decoded: “its Topic Name is missing or incomplete”.
pub(crate) fn undecodable(malformed: Malformed) -> String {
    let field = malformed.field;
    match malformed.why {
        MalformedReason::TooShort => {
            format!("its {field} {} missing or incomplete", if field.ends_with('s') { "are" } else { "is" })
        }
        MalformedReason::TrailingBytes => "bytes are left over after its last field".to_owned(),
        MalformedReason::VariableByteInteger => format!("the length or number in its {field} runs over four bytes"),
        MalformedReason::UnknownProperty(id) => format!("it has a property 0x{id:02X}, which MQTT 5.0 does not define"),
    }
}

/// A packet type with its article: `a CONNECT`, `an UNSUBACK`.
pub(crate) fn named(packet: PacketType) -> String {
    let article = match packet {
        PacketType::UNSUBSCRIBE | PacketType::UNSUBACK | PacketType::AUTH => "an",
        _ => "a",
    };
    if packet == PacketType::RESERVED {
        return "a packet of a reserved type".to_owned();
    }
    format!("{article} {packet}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_carry_name_and_number() {
        let said = |code, packet| code_in_words(ReasonCode(code), packet);
        assert_eq!(said(0x87, PacketType::CONNACK), "Not authorized (0x87)");
        assert_eq!(said(5, PacketType::CONNACK), "not authorized (5)");
        assert_eq!(said(0x80, PacketType::SUBACK), "Unspecified error (0x80)");
        assert_eq!(said(9, PacketType::CONNACK), "code 9, which has no meaning in a CONNACK");
    }

    #[test]
    fn a_code_below_failure_has_a_name_in_its_own_packets_only() {
        let said = |code, packet| code_in_words(ReasonCode(code), packet);
        assert_eq!(said(1, PacketType::DISCONNECT), "code 0x01, which has no meaning in a DISCONNECT");
        assert_eq!(said(1, PacketType::SUBACK), "Granted QoS 1 (0x01)");
        assert_eq!(said(0x18, PacketType::AUTH), "Continue authentication (0x18)");
        assert_eq!(said(0x95, PacketType::PUBACK), "Packet too large (0x95)");
    }

    #[test]
    fn what_cannot_be_decoded_is_said_as_it_is() {
        let said = |field, why| undecodable(Malformed { field, at: 0, why, clause: "" });
        assert_eq!(said("User Name", MalformedReason::TooShort), "its User Name is missing or incomplete");
        assert_eq!(said("Properties", MalformedReason::TooShort), "its Properties are missing or incomplete");
        assert_eq!(said("Payload", MalformedReason::TrailingBytes), "bytes are left over after its last field");
        let unknown = said("Property Identifier", MalformedReason::UnknownProperty(0x7E));
        assert_eq!(unknown, "it has a property 0x7E, which MQTT 5.0 does not define");
    }
}
