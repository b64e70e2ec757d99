//! `packets --format ndjson` held to the specification: every packet type, short form, property and
//! reason code, from bytes written by hand to the JSON that programs read.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::stream::Side::{self, Client, Server};
use serde_json::{Value, json};
use support::talk::Talk;

/// The lines that `packets` writes for a connection.
fn lines(talk: &Talk, options: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.pcap");
    std::fs::write(&path, talk.pcap()).unwrap();
    let mut command = assert_cmd::Command::cargo_bin("mqttcap").unwrap();
    let done = command.args(["packets", "--format", "ndjson"]).args(options).arg(&path).assert().code(0);
    let text = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A packet: its first byte, its Remaining Length, its body.
fn packet(first: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut bytes = vec![first];
    let mut rest = body.len();
    while rest > 127 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 0x80);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes.extend(body);
    bytes
}

/// CONNECT of client `c` with keep-alive 60 and nothing else.
fn connect(level: u8) -> Vec<u8> {
    let (name, level_properties): (&[u8], &[u8]) = match level & 0x7F {
        3 => (b"\0\x06MQIsdp", b""),
        4 => (b"\0\x04MQTT", b""),
        _ => (b"\0\x04MQTT", b"\0"),
    };
    packet(0x10, &[name, &[level, 2, 0, 60], level_properties, b"\0\x01c"])
}

/// What a packet of either side is told as, in a session of `level`.
fn told(level: u8, packets: &[(Side, Vec<u8>)]) -> Vec<Value> {
    let mut talk = Talk::opened();
    talk.says(Client, &connect(level));
    for (side, bytes) in packets {
        talk.says(*side, bytes);
    }
    let mut lines = lines(&talk, &["--show-payload"]);
    assert_eq!(lines.len(), packets.len() + 1, "a line for each packet");
    for ((side, bytes), line) in packets.iter().zip(&lines[1..]) {
        let side = if *side == Client { "client" } else { "server" };
        assert_eq!((&line["side"], &line["length"]), (&side.into(), &bytes.len().into()), "{line}");
        assert_eq!((&line["malformed"], &line["partial"]), (&Value::Null, &false.into()), "{line}");
    }
    lines.remove(0);
    lines
}

/// Names of table 2-6 of MQTT 5.0; 0x00 is named by the packet.
const CODES: [(u8, &str); 42] = [
    (0x01, "Granted QoS 1"),
    (0x02, "Granted QoS 2"),
    (0x04, "Disconnect with Will Message"),
    (0x10, "No matching subscribers"),
    (0x11, "No subscription existed"),
    (0x18, "Continue authentication"),
    (0x19, "Re-authenticate"),
    (0x80, "Unspecified error"),
    (0x81, "Malformed Packet"),
    (0x82, "Protocol Error"),
    (0x83, "Implementation specific error"),
    (0x84, "Unsupported Protocol Version"),
    (0x85, "Client Identifier not valid"),
    (0x86, "Bad User Name or Password"),
    (0x87, "Not authorized"),
    (0x88, "Server unavailable"),
    (0x89, "Server busy"),
    (0x8A, "Banned"),
    (0x8B, "Server shutting down"),
    (0x8C, "Bad authentication method"),
    (0x8D, "Keep Alive timeout"),
    (0x8E, "Session taken over"),
    (0x8F, "Topic Filter invalid"),
    (0x90, "Topic Name invalid"),
    (0x91, "Packet Identifier in use"),
    (0x92, "Packet Identifier not found"),
    (0x93, "Receive Maximum exceeded"),
    (0x94, "Topic Alias invalid"),
    (0x95, "Packet too large"),
    (0x96, "Message rate too high"),
    (0x97, "Quota exceeded"),
    (0x98, "Administrative action"),
    (0x99, "Payload format invalid"),
    (0x9A, "Retain not supported"),
    (0x9B, "QoS not supported"),
    (0x9C, "Use another server"),
    (0x9D, "Server moved"),
    (0x9E, "Shared Subscriptions not supported"),
    (0x9F, "Connection rate exceeded"),
    (0xA0, "Maximum connect time"),
    (0xA1, "Subscription Identifiers not supported"),
    (0xA2, "Wildcard Subscriptions not supported"),
];

/// Tables 3-1 to 3-11 of MQTT 5.0: type, first byte, name of 0x00, the other codes.
const ALLOWED: [(&str, u8, Option<&str>, &[u8]); 9] = [
    (
        "CONNACK",
        0x20,
        Some("Success"),
        &[
            0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B,
            0x9C, 0x9D, 0x9F,
        ],
    ),
    ("PUBACK", 0x40, Some("Success"), &[0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]),
    ("PUBREC", 0x50, Some("Success"), &[0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]),
    ("PUBREL", 0x62, Some("Success"), &[0x92]),
    ("PUBCOMP", 0x70, Some("Success"), &[0x92]),
    ("SUBACK", 0x90, Some("Granted QoS 0"), &[1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2]),
    ("UNSUBACK", 0xB0, Some("Success"), &[0x11, 0x80, 0x83, 0x87, 0x8F, 0x91]),
    (
        "DISCONNECT",
        0xE0,
        Some("Normal disconnection"),
        &[
            0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97,
            0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
        ],
    ),
    ("AUTH", 0xF0, Some("Success"), &[0x18, 0x19]),
];

#[test]
fn every_reason_code_has_the_name_that_fits_its_packet() {
    let mut packets = Vec::new();
    let mut expected = Vec::new();
    for (kind, first, zero, others) in ALLOWED {
        for &code in [0].iter().chain(others) {
            let body: &[&[u8]] = match kind {
                "CONNACK" => &[&[0, code, 0]],
                "SUBACK" | "UNSUBACK" => &[&[0, 7, 0, code]],
                "DISCONNECT" | "AUTH" => &[&[code, 0]],
                _ => &[&[0, 7, code, 0]],
            };
            packets.push((Server, packet(first, body)));
            let named = CODES.iter().find(|named| named.0 == code).map(|named| named.1);
            expected.push((kind, code, if code == 0 { zero } else { named }));
        }
    }
    let told = told(5, &packets);
    for ((kind, code, name), line) in expected.iter().zip(&told) {
        let fields = &line["fields"];
        let (found, found_name) = match *kind {
            "SUBACK" | "UNSUBACK" => (&fields["codes"][0]["code"], &fields["codes"][0]["name"]),
            _ => (&fields["reason_code"], &fields["reason_name"]),
        };
        assert_eq!((&line["type"], found, found_name), (&json!(kind), &json!(code), &json!(name)), "{line}");
        if !matches!(*kind, "CONNACK" | "SUBACK" | "UNSUBACK") {
            assert_eq!(fields["reason_omitted"], false, "{line}");
        }
    }
    let seen: std::collections::BTreeSet<u8> = expected.iter().map(|(_, code, _)| *code).collect();
    assert_eq!(seen.len(), 43, "every code of table 2-6 stands in some packet");
}

#[test]
fn return_codes_of_3_1_1() {
    // 3.1.1 table 3.1 and §3.9.3.
    let names = [
        "Connection Accepted",
        "Connection Refused, unacceptable protocol version",
        "Connection Refused, identifier rejected",
        "Connection Refused, Server unavailable",
        "Connection Refused, bad user name or password",
        "Connection Refused, not authorized",
    ];
    let connacks: Vec<_> = (0..6).map(|code| (Server, packet(0x20, &[&[0, code]]))).collect();
    for (code, line) in told(4, &connacks).iter().enumerate() {
        let fields = &line["fields"];
        let name = fields["reason_name"].as_str().unwrap().to_lowercase();
        assert!(names[code].to_lowercase().ends_with(name.trim_start_matches("connection ")), "{line}");
        assert_eq!((&fields["reason_code"], &fields["session_present"]), (&json!(code), &json!(false)));
    }
    let line = &told(4, &[(Server, packet(0x20, &[&[1, 0]]))])[0];
    assert_eq!(line["fields"]["session_present"], true);
    let suback = &told(4, &[(Server, packet(0x90, &[&[0, 9, 0, 1, 2, 0x80]]))])[0];
    let codes: Vec<_> = suback["fields"]["codes"].as_array().unwrap().iter().map(|code| code["code"].clone()).collect();
    assert_eq!((codes, &suback["packet_id"]), (vec![json!(0), json!(1), json!(2), json!(0x80)], &json!(9)));
    assert_eq!(suback["fields"]["codes"][3]["name"], "Failure");
    // Acknowledgments of 3.x have no code, as UNSUBACK has none.
    let line = &told(4, &[(Server, packet(0x40, &[&[0, 9]]))])[0];
    let none = json!({"reason_code": null, "reason_name": null, "reason_omitted": null});
    assert_eq!((&line["fields"], &line["packet_id"]), (&none, &json!(9)));
    assert_eq!(told(4, &[(Server, packet(0xB0, &[&[0, 9]]))])[0]["fields"]["codes"], json!([]));
}

#[test]
fn short_forms_mean_0x00() {
    // MQTT 5.0 §3.4.2.1 and §3.4.2.2.1, §3.14.2.1 and §3.14.2.2.1, §3.15.2.1.
    let mut packets = Vec::new();
    let mut expected = Vec::new();
    for first in [0x40, 0x50, 0x62, 0x70] {
        for (body, code, omitted) in
            [(&[0, 7][..], 0, true), (&[0, 7, 0x92], 0x92, false), (&[0, 7, 0x92, 0], 0x92, false)]
        {
            packets.push((Server, packet(first, &[body])));
            expected.push((code, if code == 0 { "Success" } else { "Packet Identifier not found" }, omitted));
        }
    }
    for (body, code, name, omitted) in [
        (&[][..], 0, "Normal disconnection", true),
        (&[0x8D], 0x8D, "Keep Alive timeout", false),
        (&[0x8D, 0], 0x8D, "Keep Alive timeout", false),
    ] {
        packets.push((Server, packet(0xE0, &[body])));
        expected.push((code, name, omitted));
    }
    packets.push((Server, packet(0xF0, &[])));
    expected.push((0, "Success", true));
    for ((code, name, omitted), line) in expected.iter().zip(told(5, &packets)) {
        let fields = json!({"reason_code": code, "reason_name": name, "reason_omitted": omitted});
        assert_eq!(line["fields"], fields, "{line}");
        assert_eq!(line["properties"], json!([]));
    }
    let line = &told(4, &[(Client, packet(0xE0, &[]))])[0];
    assert_eq!(line["fields"]["reason_code"], Value::Null, "3.1.1 has no code");
}

/// The properties of table 2-4 of MQTT 5.0: identifier, name, an encoded value, the value.
fn property(id: u8) -> (Vec<u8>, Value) {
    let (name, encoded, value): (&str, &[u8], Value) = match id {
        0x01 => ("Payload Format Indicator", &[1], json!(1)),
        0x02 => ("Message Expiry Interval", &[0, 0, 0x0E, 0x10], json!(3600)),
        0x03 => ("Content Type", b"\0\x0atext/plain", json!("text/plain")),
        0x08 => ("Response Topic", b"\0\x03r/t", json!("r/t")),
        0x09 => ("Correlation Data", &[0, 2, 0xFF, 0], json!({"base64": "/wA="})),
        0x0B => ("Subscription Identifier", &[0xFF, 0xFF, 0xFF, 0x7F], json!(268_435_455)),
        0x11 => ("Session Expiry Interval", &[0xFF; 4], json!(4_294_967_295_u32)),
        0x12 => ("Assigned Client Identifier", b"\0\x06auto-1", json!("auto-1")),
        0x13 => ("Server Keep Alive", &[0x01, 0x2C], json!(300)),
        0x15 => ("Authentication Method", b"\0\x0bSCRAM-SHA-1", json!("SCRAM-SHA-1")),
        0x16 => ("Authentication Data", b"\0\x06secret", Value::Null),
        0x17 => ("Request Problem Information", &[0], json!(0)),
        0x18 => ("Will Delay Interval", &[0, 0, 0, 30], json!(30)),
        0x19 => ("Request Response Information", &[1], json!(1)),
        0x1A => ("Response Information", b"\0\x02ri", json!("ri")),
        0x1C => ("Server Reference", b"\0\x05b2:18", json!("b2:18")),
        0x1F => ("Reason String", b"\0\x03why", json!("why")),
        0x21 => ("Receive Maximum", &[0, 20], json!(20)),
        0x22 => ("Topic Alias Maximum", &[0, 10], json!(10)),
        0x23 => ("Topic Alias", &[0, 3], json!(3)),
        0x24 => ("Maximum QoS", &[1], json!(1)),
        0x25 => ("Retain Available", &[0], json!(0)),
        0x26 => ("User Property", b"\0\x01k\0\x01v", json!({"name": "k", "value": "v"})),
        0x27 => ("Maximum Packet Size", &[0, 1, 0, 0], json!(65_536)),
        0x28 => ("Wildcard Subscription Available", &[0], json!(0)),
        0x29 => ("Subscription Identifier Available", &[1], json!(1)),
        0x2A => ("Shared Subscription Available", &[0], json!(0)),
        _ => panic!("no property {id}"),
    };
    let hidden = id == 0x16;
    ([&[id], encoded].concat(), json!({"id": id, "name": name, "value": value, "hidden": hidden}))
}

/// Property Length and the properties, and what they are told as.
fn properties(ids: &[u8]) -> (Vec<u8>, Value) {
    let (encoded, told): (Vec<_>, Vec<_>) = ids.iter().map(|id| property(*id)).unzip();
    let encoded = encoded.concat();
    let length = packet(0, &[&encoded]);
    (length[1..].to_vec(), Value::Array(told))
}

#[test]
fn every_property_in_every_packet_that_may_carry_it() {
    // MQTT 5.0 table 2-4.
    let connack_ids =
        [0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A];
    let (connect_properties, connect_told) = properties(&[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27]);
    let (will_properties, will_told) = properties(&[0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26]);
    let flags = 0xEE; // user name, password, will retain, will QoS 1, will, clean start
    let body: [&[u8]; 6] = [
        b"\0\x04MQTT\x05",
        &[flags, 0, 60],
        &connect_properties,
        b"\0\x01c",
        &will_properties,
        b"\0\x01w\0\x04gone\0\x01u\0\x06secret",
    ];
    let mut talk = Talk::opened();
    talk.says(Client, &packet(0x10, &body));
    let mut expected = vec![connect_told];
    let id: &[u8] = &[0, 7];
    for (side, first, before, ids, after) in [
        (Server, 0x20, &[0, 0][..], &connack_ids[..], &b""[..]),
        (Client, 0x30, b"\0\x01t", &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26], b"hello"),
        (Server, 0x40, &[0, 7, 0x10], &[0x1F, 0x26], b""),
        (Server, 0x50, &[0, 7, 0x10], &[0x1F, 0x26], b""),
        (Client, 0x62, &[0, 7, 0], &[0x1F, 0x26], b""),
        (Server, 0x70, &[0, 7, 0], &[0x1F, 0x26], b""),
        (Client, 0x82, id, &[0x0B, 0x26], b"\0\x03a/b\x2d"),
        (Server, 0x90, id, &[0x1F, 0x26], b"\x01"),
        (Client, 0xA2, id, &[0x26], b"\0\x03a/b"),
        (Server, 0xB0, id, &[0x1F, 0x26], b"\0"),
        (Client, 0xF0, &[0x18], &[0x15, 0x16, 0x1F, 0x26], b""),
        (Server, 0xE0, &[0x9C], &[0x11, 0x1C, 0x1F, 0x26], b""),
    ] {
        let (encoded, told) = properties(ids);
        talk.says(side, &packet(first, &[before, &encoded, after]));
        expected.push(told);
    }
    let lines = lines(&talk, &["--show-payload"]);
    assert_eq!(lines.len(), expected.len());
    for (expected, line) in expected.iter().zip(&lines) {
        assert_eq!((&line["properties"], &line["version"]), (expected, &json!("5.0")), "{line}");
    }
    let will = json!({
        "topic": "w", "qos": 1, "retain": true, "payload_length": 4, "payload": "gone", "payload_more": 0,
        "payload_format": "text", "payload_format_from": "content-type", "payload_decoded": null,
        "properties": will_told,
    });
    let connect = json!({
        "protocol_name": "MQTT", "protocol_level": 5, "bridge": false, "clean_start": true, "keep_alive": 60,
        "client_id": "c", "will": will, "username": "u", "has_password": true, "password": null,
    });
    assert_eq!(lines[0]["fields"], connect);
    assert_eq!((&lines[2]["fields"]["payload"], &lines[2]["fields"]["topic"]), (&json!("hello"), &json!("t")));
    assert!(!lines.iter().any(|line| line.to_string().contains("secret") || line.to_string().contains("c2VjcmV0")));
    // §3.8.3.1: 0x2D is QoS 1, No Local, Retain As Published, Retain Handling 2.
    let filter =
        json!({"filter": "a/b", "qos": 1, "no_local": true, "retain_as_published": true, "retain_handling": 2});
    assert_eq!(lines[7]["fields"], json!({"filters": [filter]}));
    assert_eq!(lines[9]["fields"], json!({"filters": ["a/b"]}));
}

#[test]
fn every_packet_type_of_every_version() {
    let (bridge31, bridge311) = (0x83, 0x84);
    for (level, version, bridge) in
        [(3, "3.1", false), (4, "3.1.1", false), (5, "5.0", false), (bridge31, "3.1", true), (bridge311, "3.1.1", true)]
    {
        let mut talk = Talk::opened();
        talk.says(Client, &connect(level));
        let line = &lines(&talk, &[])[0];
        let fields = &line["fields"];
        assert_eq!((&line["type"], &line["version"]), (&json!("CONNECT"), &json!(version)));
        assert_eq!((&fields["protocol_level"], &fields["bridge"]), (&json!(level & 0x7F), &json!(bridge)));
    }
    let packets = [
        (Server, 0x20, &[0, 0][..], "CONNACK", None),
        (Client, 0x3B, b"\0\x03a/b\0\x0axyz", "PUBLISH", Some(10)),
        (Server, 0x40, &[0, 10], "PUBACK", Some(10)),
        (Server, 0x50, &[0, 11], "PUBREC", Some(11)),
        (Client, 0x62, &[0, 11], "PUBREL", Some(11)),
        (Server, 0x70, &[0, 11], "PUBCOMP", Some(11)),
        (Client, 0x82, b"\0\x0c\0\x01#\x02", "SUBSCRIBE", Some(12)),
        (Server, 0x90, &[0, 12, 2], "SUBACK", Some(12)),
        (Client, 0xA2, b"\0\x0d\0\x01#", "UNSUBSCRIBE", Some(13)),
        (Server, 0xB0, &[0, 13], "UNSUBACK", Some(13)),
        (Client, 0xC0, &[], "PINGREQ", None),
        (Server, 0xD0, &[], "PINGRESP", None),
        (Client, 0xE0, &[], "DISCONNECT", None),
    ];
    let bytes: Vec<_> = packets.iter().map(|(side, first, body, ..)| (*side, packet(*first, &[body]))).collect();
    let lines = told(4, &bytes);
    for ((_, _, _, kind, id), line) in packets.iter().zip(&lines) {
        assert_eq!((&line["type"], &line["packet_id"]), (&json!(kind), &json!(id)), "{line}");
        assert_eq!(line["dup"].is_null(), *kind != "PUBLISH");
    }
    assert_eq!((&lines[1]["dup"], &lines[1]["qos"], &lines[1]["retain"]), (&json!(true), &json!(1), &json!(true)));
    assert_eq!(lines[6]["fields"]["filters"][0]["qos"], 2);
}

#[test]
fn what_the_capture_lacks_is_said() {
    // A hole in a payload; the server's next segment acknowledges what was lost.
    let mut talk = Talk::opened();
    talk.says(Client, &connect(4));
    talk.says(Server, &packet(0x20, &[&[0, 0]]));
    let publish = packet(0x32, &[b"\0\x01t\0\x05", &[b'x'; 30]]);
    talk.says(Client, &publish[..12]);
    talk.says(Client, &publish[12..22]);
    talk.lose();
    talk.says(Client, &publish[22..]);
    for _ in 0..3 {
        talk.says(Server, &packet(0x40, &[&[0, 5]]));
    }
    talk.says(Client, &packet(0xC0, &[]));
    talk.says(Server, &packet(0xD0, &[]));
    let told = lines(&talk, &["--show-payload"]);
    let line = told.iter().find(|line| line["type"] == "PUBLISH").unwrap();
    assert_eq!((&line["partial"], &line["malformed"]), (&json!(true), &Value::Null));
    assert_eq!((&line["fields"]["topic"], &line["fields"]["payload_length"]), (&json!("t"), &json!(30)));
    // A topic that is longer than its packet.
    let mut talk = Talk::opened();
    talk.says(Client, &connect(4));
    talk.says(Server, &packet(0x20, &[&[0, 0]]));
    talk.says(Client, &packet(0x30, &[b"\0\x09t"]));
    let line = &lines(&talk, &[])[2];
    assert_eq!((&line["malformed"]["field"], &line["fields"]), (&json!("Topic Name"), &Value::Null));
    // Without a CONNECT a request that both layouts fit tells no version; one that only 5.0 fits does.
    let mut talk = Talk::begun();
    talk.says(Client, &packet(0xC0, &[]));
    talk.says(Server, &packet(0xD0, &[]));
    talk.says(Client, &packet(0xC0, &[]));
    talk.says(Server, &packet(0xD0, &[]));
    for line in lines(&talk, &[]) {
        assert_eq!(line["version"], Value::Null, "{line}");
    }
}

#[test]
fn bytes_of_no_packet_are_counted_and_said() {
    let payload = vec![b'x'; 1000];
    let publish = packet(0x30, &[b"\0\x01t", &payload]);
    let ping = packet(0xC0, &[]);
    let mut talk = Talk::opened();
    talk.says(Client, &connect(4));
    talk.says(Server, &packet(0x20, &[&[0, 0]]));
    talk.says(Client, &publish[..200]);
    talk.lose();
    talk.says(Client, &publish[200..]);
    talk.says(Client, &ping);
    talk.says(Server, &packet(0xD0, &[]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.pcap");
    std::fs::write(&path, talk.pcap()).unwrap();
    let done = assert_cmd::Command::cargo_bin("mqttcap").unwrap().arg("packets").arg(&path).assert().code(0);
    let said = String::from_utf8(done.get_output().stderr.clone()).unwrap();
    let skipped = publish.len() - 200;
    assert!(said.starts_with(&format!("note: {skipped} bytes of 1 session could not be read as packets")), "{said}");
    let mut lines = lines(&talk, &[]);
    lines.sort_by_key(|line| line["frame"].as_u64());
    let types: Vec<&Value> = lines.iter().map(|line| &line["type"]).collect();
    assert_eq!(types, ["CONNECT", "CONNACK", "PINGREQ", "PINGRESP"]);
}
