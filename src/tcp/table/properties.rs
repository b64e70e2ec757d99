//! What holds for any traffic: the assembler against a naive byte map, losses against gaps,
//! and noise against panics.

use proptest::prelude::*;

use super::super::testing::*;
use crate::limits::Limits;
use crate::net::{Segment, TcpFlags};
use crate::stream::{End, GapReason};

/// A pseudo-random number generator (xorshift), so that long runs are cheap and repeatable.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

fn stream(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from((i * 7 + i / 251) % 256).unwrap()).collect()
}

/// Segments (offset, length) that cover `length` bytes in order, some overlapping.
fn segmentation(length: usize, random: &mut Random) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < length {
        let size = 1 + usize::try_from(random.below(40)).unwrap();
        let back = usize::try_from(random.below(4) / 3 * random.below(30)).unwrap().min(at);
        let end = (at + size).min(length);
        pieces.push((at - back, end - at + back));
        at = end;
    }
    pieces
}

/// Swaps and repeats within `reach` places.
fn shuffle(pieces: &mut Vec<(usize, usize)>, reach: u64, random: &mut Random) {
    for _ in 0..pieces.len() {
        let i = usize::try_from(random.below(pieces.len() as u64)).unwrap();
        let j = i + usize::try_from(random.below(reach)).unwrap();
        if j < pieces.len() {
            pieces.swap(i, j);
        }
        if random.below(4) == 0 {
            let j = j.min(pieces.len());
            pieces.insert(j, pieces[i]);
        }
    }
}

fn bytes(recorder: &Recorder, end: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for heard in &recorder.heard[end] {
        match heard {
            Heard::Bytes(bytes) => all.extend_from_slice(bytes),
            Heard::Gap(length, _) => panic!("a gap of {length}"),
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any segmentation, duplication, overlap and reordering give the same bytes, each once.
    #[test]
    fn the_assembler_equals_a_byte_map(
        seed in 1u64..,
        length in 1usize..3000,
        first in prop_oneof![Just(u32::MAX), Just(u32::MAX - 1000), Just(0x7fff_ff00), any::<u32>()],
        reach in 1u64..200,
        closes in any::<bool>(),
        acknowledges in any::<bool>(),
    ) {
        let mut random = Random(seed);
        let data = stream(length);
        let mut pieces = segmentation(length, &mut random);
        shuffle(&mut pieces, reach, &mut random);
        let mut wire = Wire::new();
        wire.tick = 3_000_000;
        wire.open(first, 77);
        let start = first.wrapping_add(1);
        let mut seen = vec![false; length];
        for (offset, size) in pieces {
            let sequence = start.wrapping_add(u32::try_from(offset).unwrap());
            let fin = if closes && offset + size == length { FIN } else { 0 };
            wire.c(sequence, 78, ACK | fin, &data[offset..offset + size]);
            seen[offset..offset + size].fill(true);
            let received = seen.iter().take_while(|seen| **seen).count();
            prop_assert_eq!(wire.facts().from_a.bytes, received as u64, "all that is in order is delivered");
            if random.below(2) == 0 {
                // The other end is heard, or holes would be declared sooner.
                let received = if acknowledges { u32::try_from(received).unwrap() } else { 0 };
                wire.s(78, start.wrapping_add(received), ACK, b"");
            }
        }
        let facts = wire.facts().clone();
        prop_assert_eq!(facts.from_a.sent.0, length as u64);
        prop_assert_eq!(facts.from_a.fin.is_some(), closes);
        prop_assert_eq!(facts.from_a.conflicting_overlaps, 0);
        prop_assert_eq!(facts.from_a.missing_bytes, 0);
        prop_assert_eq!(wire.table.out_of_order_bytes(), 0);
        let ended = wire.finish();
        prop_assert_eq!(bytes(&ended[0].reader, 0), data);
    }

    /// What the capture loses and the receiver acknowledges becomes a gap exactly there.
    #[test]
    fn lost_and_acknowledged_segments_become_gaps(
        seed in 1u64..,
        length in 1usize..3000,
        first in prop_oneof![Just(u32::MAX - 500), any::<u32>()],
        cuts in any::<bool>(),
    ) {
        let mut random = Random(seed);
        let data = stream(length);
        let mut wire = Wire::new();
        wire.open(first, 77);
        let start = first.wrapping_add(1);
        let mut expected: Vec<Option<u8>> = vec![None; length];
        let mut last = 0;
        let mut at = 0;
        while at < length {
            let size = (1 + usize::try_from(random.below(40)).unwrap()).min(length - at);
            let end = at + size;
            if random.below(4) > 0 {
                let captured = if cuts { usize::try_from(random.below(size as u64 + 1)).unwrap() } else { size };
                for i in at..at + captured {
                    expected[i] = Some(data[i]);
                }
                last = end;
                wire.send(&Segment {
                    payload_length: u32::try_from(size).unwrap(),
                    ..segment(
                        client(),
                        server(),
                        start.wrapping_add(u32::try_from(at).unwrap()),
                        78,
                        ACK,
                        &data[at..at + captured],
                    )
                });
            }
            wire.s(78, start.wrapping_add(u32::try_from(end).unwrap()), ACK, b"");
            at = end;
        }
        expected.truncate(last);
        let ended = wire.finish();
        let mut found: Vec<Option<u8>> = Vec::new();
        for heard in &ended[0].reader.heard[0] {
            match heard {
                Heard::Bytes(bytes) => found.extend(bytes.iter().map(|byte| Some(*byte))),
                Heard::Gap(length, why) => {
                    let known = *why == GapReason::NotCaptured || (cuts && *why == GapReason::SnapLength);
                    prop_assert!(known, "{:?}", why);
                    found.extend((0..*length).map(|_| None));
                }
            }
        }
        prop_assert_eq!(found, expected);
        let missing = ended[0].facts.from_a.missing_bytes;
        prop_assert_eq!(missing + ended[0].facts.from_a.bytes, last as u64);
    }

    /// Swapping neighbours of a two-way dialogue changes nothing of what either end is heard to say.
    #[test]
    fn small_reorderings_of_a_dialogue_change_nothing(seed in 1u64.., late in any::<bool>()) {
        let mut random = Random(seed);
        let mut script = Vec::new();
        let (mut c, mut s) = (5000u32, u32::MAX - 100);
        if !late {
            script.push((End::A, c - 1, 0, SYN, Vec::new()));
            script.push((End::B, s.wrapping_sub(1), c, SYN | ACK, Vec::new()));
        }
        for i in 0..40u8 {
            let size = 1 + u32::try_from(random.below(20)).unwrap();
            let payload = vec![b'a' + i % 26; size as usize];
            if random.below(2) == 0 {
                script.push((End::A, c, s, ACK, payload));
                c = c.wrapping_add(size);
            } else {
                script.push((End::B, s, c, ACK, payload));
                s = s.wrapping_add(size);
            }
        }
        let play = |script: &[(End, u32, u32, u8, Vec<u8>)]| {
            let mut wire = Wire::new();
            wire.tick = 1_000_000;
            for (from, sequence, acknowledgment, flags, payload) in script {
                match from {
                    End::A => wire.c(*sequence, *acknowledgment, *flags, payload),
                    End::B => wire.s(*sequence, *acknowledgment, *flags, payload),
                };
            }
            let ended = wire.finish();
            assert_eq!(ended.len(), 1);
            let both = [bytes(&ended[0].reader, 0), bytes(&ended[0].reader, 1)];
            if ended[0].facts.a == client() { both } else { let [a, b] = both; [b, a] }
        };
        let straight = play(&script);
        // A late start is where the first data lies: leave that in its place.
        let from = if late { 12 } else { 0 };
        for i in (from..script.len() - 1).step_by(2) {
            if random.below(2) == 0 {
                script.swap(i, i + 1);
            }
        }
        prop_assert_eq!(play(&script), straight);
    }
}

/// Random segments between a few ports, mostly near each other in sequence: nothing panics, limits
/// hold, and all memory comes back.
fn noise(seed: u64, segments: u64) {
    let limits = Limits {
        connections: 12,
        out_of_order_bytes: 4000,
        out_of_order_segments: 10,
        out_of_order_bytes_total: 9000,
        ..Limits::default()
    };
    let mut random = Random(seed);
    let mut wire = Wire::with(&limits);
    let data = stream(300);
    for _ in 0..segments {
        let from = endpoint(u8::try_from(random.below(3)).unwrap(), u16::try_from(random.below(3)).unwrap());
        let to = endpoint(u8::try_from(random.below(3)).unwrap(), u16::try_from(random.below(3)).unwrap());
        let mut number = || -> u32 {
            let near = u32::try_from(random.below(2000)).unwrap();
            match random.below(20) {
                0 => u32::try_from(random.next() & 0xffff_ffff).unwrap(),
                1 => near.wrapping_add(20_000_000),
                2 => near.wrapping_add(0x8000_0000),
                _ => near.wrapping_sub(1000),
            }
        };
        let (sequence, acknowledgment) = (number(), number());
        let flags = match random.below(40) {
            0 => SYN,
            1 => SYN | ACK,
            2 => RST,
            3 => FIN | ACK,
            4 => u8::try_from(random.below(256)).unwrap(),
            _ => ACK,
        };
        let length = usize::try_from(random.below(300) * random.below(2)).unwrap();
        let extra = if random.below(10) == 0 { u32::try_from(random.below(3000)).unwrap() } else { 0 };
        wire.tick = match random.below(200) {
            0 => 3_000_000_000,
            1 => 70_000_000_000,
            2 => -5_000_000_000,
            _ => i64::try_from(random.below(3_000_000)).unwrap(),
        };
        wire.send(&Segment {
            payload_length: u32::try_from(length).unwrap() + extra,
            window: u16::try_from(random.below(3)).unwrap(),
            flags: TcpFlags(flags),
            options: &data[..usize::try_from(random.below(40)).unwrap()],
            ..segment(from, to, sequence, acknowledgment, flags, &data[..length])
        });
        assert!(wire.table.len() <= limits.connections);
        assert!(wire.table.out_of_order_bytes() <= limits.out_of_order_bytes_total);
        wire.ended.clear();
    }
    wire.finish();
}

#[test]
fn noise_never_panics() {
    for seed in 1..=20 {
        noise(seed * 0x9e37_79b9, 5_000);
    }
}

/// `cargo test --release -- --ignored`
#[test]
#[ignore = "ten million segments take a while"]
fn much_noise_never_panics() {
    for seed in 1..=20 {
        noise(seed * 0x51_7cc1_b727, 500_000);
    }
}
