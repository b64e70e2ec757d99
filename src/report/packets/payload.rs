//! Payloads and secrets of packets: fields of the JSON object, and lines below a row of the table.

use std::fmt::Write as _;
use std::io;

use schemars::JsonSchema;
use serde::Serialize;
use unicode_width::UnicodeWidthChar as _;

use crate::mqtt::{Packet, Properties, PropertyId, Publish, Value, Will};
use crate::payload::{Decoded, Format, Message, Source, decode};
use crate::report::page::{Ink, Page};
use crate::report::value::Text;
use crate::session::SeenPacket;
use crate::text::{NAME, counted, escape, number};

use super::Reveal;
use super::document::properties;

/// Columns before what stands below a row.
const MARGIN: &str = "          ";

/// The payload of a PUBLISH or a will; all null unless it is asked for.
#[derive(Serialize, JsonSchema)]
pub(super) struct PayloadFields {
    /// Its first bytes, as many as were asked for.
    payload: Option<Text>,
    /// Captured or not, bytes of the payload that `payload` does not hold.
    payload_more: Option<u64>,
    /// `text`, `json`, `cbor`, `messagepack`, `protobuf`, `sparkplug-b`, `gzip`, `zlib`, `zstd` or
    /// `binary`; null for an empty payload.
    payload_format: Option<&'static str>,
    /// How the format is known: `content-type`, `payload-format-indicator`, `topic`, or `bytes` for a guess.
    payload_format_from: Option<&'static str>,
    /// The payload in readable lines, where it is neither text nor JSON nor shown as bytes only.
    payload_decoded: Option<String>,
}

impl PayloadFields {
    pub(super) fn of(message: &Message<'_>, reveal: Reveal) -> PayloadFields {
        let Some(most) = reveal.payload else {
            return PayloadFields {
                payload: None,
                payload_more: None,
                payload_format: None,
                payload_format_from: None,
                payload_decoded: None,
            };
        };
        let kept = cut(message.bytes, most);
        let decoded = (message.length > 0).then(|| decode(message, most));
        let lines = decoded
            .as_ref()
            .filter(|decoded| !decoded.format.is_dumped() && !matches!(decoded.format, Format::Text | Format::Json));
        PayloadFields {
            payload: Some(Text::of_bytes(kept)),
            payload_more: Some(message.length.saturating_sub(kept.len() as u64)),
            payload_format: decoded.as_ref().map(|decoded| decoded.format.id()),
            payload_format_from: decoded.as_ref().map(|decoded| decoded.source.id()),
            payload_decoded: lines.map(|decoded| all_lines(decoded).join("\n")),
        }
    }
}

/// The payload of a PUBLISH and what is said of it.
pub(super) fn of_publish<'p>(publish: &Publish<'p>, seen: &SeenPacket<'p>) -> Message<'p> {
    Message {
        bytes: publish.payload,
        length: publish.payload_length.into(),
        topic: seen.topic.map(|topic| &*topic.0),
        ..declared(publish.properties)
    }
}

/// The payload of a will and what is said of it.
pub(super) fn of_will<'p>(will: &Will<'p>) -> Message<'p> {
    Message {
        bytes: will.payload,
        length: will.payload.len() as u64,
        topic: Some(will.topic.0),
        ..declared(will.properties)
    }
}

fn declared(properties: Properties<'_>) -> Message<'_> {
    Message {
        content_type: properties.text(PropertyId::CONTENT_TYPE).map(|text| text.0),
        format_indicator: properties.byte(PropertyId::PAYLOAD_FORMAT_INDICATOR),
        ..Message::default()
    }
}

/// Writes the payload of a packet below its row, if it has one.
pub(super) fn write(seen: &SeenPacket<'_>, most: usize, page: &mut Page<'_>) -> io::Result<()> {
    let (what, message) = match seen.parsed {
        Ok(Packet::Publish(publish)) => ("payload", of_publish(publish, seen)),
        Ok(Packet::Connect(connect)) => match &connect.will {
            Some(will) => ("will payload", of_will(will)),
            None => return Ok(()),
        },
        _ => return Ok(()),
    };
    if message.length == 0 {
        return Ok(());
    }
    let decoded = decode(&message, most);
    page.paragraph((Ink::Plain, MARGIN), Ink::Faint, &format!("{what}: {}", lead(&decoded, &message)))?;
    let room = page.style.width.saturating_sub(MARGIN.len()).max(20);
    for line in all_lines(&decoded) {
        for piece in wrap(&page.style.characters(&line), room) {
            page.line(&[(Ink::Plain, MARGIN), (Ink::Plain, piece)])?;
        }
    }
    Ok(())
}

/// `JSON, 45 bytes, as its Content Type “application/json” says`.
fn lead(decoded: &Decoded, message: &Message<'_>) -> String {
    let size = counted(message.length, "byte");
    let content_type = || format!("Content Type “{}”", escape(message.content_type.unwrap_or_default(), NAME));
    let source = |source: Source| match source {
        Source::ContentType => content_type(),
        Source::PayloadFormatIndicator => "Payload Format Indicator".to_owned(),
        Source::Topic => "topic".to_owned(),
        Source::Bytes => "bytes".to_owned(),
    };
    let name = decoded.format.name();
    let mut lead = match (decoded.source, decoded.format) {
        (Source::Bytes, Format::Binary) => format!("{size} in no format that is known"),
        (Source::Bytes, Format::Text | Format::Json) => format!("{name}, {size}"),
        (Source::Bytes, _) => format!("looks like {name}, {size}"),
        (known, _) => format!("{name}, {size}, as its {} says", source(known)),
    };
    if decoded.format.is_dumped() && decoded.format != Format::Binary {
        lead.push_str(", not unpacked");
    }
    if let Some((format, claimed)) = decoded.refuted {
        // Writing to a String cannot fail.
        let _ = write!(lead, "; not {}, though its {} says so", format.name(), source(claimed));
    }
    lead
}

/// The lines of a payload, and what they leave out.
fn all_lines(decoded: &Decoded) -> Vec<String> {
    let mut lines = decoded.lines.clone();
    if decoded.more > 0 {
        let plural = if decoded.more == 1 { "" } else { "s" };
        lines.push(format!("… {} byte{plural} more", number(decoded.more)));
    }
    lines
}

/// Writes what a packet keeps secret below its row.
pub(super) fn write_secrets(seen: &SeenPacket<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let Ok(packet) = seen.parsed else { return Ok(()) };
    let password = match packet {
        Packet::Connect(connect) => connect.password,
        _ => None,
    };
    let data = properties(packet).find(PropertyId::AUTHENTICATION_DATA).and_then(|value| match value {
        Value::Binary(data) => Some(data),
        _ => None,
    });
    for (name, secret) in [("password", password), ("Authentication Data", data)] {
        if let Some(secret) = secret {
            let line = format!("{name}: {}", escape(secret, usize::from(u16::MAX)));
            let room = page.style.width.saturating_sub(MARGIN.len()).max(20);
            for piece in wrap(&page.style.characters(&line), room) {
                page.line(&[(Ink::Plain, MARGIN), (Ink::Plain, piece)])?;
            }
        }
    }
    Ok(())
}

/// `line` in pieces of at most `room` columns, nothing left out.
fn wrap(line: &str, room: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    let mut width = 0;
    let mut at = 0;
    for (place, character) in line.char_indices() {
        let columns = character.width().unwrap_or(0);
        if width + columns > room {
            let (piece, left) = rest.split_at(place - at);
            pieces.push(piece);
            (rest, at, width) = (left, place, 0);
        }
        width += columns;
    }
    pieces.push(rest);
    pieces
}

/// At most `most` bytes; text is cut between characters.
fn cut(payload: &[u8], most: usize) -> &[u8] {
    let kept = payload.get(..most).unwrap_or(payload);
    match std::str::from_utf8(kept) {
        Err(error) if error.error_len().is_none() && kept.len() < payload.len() => {
            kept.get(..error.valid_up_to()).unwrap_or(kept)
        }
        _ => kept,
    }
}
