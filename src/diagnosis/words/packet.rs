//! Control packets and their codes by name.

use crate::mqtt::{PacketType, ReasonCode, return_code_name};
use crate::session::LastPacket;

use super::text::quoted;

/// The name of a code in the packet that carried it. A CONNACK below 0x80 carries a return code
/// of MQTT 3.x, whatever version the client asked for.
pub(crate) fn code_name(code: ReasonCode, packet: PacketType) -> Option<&'static str> {
    if is_return_code(code, packet) { return_code_name(code.0) } else { code.name(packet) }
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

/// “Topic Name is wrong”, “Properties are wrong”, of a field that could not be decoded.
pub(crate) fn field_is_wrong(field: &str) -> String {
    format!("{field} {} wrong", if field.ends_with('s') { "are" } else { "is" })
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
    fn one_field_is_wrong_and_several_are() {
        let said = ["Topic Name", "Properties"].map(field_is_wrong);
        assert_eq!(said, ["Topic Name is wrong", "Properties are wrong"]);
    }
}
