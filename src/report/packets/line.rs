//! The lines of JSON, written by hand for the packets that nearly all of a capture are: PUBLISH, its acknowledgments, pings.
//!
//! Invariant: a line is byte for byte what serde writes of [`Document`] (a test compares them); whatever is unusual is
//! left to that.

use std::io;

use crate::capture::Timestamp;
use crate::mqtt::{Acknowledgment, Packet, PacketType, Properties, Property, PropertyId, Publish, Value, Version};
use crate::report::json;
use crate::report::value::{Text, Time};
use crate::report::words;
use crate::session::SeenPacket;

use super::document::{Document, packet_identifier, properties, version};
use super::fields::code_name;
use super::{Place, Reveal};

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// Writes packets as lines of JSON.
#[derive(Debug, Default)]
pub struct Lines {
    /// The last second that was written, in seconds since 1970, and how.
    clock: Option<(i64, String)>,
}

/// What is written for `fields`.
enum Body<'p> {
    Publish(&'p Publish<'p>),
    Acknowledgment(&'p Acknowledgment<'p>),
    Nothing,
}

impl Lines {
    /// Writes a packet as one line.
    pub fn write(
        &mut self,
        packet: &SeenPacket<'_>,
        place: Place,
        reveal: Reveal,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let usual = packet.parsed.as_ref().ok().filter(|_| packet.raw.missing.is_none());
        let body = match usual {
            Some(Packet::Publish(publish)) if reveal.payload.is_none() => Body::Publish(publish),
            Some(
                Packet::Puback(packet) | Packet::Pubrec(packet) | Packet::Pubrel(packet) | Packet::Pubcomp(packet),
            ) => Body::Acknowledgment(packet),
            Some(Packet::Pingreq | Packet::Pingresp) => Body::Nothing,
            _ => return json::put_line(&Document::of(packet, place, reveal), out),
        };
        self.head(packet, place, out);
        put(out, ",\"fields\":");
        match body {
            Body::Publish(publish) => put_publish(publish, packet, out)?,
            Body::Acknowledgment(acknowledgment) => put_reason(acknowledgment, packet, out),
            Body::Nothing => put(out, "{}"),
        }
        put(out, ",\"properties\":[");
        put_properties(usual.map(properties).unwrap_or_default(), reveal, out)?;
        put(out, "],\"partial\":false,\"malformed\":null}\n");
        Ok(())
    }

    fn head(&mut self, packet: &SeenPacket<'_>, place: Place, out: &mut Vec<u8>) {
        let raw = packet.raw;
        put(out, "{\"frame\":");
        put_number(out, raw.completed.frame.get());
        put(out, ",\"frames\":[");
        for (place, frame) in raw.frames.iter().enumerate() {
            put(out, if place == 0 { "" } else { "," });
            put_number(out, frame.get());
        }
        put(out, "],\"time\":\"");
        self.put_time(raw.completed.time, out);
        put(out, "\",\"session\":");
        put_optional(out, place.session);
        put(out, ",\"tcp_stream\":");
        put_number(out, packet.stream.into());
        put(out, ",\"version\":");
        put_name(out, version(packet).map(Version::name));
        put(out, ",\"side\":");
        put_name(out, Some(words::side(place.side)));
        put(out, ",\"type\":");
        put_name(out, Some(raw.packet_type().name()));
        put(out, ",\"length\":");
        put_number(out, raw.header.packet_length());
        if raw.packet_type() == PacketType::PUBLISH {
            let flags = raw.header.flags();
            put(out, ",\"dup\":");
            put_bool(out, flags & 0x08 != 0);
            put(out, ",\"qos\":");
            put_number(out, (flags >> 1 & 0b11).into());
            put(out, ",\"retain\":");
            put_bool(out, flags & 0x01 != 0);
        } else {
            put(out, ",\"dup\":null,\"qos\":null,\"retain\":null");
        }
        put(out, ",\"packet_id\":");
        put_optional(out, packet.parsed.as_ref().ok().and_then(packet_identifier).map(u64::from));
    }

    /// A time to the nanosecond: only what is below the second changes from packet to packet.
    fn put_time(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let second = time.0.div_euclid(SECOND);
        if self.clock.as_ref().is_none_or(|(known, _)| *known != second) {
            self.clock = Some((second, Time::of(Timestamp(second.saturating_mul(SECOND))).to_second()));
        }
        if let Some((_, clock)) = &self.clock {
            put(out, clock);
        }
        // Nine digits with leading zeros: those after the 1.
        let below = itoa::Buffer::new().format(SECOND + time.0.rem_euclid(SECOND)).to_owned();
        put(out, below.get(1..).unwrap_or_default());
        put(out, "Z");
    }
}

fn put_publish(publish: &Publish<'_>, seen: &SeenPacket<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    put(out, "{\"topic\":");
    match seen.topic {
        Some(topic) => put_text(&topic.0, out)?,
        None => put(out, "null"),
    }
    let aliased = publish.topic.is_empty() && publish.topic_alias().is_some();
    put(out, ",\"topic_from\":");
    put_name(out, seen.topic.map(|_| if aliased { "alias" } else { "packet" }));
    put(out, ",\"payload_length\":");
    put_optional(out, seen.version.map(|_| publish.payload_length.into()));
    put(out, ",\"payload\":null,\"payload_more\":null,\"payload_format\":null,\"payload_format_from\":null");
    put(out, ",\"payload_decoded\":null}");
    Ok(())
}

fn put_reason(acknowledgment: &Acknowledgment<'_>, seen: &SeenPacket<'_>, out: &mut Vec<u8>) {
    let written = acknowledgment.reason_code;
    let has_code = written.is_some() || seen.version.is_some_and(Version::is_v5);
    let code = has_code.then(|| written.unwrap_or_default());
    put(out, "{\"reason_code\":");
    put_optional(out, code.map(|code| code.0.into()));
    put(out, ",\"reason_name\":");
    put_name(out, code.and_then(|code| code_name(seen.raw.packet_type(), code, seen.version)));
    put(out, ",\"reason_omitted\":");
    match has_code.then_some(written.is_none()) {
        Some(omitted) => put_bool(out, omitted),
        None => put(out, "null"),
    }
    put(out, "}");
}

fn put_properties(properties: Properties<'_>, reveal: Reveal, out: &mut Vec<u8>) -> io::Result<()> {
    for (place, Property { id, value }) in properties.iter().enumerate() {
        put(out, if place == 0 { "{\"id\":" } else { ",{\"id\":" });
        put_number(out, id.0.into());
        put(out, ",\"name\":");
        put_name(out, id.name());
        put(out, ",\"value\":");
        let hidden = id == PropertyId::AUTHENTICATION_DATA && !reveal.secrets;
        match value {
            _ if hidden => put(out, "null"),
            Value::Byte(value) => put_number(out, value.into()),
            Value::TwoByte(value) => put_number(out, value.into()),
            Value::FourByte(value) | Value::Variable(value) => put_number(out, value.into()),
            Value::Text(text) => put_text(text.0, out)?,
            Value::Pair(name, value) => {
                put(out, "{\"name\":");
                put_text(name.0, out)?;
                put(out, ",\"value\":");
                put_text(value.0, out)?;
                put(out, "}");
            }
            Value::Binary(bytes) => json::put_value(&Text::base64(bytes), out)?,
        }
        put(out, ",\"hidden\":");
        put_bool(out, hidden);
        put(out, "}");
    }
    Ok(())
}

/// Captured text: most of it needs no escapes.
fn put_text(text: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    if text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
        return Ok(());
    }
    json::put_value(&Text::of_bytes(text), out)
}

/// A name of ours, which needs no escapes.
fn put_name(out: &mut Vec<u8>, name: Option<&str>) {
    let Some(name) = name else { return put(out, "null") };
    put(out, "\"");
    put(out, name);
    put(out, "\"");
}

fn put_optional(out: &mut Vec<u8>, number: Option<u64>) {
    match number {
        Some(number) => put_number(out, number),
        None => put(out, "null"),
    }
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    put(out, itoa::Buffer::new().format(number));
}

fn put_bool(out: &mut Vec<u8>, is: bool) {
    put(out, if is { "true" } else { "false" });
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests;
