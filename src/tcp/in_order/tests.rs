//! The short way against the general way, on traffic that is mostly in order.

use proptest::prelude::*;

use crate::capture::{FrameNumber, Moment, Timestamp};
use crate::limits::Limits;
use crate::net::TcpFlags;
use crate::stream::End;
use crate::tcp::Facts;
use crate::tcp::budget::Budget;
use crate::tcp::connection::Flow;
use crate::tcp::testing::*;

/// One segment: who sends it, what it is, and by how much its numbers are off.
#[derive(Clone, Debug)]
struct Sent {
    from_a: bool,
    length: usize,
    flags: u8,
    sequence_off: i32,
    acknowledgment_off: i32,
    oddity: u8,
    tick: i64,
}

fn sent() -> impl Strategy<Value = Sent> {
    let flags = prop_oneof![
        20 => Just(ACK),
        6 => Just(ACK | 0x08),
        1 => Just(FIN | ACK),
        1 => prop::sample::select(vec![0, SYN, SYN | ACK, RST, RST | ACK, FIN, ACK | 0x20]),
    ];
    let off = || prop_oneof![12 => Just(0), 1 => Just(-1), 1 => -40..40, 1 => any::<i32>()];
    let length = prop_oneof![2 => Just(0_usize), 1 => Just(1), 4 => 2_usize..40];
    let tick = prop_oneof![Just(0), Just(1_000_000), Just(60_000_000), Just(5_000_000_000)];
    let oddity = prop_oneof![10 => Just(0_u8), 1 => any::<u8>()];
    (any::<bool>(), length, flags, off(), off(), oddity, tick).prop_map(
        |(from_a, length, flags, sequence_off, acknowledgment_off, oddity, tick)| Sent {
            from_a,
            length,
            flags,
            sequence_off,
            acknowledgment_off,
            oddity,
            tick,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_tell_the_same(
        script in prop::collection::vec(sent(), 1..60),
        open in any::<bool>(),
        stamps in any::<bool>(),
        patience in prop::option::of(1_usize..5),
        first in prop_oneof![Just(u32::MAX - 60), any::<u32>()],
    ) {
        let flow = || {
            let facts = Facts::new(0, client(), server(), Moment::default());
            let mut reader = Recorder::default();
            reader.patience = patience;
            Flow::new(facts, reader)
        };
        let (mut short, mut general) = (flow(), flow());
        let (mut short_budget, mut general_budget) = (Budget::new(&Limits::default()), Budget::new(&Limits::default()));
        let mut next = [first, 77];
        let (mut time, mut frame) = (0, 0);
        let syn = |from_a, flags| Sent { from_a, length: 0, flags, sequence_off: 0, acknowledgment_off: 0, oddity: 0, tick: 1 };
        let handshake = if open { vec![syn(true, SYN), syn(false, SYN | ACK), syn(true, ACK)] } else { vec![] };
        for Sent { from_a, length, flags, sequence_off, acknowledgment_off, oddity, tick } in handshake.into_iter().chain(script) {
            let (own, other) = if from_a { (0, 1) } else { (1, 0) };
            time += tick;
            frame += 1;
            let payload: Vec<u8> = (0..length).map(|i| u8::try_from(i).unwrap() ^ next[own].to_le_bytes()[0]).collect();
            let (source, destination) = if from_a { (client(), server()) } else { (server(), client()) };
            let sequence = next[own].wrapping_add_signed(sequence_off);
            let mut segment = segment(source, destination, sequence, next[other].wrapping_add_signed(acknowledgment_off), flags, &payload);
            let [s0, s1, s2, s3] = u32::try_from(time / 1_000_000).unwrap().to_be_bytes();
            let options = [1, 1, 8, 10, s0, s1, s2, s3, 0, 0, 0, 0];
            let stale = [1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0];
            if stamps {
                segment.options = if oddity == 7 { &stale } else { &options };
            }
            match oddity {
                1 => segment.window = 0,
                2 => segment.hop_limit = 50,
                3 => segment.hop_limit = 63,
                4 => segment.payload = &payload[..length / 2],
                // Bytes whose checksum is wrong, or not filled in.
                5 => segment.covered = &[9; 24],
                6 => segment.covered = &[0; 24],
                _ => {}
            }
            let at = Moment { frame: FrameNumber::new(frame), time: Timestamp(time) };
            let from = if from_a { End::A } else { End::B };
            if !short.take_in_order(from, &segment, at, &mut short_budget) {
                prop_assert_eq!(format!("{short:?}"), format!("{general:?}"), "what is left to the general way is untouched");
                short.take_any(from, &segment, at, &mut short_budget);
            }
            general.take_any(from, &segment, at, &mut general_budget);
            prop_assert_eq!(format!("{short:#?}"), format!("{general:#?}"));
            prop_assert_eq!(format!("{short_budget:?}"), format!("{general_budget:?}"));
            if sequence_off == 0 {
                let control = TcpFlags(flags);
                let numbers = length + usize::from(control.syn()) + usize::from(control.fin());
                next[own] = next[own].wrapping_add(u32::try_from(numbers).unwrap());
            }
        }
    }
}

#[test]
fn usual_traffic_goes_the_short_way() {
    let mut flow = Flow::new(Facts::new(0, client(), server(), Moment::default()), Recorder::default());
    let mut budget = Budget::new(&Limits::default());
    let mut short = Vec::new();
    for (number, (from, sequence, acknowledgment, flags, payload)) in [
        (End::A, 100, 0, SYN, &b""[..]),
        (End::B, 500, 101, SYN | ACK, b""),
        (End::A, 101, 501, ACK, b""),
        (End::A, 101, 501, ACK, b"abc"),
        (End::B, 501, 104, ACK, b""),
        (End::B, 501, 104, ACK, b"de"),
        (End::A, 104, 503, ACK, b"f"),
        (End::A, 101, 503, ACK, b"abc"),
        (End::B, 503, 105, ACK | FIN, b""),
    ]
    .into_iter()
    .enumerate()
    {
        let number = i64::try_from(number).unwrap();
        let at = Moment { frame: FrameNumber::new(1), time: Timestamp(number * 50_000_000) };
        let (source, destination) = if from == End::A { (client(), server()) } else { (server(), client()) };
        let segment = segment(source, destination, sequence, acknowledgment, flags, payload);
        short.push(flow.take_in_order(from, &segment, at, &mut budget));
        if short.last() == Some(&false) {
            flow.take_any(from, &segment, at, &mut budget);
        }
    }
    assert_eq!(short, [false, false, false, true, true, true, true, false, false]);
    assert_eq!(
        (flow.connection.reader.text(End::A), flow.connection.reader.text(End::B)),
        ("abcf".into(), "de".into())
    );
}
