//! Lines written by hand are those that serde writes.

use proptest::prelude::*;

use super::*;
use crate::capture::{FrameNumber, Moment};
use crate::mqtt::RawPacket;
use crate::report::packets::tests::seen_raw;
use crate::session::TextFact;
use crate::stream::Side;

/// A line by hand, and one by serde.
fn both(bytes: &[u8], version: Option<Version>, topic: Option<&[u8]>, time: i64, session: Option<u64>) -> [String; 2] {
    let frames = [FrameNumber::new(17), FrameNumber::new(u64::MAX)];
    let at = Moment { frame: FrameNumber::new(u64::MAX), time: Timestamp(time) };
    let raw = RawPacket { frames: &frames, completed: at, ..RawPacket::from_bytes(bytes).unwrap() };
    let place = Place { session, side: Side::Server };
    let (mut by_hand, mut by_serde) = (Vec::new(), Vec::new());
    seen_raw(&raw, version, topic.map(TextFact::new).as_ref(), |packet| {
        Lines::default().write(packet, place, Reveal::default(), &mut by_hand).unwrap();
        json::put_line(&Document::of(packet, place, Reveal::default()), &mut by_serde).unwrap();
    });
    [by_hand, by_serde].map(|line| String::from_utf8(line).unwrap())
}

#[track_caller]
fn compare(bytes: &[u8], version: Option<Version>, topic: Option<&[u8]>) {
    for (time, session) in [(0, None), (-1, Some(1)), (1_700_000_000_000_000_001, Some(u64::MAX)), (i64::MIN, Some(2))]
    {
        let [by_hand, by_serde] = both(bytes, version, topic, time, session);
        assert_eq!(by_hand, by_serde);
    }
}

#[test]
fn the_usual_packets() {
    for version in [None, Some(Version::V31), Some(Version::V311), Some(Version::V5)] {
        compare(b"\x30\x07\x00\x03a/bxx", version, Some(b"a/b"));
        compare(b"\x3d\x09\x00\x03a/b\x00\x0a\x00x", version, Some(b"a/b"));
        compare(b"\x30\x07\x00\x03a/bxx", version, None);
        for first in [0x40, 0x50, 0x62, 0x70] {
            compare(&[first, 2, 0x12, 0x34], version, None);
            compare(&[first, 3, 0x12, 0x34, 0x10], version, None);
            compare(&[first, 3, 0x12, 0x34, 0x92], version, None);
            compare(&[first, 4, 0x12, 0x34, 0x87, 0], version, None);
        }
        compare(&[0xc0, 0], version, None);
        compare(&[0xd0, 0], version, None);
        compare(&[0xe0, 0], version, None);
    }
}

#[test]
fn topics_and_properties() {
    // An alias alone, and one that is set anew.
    compare(b"\x30\x07\x00\x00\x03\x23\x00\x05x", Some(Version::V5), Some(b"from/alias"));
    compare(b"\x30\x08\x00\x01a\x03\x23\x00\x05x", Some(Version::V5), Some(b"a"));
    let properties = b"\x01\x01\x02\x00\x00\x0e\x10\x0b\x80\x01\x03\x00\x02a\"\x08\x00\x01\\\x09\x00\x02\xff\x00\x26\x00\x01k\x00\x02\xc3\xa4";
    let mut publish = vec![0x30, 0, 0, 1, b'a', u8::try_from(properties.len()).unwrap()];
    publish.extend(properties);
    publish[1] = u8::try_from(publish.len() - 2).unwrap();
    compare(&publish, Some(Version::V5), Some(b"a"));
    // A Reason String and a User Property that is not UTF-8.
    compare(b"\x40\x0f\x00\x01\x10\x0b\x1f\x00\x02no\x26\x00\x00\x00\x01\xff", Some(Version::V5), None);
}

proptest! {
    #[test]
    fn whatever_stands_in_a_topic(topic in proptest::collection::vec(any::<u8>(), 0..24)) {
        let [by_hand, by_serde] = both(b"\x30\x03\x00\x01a", Some(Version::V311), Some(&topic), 5, Some(1));
        prop_assert_eq!(by_hand, by_serde);
    }

    #[test]
    fn whatever_a_packet_says(first in prop_oneof![0x30u8..=0x3f, 0x40u8..=0x7f, Just(0xc0), Just(0xd0)], body in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut bytes = vec![first, u8::try_from(body.len()).unwrap()];
        bytes.extend(body);
        for version in [None, Some(Version::V311), Some(Version::V5)] {
            let [by_hand, by_serde] = both(&bytes, version, Some(b"t"), 5, Some(1));
            prop_assert_eq!(by_hand, by_serde);
        }
    }
}
