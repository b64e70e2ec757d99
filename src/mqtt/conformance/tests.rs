use super::*;
use crate::mqtt::parse;

fn clauses(bytes: &[u8], version: Option<Version>, sender: Side) -> Vec<&'static str> {
    let raw = RawPacket::from_bytes(bytes).unwrap();
    let packet = parse(&raw, version).unwrap();
    let mut found = Vec::new();
    check(&raw, &packet, version, sender, &mut |violation| {
        let version = match packet {
            Packet::Connect(connect) => connect.version(),
            _ => version,
        };
        found.push(violation.clause(version).unwrap());
    });
    found
}

const V311: Option<Version> = Some(Version::V311);
const V5: Option<Version> = Some(Version::V5);
const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

fn connect(name: &[u8], level: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
    let mut body = vec![0, u8::try_from(name.len()).unwrap()];
    body.extend(name);
    body.extend([level, flags, 0, 60]);
    body.extend(rest);
    [&[0x10, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

#[test]
fn good_packets_break_nothing() {
    for version in [V311, V5] {
        for (bytes, sender) in [(&[0xC0, 0][..], CLIENT), (&[0x40, 2, 0, 1], SERVER), (&[0xE0, 0], CLIENT)] {
            assert_eq!(clauses(bytes, version, sender), [""; 0]);
        }
    }
    assert_eq!(clauses(b"\x30\x05\x00\x03a/b", V311, CLIENT), [""; 0]);
    assert_eq!(clauses(b"\x30\x06\x00\x03a/b\x00", V5, CLIENT), [""; 0]);
    assert_eq!(clauses(&connect(b"MQTT", 4, 2, b"\x00\x01c"), None, CLIENT), [""; 0]);
    assert_eq!(clauses(&connect(b"MQTT", 5, 2, b"\x00\x00\x00"), None, CLIENT), [""; 0]);
    assert_eq!(clauses(&[0x20, 3, 0, 0, 0], V5, SERVER), [""; 0]);
}

#[test]
fn connects() {
    for (bytes, expected) in [
        (connect(b"MQTT", 4, 0x03, b"\x00\x01c"), "MQTT-3.1.2-3"),
        (connect(b"MQTT", 4, 0x0A, b"\x00\x01c"), "MQTT-3.1.2-13"),
        (connect(b"MQTT", 5, 0x0A, b"\x00\x00\x01c"), "MQTT-3.1.2-11"),
        (connect(b"MQTT", 4, 0x22, b"\x00\x01c"), "MQTT-3.1.2-15"),
        (connect(b"MQTT", 4, 0x1E, b"\x00\x01c\x00\x01t\x00\x00"), "MQTT-3.1.2-14"),
        (connect(b"MQTT", 4, 0x42, b"\x00\x01c\x00\x01p"), "MQTT-3.1.2-22"),
        (connect(b"MQTT", 4, 0x00, b"\x00\x00"), "MQTT-3.1.3-7"),
        (connect(b"MQTT", 4, 0x02, b"\x00\x02c\0"), "MQTT-1.5.3-2"),
        (connect(b"MQTT", 5, 0x02, b"\x00\x00\x01\xFF"), "MQTT-1.5.4-1"),
        (connect(b"MQTT", 4, 0x06, b"\x00\x01c\x00\x01#\x00\x00"), "MQTT-4.7.1-1"),
        (connect(b"MQTT", 5, 0x02, b"\x03\x21\x00\x00\x00\x01c"), "§3.1.2.11.3"),
        (connect(b"MQTT", 5, 0x02, b"\x04\x17\x01\x17\x01\x00\x01c"), "§2.2.2.2"),
        (connect(b"MQTT", 5, 0x02, b"\x03\x13\x00\x01\x00\x01c"), "§2.2.2.2"),
    ] {
        assert_eq!(clauses(&bytes, None, CLIENT), [expected], "{bytes:02x?}");
    }
    // A password without a user name is legal in 5.0.
    assert_eq!(clauses(&connect(b"MQTT", 5, 0x42, b"\x00\x00\x01c\x00\x01p"), None, CLIENT), [""; 0]);
}

#[test]
fn publishes() {
    for (bytes, version, expected) in [
        (&b"\x38\x04\x00\x01a\x00"[..], V5, "MQTT-3.3.1-2"),
        (b"\x36\x06\x00\x01a\x00\x01\x00", V5, "MQTT-3.3.1-4"),
        (b"\x32\x05\x00\x01a\x00\x00", V311, "MQTT-2.3.1-1"),
        (b"\x32\x06\x00\x01a\x00\x00\x00", V5, "MQTT-2.2.1-3"),
        (b"\x30\x03\x00\x01+", V311, "MQTT-3.3.2-2"),
        (b"\x30\x02\x00\x00", V311, "MQTT-4.7.3-1"),
        (b"\x30\x03\x00\x00\x00", V5, "MQTT-4.7.3-1"),
        (b"\x30\x06\x00\x00\x03\x23\x00\x00", V5, "MQTT-3.3.2-8"),
        (b"\x30\x06\x00\x01a\x02\x0B\x01", V5, "MQTT-3.3.4-6"),
        (b"\x30\x08\x00\x01a\x04\x08\x00\x01#", V5, "MQTT-3.3.2-14"),
        (b"\x30\x05\x00\x01a\x80\x00", V5, "MQTT-1.5.5-1"),
        (b"\x30\x84\x00\x00\x01a\x00", V5, "MQTT-1.5.5-1"),
        (b"\x30\x07\x00\x01a\x02\x01\x01\xFF", V5, "§3.3.2.3.2"),
    ] {
        assert_eq!(clauses(bytes, version, CLIENT), [expected], "{bytes:02x?}");
    }
    // An alias stands for the topic, or may: of an unknown version nothing is known behind the topic.
    let alias = b"\x30\x06\x00\x00\x03\x23\x00\x01";
    assert_eq!([clauses(alias, V5, CLIENT), clauses(alias, None, CLIENT)], [[""; 0]; 2]);
    assert_eq!(clauses(alias, V311, CLIENT), ["MQTT-4.7.3-1"]);
}

#[test]
fn subscribes() {
    for (bytes, version, expected) in [
        (&b"\x82\x02\x00\x01"[..], V311, &["MQTT-3.8.3-3"][..]),
        (b"\x82\x03\x00\x01\x00", V5, &["MQTT-3.8.3-2"]),
        (b"\x82\x06\x00\x01\x00\x01a\x04", V311, &["MQTT-3.8.3-4"]),
        (b"\x82\x07\x00\x01\x00\x00\x01a\x30", V5, &["§3.8.3.1"]),
        (b"\x82\x07\x00\x01\x00\x00\x01a\x40", V5, &["MQTT-3.8.3-5"]),
        (b"\x82\x08\x00\x01\x00\x00\x02a#\x00", V5, &["MQTT-4.7.1-1"]),
        (b"\x80\x06\x00\x01\x00\x01a\x00", V311, &["MQTT-3.8.1-1"]),
        (b"\x82\x06\x00\x00\x00\x01a\x00", V311, &["MQTT-2.3.1-1"]),
        (b"\x82\x07\x00\x01\x00\x02a#\x00", V311, &["MQTT-4.7.1-2"]),
        (b"\x82\x07\x00\x01\x00\x02a+\x00", V311, &["MQTT-4.7.1-3"]),
        (b"\x82\x10\x00\x01\x00\x00\x0A$share/g/a\x04", V5, &["MQTT-3.8.3-4"]),
        (b"\x82\x0F\x00\x01\x00\x00\x09$share//a\x00", V5, &["MQTT-4.8.2-1"]),
        (b"\xA2\x02\x00\x01", V311, &["MQTT-3.10.3-2"]),
        (b"\x82\x07\x00\x01\x00\x00\x01a\x00", V311, &["§3.8.2"]),
    ] {
        assert_eq!(clauses(bytes, version, CLIENT), expected, "{bytes:02x?}");
    }
}

#[test]
fn answers() {
    for (bytes, version, expected) in [
        (&[0x20, 2, 0, 0][..], V5, &["MQTT-2.2.2-1"][..]),
        // How a broker of 3.x refuses a newer version.
        (&[0x20, 2, 0, 1], V5, &[]),
        (&[0x20, 2, 0, 5], V5, &["MQTT-2.2.2-1", "MQTT-3.2.2-8"]),
        (&[0x20, 3, 0, 0x87, 0], V311, &["MQTT-3.2.2-6", "§3.2.1"]),
        (&[0x20, 2, 1, 5], V311, &["MQTT-3.2.2-4"]),
        (&[0x20, 3, 0, 0x8D, 0], V5, &["MQTT-3.2.2-8"]),
        (&[0x40, 3, 0, 1, 0x95], V5, &["MQTT-3.4.2-1"]),
        (&[0x62, 3, 0, 1, 0x91], V5, &["MQTT-3.6.2-1"]),
        (&[0x40, 3, 0, 1, 0], V311, &["§3.4.1"]),
        (&[0x60, 2, 0, 1], V311, &["MQTT-3.6.1-1"]),
        (&[0x90, 3, 0, 1, 0x87], V311, &["MQTT-3.9.3-2"]),
        (&[0x90, 4, 0, 1, 0, 0x95], V5, &["MQTT-3.9.3-2"]),
        (&[0x90, 3, 0, 1, 0], V5, &["MQTT-3.8.4-6"]),
        (&[0xE0, 1, 4], V5, &["MQTT-3.14.2-1"]),
        (&[0xE0, 7, 0, 5, 0x11, 0, 0, 0, 1], V5, &["MQTT-3.14.2-2"]),
        (&[0xE0, 1, 0x78], V311, &["§2.2.1", "§3.14.1"]),
        (&[0xE0, 0], V311, &["§2.2.1"]),
        (&[0xC0, 0], V5, &["§2.1.2"]),
        (&[0xD0, 1, 0], V311, &["§3.13.1"]),
        (&[0xF0, 2, 0x19, 0], V5, &["MQTT-3.15.2-1", "§3.15.2.2.2"]),
        (&[0xF0, 0], V311, &["§2.2.1"]),
    ] {
        assert_eq!(clauses(bytes, version, SERVER), expected, "{bytes:02x?}");
    }
}
