//! JSON (RFC 8259), indented. Names, numbers and their order stay as they were written.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::sheet::{Sheet, Stop};

/// Writes one JSON text with a member a line.
pub(super) fn walk(bytes: &[u8], sheet: &mut Sheet) -> Result<usize, Stop> {
    let mut at = 0;
    // Whether the container that was opened last has no member yet.
    let mut fresh = false;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            b'}' | b']' => {
                sheet.token(start, at)?;
                sheet.close(if byte == b'}' { "}" } else { "]" }, fresh);
                fresh = false;
                continue;
            }
            b',' => {
                sheet.token(start, at)?;
                sheet.member(false);
                continue;
            }
            b':' => {
                sheet.token(start, at)?;
                sheet.put(": ");
                continue;
            }
            _ => {}
        }
        if fresh {
            sheet.member(true);
            fresh = false;
        }
        match byte {
            b'{' | b'[' => {
                sheet.token(start, at)?;
                sheet.open(if byte == b'{' { "{" } else { "[" })?;
                fresh = true;
            }
            b'"' => {
                at = end_of_string(bytes, at);
                sheet.text(start, bytes.get(start..at).unwrap_or_default())?;
            }
            _ => {
                let rest = bytes.get(start..).unwrap_or_default();
                let length = rest.iter().take_while(|byte| !b" \t\r\n,:{}[]\"".contains(byte)).count();
                at = start + length.max(1);
                sheet.text(start, bytes.get(start..at).unwrap_or_default())?;
            }
        }
    }
    Ok(bytes.len())
}

/// Where the string ends whose opening quotation mark stands before `at`.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    bytes.len()
}

/// Whether `bytes` are one JSON text that can be shown; [`Stop::Short`] when they are the beginning of one.
pub(super) fn check(bytes: &[u8]) -> Result<(), Stop> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(if error.error_len().is_none() { Stop::Short } else { Stop::Broken });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match IgnoredAny::deserialize(&mut reader).and_then(|_| reader.end()) {
        Ok(()) => walk(bytes, &mut Sheet::check()).map(|_| ()),
        Err(error) if error.is_eof() => walk(bytes, &mut Sheet::check()).and(Err(Stop::Short)),
        Err(_) => Err(Stop::Broken),
    }
}
