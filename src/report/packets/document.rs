//! The object that `packets --format ndjson` writes for a packet, as it is promised to programs.
//!
//! Invariant: names are never changed, only added to. Every field is always there.

use serde::Serialize;

use crate::mqtt::{MalformedReason, Packet, PacketType, ParseError, Properties, PropertyId, Value};
use crate::report::value::{Text, Time};
use crate::report::words;
use crate::session::SeenPacket;

use super::Place;
use super::fields::Fields;

/// One control packet.
#[derive(Serialize)]
pub(super) struct Document {
    /// The frame that completed it.
    frame: u64,
    /// All frames that carried a part of it.
    frames: Vec<u64>,
    /// When it was complete.
    time: Time,
    session: Option<u64>,
    tcp_stream: u32,
    side: &'static str,
    r#type: &'static str,
    /// Of the whole packet, fixed header included.
    length: u64,
    dup: Option<bool>,
    qos: Option<u8>,
    retain: Option<bool>,
    packet_id: Option<u16>,
    /// By type; null when the packet could not be read.
    fields: Option<Fields>,
    properties: Vec<Property>,
    /// The capture does not hold all that is needed to read it.
    partial: bool,
    malformed: Option<Malformed>,
}

/// A property of MQTT 5.0.
#[derive(Serialize)]
pub(super) struct Property {
    id: u32,
    name: Option<&'static str>,
    /// Null for Authentication Data, which is as secret as a password.
    value: Option<PropertyValue>,
}

/// A number, text, `{"base64"}` for Binary Data, `{"name", "value"}` for a User Property.
#[derive(Serialize)]
#[serde(untagged)]
enum PropertyValue {
    Number(u32),
    Text(Text),
    Pair { name: Text, value: Text },
}

/// Why the packet could not be decoded.
#[derive(Serialize)]
struct Malformed {
    field: &'static str,
    /// Offset in the body where the field begins.
    at: usize,
    why: String,
    clause: &'static str,
}

impl Document {
    pub(super) fn of(packet: &SeenPacket<'_>, place: Place, payload: Option<usize>) -> Document {
        let raw = packet.raw;
        let parsed = packet.parsed.as_ref().ok();
        let flags = raw.header.flags();
        let publish = raw.packet_type() == PacketType::PUBLISH;
        Document {
            frame: raw.completed.frame.0,
            frames: raw.frames.iter().map(|frame| frame.0).collect(),
            time: Time::of(raw.completed.time),
            session: place.session,
            tcp_stream: packet.stream,
            side: words::side(place.side),
            r#type: raw.packet_type().name(),
            length: raw.header.packet_length(),
            // MQTT 5.0 §3.3.1: these are in the fixed header, there even when the rest is not.
            dup: publish.then_some(flags & 0x08 != 0),
            qos: publish.then_some(flags >> 1 & 0b11),
            retain: publish.then_some(flags & 0x01 != 0),
            packet_id: parsed.and_then(packet_identifier),
            fields: Fields::of(packet, payload),
            properties: list(parsed.map(properties).unwrap_or_default()),
            partial: raw.missing.is_some() || matches!(packet.parsed, Err(ParseError::Partial { .. })),
            malformed: match packet.parsed {
                Err(ParseError::Malformed(malformed)) => Some(Malformed {
                    field: malformed.field,
                    at: malformed.at,
                    why: why(malformed.why),
                    clause: malformed.clause,
                }),
                _ => None,
            },
        }
    }
}

/// The properties in the order of the wire.
pub(super) fn list(properties: Properties<'_>) -> Vec<Property> {
    let text = |text: crate::mqtt::Text<'_>| Text::of_bytes(text.0);
    let listed = properties.iter().map(|property| Property {
        id: property.id.0,
        name: property.id.name(),
        value: Some(match property.value {
            Value::Byte(value) => PropertyValue::Number(value.into()),
            Value::TwoByte(value) => PropertyValue::Number(value.into()),
            Value::FourByte(value) | Value::Variable(value) => PropertyValue::Number(value),
            Value::Text(value) => PropertyValue::Text(text(value)),
            Value::Pair(name, value) => PropertyValue::Pair { name: text(name), value: text(value) },
            Value::Binary(value) => PropertyValue::Text(Text::base64(value)),
        })
        .filter(|_| property.id != PropertyId::AUTHENTICATION_DATA),
    });
    listed.collect()
}

fn packet_identifier(packet: &Packet<'_>) -> Option<u16> {
    match packet {
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

fn properties<'p>(packet: &Packet<'p>) -> Properties<'p> {
    match packet {
        Packet::Connect(packet) => packet.properties,
        Packet::Connack(packet) => packet.properties,
        Packet::Publish(packet) => packet.properties,
        Packet::Puback(packet) | Packet::Pubrec(packet) | Packet::Pubrel(packet) | Packet::Pubcomp(packet) => {
            packet.properties
        }
        Packet::Subscribe(packet) => packet.properties,
        Packet::Unsubscribe(packet) => packet.properties,
        Packet::Suback(packet) | Packet::Unsuback(packet) => packet.properties,
        Packet::Disconnect(packet) => packet.properties,
        Packet::Auth(packet) => packet.properties,
        Packet::Pingreq | Packet::Pingresp | Packet::Reserved => Properties::default(),
    }
}

fn why(reason: MalformedReason) -> String {
    match reason {
        MalformedReason::TooShort => "the packet ends before the field does".into(),
        MalformedReason::TrailingBytes => "bytes are left over after the last field".into(),
        MalformedReason::VariableByteInteger => "a Variable Byte Integer runs over four bytes".into(),
        MalformedReason::UnknownProperty(id) => format!("MQTT 5.0 defines no property {id}"),
    }
}
