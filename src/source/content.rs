//! What a file is, by its first bytes: names never decide.

use std::fmt;
use std::path::Path;

/// How many of a file's first bytes [`Content::of`] looks at.
pub(super) const LOOKED_AT: usize = 64;

/// What a file that is not a capture looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Compressed by gzip.
    Gzip,
    /// Compressed by zstd.
    Zstd,
    /// Compressed by xz.
    Xz,
    /// Compressed by lz4.
    Lz4,
    /// Compressed by bzip2.
    Bzip2,
    /// A ZIP archive.
    Zip,
    /// A Sun snoop capture.
    Snoop,
    /// A Microsoft Network Monitor capture.
    NetworkMonitor,
    /// A Network General Sniffer capture.
    Sniffer,
    /// A Windows event trace, by its file name: `netsh trace` and `pktmon` write it.
    EventTrace,
    /// A program.
    Executable,
    /// Text.
    Text,
    /// None of these.
    Unknown,
}

impl Content {
    /// Tells by the first bytes; by the path only what has no signature of its own.
    pub(super) fn of(start: &[u8], path: &Path) -> Content {
        const SIGNATURES: [(&[u8], Content); 14] = [
            (b"\x1f\x8b", Content::Gzip),
            (b"\x28\xb5\x2f\xfd", Content::Zstd),
            (b"\xfd7zXZ\0", Content::Xz),
            (b"\x04\x22\x4d\x18", Content::Lz4),
            (b"BZh", Content::Bzip2),
            (b"PK\x03\x04", Content::Zip),
            (b"snoop\0\0\0", Content::Snoop),
            (b"GMBU", Content::NetworkMonitor),
            (b"RTSS", Content::NetworkMonitor),
            (b"TRSNIFF data", Content::Sniffer),
            (b"XCP\0", Content::Sniffer),
            (b"\x7fELF", Content::Executable),
            (b"MZ", Content::Executable),
            (b"\xcf\xfa\xed\xfe", Content::Executable),
        ];
        if let Some((_, content)) = SIGNATURES.iter().find(|(signature, _)| start.starts_with(signature)) {
            return *content;
        }
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("etl")) {
            return Content::EventTrace;
        }
        if is_text(start) { Content::Text } else { Content::Unknown }
    }

    /// Whether it is compressed in a way that is read.
    pub(super) fn is_decompressed(self) -> bool {
        matches!(self, Content::Gzip | Content::Zstd | Content::Lz4 | Content::Xz)
    }

    /// The command that writes the decompressed file to standard output.
    pub(super) fn decompressor(self) -> Option<&'static str> {
        match self {
            Content::Gzip => Some("zcat"),
            Content::Zstd => Some("zstdcat"),
            Content::Xz => Some("xzcat"),
            Content::Lz4 => Some("lz4 -dc"),
            Content::Bzip2 => Some("bzcat"),
            _ => None,
        }
    }
}

/// UTF-8, cut anywhere, without control characters but those of layout.
fn is_text(start: &[u8]) -> bool {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            start.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}'))
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Content::Gzip => "it is compressed by gzip",
            Content::Zstd => "it is compressed by zstd",
            Content::Xz => "it is compressed by xz",
            Content::Lz4 => "it is compressed by lz4",
            Content::Bzip2 => "it is compressed by bzip2",
            Content::Zip => "it is a ZIP archive",
            Content::Snoop => "it is a snoop capture",
            Content::NetworkMonitor => "it is a Microsoft Network Monitor capture",
            Content::Sniffer => "it is a Sniffer capture",
            Content::EventTrace => "it looks like a Windows event trace",
            Content::Executable => "it is a program",
            Content::Text => "it is text",
            Content::Unknown => "it begins like no capture file",
        })
    }
}
