//! On streams with missing segments, nearly every PUBLISH is found and none is made up.

// The numbers are small by construction, and a test fails by panicking.
#![allow(clippy::cast_possible_truncation, clippy::indexing_slicing)]

use std::collections::HashSet;

use mqttcap::capture::Moment;
use mqttcap::limits::Limits;
use mqttcap::mqtt::{Framed, Framer, Hints, PacketType, Version};
use mqttcap::stream::{Chunk, Gap, GapReason, Side, StreamOffset};

/// A small generator of random numbers (xorshift): the same stream every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

/// What payloads hold.
#[derive(Clone, Copy, Debug)]
enum Payload {
    Text,
    Random,
    Zero,
    /// Random, with whole packets in it that the sender did not send.
    Tunnel,
}

fn publish(dice: &mut Dice, v5: bool, kind: Payload, largest: u64) -> Vec<u8> {
    let qos = dice.roll(3) as u8;
    let topic = format!("site/{}/sensor-{}/value", dice.roll(20), dice.roll(1000));
    let mut body = vec![0, topic.len() as u8];
    body.extend(topic.as_bytes());
    if qos > 0 {
        body.extend((dice.roll(65_535) as u16 + 1).to_be_bytes());
    }
    if v5 {
        match dice.roll(3) {
            0 => body.extend([2, 1, dice.roll(2) as u8]),
            1 => body.extend([7, 0x26, 0, 1, b'k', 0, 1, b'v']),
            _ => body.push(0),
        }
    }
    let length = dice.roll(largest);
    match kind {
        Payload::Text => {
            body.extend(
                format!("{{\"t\":{}.{}}}", dice.roll(100), dice.roll(100)).repeat(length as usize / 10).bytes(),
            );
        }
        Payload::Random => body.extend((0..length).map(|_| dice.roll(256) as u8)),
        Payload::Zero => body.resize(body.len() + length as usize, 0),
        Payload::Tunnel => {
            body.extend((0..length / 2).map(|_| dice.roll(256) as u8));
            body.extend(b"\x30\x0B\x00\x05a/b/cdata\xC0\x00\x40\x02\x00\x01");
            body.extend((0..length / 2).map(|_| dice.roll(256) as u8));
        }
    }
    let mut packet = vec![0x30 | qos << 1];
    let mut rest = body.len();
    while rest > 127 {
        packet.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    packet.push(rest as u8);
    packet.extend(body);
    packet
}

/// Share of the PUBLISH packets untouched by a hole that were found; panics when one is made up.
fn found(seed: u64, version: Option<Version>, v5: bool, kind: Payload, largest: u64, coalesce: bool) -> f64 {
    let mut dice = Dice(seed);
    let mut stream = Vec::new();
    let mut packets = Vec::new();
    let mut segments = Vec::new();
    let mut begun = 0;
    for _ in 0..20_000 {
        let packet = match dice.roll(40) {
            0 => vec![0xC0, 0],
            1 => [&[0x40, 2][..], &(dice.roll(65_535) as u16 + 1).to_be_bytes()].concat(),
            _ => publish(&mut dice, v5, kind, largest),
        };
        packets.push((stream.len(), packet.len()));
        stream.extend(packet);
        // The sender's buffer goes out now, or waits for more.
        if !coalesce || dice.roll(10) == 0 {
            while begun < stream.len() {
                let end = (begun + 1448).min(stream.len());
                segments.push((begun, end));
                begun = end;
            }
        }
    }
    let lost: Vec<bool> = segments.iter().map(|_| dice.roll(100) == 0).collect();
    let hints = Hints { sender: Some(Side::Client), version, ..Hints::NONE };
    let mut framer = Framer::at_start(&Limits::default());
    let starts: HashSet<u64> = packets.iter().map(|packet| packet.0 as u64).collect();
    let mut caught = HashSet::new();
    let mut on = |framed: Framed<'_>| {
        if let Framed::Packet(raw) = framed {
            assert!(starts.contains(&raw.offset.0), "{kind:?} {version:?}: made up {:?}", raw.header);
            if raw.missing.is_none() && raw.packet_type() == PacketType::PUBLISH {
                caught.insert(raw.offset.0);
            }
        }
    };
    for (&(start, end), &lost) in segments.iter().zip(&lost) {
        let (offset, at) = (StreamOffset(start as u64), Moment::default());
        if lost {
            let gap = Gap { offset, length: (end - start) as u64, why: GapReason::NotCaptured, at };
            framer.gap(gap, &hints, &mut on);
        } else {
            framer.push(Chunk { offset, data: &stream[start..end], at, starts_segment: true }, &hints, &mut on);
        }
    }
    framer.finish(&hints, &mut on);
    let holes: Vec<(usize, usize)> =
        segments.iter().zip(&lost).filter(|(_, lost)| **lost).map(|(segment, _)| *segment).collect();
    let end = segments.last().map_or(0, |segment| segment.1);
    let (mut whole, mut hit) = (0, 0);
    for &(start, length) in &packets {
        let first = holes.partition_point(|hole| hole.1 <= start);
        let touched = holes.get(first).is_some_and(|hole| hole.0 < start + length);
        if stream[start] >> 4 == 3 && !touched && start + length <= end {
            whole += 1;
            hit += u32::from(caught.contains(&(start as u64)));
        }
    }
    f64::from(hit) / f64::from(whole)
}

#[test]
fn nearly_every_publish_is_found_and_none_is_made_up() {
    for kind in [Payload::Text, Payload::Random, Payload::Zero, Payload::Tunnel] {
        for (v5, versions) in [(false, [None, Some(Version::V311)]), (true, [None, Some(Version::V5)])] {
            for version in versions {
                for (seed, largest) in [(1, 300), (2, 4000)] {
                    for coalesce in [false, true] {
                        let share = found(seed, version, v5, kind, largest, coalesce);
                        println!("{kind:?} v5 {v5} hint {version:?} largest {largest} coalesce {coalesce}: {share:.5}");
                        assert!(share >= 0.997, "{kind:?} {version:?} {largest} {coalesce}: {share}");
                    }
                }
            }
        }
    }
}
