//! MQTT 5.0 chapter 2, 3.1.1 chapter 2: fixed header, Remaining Length, properties.

use mqttcap::capture::Moment;
use mqttcap::limits::Limits;
use mqttcap::mqtt::{FixedHeader, Framed, Framer, HeaderRead, Hints, PropertyId, QoS, RawPacket, Version, parse};
use mqttcap::stream::{Chunk, StreamOffset};

/// §2.1.4, table 2-1 of 3.1.1 §2.2.3: the digits of the length and how many packets fit.
#[test]
fn remaining_length_boundaries() {
    for (value, digits) in [
        (0_u32, &[0x00_u8][..]),
        (127, &[0x7F]),
        (128, &[0x80, 0x01]),
        (16_383, &[0xFF, 0x7F]),
        (16_384, &[0x80, 0x80, 0x01]),
        (2_097_151, &[0xFF, 0xFF, 0x7F]),
        (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
        (268_435_455, &[0xFF, 0xFF, 0xFF, 0x7F]),
    ] {
        let bytes = [&[0x30], digits].concat();
        let HeaderRead::Complete(header) = FixedHeader::read(&bytes) else { panic!("{value}") };
        assert_eq!(header.remaining_length, value);
        assert_eq!(header.packet_length(), u64::from(value) + 1 + digits.len() as u64);
    }
}

/// A packet of each boundary length, cut out of a stream with another packet after it.
#[test]
fn packets_of_boundary_lengths_are_cut_out() {
    let limits = Limits { packet_bytes: 4 << 20, ..Limits::default() };
    for length in [127_usize, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
        let mut body = b"\x00\x01t".to_vec();
        body.resize(length, 0x30);
        let mut stream = vec![0x30];
        let mut rest = length;
        while rest > 127 {
            stream.push((rest % 128) as u8 | 0x80);
            rest /= 128;
        }
        stream.push(rest as u8);
        stream.extend(&body);
        stream.extend([0xC0, 0]);
        let mut seen = Vec::new();
        let mut framer = Framer::at_start(&limits);
        for part in stream.chunks(1448) {
            let chunk =
                Chunk { offset: StreamOffset::default(), data: part, at: Moment::default(), starts_segment: true };
            framer.push(chunk, &Hints::NONE, &mut |framed| {
                let Framed::Packet(raw) = framed else { panic!() };
                seen.push((raw.header.remaining_length as usize, raw.body.to_vec()));
            });
        }
        assert_eq!(seen, [(length, body), (0, Vec::new())]);
    }
}

/// §2.2.2.2, table 2-4.
#[test]
fn property_names_and_packets_of_table_2_4() {
    assert_eq!(PropertyId::ALL.len(), 27);
    assert_eq!(PropertyId(0x2A).name(), Some("Shared Subscription Available"));
    assert_eq!(PropertyId(0x04).name(), None);
}

/// §2.2.1: only PUBLISH with `QoS` 1 or 2 has a Packet Identifier.
#[test]
fn packet_identifier_by_qos() {
    for (first, qos, identified) in [(0x30, 0, false), (0x32, 1, true), (0x34, 2, true)] {
        let bytes = [first, 6, 0, 1, b't', 0, 7, 0];
        let raw = RawPacket::from_bytes(&bytes).unwrap();
        let Ok(mqttcap::mqtt::Packet::Publish(read)) = parse(&raw, Some(Version::V311)) else { panic!() };
        assert_eq!((read.qos, read.packet_identifier.is_some()), (QoS(qos), identified));
    }
}
