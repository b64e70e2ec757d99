//! Text: its own lines.

use super::sheet::{Sheet, Stop};

/// Writes text line by line.
pub(super) fn walk(bytes: &[u8], sheet: &mut Sheet) -> Result<usize, Stop> {
    let mut at = 0;
    for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if place > 0 {
            sheet.line();
        }
        let shown = line.strip_suffix(b"\r").unwrap_or(line);
        sheet.text(at, shown)?;
        at += line.len() + 1;
        let end = at.min(bytes.len());
        sheet.token(end, end)?;
    }
    Ok(bytes.len())
}
