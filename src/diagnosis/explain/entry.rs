//! Everything that can be explained, as one list of entries made from the tables.

use std::fmt::Write as _;

use crate::diagnosis::symptom::{self, LogLine};
use crate::diagnosis::{across, finding, outcome};
use crate::mqtt::{PacketType, PropertyId, ValueType};

use super::{Explanation, Kind, alert_text, client_code, code, packet_text, property_text};

/// One thing that can be explained.
pub(super) struct Entry {
    /// What to ask for.
    pub(super) name: String,
    /// Other words for it.
    pub(super) aliases: Vec<String>,
    /// What kind of thing.
    pub(super) kind: Kind,
    /// Its title.
    pub(super) title: String,
    /// Its text.
    pub(super) body: String,
    /// What else to look at.
    pub(super) see_also: Vec<String>,
}

/// All entries, by kind.
pub(super) fn all() -> Vec<Entry> {
    let outcomes = outcome::ABOUT.iter().map(|about| from_text(about.id, Kind::Outcome, about.text));
    let findings = finding::ABOUT.iter().chain(across::ABOUT);
    let findings = findings.map(|about| from_text(about.id, Kind::Finding, about.text));
    let qualifiers = packet_text::QUALIFIERS.iter().map(|(id, title, body)| short(id, Kind::Qualifier, title, body));
    let notes = packet_text::NOTES.iter().map(|(id, title, body)| short(id, Kind::Note, title, body));
    outcomes
        .chain(findings)
        .chain(qualifiers)
        .chain(notes)
        .chain(code::return_codes())
        .chain(code::reason_codes())
        .chain(packets())
        .chain(properties())
        .chain(alert_text::entries())
        .chain(client_code::entries())
        .chain(symptom::log_lines().iter().map(log_line))
        .collect()
}

/// An entry whose name is the line.
fn log_line(line: &'static LogLine) -> Entry {
    let Explanation { title, kind, body, see_also } = client_code::logged(&[line]);
    Entry { name: line.phrase.to_owned(), aliases: Vec::new(), kind, title, body, see_also }
}

/// An entry whose text is a file: a title line, then paragraphs.
fn from_text(id: &str, kind: Kind, text: &str) -> Entry {
    let (title, body) = text.split_once('\n').unwrap_or((text, ""));
    short(id, kind, title.trim_start_matches("# "), body.trim())
}

fn short(id: &str, kind: Kind, title: &str, body: &str) -> Entry {
    Entry {
        name: id.to_owned(),
        aliases: Vec::new(),
        kind,
        title: title.to_owned(),
        body: body.to_owned(),
        see_also: Vec::new(),
    }
}

fn packets() -> impl Iterator<Item = Entry> {
    packet_text::PACKETS.iter().map(|(packet, sender, what)| {
        let codes = match *packet {
            PacketType::CONNACK => vec!["rc=5".to_owned(), "0x87".to_owned()],
            _ => Vec::new(),
        };
        Entry {
            name: packet.name().to_owned(),
            aliases: Vec::new(),
            kind: Kind::PacketType,
            title: format!("{packet}, packet type {}", packet.0),
            body: format!("{what}\n\nSent by {sender}."),
            see_also: codes,
        }
    })
}

fn properties() -> impl Iterator<Item = Entry> {
    property_text::ALL.iter().map(|(number, what, absent, wrong)| {
        let id = PropertyId(*number);
        let name = id.name().unwrap_or("Unknown property");
        let mut body = format!("{what}\n\n{}", places(id));
        let _ = write!(body, "\n\nWhen it is absent: {absent}.");
        if !wrong.is_empty() {
            let _ = write!(body, "\n\nNot allowed: {wrong}.");
        }
        if id == PropertyId::USER_PROPERTY {
            body.push_str("\n\nIt may come any number of times.");
        }
        Entry {
            name: name.to_owned(),
            aliases: vec![format!("property 0x{number:02x}"), format!("property {number}")],
            kind: Kind::Property,
            title: format!("{name}, property 0x{number:02X}"),
            body,
            see_also: Vec::new(),
        }
    })
}

fn places(id: PropertyId) -> String {
    let mut packets: Vec<String> = packet_text::PACKETS
        .iter()
        .filter(|(packet, _, _)| id.allowed_in(*packet))
        .map(|(packet, _, _)| packet.name().to_owned())
        .collect();
    if id.allowed_in_will() {
        packets.push("the will".to_owned());
    }
    let value = match id.value_type() {
        Some(ValueType::Byte) => "a byte",
        Some(ValueType::TwoByte) => "a number of two bytes",
        Some(ValueType::FourByte) => "a number of four bytes",
        Some(ValueType::Variable) => "a number of one to four bytes",
        Some(ValueType::Text) => "text",
        Some(ValueType::Pair) => "a pair of texts",
        Some(ValueType::Binary) | None => "bytes",
    };
    format!("Its value is {value}. It may stand in {}.", packets.join(", "))
}
