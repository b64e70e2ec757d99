use jiff::tz::TimeZone;
use serde_json::Value;

use super::*;
use crate::mqtt::{RawPacket, Version, parse};
use crate::net::Endpoint;
use crate::session::TextFact;

fn seen(bytes: &[u8], version: Option<Version>, topic: Option<&TextFact>, write: impl FnOnce(&SeenPacket<'_>)) {
    let raw = RawPacket::from_bytes(bytes).unwrap();
    let parsed = parse(&raw, version);
    let sender = Endpoint { address: [10, 0, 0, 1].into(), port: 50_000 };
    let (side, confirmed) = (Side::Client, true);
    write(&SeenPacket { stream: 7, side, sender, confirmed, raw: &raw, parsed: &parsed, version, topic });
}

fn json(bytes: &[u8], version: Option<Version>, topic: Option<&TextFact>, payload: Option<usize>) -> Value {
    let mut out = Vec::new();
    let place = Place { session: Some(3), side: Side::Client };
    seen(bytes, version, topic, |packet| write_line(packet, place, payload, &mut out).unwrap());
    serde_json::from_slice(&out).unwrap()
}

const CONNECT: &[u8] = b"\x10\x1a\x00\x04MQTT\x84\xc2\x00\x3c\x00\x02ab\x00\x02u\xff\x00\x06secret";

#[test]
fn a_connect_has_every_key_and_no_password() {
    let object = json(CONNECT, None, None, Some(1000));
    let keys = [
        "dup",
        "fields",
        "frame",
        "frames",
        "length",
        "malformed",
        "packet_id",
        "partial",
        "properties",
        "qos",
        "retain",
        "session",
        "side",
        "tcp_stream",
        "time",
        "type",
    ];
    assert_eq!(object.as_object().unwrap().keys().collect::<Vec<_>>(), keys);
    assert_eq!((&object["type"], &object["length"]), (&"CONNECT".into(), &CONNECT.len().into()));
    let fields = &object["fields"];
    assert_eq!((&fields["bridge"], &fields["protocol_level"]), (&true.into(), &4.into()));
    assert_eq!((&fields["has_password"], &fields["will"]), (&true.into(), &Value::Null));
    assert_eq!(fields["username"]["base64"], "df8=", "text that is not UTF-8");
    assert!(!object.to_string().contains("secret"));
}

#[test]
fn a_payload_is_shown_when_asked_for() {
    let topic = TextFact::new(b"t");
    let publish = "\u{3d}\u{8}\0\u{1}t\0\u{1}xéy".as_bytes();
    let shown = |payload| json(publish, Some(Version::V311), Some(&topic), payload);
    assert_eq!(shown(None)["fields"]["payload"], Value::Null);
    assert_eq!(shown(None)["fields"]["topic_from"], "packet");
    assert_eq!(shown(Some(100))["fields"]["payload"], "xé");
    assert_eq!(shown(Some(2))["fields"]["payload"], "x", "cut between characters");
    assert_eq!(shown(Some(2))["fields"]["payload_length"], 3);
    assert_eq!(
        (&shown(None)["dup"], &shown(None)["qos"], &shown(None)["retain"]),
        (&true.into(), &2.into(), &true.into())
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let malformed = json(b"\x30\x03\x00\x05a", None, None, None);
    assert_eq!(malformed["malformed"]["field"], "Topic Name");
    assert_eq!(malformed["fields"], Value::Null);
    let cut = json(b"\x40\x02\x00", None, None, None);
    assert_eq!((&cut["partial"], &cut["malformed"]), (&true.into(), &Value::Null));
    let unknown = json(b"\xe0\x02\x7f\x00", Some(Version::V5), None, None);
    assert_eq!((&unknown["fields"]["reason_code"], &unknown["fields"]["reason_name"]), (&127.into(), &Value::Null));
}

#[test]
fn a_row_is_harmless_and_fits() {
    let hostile = b"\x10\x1b\x00\x04MQTT\x04\x02\x00\x3c\x00\x0f\x1b[31mred\n\xe2\x80\xaeabc";
    for ascii in [false, true] {
        let style = Style { width: 80, ascii, color: false, zone: TimeZone::UTC };
        let mut out = Vec::new();
        let place = Place { session: None, side: Side::Server };
        seen(hostile, None, None, |packet| write_row(packet, place, &style, &mut out).unwrap());
        let row = String::from_utf8(out).unwrap();
        assert!(row.chars().count() <= 81 && row.lines().count() == 1, "{row}");
        assert!(row.contains("CONNECT \\x1b[31mred\\n\\u{202e}a"), "{row}");
        assert!(!row.trim_end().chars().any(crate::text::is_unseen), "{row}");
    }
}
