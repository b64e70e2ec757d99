//! A first look at bytes as the start of one packet: whether a correct sender could write them here,
//! and how unlikely it is that anything else looks the same.

use super::plausible::{Likelihood, looks_like_connect};
use super::publish::publish;
use super::{FixedHeader, HeaderRead, Packet, PacketType, ParseError, Properties, PropertyId};
use super::{QoS, RawPacket, ReasonCode, Text, Version, parse, suback, topic};
use crate::stream::Side;

/// What a first look at the bytes of one packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glance {
    /// No correct sender would write this here.
    No,
    /// Nothing against it so far; look again when this many bytes are there.
    Incomplete { need: usize },
    /// A packet that a correct sender could write.
    Plausible(Look),
}

/// A plausible packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Length of the whole packet.
    pub(super) length: u64,
    /// How unlikely it is that other bytes look like this, in bits or somewhat less.
    pub(super) weight: u32,
    /// Few bytes, and no text, are enough to look like this: a PING, an acknowledgment.
    pub(super) weak: bool,
    /// The side that alone sends such packets.
    pub(super) sender: Option<Side>,
    /// Type and Packet Identifier, to see repetition.
    pub(super) mark: (u8, u16),
}

/// Weights of plausible packets. A wrong length or type byte costs 4 to 8 bits, a two-byte length
/// that fits 8 to 12, a printable character about 1.
mod weight {
    /// The protocol name of a CONNECT.
    pub(super) const CONNECT: u32 = 60;
    /// Header, topic length and one character; each further character adds one, to ten.
    pub(super) const TEXT: u32 = 20;
    /// A PUBLISH whose topic is a Topic Alias.
    pub(super) const ALIAS: u32 = 20;
    pub(super) const CONNACK: u32 = 20;
    pub(super) const ACKNOWLEDGMENT: u32 = 16;
    pub(super) const PING: u32 = 16;
    pub(super) const CODES: u32 = 16;
}

/// Looks at the start of `bytes` as the start of a packet.
pub(super) fn glance(bytes: &[u8], sender: Option<Side>, version: Option<Version>) -> Glance {
    let Some(&first_byte) = bytes.first() else {
        return Glance::Incomplete { need: 2 };
    };
    let kind = PacketType(first_byte >> 4);
    let flags_fit = match kind.fixed_flags() {
        Some(flags) => first_byte & 0x0F == flags,
        None => first_byte & 0x06 != 0x06 && first_byte & 0x0E != 0x08,
    };
    let side = only_sender(kind);
    let sent = match sender {
        Some(sender) => kind.may_be_sent_by(sender, version),
        None => kind.may_be_sent_by(Side::Client, version) || kind.may_be_sent_by(Side::Server, version),
    };
    if !flags_fit || !sent {
        return Glance::No;
    }
    let header = match FixedHeader::read(bytes) {
        HeaderRead::Complete(header) if header.is_shortest() => header,
        HeaderRead::Incomplete => {
            return Glance::Incomplete { need: bytes.len() + 1 };
        }
        _ => return Glance::No,
    };
    if !length_fits(kind, header.remaining_length, version) {
        return Glance::No;
    }
    let Some(raw) = RawPacket::from_bytes(bytes) else {
        return Glance::No;
    };
    let whole = Glance::Incomplete { need: usize::try_from(header.packet_length()).unwrap_or(usize::MAX) };
    let (weight, mark) = match kind {
        PacketType::PUBLISH => return glance_publish(&raw, sender, version),
        PacketType::CONNECT => match looks_like_connect(bytes) {
            Likelihood::Certain => (weight::CONNECT, 0),
            Likelihood::NeedMore => {
                return Glance::Incomplete { need: bytes.len() + 1 };
            }
            _ => return Glance::No,
        },
        _ if raw.missing.is_some() && begins_wrong(&raw) => return Glance::No,
        _ if raw.missing.is_some() => return whole,
        _ => match weigh(&raw, version) {
            Some(found) => found,
            None => return Glance::No,
        },
    };
    // Numbers make them up, and a payload is full of numbers; the others hold text.
    let weak = !matches!(kind, PacketType::CONNECT | PacketType::SUBSCRIBE | PacketType::UNSUBSCRIBE);
    Glance::Plausible(Look { length: header.packet_length(), weight, weak, sender: side, mark: (first_byte, mark) })
}

/// Whether the first bytes of a cut body show already that no correct sender wrote it.
fn begins_wrong(raw: &RawPacket<'_>) -> bool {
    let kind = raw.packet_type();
    let unnamed = |code: u8| ReasonCode(code).name(kind).is_none();
    match *raw.body {
        [0, 0, ..] => !matches!(kind, PacketType::CONNACK | PacketType::DISCONNECT | PacketType::AUTH),
        [_, _, code, ..] if kind.is_acknowledgment() => unnamed(code),
        [code, ..] if matches!(kind, PacketType::DISCONNECT | PacketType::AUTH) => unnamed(code),
        [flags, ..] if kind == PacketType::CONNACK => flags > 1,
        _ => false,
    }
}

/// The side that alone may send packets of this type in any version.
fn only_sender(kind: PacketType) -> Option<Side> {
    match (kind.may_be_sent_by(Side::Client, None), kind.may_be_sent_by(Side::Server, None)) {
        (true, false) => Some(Side::Client),
        (false, true) => Some(Side::Server),
        _ => None,
    }
}

/// Longest plausible packet that is no PUBLISH: the protocol allows more, people do not send it.
const LONGEST: u32 = 65_536;

/// Whether a packet of this type and version may have this Remaining Length.
fn length_fits(kind: PacketType, length: u32, version: Option<Version>) -> bool {
    if kind != PacketType::PUBLISH && length > LONGEST {
        return false;
    }
    let old = version.is_some_and(|version| !version.is_v5());
    match kind {
        PacketType::PINGREQ | PacketType::PINGRESP => length == 0,
        PacketType::PUBACK
        | PacketType::PUBREC
        | PacketType::PUBREL
        | PacketType::PUBCOMP
        | PacketType::UNSUBACK
        | PacketType::CONNACK
            if old =>
        {
            length == 2
        }
        PacketType::DISCONNECT if old => length == 0,
        PacketType::PUBACK
        | PacketType::PUBREC
        | PacketType::PUBREL
        | PacketType::PUBCOMP
        | PacketType::UNSUBACK
        | PacketType::CONNACK
        | PacketType::PUBLISH => length >= 2,
        PacketType::SUBACK => length >= 3,
        PacketType::UNSUBSCRIBE => length >= 5,
        PacketType::SUBSCRIBE => length >= 6,
        PacketType::CONNECT => length >= 12,
        PacketType::DISCONNECT | PacketType::AUTH => true,
        _ => false,
    }
}

/// A PUBLISH needs only what stands before its payload.
fn glance_publish(raw: &RawPacket<'_>, sender: Option<Side>, version: Option<Version>) -> Glance {
    let header = raw.header;
    let Some(&[high, low]) = raw.body.first_chunk::<2>() else {
        return Glance::Incomplete { need: usize::from(header.length) + 2 };
    };
    let has_identifier = header.first_byte & 0x06 != 0;
    let topic_length = u32::from(u16::from_be_bytes([high, low]));
    let before = 2 + topic_length + if has_identifier { 2 } else { 0 };
    let properties = u32::from(version == Some(Version::V5));
    if before + properties > header.remaining_length {
        return Glance::No;
    }
    let found = match publish(raw, version) {
        Ok(found) => found,
        Err(fault) if raw.missing.is_some() && !fault.bounded => {
            let seen = raw.body.len() + 1;
            let need = seen.max(usize::try_from(before).unwrap_or(usize::MAX));
            return Glance::Incomplete { need: usize::from(header.length) + need };
        }
        Err(_) => return Glance::No,
    };
    // With the version unknown, an empty topic needs the properties of 5.0 to make sense.
    let read_as_v5 =
        if version.is_none() && found.topic.is_empty() { publish(raw, Some(Version::V5)).ok() } else { None };
    let publish = read_as_v5.unwrap_or(found);
    let name_fits = if publish.topic.is_empty() {
        publish.topic_alias().is_some_and(|alias| alias != 0)
    } else {
        is_plausible_topic(publish.topic)
    };
    let fits = name_fits
        && publish.packet_identifier != Some(0)
        && publish.qos != QoS::RESERVED
        && are_plausible(publish.properties, sender);
    if !fits {
        return Glance::No;
    }
    let weight = if publish.topic.is_empty() {
        weight::ALIAS
    } else {
        weight::TEXT + u32::try_from(publish.topic.len().min(10)).unwrap_or(10)
    };
    let mark = (header.first_byte, publish.packet_identifier.unwrap_or(0));
    Glance::Plausible(Look { length: header.packet_length(), weight, weak: false, sender: None, mark })
}

/// Weight and Packet Identifier of a whole packet that is neither CONNECT nor PUBLISH.
fn weigh(raw: &RawPacket<'_>, version: Option<Version>) -> Option<(u32, u16)> {
    let kind = raw.packet_type();
    let known = |code: Option<ReasonCode>| code.is_none_or(|code| code.name(kind).is_some());
    let identified = |weight: u32, identifier: u16| (identifier != 0).then_some((weight, identifier));
    match parse(raw, version) {
        Ok(Packet::Connack(connack)) => {
            let code = connack.reason_code;
            let fits = connack.flags <= 1 && (code.0 <= 5 || code.name(kind).is_some());
            fits.then_some((weight::CONNACK, 0))
        }
        Ok(Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack)) => {
            // The lenient reading of 3.x gives no code to what it cannot read.
            let read = raw.body.len() == 2 || ack.reason_code.is_some();
            let fits = read && known(ack.reason_code) && are_allowed(ack.properties, kind);
            fits.then(|| identified(weight::ACKNOWLEDGMENT, ack.packet_identifier)).flatten()
        }
        Ok(Packet::Subscribe(subscribe)) => {
            let mut length = 0;
            let fits = subscribe.requests().all(|request| {
                length += request.filter.len();
                !request.filter.is_empty() && is_printable(request.filter) && request.options & 0xC3 <= 2
            });
            let weight = weight::TEXT + u32::try_from(length.min(10)).unwrap_or(10);
            (fits && length > 0).then(|| identified(weight, subscribe.packet_identifier)).flatten()
        }
        Ok(Packet::Unsubscribe(unsubscribe)) => {
            let mut length = 0;
            let fits = unsubscribe.filters().all(|filter| {
                length += filter.len();
                !filter.is_empty() && is_printable(filter)
            });
            let weight = weight::TEXT + u32::try_from(length.min(10)).unwrap_or(10);
            (fits && length > 0).then(|| identified(weight, unsubscribe.packet_identifier)).flatten()
        }
        Ok(Packet::Suback(suback)) => {
            let fits = suback::has_codes_of_3_1_1(&suback) || suback::has_codes_of_5_0(&suback);
            fits.then(|| identified(weight::CODES, suback.packet_identifier)).flatten()
        }
        Ok(Packet::Unsuback(unsuback)) => {
            let fits = raw.body.len() == 2 || !unsuback.codes.is_empty();
            let named = unsuback.reason_codes().all(|code| code.is_allowed(kind, Side::Server));
            (fits && named).then(|| identified(weight::CODES, unsuback.packet_identifier)).flatten()
        }
        // Both layouts of a SUBACK or SUBSCRIBE fit.
        Err(ParseError::Partial { .. }) => {
            let [high, low, ..] = raw.body else {
                return None;
            };
            identified(weight::CODES, u16::from_be_bytes([*high, *low]))
        }
        Ok(Packet::Pingreq | Packet::Pingresp) => Some((weight::PING, 0)),
        Ok(Packet::Disconnect(disconnect)) => {
            let read = raw.body.is_empty() || disconnect.reason_code.is_some();
            let fits = read && known(disconnect.reason_code) && are_allowed(disconnect.properties, kind);
            fits.then_some((weight::PING, 0))
        }
        Ok(Packet::Auth(auth)) => {
            let code = auth.reason_code.unwrap_or_default();
            let fits = matches!(code.0, 0x00 | 0x18 | 0x19) && are_allowed(auth.properties, kind);
            fits.then_some((weight::PING, 0))
        }
        _ => None,
    }
}

fn are_allowed(properties: Properties<'_>, kind: PacketType) -> bool {
    properties.iter().all(|property| property.id.allowed_in(kind))
}

fn are_plausible(properties: Properties<'_>, sender: Option<Side>) -> bool {
    properties.iter().all(|property| {
        property.id.allowed_in(PacketType::PUBLISH)
            && !(property.id == PropertyId::SUBSCRIPTION_IDENTIFIER && sender == Some(Side::Client))
    })
}

/// Whether a topic name is one that people use: well formed, no wildcards, no control characters.
fn is_plausible_topic(topic: Text<'_>) -> bool {
    is_printable(topic) && !topic::has_wildcard(topic.0)
}

fn is_printable(text: Text<'_>) -> bool {
    text.as_str().is_ok_and(|text| !text.chars().any(char::is_control))
}
