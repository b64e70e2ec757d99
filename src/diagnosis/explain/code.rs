//! Entries of return codes and reason codes.

use std::fmt::Write as _;

use crate::mqtt::{ReasonCode, return_code_name};
use crate::stream::Side;

use super::Kind;
use super::entry::Entry;
use super::packet_text::PACKETS;
use super::reason_text::{self, ReasonText};
use super::return_code_text;

/// One entry for each return code of MQTT 3.x.
pub(super) fn return_codes() -> impl Iterator<Item = Entry> {
    return_code_text::ALL.iter().map(|(code, text, see)| {
        let name = return_code_name(*code).unwrap_or("Unknown");
        Entry {
            name: format!("rc={code}"),
            aliases: vec![format!("return code {code}"), name.to_owned()],
            kind: Kind::ReturnCode,
            title: format!("Return code {code} in a CONNACK of MQTT 3.1 and 3.1.1: {name}"),
            body: (*text).to_owned(),
            see_also: owned(see),
        }
    })
}

/// One entry for each reason code of MQTT 5.0.
pub(super) fn reason_codes() -> impl Iterator<Item = Entry> {
    reason_text::ALL.iter().map(|text| {
        let code = ReasonCode(text.code);
        let names = names(code);
        let title = names.first().map_or("", |(name, _)| *name);
        Entry {
            name: code.to_string(),
            aliases: names.iter().map(|(name, _)| (*name).to_owned()).collect(),
            kind: Kind::ReasonCode,
            title: format!("Reason code {code} ({}) of MQTT 5.0: {title}", text.code),
            body: body(text, &names),
            see_also: owned(text.see),
        }
    })
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The names of a code, each with the packets that carry it and who may send them.
fn names(code: ReasonCode) -> Vec<(&'static str, Vec<String>)> {
    let mut names: Vec<(&'static str, Vec<String>)> = Vec::new();
    for (packet, _, _) in PACKETS {
        let (client, server) = (code.is_allowed(packet, Side::Client), code.is_allowed(packet, Side::Server));
        let Some(name) = code.name(packet).filter(|_| client || server) else {
            continue;
        };
        let place = match (client, server) {
            (true, true) => format!("{packet} (either side)"),
            (true, false) => format!("{packet} (from the client)"),
            _ => format!("{packet} (from the broker)"),
        };
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, places)) => places.push(place),
            None => names.push((name, vec![place])),
        }
    }
    names
}

fn body(text: &ReasonText, names: &[(&'static str, Vec<String>)]) -> String {
    let mut body = text.meaning.to_owned();
    for (name, places) in names {
        let _ = write!(body, "\n\n**{name}** may come in: {}.", places.join(", "));
    }
    body.push_str("\n\nUsual causes:");
    for cause in text.causes {
        body.push_str("\n- ");
        body.push_str(cause);
    }
    let _ = write!(body, "\n\nLook first at: {}", text.check);
    if let Some(quirk) = quirk(text.code) {
        body.push_str("\n\n");
        body.push_str(quirk);
    }
    body
}

/// Where brokers put a code although the specification does not have it there.
fn quirk(code: u8) -> Option<&'static str> {
    Some(match code {
        0x95 => "mosquitto with `message_size_limit` sends it in a PUBACK, where the specification does not have it.",
        0x91 => "EMQX sends it in a PUBREL, where the specification does not have it.",
        0x8C => "In a DISCONNECT the specification lists it in one table and not in the other; take it as allowed.",
        _ => return None,
    })
}

/// Whether `packet` may carry `code`, from either side.
#[cfg(test)]
pub(super) fn allowed(code: ReasonCode, packet: crate::mqtt::PacketType) -> bool {
    code.is_allowed(packet, Side::Client) || code.is_allowed(packet, Side::Server)
}
