//! Which format a payload has: what its sender declares, then its topic, then its bytes.
//!
//! Invariant: a declared format that the bytes contradict is not used, but told. A guess by the bytes
//! needs the whole payload, unless it is text.

use super::sheet::{Sheet, Stop, is_readable};
use super::{Format, Message, Source, json, protobuf, sparkplug, walk};

/// The format, how it is known, and what was declared but does not fit.
type Recognised = (Format, Source, Option<(Format, Source)>);

pub(super) fn recognise(message: &Message<'_>) -> Recognised {
    let content_type = message.content_type.and_then(of_content_type);
    let indicated = (message.format_indicator == Some(1)).then_some(Format::Text);
    let by_topic = message.topic.is_some_and(sparkplug::is_topic).then_some(Format::SparkplugB);
    let claims =
        [(content_type, Source::ContentType), (indicated, Source::PayloadFormatIndicator), (by_topic, Source::Topic)];
    let mut refuted = None;
    for (claimed, source) in claims {
        let Some(format) = claimed else { continue };
        if fits(format, message) {
            // Text is often JSON, and then better read as such.
            if format == Format::Text && source == Source::PayloadFormatIndicator && by_bytes(message) == Format::Json {
                return (Format::Json, Source::Bytes, refuted);
            }
            return (format, source, refuted);
        }
        refuted = refuted.or(Some((format, source)));
    }
    (by_bytes(message), Source::Bytes, refuted)
}

/// The format that a media type names (RFC 6838; structured suffixes of RFC 6839 and later).
fn of_content_type(content_type: &[u8]) -> Option<Format> {
    let name = std::str::from_utf8(content_type).ok()?.split(';').next()?.trim().to_ascii_lowercase();
    let subtype = name.split('/').next_back()?;
    let suffix = subtype.split('+').next_back()?;
    Some(match suffix.trim_start_matches("x-").trim_start_matches("vnd.") {
        "json" | "ndjson" if suffix.ends_with("ndjson") => Format::Text,
        "json" => Format::Json,
        "cbor" => Format::Cbor,
        "msgpack" | "messagepack" => Format::MessagePack,
        "protobuf" | "google.protobuf" => Format::Protobuf,
        "gzip" => Format::Gzip,
        "zlib" => Format::Zlib,
        "zstd" => Format::Zstd,
        "xml" | "yaml" | "csv" => Format::Text,
        _ if name.starts_with("text/") => Format::Text,
        _ => return None,
    })
}

/// Whether the captured bytes can be of the format.
fn fits(format: Format, message: &Message<'_>) -> bool {
    let bytes = message.bytes;
    let whole = bytes.len() as u64 == message.length;
    match format {
        _ if bytes.is_empty() => !whole,
        Format::Text => match std::str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none() && !whole,
        },
        Format::Json => may_end(json::check(bytes), whole),
        Format::SparkplugB => sparkplug::is_payload(bytes, whole),
        Format::Gzip | Format::Zlib | Format::Zstd => compressed(bytes) == Some(format),
        _ => match walk(format, bytes, &mut Sheet::check()) {
            Ok(end) => end == bytes.len(),
            Err(stop) => may_end(Err(stop), whole),
        },
    }
}

/// Whether a reading of the captured bytes is good: they may end early only if they are not all.
fn may_end(read: Result<(), Stop>, whole: bool) -> bool {
    match read {
        Ok(()) => true,
        Err(stop) => stop == Stop::Short && !whole,
    }
}

/// The format that the bytes alone look like.
fn by_bytes(message: &Message<'_>) -> Format {
    let bytes = message.bytes;
    let whole = bytes.len() as u64 == message.length;
    if !whole {
        let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        let text = bytes.get(..valid).unwrap_or_default();
        let is_text = !text.is_empty() && bytes.len() - valid < 4 && fits(Format::Text, message) && is_readable(text);
        return if is_text { Format::Text } else { compressed(bytes).unwrap_or(Format::Binary) };
    }
    if is_readable(bytes) {
        let first = bytes.trim_ascii_start().first();
        let is_json = matches!(first, Some(b'{' | b'[')) && json::check(bytes).is_ok();
        return if is_json { Format::Json } else { Format::Text };
    }
    if let Some(format) = compressed(bytes) {
        return format;
    }
    match (looks_like(Format::Cbor, bytes), looks_like(Format::MessagePack, bytes)) {
        (true, false) => Format::Cbor,
        (false, true) => Format::MessagePack,
        (false, false) if protobuf::looks_like_message(bytes) => Format::Protobuf,
        _ => Format::Binary,
    }
}

/// Whether bytes look like one container of a format beyond chance: it ends with them, and holds
/// readable text, or several values.
fn looks_like(format: Format, bytes: &[u8]) -> bool {
    let container = match (format, bytes.first()) {
        // Arrays, maps, tags (RFC 8949 §3.1); array and map families of MessagePack.
        (Format::Cbor, Some(first)) => matches!(first, 0x80..=0x9B | 0x9F..=0xBB | 0xBF..=0xDB),
        (_, Some(first)) => matches!(first, 0x80..=0x9F | 0xDC..=0xDF),
        _ => false,
    };
    let mut sheet = Sheet::check();
    container
        && bytes.len() >= 4
        && walk(format, bytes, &mut sheet) == Ok(bytes.len())
        && sheet.unreadable == 0
        && (sheet.readable > 0 || sheet.items >= 4)
}

/// The compressed format whose first bytes these are.
fn compressed(bytes: &[u8]) -> Option<Format> {
    match bytes {
        // RFC 1952 §2.3.1: the method is always 8.
        [0x1F, 0x8B, 8, ..] => Some(Format::Gzip),
        // RFC 8878 §3.1.1.
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Format::Zstd),
        // RFC 1950 §2.2: method 8 with a 32 KiB window and its check, as every encoder writes it by
        // default. Two bytes prove little: shorter ones are not taken for it.
        [0x78, 0x01 | 0x5E | 0x9C | 0xDA, ..] if bytes.len() >= 8 => Some(Format::Zlib),
        _ => None,
    }
}
