//! 290,000 PUBLISH in a capture with segments reordered, resent and missing: nearly all are found, none is
//! made up.
//!
//! `cargo test --test lossy_publishes -- --nocapture --include-ignored` prints the shares, tshark's too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::print_stderr)] // a test
#![allow(clippy::disallowed_methods, clippy::cast_precision_loss)]

mod dice;
#[allow(unreachable_pub)] // shared by several test crates
#[path = "../support/mod.rs"]
mod support;
mod theirs;
mod traffic;

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use mqttcap::capture::{Frame, FrameNumber, LinkType, Moment, Timestamp};
use mqttcap::engine::{Config, Engine};
use mqttcap::limits::Limits;
use mqttcap::mqtt::{Packet, PacketType};
use mqttcap::session::{Detail, PacketObserver, SeenPacket};
use mqttcap::stream::Side;

use dice::Dice;
use support::OwnedSegment;
use traffic::Published;

const PUBLISHES: usize = 290_000;
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// Between two frames, in nanoseconds: 500 connections have 100 segments a second each.
const PACE: i64 = 20_000;

/// What a bad capture makes of the segments: 2 % come one to three segments of their connection late,
/// 1 % come again so late, 0.1 % are missing.
fn lossy(segments: &[OwnedSegment], dice: &mut Dice) -> Vec<OwnedSegment> {
    let mut of_connection: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (place, segment) in segments.iter().enumerate() {
        // No two connections share an address.
        let connection = segment.source.address.min(segment.destination.address);
        of_connection.entry(connection).or_default().push(place);
    }
    let mut order = Vec::new();
    for places in of_connection.values() {
        for (number, &place) in places.iter().enumerate() {
            let later = number + 1 + usize::try_from(dice.roll(3)).unwrap();
            let later = (places[later.min(places.len() - 1)], 1, place);
            match dice.roll(1000) {
                0 => {}
                1..=20 => order.push(later),
                21..=30 => order.extend([(place, 0, place), later]),
                _ => order.push((place, 0, place)),
            }
        }
    }
    order.sort_unstable();
    order.into_iter().map(|(.., place)| segments[place].clone()).collect()
}

/// Every PUBLISH that mqttcap shows, and how many more it saw that the capture does not hold well enough to read.
#[derive(Debug, Default)]
struct Found {
    read: Vec<Published>,
    unread: usize,
}

impl PacketObserver for Found {
    fn packet(&mut self, packet: &SeenPacket<'_>) {
        let side = if packet.sender.port == 1883 { Side::Server } else { Side::Client };
        assert_eq!(packet.side, side);
        match packet.parsed {
            Ok(Packet::Publish(publish)) => {
                let topic = String::from_utf8(publish.topic.0.to_vec()).unwrap();
                let length = usize::try_from(publish.payload_length).unwrap();
                self.read.push((packet.sender, topic, publish.packet_identifier, publish.qos.0, length));
            }
            Err(_) => self.unread += usize::from(packet.raw.packet_type() == PacketType::PUBLISH),
            Ok(_) => {}
        }
    }
}

fn found(segments: &[OwnedSegment]) -> Found {
    let found = Arc::new(Mutex::new(Found::default()));
    let config = Config { limits: Limits::default(), ports: Vec::new(), hosts: Vec::new(), detail: Detail::None };
    let mut engine = Engine::observed(config, Arc::<Mutex<Found>>::clone(&found));
    for (number, segment) in (1..).zip(segments) {
        let data = segment.frame();
        let at = Moment { frame: FrameNumber::new(number), time: Timestamp(i64::try_from(number).unwrap() * PACE) };
        let original_length = u32::try_from(data.len()).unwrap();
        engine.push(&Frame { at, link: LinkType::RAW, data: &data, original_length }, &mut |_| {});
    }
    engine.finish(&mut |_| {});
    std::mem::take(&mut *found.lock().unwrap())
}

/// How many of the published packets are among those found, and how many were found that nobody sent.
fn compare<P: Eq + Hash>(published: &[P], found: &[P]) -> (usize, usize) {
    let mut left: HashMap<&P, usize> = HashMap::new();
    for publish in published {
        *left.entry(publish).or_default() += 1;
    }
    let real = found.iter().filter(|publish| match left.get_mut(publish) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    });
    let real = real.count();
    (real, found.len() - real)
}

#[test]
fn nearly_every_publish_is_found_and_none_is_made_up() {
    let mut dice = Dice(SEED);
    let (segments, published) = traffic::generate(PUBLISHES, &mut dice);
    let whole = found(&segments);
    assert_eq!(compare(&published, &whole.read), (published.len(), 0), "nothing is missing");

    let lossy = lossy(&segments, &mut dice);
    let found = found(&lossy);
    let (real, made_up) = compare(&published, &found.read);
    let share = real as f64 / published.len() as f64;
    println!("{} PUBLISH in {} segments, {} in the lossy capture", published.len(), segments.len(), lossy.len());
    println!("mqttcap: {real} found ({:.3} %), {made_up} made up, {} not readable", share * 100.0, found.unread);
    assert_eq!(made_up, 0);
    assert!(share >= 0.997, "{share}");
}

/// The same capture read by tshark, for `docs/tshark.md`.
#[test]
#[ignore = "tshark takes its time, and is not what is tested"]
fn what_tshark_finds_of_them() {
    let mut dice = Dice(SEED);
    let (segments, published) = traffic::generate(PUBLISHES, &mut dice);
    let sent: Vec<_> = published.into_iter().map(|(sender, topic, ..)| (sender.address.to_string(), topic)).collect();
    let lossy = lossy(&segments, &mut dice);
    let in_order = ["-o", "tcp.reassemble_out_of_order:TRUE"];
    for (name, segments, options) in
        [("whole", &segments, &[][..]), ("lossy", &lossy, &[]), ("lossy, in order", &lossy, &in_order)]
    {
        let found = theirs::found(segments, PACE, options);
        let (real, made_up) = compare(&sent, &found);
        let share = 100.0 * real as f64 / sent.len() as f64;
        println!("tshark, {name}: {real} found ({share:.3} %), {made_up} made up");
    }
}
