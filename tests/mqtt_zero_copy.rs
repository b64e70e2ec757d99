//! In-order packets are read where they stand in the captured frame, without any allocation.

use mqttcap::capture::Moment;
use mqttcap::limits::Limits;
use mqttcap::mqtt::{Framed, Framer, Hints, Packet, Version, conformance, parse};
use mqttcap::stream::{Chunk, Side, StreamOffset};

#[test]
fn cutting_reading_and_checking_allocate_nothing() {
    let publish = b"\x32\x1B\x00\x03a/b\x00\x07\x0A\x01\x01\x26\x00\x01k\x00\x02vv{\"t\":1.5}\x40\x02\x00\x07";
    let frame = publish.repeat(50);
    let range = frame.as_ptr_range();
    let hints = Hints { sender: Some(Side::Client), version: Some(Version::V5) };
    let mut framer = Framer::at_start(&Limits::default());
    let mut count = 0;
    let measured = allocation_counter::measure(|| {
        let chunk = Chunk { offset: StreamOffset(0), data: &frame, at: Moment::default(), starts_segment: true };
        framer.push(chunk, &hints, &mut |framed| {
            let Framed::Packet(raw) = framed else { panic!() };
            let packet = parse(&raw, hints.version).unwrap();
            conformance::check(&raw, &packet, hints.version, Side::Client, &mut |violation| panic!("{violation:?}"));
            if let Packet::Publish(publish) = packet {
                assert!(range.contains(&publish.payload.as_ptr()) && range.contains(&publish.topic.0.as_ptr()));
                assert_eq!(publish.properties.user_properties().count(), 1);
            }
            count += 1;
        });
    });
    assert_eq!(count, 100);
    assert_eq!(measured.count_total, 0);
}

#[test]
fn a_straddling_packet_leaves_the_next_ones_borrowed() {
    let publish = b"\x30\x09\x00\x03a/b1234".repeat(4);
    let mut framer = Framer::at_start(&Limits::default());
    let (first, second) = publish.split_at(15);
    let range = second.as_ptr_range();
    let hints = Hints::default();
    let mut borrowed = Vec::new();
    for (offset, data) in [(0, first), (15, second)] {
        let chunk = Chunk { offset: StreamOffset(offset), data, at: Moment::default(), starts_segment: true };
        framer.push(chunk, &hints, &mut |framed| {
            let Framed::Packet(raw) = framed else { panic!() };
            borrowed.push(range.contains(&raw.body.as_ptr()));
        });
    }
    assert_eq!(borrowed, [false, false, true, true]);
}
