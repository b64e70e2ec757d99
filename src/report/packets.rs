//! `mqttcap packets`: every control packet, a row or a JSON object each.
//!
//! Invariant: passwords, Authentication Data and payloads are written only when they were asked for.
//! What the capture does not show is `null`.

mod document;
mod fields;
mod line;
mod payload;
mod row;

use std::io::{self, Write};

use crate::session::SeenPacket;
use crate::stream::Side;

use super::json;
use super::model::Style;
use super::page::Page;

pub use line::Lines;

/// What the capture as a whole says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of its session; `None` where sessions are not numbered yet.
    pub session: Option<u64>,
    /// Who sent it.
    pub side: Side,
}

/// What is written only when it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reveal {
    /// Payloads, at most so many bytes of each.
    pub payload: Option<usize>,
    /// Passwords and Authentication Data.
    pub secrets: bool,
}

/// Writes the head of the table.
pub fn write_head(style: &Style, out: &mut dyn Write) -> io::Result<()> {
    row::head(&mut Page::new(out, style))
}

/// Writes a packet as one row of the table, and what was asked for below it.
pub fn write_row(
    packet: &SeenPacket<'_>,
    place: Place,
    reveal: Reveal,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    row::row(packet, place, page)?;
    if reveal.secrets {
        payload::write_secrets(packet, page)?;
    }
    match reveal.payload {
        Some(most) => payload::write(packet, most, page),
        None => Ok(()),
    }
}

/// Writes the JSON Schema of the lines that [`Lines`] writes.
pub fn write_schema(out: &mut dyn Write) -> io::Result<()> {
    json::put_schema(&document::json_schema(), out)
}

#[cfg(test)]
mod tests;
