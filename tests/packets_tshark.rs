//! `packets --format ndjson` against tshark, packet by packet, over every capture there is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)] // a test may fail

#[allow(unreachable_pub)] // shared by several test crates
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

/// Frames of which tshark 4.0 says something wrong, and why; each was checked by hand in the bytes.
const TSHARK_IS_WRONG: [(&str, &[u64], &str); 7] = [
    ("byte-at-a-time", &[58, 229, 276, 278], "it takes half a Remaining Length (92 01) for a whole one"),
    ("http-answer-late", &[7], "it reads an HTTP answer as MQTT because of the port"),
    ("lossy-link", &[48, 69, 83], "it does not show packets in segments that came late or again"),
    ("other-openings", &[4], "it reads an HTTP request (GET /mqtt) as MQTT because of the port"),
    ("picked-up-mid-session-v5", &[4], "without a CONNECT it reads the SUBSCRIBE of 5.0 as one of 3.1.1"),
    ("tls-to-plain-port", &[4], "it reads a TLS ClientHello (16 03 01) as MQTT because of the port"),
    (
        "unreachable-mid-session",
        &[12, 14, 16, 18, 20, 22, 24, 41, 46],
        "it shows the PINGREQ that an ICMP error quotes as one more",
    ),
];

/// Ports for which tshark has to be told that they carry MQTT.
const PORTS: [&str; 2] = ["11983", "1337"];

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

const FIELDS: [&str; 11] = [
    "mqtt.msgtype",
    "mqtt.msgid",
    "mqtt.qos",
    "mqtt.dupflag",
    "mqtt.retain",
    "mqtt.topic",
    "mqtt.clientid",
    "mqtt.kalive",
    "mqtt.connack.reason_code",
    "mqtt.disconnect.reason_code",
    "mqtt.conack.val",
];

/// Of each frame, the values of each of [`FIELDS`], in rising order.
type Frames = BTreeMap<u64, [Vec<String>; FIELDS.len()]>;

fn told_by_tshark(path: &Path) -> Frames {
    let mut command = std::process::Command::new("tshark");
    command.arg("-r").arg(path).args(["-Y", "mqtt", "-T", "fields", "-E", "separator=/t", "-E", "aggregator=;"]);
    for port in PORTS {
        command.args(["-d", &format!("tcp.port=={port},mqtt")]);
    }
    for field in ["frame.number"].iter().chain(&FIELDS) {
        command.args(["-e", field]);
    }
    let said = command.output().unwrap().stdout;
    let mut frames = Frames::new();
    for line in String::from_utf8(said).unwrap().lines() {
        let (frame, columns) = line.split_once('\t').unwrap();
        let told = frames.entry(frame.parse().unwrap()).or_default();
        for (values, column) in told.iter_mut().zip(columns.split('\t')) {
            values.extend(column.split(';').filter(|value| !value.is_empty()).map(str::to_owned));
        }
        // The return code of 3.x has a field of its own.
        let return_codes = std::mem::take(&mut told[10]);
        told[8].extend(return_codes);
    }
    frames
}

fn told_by_us(path: &Path) -> Frames {
    let mut command = assert_cmd::Command::cargo_bin("mqttcap").unwrap();
    let done = command.args(["packets", "--format", "ndjson"]).arg(path).assert().code(0);
    let mut frames = Frames::new();
    for line in String::from_utf8(done.get_output().stdout.clone()).unwrap().lines() {
        let packet: Value = serde_json::from_str(line).unwrap();
        let told = frames.entry(packet["frame"].as_u64().unwrap()).or_default();
        let fields = &packet["fields"];
        let kind = TYPES.iter().position(|name| packet["type"] == *name).unwrap();
        told[0].push(kind.to_string());
        let flag = |value: &Value| value.as_bool().map(u8::from).map_or(Value::Null, Value::from);
        let written = fields["reason_omitted"] != true;
        let code = |name| if packet["type"] == name && written { &fields["reason_code"] } else { &Value::Null };
        let values = [
            packet["packet_id"].clone(),
            packet["qos"].clone(),
            flag(&packet["dup"]),
            flag(&packet["retain"]),
            fields["topic"].clone(),
            fields["client_id"].clone(),
            fields["keep_alive"].clone(),
            code("CONNACK").clone(),
            code("DISCONNECT").clone(),
        ];
        for (told, value) in told[1..].iter_mut().zip(&values) {
            told.extend(shown(value));
        }
        for filter in fields["filters"].as_array().into_iter().flatten() {
            told[5].extend(shown(if filter.is_object() { &filter["filter"] } else { filter }));
        }
    }
    frames
}

/// The value as tshark shows it.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

#[test]
fn packets_are_those_that_tshark_shows() {
    if std::process::Command::new("tshark").arg("-v").output().is_err() {
        eprintln!("skipped: tshark is not installed");
        return;
    }
    let foreign = support::shared_captures().into_iter().filter(|path| path.parent().unwrap().ends_with("mqtt"));
    let mut report = String::new();
    for path in support::captures().into_iter().chain(foreign) {
        let name = support::name(&path);
        let (mut theirs, mut ours) = (told_by_tshark(&path), told_by_us(&path));
        for values in theirs.values_mut().chain(ours.values_mut()).flatten() {
            values.sort();
        }
        // tshark shows the QoS and DUP bits that MQTT 3.1 gives to other packets too.
        for told in theirs.values_mut().chain(ours.values_mut()).filter(|told| told[0].iter().any(|kind| kind != "3")) {
            told[2..4].fill(Vec::new());
        }
        let known = TSHARK_IS_WRONG.iter().find(|(known, ..)| *known == name).map_or(&[][..], |(_, frames, _)| frames);
        for frame in known {
            let (theirs, ours) = (theirs.remove(frame), ours.remove(frame));
            assert!(theirs != ours, "{name} frame {frame}: tshark says the same, take it off the table");
        }
        for frame in theirs.keys().chain(ours.keys().filter(|frame| !theirs.contains_key(frame))) {
            let none = <[Vec<String>; FIELDS.len()]>::default();
            let (theirs, ours) = (theirs.get(frame).unwrap_or(&none), ours.get(frame).unwrap_or(&none));
            for (field, (theirs, ours)) in FIELDS.iter().zip(theirs.iter().zip(ours)) {
                if theirs != ours {
                    writeln!(report, "{name} frame {frame} {field}: tshark {theirs:?}, mqttcap {ours:?}").unwrap();
                }
            }
        }
    }
    assert!(report.is_empty(), "\n{report}");
}
