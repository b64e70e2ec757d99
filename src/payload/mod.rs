//! Payloads made readable: which format a payload has, how that is known, and its content as lines.
//!
//! Invariant: whatever the bytes claim, work and output are bounded by their number and by the limit
//! that was asked for. What the sender or the topic declares leads; a format found in the bytes alone
//! is a guess and says so. Captured text in the lines is escaped.

mod cbor;
mod hex;
mod json;
mod messagepack;
mod plain;
mod protobuf;
mod recognise;
mod sheet;
mod sparkplug;
#[cfg(test)]
mod tests;

use sheet::{Sheet, Stop};

/// A payload, and what is said of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'p> {
    /// The captured part.
    pub bytes: &'p [u8],
    /// Length of the whole payload in bytes.
    pub length: u64,
    /// The topic.
    pub topic: Option<&'p [u8]>,
    /// Content Type (MQTT 5.0 §3.3.2.3.9).
    pub content_type: Option<&'p [u8]>,
    /// Payload Format Indicator (MQTT 5.0 §3.3.2.3.2).
    pub format_indicator: Option<u8>,
}

/// The format of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// UTF-8 text.
    Text,
    /// RFC 8259.
    Json,
    /// RFC 8949, shown in its diagnostic notation.
    Cbor,
    /// `MessagePack`.
    MessagePack,
    /// Protocol Buffers, read without their schema: fields have numbers.
    Protobuf,
    /// Sparkplug B: Protocol Buffers with a known schema.
    SparkplugB,
    /// gzip (RFC 1952), not unpacked.
    Gzip,
    /// zlib (RFC 1950), not unpacked.
    Zlib,
    /// Zstandard (RFC 8878), not unpacked.
    Zstd,
    /// Anything else, shown in hexadecimal.
    Binary,
}

/// How the format is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The Content Type says so.
    ContentType,
    /// The Payload Format Indicator says so.
    PayloadFormatIndicator,
    /// The topic lies in a namespace with this format.
    Topic,
    /// The bytes look like it: a guess.
    Bytes,
}

/// A payload made readable.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Its format.
    pub format: Format,
    /// How that is known.
    pub source: Source,
    /// What was declared and does not fit the bytes.
    pub refuted: Option<(Format, Source)>,
    /// The content, harmless for a terminal.
    pub lines: Vec<String>,
    /// Bytes of the payload that the lines do not show.
    pub more: u64,
}

impl Format {
    /// For programs.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Cbor => "cbor",
            Format::MessagePack => "messagepack",
            Format::Protobuf => "protobuf",
            Format::SparkplugB => "sparkplug-b",
            Format::Gzip => "gzip",
            Format::Zlib => "zlib",
            Format::Zstd => "zstd",
            Format::Binary => "binary",
        }
    }

    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "JSON",
            Format::Cbor => "CBOR",
            Format::MessagePack => "MessagePack",
            Format::Protobuf => "protobuf",
            Format::SparkplugB => "Sparkplug B",
            Format::Gzip => "gzip",
            Format::Zlib => "zlib",
            Format::Zstd => "Zstandard",
            Format::Binary => "binary",
        }
    }

    /// Whether the lines are a hexadecimal dump.
    #[must_use]
    pub fn is_dumped(self) -> bool {
        matches!(self, Format::Gzip | Format::Zlib | Format::Zstd | Format::Binary)
    }
}

impl Source {
    /// For programs.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Source::ContentType => "content-type",
            Source::PayloadFormatIndicator => "payload-format-indicator",
            Source::Topic => "topic",
            Source::Bytes => "bytes",
        }
    }
}

/// Makes a payload readable, at most `limit` bytes of it. An empty payload has no lines.
#[must_use]
pub fn decode(message: &Message<'_>, limit: usize) -> Decoded {
    let (format, source, refuted) = recognise::recognise(message);
    let mut sheet = Sheet::new(limit);
    // What stops the walk has been recognised before, or is the limit: the lines so far stand.
    let _ = walk(format, message.bytes, &mut sheet);
    let (lines, shown) = sheet.finish();
    let shown = shown.min(message.bytes.len());
    Decoded { format, source, refuted, lines, more: message.length.saturating_sub(shown as u64) }
}

/// Writes `bytes` as `format` on the sheet, up to the end of one document of that format; returns
/// where that is.
fn walk(format: Format, bytes: &[u8], sheet: &mut Sheet) -> Result<usize, Stop> {
    match format {
        Format::Text => plain::walk(bytes, sheet),
        Format::Json => json::walk(bytes, sheet),
        Format::Cbor => cbor::walk(bytes, sheet),
        Format::MessagePack => messagepack::walk(bytes, sheet),
        Format::Protobuf => protobuf::walk(bytes, None, sheet),
        Format::SparkplugB => protobuf::walk(bytes, Some(&sparkplug::PAYLOAD), sheet),
        Format::Gzip | Format::Zlib | Format::Zstd | Format::Binary => hex::walk(bytes, sheet),
    }
}
