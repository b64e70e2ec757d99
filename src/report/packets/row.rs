//! The table of `mqttcap packets`: a row each, cut to the width of the page.

use std::io;

use crate::mqtt::{Connect, Packet, PacketType, ParseError, connect_head, cut_verdict};
use crate::report::page::{Ink, Page, told};
use crate::report::{event_text, ladder};
use crate::session::{EventKind, SeenPacket, TextFact};
use crate::stream::Side;

use super::Place;

/// Writes the names of the columns.
pub(super) fn head(page: &mut Page<'_>) -> io::Result<()> {
    page.line(&[(Ink::Faint, &format!("{:>7} {:<15} {:>4}    {}", "frame", "time", "sess", "packet"))])
}

/// Writes a row: `     36 12:00:03.004512    3  ← CONNACK Not authorized (0x87)`.
pub(super) fn row(packet: &SeenPacket<'_>, place: Place, page: &mut Page<'_>) -> io::Result<()> {
    let style = page.style;
    let at = packet.raw.completed;
    let session = place.session.map_or("-".to_owned(), |number| number.to_string());
    let margin = format!("{:>7} {} {session:>4} ", at.frame, told(at.time, &style.zone, "%H:%M:%S%.6f"));
    let arrow = match place.side {
        Side::Client => "→ ",
        Side::Server => "← ",
    };
    // `->` and `<-` are as wide as an arrow and its space.
    let arrow = if style.ascii { style.characters(arrow.trim_end()).into_owned() + " " } else { arrow.to_owned() };
    let kind = kind(packet);
    let words = event_text::kind_text(&kind, packet.version);
    let room = style.width.saturating_sub(style.width_of(&margin) + style.width_of(&arrow));
    page.line(&[(Ink::Faint, &margin), (Ink::Accent, &arrow), (ladder::ink(&kind), &style.cut(&words, room))])
}

/// The packet as an event of a timeline, which has words already.
fn kind(seen: &SeenPacket<'_>) -> EventKind {
    let packet = seen.raw.packet_type();
    let parsed = match seen.parsed {
        Ok(parsed) => parsed,
        Err(ParseError::Malformed(malformed)) => {
            return EventKind::Malformed { packet, field: malformed.field, clause: malformed.clause };
        }
        Err(ParseError::Partial { .. }) => {
            let head = if packet == PacketType::CONNECT { connect_head(seen.raw.body) } else { None };
            return match (head, cut_verdict(seen.raw, seen.version)) {
                (Some(head), _) => connect(&head),
                (None, Some(verdict)) => kind_of(&verdict, seen),
                (None, None) => EventKind::Partial { packet },
            };
        }
    };
    kind_of(parsed, seen)
}

fn kind_of(parsed: &Packet<'_>, seen: &SeenPacket<'_>) -> EventKind {
    let packet = seen.raw.packet_type();
    let said = |properties: crate::mqtt::Properties<'_>| properties.reason_string().map(|text| TextFact::new(text.0));
    match parsed {
        Packet::Connect(packet) => connect(packet),
        Packet::Connack(packet) => EventKind::Connack {
            code: packet.reason_code,
            session_present: packet.session_present(),
            reason_string: said(packet.properties),
        },
        Packet::Publish(packet) => EventKind::Publish {
            topic: seen.topic.cloned(),
            qos: packet.qos,
            retain: packet.retain,
            dup: packet.dup,
            packet_identifier: packet.packet_identifier,
            payload_length: packet.payload_length.into(),
        },
        Packet::Puback(body) | Packet::Pubrec(body) | Packet::Pubrel(body) | Packet::Pubcomp(body) => {
            EventKind::Acknowledgment {
                packet,
                packet_identifier: body.packet_identifier,
                code: body.reason_code.unwrap_or_default(),
                reason_string: said(body.properties),
            }
        }
        Packet::Subscribe(body) => EventKind::Request {
            packet,
            packet_identifier: body.packet_identifier,
            filters: body.requests().map(|one| (TextFact::new(one.filter.0), one.options)).collect(),
            more: 0,
        },
        Packet::Unsubscribe(body) => EventKind::Request {
            packet,
            packet_identifier: body.packet_identifier,
            filters: body.filters().map(|filter| (TextFact::new(filter.0), 0)).collect(),
            more: 0,
        },
        Packet::Suback(body) | Packet::Unsuback(body) => EventKind::Answer {
            packet,
            packet_identifier: body.packet_identifier,
            codes: body.reason_codes().collect(),
            more: 0,
            reason_string: said(body.properties),
        },
        Packet::Pingreq => EventKind::Pingreq,
        Packet::Pingresp => EventKind::Pingresp,
        Packet::Disconnect(body) => {
            EventKind::Disconnect { code: body.reason_code.unwrap_or_default(), reason_string: said(body.properties) }
        }
        Packet::Auth(body) => EventKind::Auth { code: body.reason_code.unwrap_or_default() },
        Packet::Reserved => EventKind::Reserved { packet },
    }
}

fn connect(packet: &Connect<'_>) -> EventKind {
    EventKind::Connect {
        version: packet.version(),
        client_id: TextFact::new(packet.client_id.0),
        username: packet.username.map(|name| TextFact::new(name.0)),
        has_password: packet.has_password(),
        clean_start: packet.clean_start(),
        keep_alive: packet.keep_alive,
        will: packet.will.map(|will| TextFact::new(will.topic.0)),
    }
}
