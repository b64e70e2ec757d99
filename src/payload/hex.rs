//! Bytes as `xxd` shows them: offset, sixteen bytes, and those that are ASCII.

use std::fmt::Write as _;

use super::sheet::{Sheet, Stop};

/// Bytes of a line.
const LINE: usize = 16;

/// Writes lines such as `00000000: 4865 6c6c 6f                              Hello`.
pub(super) fn walk(bytes: &[u8], sheet: &mut Sheet) -> Result<usize, Stop> {
    let mut at = 0;
    for chunk in bytes.chunks(LINE) {
        // Byte by byte, as the limit may lie within a line.
        let mut kept = Ok(());
        let mut count = 0;
        while count < chunk.len() && kept.is_ok() {
            kept = sheet.token(at + count, at + count + 1);
            count += usize::from(kept.is_ok());
        }
        let shown = chunk.get(..count).unwrap_or(chunk);
        if !shown.is_empty() {
            if at > 0 {
                sheet.line();
            }
            sheet.put(&line(at, shown));
        }
        kept?;
        at += chunk.len();
    }
    Ok(bytes.len())
}

fn line(at: usize, bytes: &[u8]) -> String {
    let mut digits = String::new();
    for (place, byte) in bytes.iter().enumerate() {
        let space = if place % 2 == 1 { " " } else { "" };
        let _ = write!(digits, "{byte:02x}{space}");
    }
    let ascii: String =
        bytes.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect();
    format!("{at:08x}: {digits:<40} {ascii}")
}
