//! One event of a timeline in words: the same for the ladder and for JSON.

use crate::mqtt::{PacketType, QoS, ReasonCode, Version};
use crate::session::{Event, EventKind, TextFact};
use crate::stream::GapReason;
use crate::text;

use super::words;

/// What happened, in words. When a run of events ended is left to the caller, who knows the time zone.
pub(super) fn event_text(event: &Event, version: Option<Version>) -> String {
    let words = once(&event.kind, version);
    match event.count {
        0 | 1 => words,
        count => format!("{} × {words}", text::number(count)),
    }
}

/// A stable id of the kind of event.
pub(super) fn event_kind(kind: &EventKind) -> String {
    match kind {
        EventKind::Syn => "tcp-syn",
        EventKind::SynAck => "tcp-syn-ack",
        EventKind::Established => "tcp-established",
        EventKind::Fin => "tcp-fin",
        EventKind::Reset => "tcp-reset",
        EventKind::Connect { .. } => "connect",
        EventKind::Connack { .. } => "connack",
        EventKind::Publish { .. } => "publish",
        EventKind::Pingreq => "pingreq",
        EventKind::Pingresp => "pingresp",
        EventKind::Disconnect { .. } => "disconnect",
        EventKind::Auth { .. } => "auth",
        EventKind::Acknowledgment { packet, .. }
        | EventKind::Request { packet, .. }
        | EventKind::Answer { packet, .. }
        | EventKind::Several { packet } => return words::packet(*packet).to_ascii_lowercase(),
        EventKind::Reserved { .. } => "reserved",
        EventKind::Malformed { .. } => "malformed",
        EventKind::Partial { .. } => "partial",
        EventKind::Gap { .. } => "gap",
        EventKind::Skipped { .. } => "skipped",
        EventKind::ForeignAnswer(_) => "foreign-answer",
    }
    .to_owned()
}

fn once(kind: &EventKind, version: Option<Version>) -> String {
    match kind {
        EventKind::Syn => "SYN".into(),
        EventKind::SynAck => "SYN-ACK".into(),
        EventKind::Established => "connection open".into(),
        EventKind::Fin => "FIN, closes the connection".into(),
        EventKind::Reset => "RST, breaks the connection".into(),
        EventKind::Connect { .. } => connect(kind),
        EventKind::Connack {
            code,
            session_present,
            reason_string,
        } => {
            let mut said = answer(PacketType(2), *code, reason_string.as_ref());
            if *session_present {
                said.push_str(", session present");
            }
            said
        }
        EventKind::Publish { .. } => publish(kind),
        EventKind::Acknowledgment {
            packet,
            packet_identifier,
            code,
            reason_string,
        } => {
            let said = format!("{} id {packet_identifier}", words::packet(*packet));
            match (code.0, reason_string) {
                (0, None) => said,
                _ => format!("{said}: {}", coded(*packet, *code, reason_string.as_ref())),
            }
        }
        EventKind::Request {
            packet,
            packet_identifier,
            filters,
            more,
        } => {
            let subscribe = packet.0 == 8;
            let filters = filters.iter().map(|(filter, options)| {
                let name = name(filter);
                if subscribe {
                    format!("{name} ({})", qos(QoS(options & 0b11)))
                } else {
                    name
                }
            });
            let filters = listed(filters.collect(), *more);
            format!(
                "{} id {packet_identifier} to {filters}",
                words::packet(*packet)
            )
        }
        EventKind::Answer {
            packet,
            packet_identifier,
            codes,
            more,
            reason_string,
        } => {
            let said = format!("{} id {packet_identifier}", words::packet(*packet));
            let codes: Vec<_> = codes
                .iter()
                .map(|code| coded(*packet, *code, None))
                .collect();
            let mut said = if codes.is_empty() {
                said
            } else {
                format!("{said}: {}", listed(codes, *more))
            };
            if let Some(reason) = reason_string {
                said.push_str(&format!(", {}", quoted(reason)));
            }
            said
        }
        EventKind::Several { packet } => format!("{} of several kinds", words::packet(*packet)),
        EventKind::Pingreq => "PINGREQ".into(),
        EventKind::Pingresp => "PINGRESP".into(),
        EventKind::Disconnect {
            code,
            reason_string,
        } => match (code.0, reason_string) {
            (0, None) => "DISCONNECT".into(),
            _ => answer(PacketType(14), *code, reason_string.as_ref()),
        },
        EventKind::Auth { code } => answer(PacketType(15), *code, None),
        EventKind::Reserved { packet } => format!("packet of reserved type {}", packet.0),
        EventKind::Malformed {
            packet,
            field,
            clause,
        } => {
            format!(
                "{} that cannot be decoded: {field} [{clause}]",
                words::packet(*packet)
            )
        }
        EventKind::Partial { packet } => {
            format!("{}, captured only in part", words::packet(*packet))
        }
        EventKind::Gap { bytes, why } => {
            let why = match why {
                GapReason::NotCaptured => "not captured",
                GapReason::SnapLength => "cut off by the snap length",
                GapReason::LimitReached => "let go: too much was out of order",
                GapReason::NeverSeen => "never seen",
            };
            format!("{} {why}", text::counted(*bytes, "byte"))
        }
        EventKind::Skipped { bytes } => {
            format!(
                "{} passed over to find the next packet",
                text::counted(*bytes, "byte")
            )
        }
        EventKind::ForeignAnswer(protocol) => {
            format!("an answer that is not MQTT: {}", protocol.name())
        }
    }
}

fn connect(kind: &EventKind) -> String {
    let EventKind::Connect {
        version,
        client_id,
        username,
        has_password,
        clean_start,
        keep_alive,
        will,
    } = kind
    else {
        return String::new();
    };
    let mut parts = Vec::new();
    if let Some(version) = version {
        parts.push(format!("MQTT {}", words::version(*version)));
    }
    if *clean_start {
        parts.push("clean".into());
    }
    parts.push(match keep_alive {
        0 => "no keep-alive".into(),
        seconds => format!("keep-alive {seconds} s"),
    });
    if let Some(user) = username {
        parts.push(format!("user {}", name(user)));
    }
    if *has_password {
        parts.push("password (hidden)".into());
    }
    if let Some(topic) = will {
        parts.push(format!("will to {}", name(topic)));
    }
    let id = if client_id.is_empty() {
        "without client id".into()
    } else {
        name(client_id)
    };
    format!("CONNECT {id}, {}", parts.join(", "))
}

fn publish(kind: &EventKind) -> String {
    let EventKind::Publish {
        topic,
        qos: quality,
        retain,
        dup,
        packet_identifier,
        payload_length,
    } = kind
    else {
        return String::new();
    };
    let mut said = format!("PUBLISH {}", qos(*quality));
    if let Some(id) = packet_identifier {
        said.push_str(&format!(" id {id}"));
    }
    match topic {
        Some(topic) => said.push_str(&format!(" to {}", name(topic))),
        None => said.push_str(" to a topic alias not captured"),
    }
    said.push_str(&format!(", {}", text::counted(*payload_length, "byte")));
    if *retain {
        said.push_str(", retain");
    }
    if *dup {
        said.push_str(", sent again");
    }
    said
}

/// `CONNACK Not authorized (0x87), “token expired”`.
fn answer(packet: PacketType, code: ReasonCode, reason: Option<&TextFact>) -> String {
    format!("{} {}", words::packet(packet), coded(packet, code, reason))
}

fn coded(packet: PacketType, code: ReasonCode, reason: Option<&TextFact>) -> String {
    let mut said = match words::reason(packet, code) {
        Some(name) => format!("{name} (0x{:02x})", code.0),
        None => format!("code 0x{:02x}", code.0),
    };
    if let Some(reason) = reason {
        said.push_str(&format!(", {}", quoted(reason)));
    }
    said
}

fn qos(qos: QoS) -> String {
    format!("QoS {}", qos.0)
}

fn name(text: &TextFact) -> String {
    match text.is_empty() {
        true => "“”".into(),
        false => text::escape(&text.0, text::NAME),
    }
}

fn quoted(text: &TextFact) -> String {
    format!("“{}”", text::escape(&text.0, 4 * text::NAME))
}

fn listed(mut words: Vec<String>, more: usize) -> String {
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}
