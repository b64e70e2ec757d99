//! The object that `packets --format ndjson` writes for a packet, as it is promised to programs.
//!
//! Invariant: names are never changed, only added to. Every field is always there.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::mqtt::{
    MalformedReason, Packet, PacketType, ParseError, Properties, PropertyId, Value, Version, begun_identifier,
};
use crate::report::value::{Text, Time};
use crate::report::words;
use crate::session::SeenPacket;

use super::fields::Fields;
use super::{Place, Reveal};

/// One control packet: a line of `mqttcap packets --format ndjson`.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Document {
    /// The frame that completed it.
    frame: u64,
    /// All frames that carried a part of it.
    frames: Vec<u64>,
    /// When it was complete.
    time: Time,
    /// Number of its session, as `mqttcap read` lists it; null where the capture is read only once.
    session: Option<u64>,
    /// Wireshark's `tcp.stream`.
    tcp_stream: u32,
    /// The version it was read in: 3.1, 3.1.1 or 5.0; null when the capture does not show it.
    version: Option<String>,
    /// `client` or `server`.
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
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Property {
    id: u32,
    name: Option<&'static str>,
    /// Null when it is hidden.
    value: Option<PropertyValue>,
    /// Whether the value is there but secret: Authentication Data, unless secrets are asked for.
    hidden: bool,
}

/// A number, text, `{"base64"}` for Binary Data, `{"name", "value"}` for a User Property.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(deny_unknown_fields)]
enum PropertyValue {
    Number(u32),
    Text(Text),
    Pair { name: Text, value: Text },
}

/// Why the packet could not be decoded.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Malformed {
    field: &'static str,
    /// Offset in the body where the field begins.
    at: usize,
    why: String,
    clause: &'static str,
}

impl Document {
    pub(super) fn of(packet: &SeenPacket<'_>, place: Place, reveal: Reveal) -> Document {
        let raw = packet.raw;
        let parsed = packet.parsed.as_ref().ok();
        let flags = raw.header.flags();
        let publish = raw.packet_type() == PacketType::PUBLISH;
        Document {
            frame: raw.completed.frame.get(),
            frames: raw.frames.iter().map(|frame| frame.get()).collect(),
            time: Time::of(raw.completed.time),
            session: place.session,
            tcp_stream: packet.stream,
            version: version(packet).map(|version| version.to_string()),
            side: words::side(place.side),
            r#type: raw.packet_type().name(),
            length: raw.header.packet_length(),
            // MQTT 5.0 §3.3.1: these are in the fixed header, there even when the rest is not.
            dup: publish.then_some(flags & 0x08 != 0),
            qos: publish.then_some(flags >> 1 & 0b11),
            retain: publish.then_some(flags & 0x01 != 0),
            packet_id: match parsed {
                Some(parsed) => packet_identifier(parsed),
                None => begun_identifier(raw),
            },
            fields: Fields::of(packet, reveal),
            properties: list(parsed.map(properties).unwrap_or_default(), reveal),
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
pub(super) fn list(properties: Properties<'_>, reveal: Reveal) -> Vec<Property> {
    let text = |text: crate::mqtt::Text<'_>| Text::of_bytes(text.0);
    let hidden = |id: PropertyId| id == PropertyId::AUTHENTICATION_DATA && !reveal.secrets;
    let listed = properties.iter().map(|property| Property {
        id: property.id.0,
        name: property.id.name(),
        hidden: hidden(property.id),
        value: Some(match property.value {
            Value::Byte(value) => PropertyValue::Number(value.into()),
            Value::TwoByte(value) => PropertyValue::Number(value.into()),
            Value::FourByte(value) | Value::Variable(value) => PropertyValue::Number(value),
            Value::Text(value) => PropertyValue::Text(text(value)),
            Value::Pair(name, value) => PropertyValue::Pair { name: text(name), value: text(value) },
            Value::Binary(value) => PropertyValue::Text(Text::base64(value)),
        })
        .filter(|_| !hidden(property.id)),
    });
    listed.collect()
}

/// The JSON Schema of a line.
pub(super) fn json_schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document>()
}

/// The version of the session; of a CONNECT its own.
pub(super) fn version(packet: &SeenPacket<'_>) -> Option<Version> {
    match packet.parsed {
        Ok(Packet::Connect(connect)) => connect.version(),
        _ => packet.version,
    }
}

pub(super) fn packet_identifier(packet: &Packet<'_>) -> Option<u16> {
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

pub(super) fn properties<'p>(packet: &Packet<'p>) -> Properties<'p> {
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
