//! `mqttcap packets`: every control packet, a row or a JSON object each.
//!
//! Invariant: a password is never written, a payload only when it was asked for. What the capture
//! does not show is `null`.

mod document;
mod fields;
mod row;

use std::io::{self, Write};

use crate::session::SeenPacket;
use crate::stream::Side;

use super::json;
use super::model::Style;
use super::page::Page;

/// What the capture as a whole says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of its session; `None` where sessions are not numbered yet.
    pub session: Option<u64>,
    /// Who sent it.
    pub side: Side,
}

/// Writes the head of the table.
pub fn write_head(style: &Style, out: &mut dyn Write) -> io::Result<()> {
    row::head(&mut Page::new(out, style))
}

/// Writes a packet as one row of the table.
pub fn write_row(packet: &SeenPacket<'_>, place: Place, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    row::row(packet, place, &mut Page::new(out, style))
}

/// Writes a packet as one line of JSON, with at most so many bytes of a payload.
pub fn write_line(
    packet: &SeenPacket<'_>,
    place: Place,
    payload: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    json::put_line(&document::Document::of(packet, place, payload), out)
}

#[cfg(test)]
mod tests;
