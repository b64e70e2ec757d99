//! In-order packets are read where they stand in the captured frame, without any allocation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[path = "../benches/workload/mod.rs"]
mod workload;

use std::io::Cursor;
use std::path::Path;

use mqttcap::capture::Moment;
use mqttcap::limits::Limits;
use mqttcap::mqtt::{Framed, Framer, Hints, Packet, Version, conformance, parse};
use mqttcap::net::{Decoded, decode};
use mqttcap::source::CaptureFile;
use mqttcap::stream::{Chunk, End, Piece, Side, StreamOffset};
use mqttcap::tcp::{Facts, FlowTable, Interest, Reader};

/// Everything between the file and `session`.
struct Mqtt {
    framers: [Framer; 2],
    packets: u64,
}

impl Mqtt {
    fn new() -> Mqtt {
        Mqtt { framers: [(); 2].map(|()| Framer::at_start(&Limits::default())), packets: 0 }
    }
}

impl Reader for Mqtt {
    fn piece(&mut self, from: End, piece: Piece<'_>, _: &Facts) -> Interest {
        let Piece::Chunk(chunk) = piece else { panic!("nothing is missing") };
        let hints = Hints { sender: None, version: Some(Version::V5), ..Hints::NONE };
        let packets = &mut self.packets;
        self.framers[usize::from(from == End::B)].push(chunk, &hints, &mut |framed| {
            let Framed::Packet(raw) = framed else { panic!() };
            parse(&raw, hints.version).unwrap();
            *packets += 1;
        });
        Interest::Wanted
    }
}

#[test]
fn no_layer_below_session_allocates_for_packets_in_order() {
    let mut file = Vec::new();
    let clients = 100;
    let tally = workload::small::write(&mut file, clients, 1_000_000).unwrap();
    // What connecting takes is taken; what closing a connection costs is not asked.
    let connected = 6 * u64::from(clients);
    let left = tally.frames - 4 * u64::from(clients);
    let mut capture = CaptureFile::read_from(Path::new("small.pcap"), Cursor::new(file)).unwrap();
    let mut table = FlowTable::new(&Limits::default());
    let mut read_to = |last: u64| {
        while let Some(frame) = capture.next_frame() {
            let Decoded::Segment(segment) = decode(frame.link, frame.data, frame.original_length) else { panic!() };
            table.push(&segment, frame.at, |_| Mqtt::new(), &mut |_| panic!("all are open"));
            if frame.at.frame.get() == last {
                break;
            }
        }
    };
    // The first publishes too: segments of data are remembered from then on.
    read_to(connected + 3 * u64::from(clients));
    let measured = allocation_counter::measure(|| read_to(left));
    assert_eq!(measured.count_total, 0);
    let packets: u64 = table.iter().map(|connection| connection.reader.packets).sum();
    assert_eq!(packets, tally.packets.iter().sum::<u64>() - u64::from(clients), "all but the DISCONNECTs");
}

#[test]
fn cutting_reading_and_checking_allocate_nothing() {
    let publish = b"\x32\x1B\x00\x03a/b\x00\x07\x0A\x01\x01\x26\x00\x01k\x00\x02vv{\"t\":1.5}\x40\x02\x00\x07";
    let frame = publish.repeat(50);
    let range = frame.as_ptr_range();
    let hints = Hints { sender: Some(Side::Client), version: Some(Version::V5), ..Hints::NONE };
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
    let hints = Hints::NONE;
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
