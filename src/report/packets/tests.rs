use jiff::tz::TimeZone;
use serde_json::Value;

use super::*;
use crate::capture::FrameNumber;
use crate::mqtt::{RawPacket, Version, parse};
use crate::net::Endpoint;
use crate::session::TextFact;

fn seen(bytes: &[u8], version: Option<Version>, topic: Option<&TextFact>, write: impl FnOnce(&SeenPacket<'_>)) {
    seen_raw(&RawPacket::from_bytes(bytes).unwrap(), version, topic, write);
}

/// Shows a packet of a client on stream 7.
pub(super) fn seen_raw(
    raw: &RawPacket<'_>,
    version: Option<Version>,
    topic: Option<&TextFact>,
    write: impl FnOnce(&SeenPacket<'_>),
) {
    let parsed = parse(raw, version);
    let sender = Endpoint { address: [10, 0, 0, 1].into(), port: 50_000 };
    let (opened, side, confirmed) = (FrameNumber::new(1), Side::Client, true);
    write(&SeenPacket { stream: 7, opened, side, sender, confirmed, raw, parsed: &parsed, version, topic });
}

fn json(bytes: &[u8], version: Option<Version>, topic: Option<&TextFact>, payload: Option<usize>) -> Value {
    revealed(bytes, version, topic, Reveal { payload, secrets: false })
}

fn revealed(bytes: &[u8], version: Option<Version>, topic: Option<&TextFact>, reveal: Reveal) -> Value {
    let mut out = Vec::new();
    let place = Place { session: Some(3), side: Side::Client };
    seen(bytes, version, topic, |packet| Lines::default().write(packet, place, reveal, &mut out).unwrap());
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
        "version",
    ];
    assert_eq!(object.as_object().unwrap().keys().collect::<Vec<_>>(), keys);
    assert_eq!((&object["type"], &object["length"]), (&"CONNECT".into(), &CONNECT.len().into()));
    let fields = &object["fields"];
    assert_eq!((&fields["bridge"], &fields["protocol_level"]), (&true.into(), &4.into()));
    assert_eq!((&fields["has_password"], &fields["will"]), (&true.into(), &Value::Null));
    assert_eq!(fields["username"]["base64"], "df8=", "text that is not UTF-8");
    assert_eq!(fields["password"], Value::Null);
    assert!(!object.to_string().contains("secret"));
    let asked = revealed(CONNECT, None, None, Reveal { payload: None, secrets: true });
    assert_eq!(asked["fields"]["password"], "secret");
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
fn a_payload_is_decoded_beside_its_bytes() {
    let topic = TextFact::new(b"t");
    // Content Type application/cbor, then {"t": 21.5} (RFC 8949).
    let publish = b"\x30\x22\0\x01t\x13\x03\0\x10application/cbor\xa1at\xfb\x40\x35\x80\0\0\0\0\0";
    let publish = [&publish[..2], &publish[2..]].concat();
    let mut publish = publish;
    publish[1] = u8::try_from(publish.len() - 2).unwrap();
    let fields = json(&publish, Some(Version::V5), Some(&topic), Some(100))["fields"].clone();
    assert_eq!((&fields["payload_format"], &fields["payload_format_from"]), (&"cbor".into(), &"content-type".into()));
    assert_eq!(fields["payload_decoded"], "{\n  \"t\": 21.5\n}");
    assert_eq!((&fields["payload"]["base64"], &fields["payload_more"]), (&"oWF0+0A1gAAAAAAA".into(), &0.into()));
    let hidden = json(&publish, Some(Version::V5), Some(&topic), None)["fields"].clone();
    for name in ["payload", "payload_more", "payload_format", "payload_format_from", "payload_decoded"] {
        assert_eq!(hidden.get(name), Some(&Value::Null), "{name}");
    }
}

#[test]
fn authentication_data_is_said_to_be_hidden() {
    // AUTH 0x18 with Authentication Method "M" and Authentication Data "secret".
    let auth = b"\xf0\x0f\x18\x0d\x15\0\x01M\x16\0\x06secret";
    let object = json(auth, Some(Version::V5), None, None);
    assert_eq!((&object["properties"][1]["value"], &object["properties"][1]["hidden"]), (&Value::Null, &true.into()));
    assert_eq!((&object["properties"][0]["value"], &object["properties"][0]["hidden"]), (&"M".into(), &false.into()));
    let asked = revealed(auth, Some(Version::V5), None, Reveal { payload: None, secrets: true });
    assert_eq!(asked["properties"][1]["value"]["base64"], "c2VjcmV0");
}

#[test]
fn a_payload_stands_below_its_row() {
    let topic = TextFact::new(b"t");
    let rows = |bytes: &[u8], most, ascii| {
        let style = Style { width: 40, ascii, color: false, zone: TimeZone::UTC };
        let place = Place { session: None, side: Side::Client };
        let mut out = Vec::new();
        let reveal = Reveal { payload: Some(most), secrets: false };
        seen(bytes, Some(Version::V311), Some(&topic), |packet| {
            write_row(packet, place, reveal, &style, &mut out).unwrap();
        });
        let text = String::from_utf8(out).unwrap();
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        rows(b"\x30\x0a\0\x01t{\"a\":1}", 99, false),
        ["          payload: JSON, 7 bytes", "          {", "            \"a\": 1", "          }",]
    );
    let long = [b"\x30\x33\0\x01t".to_vec(), vec![b'x'; 48]].concat();
    assert_eq!(
        rows(&long, 40, true),
        [
            "          payload: text, 48 bytes",
            "          xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "          xxxxxxxxxx",
            "          ... 8 bytes more",
        ]
    );
    // The will of a CONNECT: topic w, payload "gone".
    let will = b"\x10\x16\x00\x04MQTT\x04\x06\x00\x3c\x00\x01c\x00\x01w\x00\x04gone";
    assert_eq!(rows(will, 99, false), ["          will payload: text, 4 bytes", "          gone"]);
    assert!(rows(b"\x30\x03\0\x01t", 99, false).is_empty(), "no payload, no words");
}

#[test]
fn what_cannot_be_read_is_said() {
    let malformed = json(b"\x30\x03\x00\x05a", None, None, None);
    assert_eq!(malformed["malformed"]["field"], "Topic Name");
    assert_eq!((&malformed["fields"], &malformed["packet_id"]), (&Value::Null, &Value::Null));
    // The identifier stands before the fault: a reserved property; a SUBSCRIBE whose filter is cut off.
    let publish = json(b"\x32\x08\x00\x01t\x00\x07\x02\x7f\x00", Some(Version::V5), None, None);
    assert_eq!((publish["malformed"].is_object(), &publish["packet_id"]), (true, &7.into()));
    let subscribe = json(b"\x82\x05\x00\x09\x00\x05a", None, None, None);
    assert_eq!((&subscribe["malformed"]["field"].is_string(), &subscribe["packet_id"]), (&true, &9.into()));
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
        seen(hostile, None, None, |packet| write_row(packet, place, Reveal::default(), &style, &mut out).unwrap());
        let row = String::from_utf8(out).unwrap();
        assert!(row.chars().count() <= 81 && row.lines().count() == 1, "{row}");
        assert!(row.contains("CONNECT \\x1b[31mred\\n\\u{202e}a"), "{row}");
        assert!(!row.trim_end().chars().any(crate::text::is_unseen), "{row}");
    }
}

#[test]
fn a_packet_that_was_cut_behind_its_reason_code_still_tells_it() {
    let told = |bytes: &[u8], version| {
        let object = json(bytes, Some(version), None, None);
        let mut out = Vec::new();
        let place = Place { session: Some(3), side: Side::Server };
        let style = Style { width: 100, ascii: false, color: false, zone: TimeZone::UTC };
        seen(bytes, Some(version), None, |packet| {
            write_row(packet, place, Reveal::default(), &style, &mut out).unwrap();
        });
        assert_eq!(object["partial"], Value::Bool(true));
        (object["fields"]["reason_code"].clone(), String::from_utf8(out).unwrap())
    };
    let (code, row) = told(b"\xe0\x29\x98\x27\x1f\x00\x24", Version::V5);
    assert_eq!(code, 0x98);
    assert!(row.contains("DISCONNECT Administrative action (0x98)"), "{row}");
    let (code, row) = told(b"\x20\x29\x00\x87\x26\x1f", Version::V5);
    assert_eq!(code, 0x87);
    assert!(row.contains("CONNACK Not authorized (0x87)"), "{row}");
    // The code itself was cut; or 3.1.1 has none there; or the terms behind it are what counts.
    for (bytes, version) in
        [(&b"\xe0\x29"[..], Version::V5), (b"\xe0\x29\x98", Version::V311), (b"\x20\x29\x00\x00\x26", Version::V5)]
    {
        let (code, row) = told(bytes, version);
        assert_eq!(code, Value::Null);
        assert!(row.contains("captured only in part"), "{row}");
    }
}
