//! One event of a timeline in words: the same for the ladder and for JSON.

use crate::attempt::LookupFailure;
use crate::mqtt::{PacketType, QoS, ReasonCode, Version, return_code_name};
use crate::net::Rcode;
use crate::session::{Event, EventKind, TextFact, close_code_name};
use crate::stream::GapReason;
use crate::text;

use super::tls_text;

/// What happened, in words. When a run of events ended is left to the caller, who knows the time zone.
pub(super) fn event_text(event: &Event, version: Option<Version>) -> String {
    let words = kind_text(&event.kind, version);
    match event.count {
        0 | 1 => words,
        count if matches!(event.kind, EventKind::Tls(_)) => format!("{words} in {} records", text::number(count)),
        count => format!("{} × {words}", text::number(count)),
    }
}

/// What happened once, in words.
pub(super) fn kind_text(kind: &EventKind, version: Option<Version>) -> String {
    beside_packets(kind).unwrap_or_else(|| packet(kind, version))
}

/// A stable id of the kind of event.
pub(super) fn event_kind(kind: &EventKind) -> String {
    match kind {
        EventKind::NameQuestion { .. } => "dns-question",
        EventKind::NameAnswer { .. } => "dns-answer",
        EventKind::NeighbourQuestion { .. } => "arp-question",
        EventKind::Syn => "tcp-syn",
        EventKind::SynAck => "tcp-syn-ack",
        EventKind::Established => "tcp-established",
        EventKind::Undeliverable { .. } => "icmp-unreachable",
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
        | EventKind::Several { packet } => return packet.name().to_ascii_lowercase(),
        EventKind::Reserved { .. } => "reserved",
        EventKind::Malformed { .. } => "malformed",
        EventKind::Partial { .. } => "partial",
        EventKind::Gap { .. } => "gap",
        EventKind::Skipped { .. } => "skipped",
        EventKind::UpgradeRequest { .. } => "websocket-upgrade",
        EventKind::UpgradeAnswer { .. } => "websocket-answer",
        EventKind::WebSocketClose { .. } => "websocket-close",
        EventKind::Unreadable => "unreadable",
        EventKind::ForeignOpening(_) => "foreign-opening",
        EventKind::ForeignAnswer(_) => "foreign-answer",
        EventKind::Tls(event) => tls_text::kind(event),
    }
    .to_owned()
}

/// What is not a whole control packet: TCP, gaps, bytes that could not be read.
fn beside_packets(kind: &EventKind) -> Option<String> {
    Some(match kind {
        EventKind::NameQuestion { name, servers } => {
            let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
            format!("asks {} for {}", servers.join(", "), text::escape(name.as_bytes(), text::NAME))
        }
        EventKind::NameAnswer { failure } => answer(*failure),
        EventKind::NeighbourQuestion { asker, target } => format!("{asker} asks who has {target}"),
        EventKind::Syn => "SYN".into(),
        EventKind::SynAck => "SYN-ACK".into(),
        EventKind::Established => "connection open".into(),
        EventKind::Undeliverable { router, reason } => format!("ICMP from {router}: {reason}"),
        EventKind::Fin => "FIN, closes the connection".into(),
        EventKind::Reset => "RST, breaks the connection".into(),
        EventKind::Reserved { packet } => format!("packet of the reserved type {}", packet.0),
        EventKind::Malformed { packet, field, clause } => {
            format!("{} that cannot be decoded: {field} [{clause}]", packet.name())
        }
        EventKind::Partial { packet } => format!("{}, captured only in part", packet.name()),
        EventKind::Gap { bytes, why } => {
            let why = match why {
                GapReason::NotCaptured => "not captured",
                GapReason::SnapLength => "cut off by the snap length",
                GapReason::LimitReached => "let go: too much was out of order",
                GapReason::NeverSeen => "never seen",
            };
            format!("{} {why}", text::counted(*bytes, "byte"))
        }
        EventKind::Skipped { bytes, begun: true } => {
            format!("{} of a packet that did not come whole", text::counted(*bytes, "byte"))
        }
        EventKind::Skipped { bytes, begun: false } => {
            format!("{} passed over to find the next packet", text::counted(*bytes, "byte"))
        }
        EventKind::UpgradeRequest { path, subprotocols } => {
            let offered = subprotocols.as_ref().map(|offered| format!("subprotocol {}", name(offered)));
            listed(&format!("WebSocket upgrade, GET {},", name(path)), [offered]).trim_end_matches(',').to_owned()
        }
        EventKind::UpgradeAnswer { status, phrase, subprotocol } => {
            let phrase = if phrase.is_empty() { String::new() } else { format!(" {}", name(phrase)) };
            let chosen = subprotocol.as_ref().map(|chosen| format!("subprotocol {}", name(chosen)));
            listed(&format!("HTTP {status}{phrase},"), [chosen]).trim_end_matches(',').to_owned()
        }
        EventKind::WebSocketClose { code, reason } => {
            let named = code.and_then(close_code_name).map(|name| format!(", {name}")).unwrap_or_default();
            let code = code.map(|code| format!(" {code}{named}")).unwrap_or_default();
            listed(&format!("WebSocket Close{code}"), [quoted(Some(reason).filter(|reason| !reason.is_empty()))])
        }
        EventKind::Unreadable => "bytes of the WebSocket that cannot be read, from here on".into(),
        EventKind::ForeignOpening(protocol) => {
            format!("first bytes that are not MQTT: {}", protocol.name())
        }
        EventKind::ForeignAnswer(protocol) => {
            format!("an answer that is not MQTT: {}", protocol.name())
        }
        EventKind::Tls(event) => tls_text::event(event),
        _ => return None,
    })
}

fn answer(failure: LookupFailure) -> String {
    match failure {
        LookupFailure::NotFound => "the name does not exist (NXDOMAIN)".into(),
        LookupFailure::Error(Rcode::SERVER_FAILURE) => "the server failed (SERVFAIL)".into(),
        LookupFailure::Error(Rcode::REFUSED) => "refused (REFUSED)".into(),
        LookupFailure::Error(Rcode(code)) => format!("error {code}"),
        LookupFailure::Blocked(address) => format!("{address}, which is no host's address"),
        LookupFailure::Empty => "an answer without an address".into(),
        LookupFailure::Undeliverable(router) => format!("ICMP from {router}: not delivered"),
        LookupFailure::Silence => "no answer".into(),
    }
}

fn packet(kind: &EventKind, version: Option<Version>) -> String {
    match kind {
        EventKind::Connect { .. } => connect(kind),
        EventKind::Connack { code, session_present, reason_string } => {
            let present = session_present.then(|| "session present".to_owned());
            let coded = coded(PacketType::CONNACK, *code, version);
            listed("CONNACK", [Some(coded), quoted(reason_string.as_ref()), present])
        }
        EventKind::Publish { .. } => publish(kind),
        EventKind::Acknowledgment { packet, packet_identifier, code, reason_string } => {
            let said = format!("{} id {packet_identifier}", packet.name());
            if code.0 == 0 && reason_string.is_none() {
                return said;
            }
            let coded = coded(*packet, *code, version);
            listed(&(said + ":"), [Some(coded), quoted(reason_string.as_ref())])
        }
        EventKind::Request { packet, packet_identifier, filters, more } => {
            let subscribe = *packet == PacketType::SUBSCRIBE;
            let filters = filters.iter().map(|(filter, options)| {
                let qos = options & 0b11;
                let asked = subscribe.then(|| format!(" (QoS {qos})"));
                name(filter) + &asked.unwrap_or_default()
            });
            let said = format!("{} id {packet_identifier} to", packet.name());
            listed(&said, filters.map(Some).chain([and_more(*more)]))
        }
        EventKind::Answer { packet, packet_identifier, codes, more, reason_string } => {
            let said = format!("{} id {packet_identifier}", packet.name());
            let codes = codes.iter().map(|code| Some(coded(*packet, *code, version)));
            let rest = [and_more(*more), quoted(reason_string.as_ref())];
            let words: Vec<_> = codes.chain(rest).collect();
            let colon = if words.iter().any(Option::is_some) { ":" } else { "" };
            listed(&(said + colon), words)
        }
        EventKind::Several { packet } => format!("{} of several kinds", packet.name()),
        EventKind::Pingreq => "PINGREQ".into(),
        EventKind::Pingresp => "PINGRESP".into(),
        EventKind::Disconnect { code: ReasonCode(0), reason_string: None } => "DISCONNECT".into(),
        EventKind::Disconnect { code, reason_string } => {
            let coded = coded(PacketType::DISCONNECT, *code, version);
            listed("DISCONNECT", [Some(coded), quoted(reason_string.as_ref())])
        }
        EventKind::Auth { code } => format!("AUTH {}", coded(PacketType::AUTH, *code, version)),
        // `beside_packets` has words for the others.
        _ => event_kind(kind),
    }
}

fn connect(kind: &EventKind) -> String {
    let EventKind::Connect { version, client_id, username, has_password, clean_start, keep_alive, will } = kind else {
        return String::new();
    };
    let client_id = if client_id.is_empty() { "without client id".into() } else { name(client_id) };
    let keep_alive = match keep_alive {
        0 => "no keep-alive".into(),
        seconds => format!("keep-alive {seconds} s"),
    };
    let parts = [
        Some(client_id),
        version.map(|version| format!("MQTT {version}")),
        clean_start.then(|| "clean".into()),
        Some(keep_alive),
        username.as_ref().map(|user| format!("user {}", name(user))),
        has_password.then(|| "password (hidden)".into()),
        will.as_ref().map(|topic| format!("will to {}", name(topic))),
    ];
    listed("CONNECT", parts)
}

fn publish(kind: &EventKind) -> String {
    let EventKind::Publish { topic, qos: QoS(qos), retain, dup, packet_identifier, payload_length } = kind else {
        return String::new();
    };
    let id = packet_identifier.map(|id| format!(" id {id}")).unwrap_or_default();
    let topic = match topic {
        Some(topic) => name(topic),
        None => "a topic alias that the capture shows no topic for".into(),
    };
    let parts = [
        Some(format!("QoS {qos}{id} to {topic}")),
        Some(text::counted(*payload_length, "byte")),
        retain.then(|| "retain".into()),
        dup.then(|| "sent again".into()),
    ];
    listed("PUBLISH", parts)
}

/// `Not authorized (0x87)`.
fn coded(packet: PacketType, code: ReasonCode, version: Option<Version>) -> String {
    match (packet, code.0) {
        (PacketType::CONNACK, 0) => "accepted".to_owned(),
        // Return codes of 3.x; a CONNACK of 5.0 has none of these numbers.
        (PacketType::CONNACK, number @ 1..=5) => {
            let name = return_code_name(number).unwrap_or("refused");
            format!("{name} (return code {number})")
        }
        (PacketType::SUBACK, granted @ 0..=2) => format!("granted QoS {granted}"),
        (PacketType::SUBACK, 0x80) if version.is_some_and(|version| !version.is_v5()) => "Failure (0x80)".into(),
        _ => match code.name(packet) {
            Some(name) => format!("{name} ({code})"),
            None => format!("code {code}"),
        },
    }
}

/// Captured text as a name.
fn name(text: &TextFact) -> String {
    if text.is_empty() { "“”".into() } else { text::escape(&text.0, text::NAME) }
}

/// Captured text as someone's words.
fn quoted(text: Option<&TextFact>) -> Option<String> {
    text.map(|text| format!("“{}”", text::escape(&text.0, 4 * text::NAME)))
}

fn and_more(count: usize) -> Option<String> {
    (count > 0).then(|| format!("{count} more"))
}

/// `head`, a space, and the words that are there with commas between.
fn listed(head: &str, words: impl IntoIterator<Item = Option<String>>) -> String {
    let words: Vec<String> = words.into_iter().flatten().collect();
    format!("{head} {}", words.join(", ")).trim_end().to_owned()
}
