//! How much bytes look like MQTT: to tell MQTT from other protocols, and to find a packet's start
//! in the middle of a stream.
//!
//! Invariant: nothing here says yes to bytes that a correct sender would not write. What it says
//! no to may still be MQTT of a broken sender.

use super::publish::publish;
use super::{FixedHeader, HeaderRead, Packet, PacketType, Properties, PropertyId, QoS, RawPacket};
use super::{ReasonCode, Text, Version, parse, suback};
use crate::stream::Side;

/// How sure it is that bytes are what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Likelihood {
    /// They are not.
    No,
    /// Too few bytes to tell, and none against it.
    NeedMore,
    /// They may be: nothing against it, little for it.
    Unsure,
    /// They are.
    Certain,
}

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
    /// Few bytes are enough to look like this: a PING, or an acknowledgment of two bytes.
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
        None => {
            kind.may_be_sent_by(Side::Client, version) || kind.may_be_sent_by(Side::Server, version)
        }
    };
    if !flags_fit || !sent {
        return Glance::No;
    }
    let header = match FixedHeader::read(bytes) {
        HeaderRead::Complete(header) if header.is_shortest() => header,
        HeaderRead::Incomplete => {
            return Glance::Incomplete {
                need: bytes.len() + 1,
            };
        }
        _ => return Glance::No,
    };
    if !length_fits(kind, header.remaining_length, version) {
        return Glance::No;
    }
    let Some(raw) = RawPacket::from_bytes(bytes) else {
        return Glance::No;
    };
    let whole = Glance::Incomplete {
        need: usize::try_from(header.packet_length()).unwrap_or(usize::MAX),
    };
    let (weight, mark) = match kind {
        PacketType::PUBLISH => return glance_publish(&raw, sender, version),
        PacketType::CONNECT => match looks_like_connect(bytes) {
            Likelihood::Certain => (weight::CONNECT, 0),
            Likelihood::NeedMore => {
                return Glance::Incomplete {
                    need: bytes.len() + 1,
                };
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
    let weak = kind.is_acknowledgment()
        || matches!(kind, PacketType::PINGREQ | PacketType::PINGRESP)
        || kind == PacketType::DISCONNECT
        || kind == PacketType::UNSUBACK
        || kind == PacketType::AUTH;
    Glance::Plausible(Look {
        length: header.packet_length(),
        weight,
        weak,
        sender: side,
        mark: (first_byte, mark),
    })
}

/// Whether the first bytes of a cut body show already that no correct sender wrote it.
fn begins_wrong(raw: &RawPacket<'_>) -> bool {
    let kind = raw.packet_type();
    let unnamed = |code: u8| ReasonCode(code).name(kind).is_none();
    match *raw.body {
        [0, 0, ..] => !matches!(
            kind,
            PacketType::CONNACK | PacketType::DISCONNECT | PacketType::AUTH
        ),
        [_, _, code, ..] if kind.is_acknowledgment() => unnamed(code),
        [code, ..] if matches!(kind, PacketType::DISCONNECT | PacketType::AUTH) => unnamed(code),
        [flags, ..] if kind == PacketType::CONNACK => flags > 1,
        _ => false,
    }
}

/// The side that alone may send packets of this type in any version.
fn only_sender(kind: PacketType) -> Option<Side> {
    match (
        kind.may_be_sent_by(Side::Client, None),
        kind.may_be_sent_by(Side::Server, None),
    ) {
        (true, false) => Some(Side::Client),
        (false, true) => Some(Side::Server),
        _ => None,
    }
}

/// Whether a packet of this type and version may have this Remaining Length.
fn length_fits(kind: PacketType, length: u32, version: Option<Version>) -> bool {
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
        return Glance::Incomplete {
            need: usize::from(header.length) + 2,
        };
    };
    let has_identifier = header.first_byte & 0x06 != 0;
    let topic_length = u32::from(u16::from_be_bytes([high, low]));
    let before = 2 + topic_length + if has_identifier { 2 } else { 0 };
    let properties = u32::from(version == Some(Version::V5));
    if before + properties > header.remaining_length {
        return Glance::No;
    }
    let publish = match publish(raw, version) {
        Ok(publish) => publish,
        Err(fault) if raw.missing.is_some() && !fault.bounded => {
            let seen = raw.body.len() + 1;
            let need = seen.max(usize::try_from(before).unwrap_or(usize::MAX));
            return Glance::Incomplete {
                need: usize::from(header.length) + need,
            };
        }
        Err(_) => return Glance::No,
    };
    // With the version unknown, an empty topic needs the properties of 5.0 to make sense.
    let read_as_v5 = if version.is_none() && publish.topic.is_empty() {
        super::publish::publish(raw, Some(Version::V5)).ok()
    } else {
        None
    };
    let publish = read_as_v5.unwrap_or(publish);
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
    Glance::Plausible(Look {
        length: header.packet_length(),
        weight,
        weak: false,
        sender: None,
        mark,
    })
}

/// Weight and Packet Identifier of a whole packet that is neither CONNECT nor PUBLISH.
fn weigh(raw: &RawPacket<'_>, version: Option<Version>) -> Option<(u32, u16)> {
    let kind = raw.packet_type();
    let known = |code: Option<ReasonCode>| code.is_none_or(|code| code.name(kind).is_some());
    let identified =
        |weight: u32, identifier: u16| (identifier != 0).then_some((weight, identifier));
    match parse(raw, version) {
        Ok(Packet::Connack(connack)) => {
            let code = connack.reason_code;
            let fits = connack.flags <= 1 && (code.0 <= 5 || code.name(kind).is_some());
            fits.then_some((weight::CONNACK, 0))
        }
        Ok(
            Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack),
        ) => {
            // The lenient reading of 3.x gives no code to what it cannot read.
            let read = raw.body.len() == 2 || ack.reason_code.is_some();
            let fits = read && known(ack.reason_code) && are_allowed(ack.properties, kind);
            fits.then(|| identified(weight::ACKNOWLEDGMENT, ack.packet_identifier))
                .flatten()
        }
        Ok(Packet::Subscribe(subscribe)) => {
            let mut length = 0;
            let fits = subscribe.requests().all(|request| {
                length += request.filter.len();
                !request.filter.is_empty()
                    && is_printable(request.filter)
                    && request.options & 0xC3 <= 2
            });
            let weight = weight::TEXT + u32::try_from(length.min(10)).unwrap_or(10);
            (fits && length > 0)
                .then(|| identified(weight, subscribe.packet_identifier))
                .flatten()
        }
        Ok(Packet::Unsubscribe(unsubscribe)) => {
            let mut length = 0;
            let fits = unsubscribe.filters().all(|filter| {
                length += filter.len();
                !filter.is_empty() && is_printable(filter)
            });
            let weight = weight::TEXT + u32::try_from(length.min(10)).unwrap_or(10);
            (fits && length > 0)
                .then(|| identified(weight, unsubscribe.packet_identifier))
                .flatten()
        }
        Ok(Packet::Suback(suback)) => {
            let fits = suback::has_codes_of_3_1_1(&suback) || suback::has_codes_of_5_0(&suback);
            fits.then(|| identified(weight::CODES, suback.packet_identifier))
                .flatten()
        }
        Ok(Packet::Unsuback(unsuback)) => {
            let fits = raw.body.len() == 2 || !unsuback.codes.is_empty();
            let named = unsuback
                .reason_codes()
                .all(|code| code.is_allowed(kind, Side::Server));
            (fits && named)
                .then(|| identified(weight::CODES, unsuback.packet_identifier))
                .flatten()
        }
        // Both layouts of a SUBACK or SUBSCRIBE fit.
        Err(super::ParseError::Partial { .. }) => {
            let [high, low, ..] = raw.body else {
                return None;
            };
            identified(weight::CODES, u16::from_be_bytes([*high, *low]))
        }
        Ok(Packet::Pingreq | Packet::Pingresp) => Some((weight::PING, 0)),
        Ok(Packet::Disconnect(disconnect)) => {
            let read = raw.body.is_empty() || disconnect.reason_code.is_some();
            let fits =
                read && known(disconnect.reason_code) && are_allowed(disconnect.properties, kind);
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
    properties
        .iter()
        .all(|property| property.id.allowed_in(kind))
}

fn are_plausible(properties: Properties<'_>, sender: Option<Side>) -> bool {
    properties.iter().all(|property| {
        property.id.allowed_in(PacketType::PUBLISH)
            && !(property.id == PropertyId::SUBSCRIPTION_IDENTIFIER && sender == Some(Side::Client))
    })
}

/// Whether a topic name is one that people use: well formed, no wildcards, no control characters.
fn is_plausible_topic(topic: Text<'_>) -> bool {
    is_printable(topic) && !super::topic::has_wildcard(topic.0)
}

fn is_printable(text: Text<'_>) -> bool {
    text.as_str()
        .is_ok_and(|text| !text.chars().any(char::is_control))
}

/// Whether a client's stream begins with a CONNECT: first byte 0x10, a legal Remaining Length, and a
/// protocol name (MQTT 5.0 §3.1.2.1, 3.1 §3.1). [`Likelihood::Unsure`] is a CONNECT with a name that is
/// neither `MQTT` nor `MQIsdp`, but printable and short.
#[must_use]
pub fn looks_like_connect(bytes: &[u8]) -> Likelihood {
    let Some(&first) = bytes.first() else {
        return Likelihood::NeedMore;
    };
    if first != 0x10 {
        return Likelihood::No;
    }
    let header = match FixedHeader::read(bytes) {
        HeaderRead::Complete(header) => header,
        HeaderRead::Incomplete => return Likelihood::NeedMore,
        HeaderRead::Unframeable => return Likelihood::No,
    };
    let body = bytes.get(usize::from(header.length)..).unwrap_or_default();
    for start in [&b"\x00\x04MQTT"[..], b"\x00\x06MQIsdp"] {
        if body.starts_with(start) {
            return Likelihood::Certain;
        }
        if start.starts_with(body) && header.remaining_length >= 12 {
            return Likelihood::NeedMore;
        }
    }
    let [0, length @ 1..=23, rest @ ..] = body else {
        return if body == [0] {
            Likelihood::NeedMore
        } else {
            Likelihood::No
        };
    };
    let name = rest.get(..usize::from(*length)).unwrap_or(rest);
    if !name.iter().all(u8::is_ascii_graphic) || header.remaining_length < u32::from(*length) + 8 {
        return Likelihood::No;
    }
    if name.len() < usize::from(*length) {
        Likelihood::NeedMore
    } else {
        Likelihood::Unsure
    }
}

/// Whether a server's stream begins with a CONNACK.
#[must_use]
pub fn looks_like_connack(bytes: &[u8]) -> Likelihood {
    if bytes.first().is_some_and(|&first| first != 0x20) {
        return Likelihood::No;
    }
    match glance(bytes, Some(Side::Server), None) {
        Glance::No => Likelihood::No,
        Glance::Incomplete { .. } => Likelihood::NeedMore,
        // Four bytes are little; a property section that decodes is much.
        Glance::Plausible(look) if look.length == 4 => Likelihood::Unsure,
        Glance::Plausible(_) => Likelihood::Certain,
    }
}

/// Whether `bytes`, which begin where a segment does, are a chain of MQTT packets: to tell that a
/// connection whose begin was not captured carries MQTT.
#[must_use]
pub fn chain(
    bytes: &[u8],
    sender: impl Into<Option<Side>>,
    version: impl Into<Option<Version>>,
) -> Likelihood {
    let mut walk = Walk::new(sender.into());
    if !walk.advance(bytes, version.into()) {
        return Likelihood::No;
    }
    let tiles = walk.ends_at(bytes.len());
    let score = walk.weight + if tiles { TILES } else { 0 };
    if walk.packets == 0 {
        Likelihood::NeedMore
    } else if score >= ENOUGH
        && (walk.packets > 1 || tiles)
        && (walk.strong > 0 || walk.packets > 2)
    {
        Likelihood::Certain
    } else {
        Likelihood::Unsure
    }
}

/// Evidence, in bits, that the last packet in view ends exactly where a segment does.
pub(super) const TILES: u32 = 12;

/// Evidence, in bits, enough to believe in a chain of packets.
pub(super) const ENOUGH: u32 = 40;

/// So many repetitions of a weak packet, one right after the other, are a pattern in a payload.
const PATTERN: u32 = 3;

/// A walk from packet to packet, which goes on when more bytes are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// Where the next packet begins, from the start of the walk; may lie beyond the bytes in view.
    pub(super) next: usize,
    /// Length at which to look at the next packet again.
    need: usize,
    /// The sum of the packets' weights, without repetition.
    pub(super) weight: u32,
    /// Plausible packets so far.
    pub(super) packets: u32,
    /// Those that are not weak.
    pub(super) strong: u32,
    /// Weak packets before the first strong one.
    pub(super) weak_before: u32,
    /// Times that the last weak packet stood there again.
    repeated: u32,
    sender: Option<Side>,
    last: (u8, u16),
}

impl Walk {
    pub(super) fn new(sender: Option<Side>) -> Walk {
        Walk {
            next: 0,
            need: 0,
            weight: 0,
            packets: 0,
            strong: 0,
            weak_before: 0,
            repeated: 0,
            sender,
            last: (0, 0),
        }
    }

    /// Goes on over `bytes`, which begin where the walk does. False when it came to something
    /// that is no packet.
    pub(super) fn advance(&mut self, bytes: &[u8], version: Option<Version>) -> bool {
        while let Some(rest) = bytes.get(self.next..) {
            if rest.is_empty() || rest.len() < self.need {
                break;
            }
            match glance(rest, self.sender, version) {
                Glance::No => return false,
                Glance::Incomplete { need } => {
                    self.need = need;
                    break;
                }
                Glance::Plausible(look) => {
                    self.pass(look);
                    if self.repeated >= PATTERN {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn pass(&mut self, look: Look) {
        self.need = 0;
        self.next = usize::try_from(look.length)
            .map_or(usize::MAX, |length| self.next.saturating_add(length));
        self.sender = self.sender.or(look.sender);
        self.packets = self.packets.saturating_add(1);
        // The same weak packet over and over is a pattern in a payload, not evidence.
        if !(look.weak && look.mark == self.last) {
            self.weight = self.weight.saturating_add(look.weight);
            self.repeated = 0;
        } else {
            self.repeated += 1;
        }
        if !look.weak {
            self.strong = self.strong.saturating_add(1);
        } else if self.strong == 0 {
            self.weak_before = self.weak_before.saturating_add(1);
        }
        self.last = look.mark;
    }

    /// Whether the last packet ends exactly at `length`.
    pub(super) fn ends_at(&self, length: usize) -> bool {
        self.packets > 0 && self.next == length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connects() {
        let connect = b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c";
        for cut in 0..8 {
            assert_eq!(
                looks_like_connect(&connect[..cut]),
                Likelihood::NeedMore,
                "{cut}"
            );
        }
        assert_eq!(looks_like_connect(connect), Likelihood::Certain);
        assert_eq!(
            looks_like_connect(b"\x10\x0F\x00\x06MQIsdp\x03\x02\x00\x3C\x00\x01c"),
            Likelihood::Certain
        );
        assert_eq!(
            looks_like_connect(b"\x10\x0D\x00\x04mqtt\x04\x02\x00\x3C\x00\x01c"),
            Likelihood::Unsure
        );
        assert_eq!(looks_like_connect(b"\x16\x03\x01\x02\x00"), Likelihood::No);
        assert_eq!(looks_like_connect(b"GET / HTTP/1.1"), Likelihood::No);
        assert_eq!(
            looks_like_connect(&[0x10, 0xFF, 0xFF, 0xFF, 0xFF]),
            Likelihood::No
        );
    }

    #[test]
    fn connacks() {
        assert_eq!(looks_like_connack(&[0x20, 2, 0, 0]), Likelihood::Unsure);
        assert_eq!(looks_like_connack(&[0x20, 3, 0, 0, 0]), Likelihood::Certain);
        assert_eq!(looks_like_connack(&[0x20, 2, 0]), Likelihood::NeedMore);
        assert_eq!(looks_like_connack(&[0x20, 2, 7, 0]), Likelihood::No);
    }

    #[test]
    fn chains_of_other_protocols_and_patterns_are_not_mqtt() {
        for bytes in [
            &[0u8; 64][..],
            &[0x30; 64],
            &[0xFF; 64],
            &[0x40; 64],
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(chain(bytes, None, None), Likelihood::No);
        }
        assert_ne!(
            chain(&[0xC0, 0].repeat(40), None, None),
            Likelihood::Certain
        );
        assert_ne!(
            chain(&[0x40, 2].repeat(40), None, None),
            Likelihood::Certain
        );
        let publish = b"\x30\x08\x00\x03a/bxyz";
        assert_eq!(chain(&publish.repeat(2), None, None), Likelihood::Certain);
        assert_eq!(
            chain(publish, Side::Client, Version::V311),
            Likelihood::Unsure
        );
    }
}
