//! What mqttcap tells: `packets --format ndjson`, as programs read it.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support;
use crate::told::{Frames, Told};

const TYPES: [&str; 16] = [
    "Reserved",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

/// The packets that mqttcap shows of a capture, but those inside WebSocket, which tshark 4.0 does not look for: they are
/// compared in `tests/websocket_tshark.rs`.
pub(crate) fn packets(path: &Path) -> Frames {
    let (sessions, _) = support::analyse(path);
    let inside =
        sessions.iter().filter(|session| session.websocket.is_some()).filter_map(|session| session.wire.stream);
    let inside: BTreeSet<u32> = inside.collect();
    let mut command = assert_cmd::Command::cargo_bin("mqttcap").unwrap();
    let done = command.args(["packets", "--format", "ndjson"]).arg(path).output().unwrap();
    let mut frames = Frames::new();
    for line in String::from_utf8(done.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if inside.contains(&u32::try_from(line["tcp_stream"].as_u64().unwrap()).unwrap()) {
            continue;
        }
        frames.entry(line["frame"].as_u64().unwrap()).or_default().push(packet(&line));
    }
    frames
}

fn packet(line: &Value) -> Told {
    let mut told = Told::default();
    let fields = &line["fields"];
    let kind = TYPES.iter().position(|name| line["type"] == *name).unwrap();
    told.number("type", kind as u64);
    for (name, value) in [
        ("length", &line["length"]),
        ("qos", &line["qos"]),
        ("packet_id", &line["packet_id"]),
        ("keep_alive", &fields["keep_alive"]),
        ("will_payload_length", &fields["will"]["payload_length"]),
        // tshark shows the codes that are written only.
        ("reason_code", if fields["reason_omitted"] == true { &Value::Null } else { &fields["reason_code"] }),
    ] {
        if let Some(value) = value.as_u64() {
            told.number(name, value);
        }
    }
    for (name, value) in [
        ("dup", &line["dup"]),
        ("retain", &line["retain"]),
        ("payload_length", &fields["payload_length"]),
        ("clean_start", &fields["clean_start"]),
        ("will_qos", &fields["will"]["qos"]),
        ("will_retain", &fields["will"]["retain"]),
        ("has_password", &fields["has_password"]),
        ("session_present", &fields["session_present"]),
    ] {
        told.flag(name, flag(value));
    }
    told.flag("will", fields["will"].is_object().into());
    if let Some(level) = fields["protocol_level"].as_u64() {
        told.number("protocol_level", level | flag(&fields["bridge"]) << 7);
    }
    for (name, value) in [
        ("topic", &fields["topic"]),
        ("protocol_name", &fields["protocol_name"]),
        ("client_id", &fields["client_id"]),
        ("username", &fields["username"]),
        ("will_topic", &fields["will"]["topic"]),
    ] {
        if let Some(bytes) = bytes(value) {
            told.bytes(name, &bytes);
        }
    }
    for filter in each(&fields["filters"]) {
        let text = if filter["filter"].is_null() { filter } else { &filter["filter"] };
        told.bytes("topic", &bytes(text).unwrap());
        if let Some(qos) = filter["qos"].as_u64() {
            told.number("requested_qos", qos);
        }
        told.flag("no_local", flag(&filter["no_local"]));
        told.flag("retain_as_published", flag(&filter["retain_as_published"]));
        told.flag("retain_handling", flag(&filter["retain_handling"]));
    }
    for code in each(&fields["codes"]) {
        told.number("reason_code", code["code"].as_u64().unwrap());
    }
    for (name, list) in [("property", &line["properties"]), ("will_property", &fields["will"]["properties"])] {
        for listed in each(list) {
            told.text(name, &property(listed));
        }
    }
    told
}

fn property(property: &Value) -> String {
    let text = |value: &Value| bytes(value).unwrap().escape_ascii().to_string();
    let value = match &property["value"] {
        Value::Null => "(secret)".to_owned(),
        Value::Number(number) => number.to_string(),
        value if value["name"].is_null() => text(value),
        pair => format!("{}={}", text(&pair["name"]), text(&pair["value"])),
    };
    format!("{}: {value}", property["id"])
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn flag(value: &Value) -> u64 {
    value.as_bool().map_or(value.as_u64().unwrap_or(0), u64::from)
}

/// The bytes of a text, also of one that is not UTF-8.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    let base64 = value["base64"].as_str().map(|base64| STANDARD.decode(base64).unwrap());
    base64.or_else(|| value.as_str().map(|text| text.as_bytes().to_vec()))
}
