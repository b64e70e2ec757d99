//! Views of one connection, and connections that only look like views.

use std::net::{IpAddr, Ipv4Addr};

use crate::capture::{FrameNumber, Timestamp};
use crate::net::TcpFlags;

use super::*;

/// A connection as one side of the router sees it: its stream, the hops left to segments of client and server, when it
/// began in milliseconds, bytes of its client.
#[derive(Clone, Copy)]
struct View(u32, [u8; 2], i64, u64);

const INSIDE: View = View(0, [64, 63], 0, 30);
const OUTSIDE: View = View(1, [63, 64], 1, 30);

impl View {
    fn at(self) -> Moment {
        Moment { frame: FrameNumber::new(u64::from(self.0) + 1), time: Timestamp(self.2 * 1_000_000) }
    }

    fn footprint(self, mark: Mark) -> Footprint {
        let [client, server] = self.1.map(Some);
        Footprint { stream: self.0, at: self.at(), mark, hop_limits: PerSide { client, server } }
    }

    fn gone(self) -> Gone {
        let mut facts = Box::new(Facts::new(self.0, endpoint(50_000), endpoint(1883), self.at()));
        facts.initiator = Some(End::A);
        facts.from_a.bytes = self.3;
        Gone { facts, ended: Ended::NoData { undeliverable: None } }
    }
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), port }
}

/// The streams that are told of when `views` begin in this order and end in the order of `ends`, and how many are left out.
fn told(views: &[View], ends: &[View]) -> (Vec<u32>, u64) {
    let mut translations = Translations::new(100);
    for view in views {
        translations.note(view.footprint(Mark::Numbers(7, 8)));
    }
    let mut told = Vec::new();
    for view in ends {
        translations.ended(view.gone(), &mut |gone| told.push(gone.facts.stream));
    }
    assert!(translations.originals.is_empty());
    (told, translations.left_out().count)
}

#[test]
fn the_client_s_side_is_told_of() {
    for views in [[INSIDE, OUTSIDE], [OUTSIDE, INSIDE]] {
        for ends in [[INSIDE, OUTSIDE], [OUTSIDE, INSIDE]] {
            assert_eq!(told(&views, &ends), (vec![0], 1));
        }
    }
    let third = View(2, [62, 65], 2, 30);
    assert_eq!(told(&[INSIDE, OUTSIDE, third], &[third, OUTSIDE, INSIDE]), (vec![0], 2));
    assert_eq!(told(&[third, OUTSIDE, INSIDE], &[INSIDE, OUTSIDE, third]), (vec![0], 2));
}

#[test]
fn both_are_told_of_where_they_differ() {
    let less = View(1, [63, 64], 1, 29);
    assert_eq!(told(&[INSIDE, less], &[INSIDE, less]), (vec![0, 1], 0));
    assert_eq!(told(&[INSIDE, less], &[less, INSIDE]), (vec![1, 0], 0));
}

#[test]
fn what_was_not_forwarded_is_another_connection() {
    for other in
        [View(1, [64, 63], 1, 30), View(1, [63, 63], 1, 30), View(1, [63, 62], 1, 30), View(1, [63, 64], 11_000, 30)]
    {
        assert_eq!(told(&[INSIDE, other], &[INSIDE, other]), (vec![0, 1], 0));
    }
}

#[test]
fn the_clocks_of_both_sides_may_be_apart() {
    let apart = View(1, [63, 64], 3_000, 30);
    assert_eq!(told(&[INSIDE, apart], &[INSIDE, apart]), (vec![0], 1));
    let mut translations = Translations::new(100);
    let mark = Mark::Sender(7, endpoint(50_000));
    translations.note(INSIDE.footprint(mark));
    translations.note(apart.footprint(mark));
    assert!(!translations.is_view(apart.0), "devices begin with one number");
}

#[test]
fn a_view_of_what_had_ended_is_told_of() {
    let mut translations = Translations::new(100);
    translations.note(INSIDE.footprint(Mark::Numbers(7, 8)));
    let mut told = Vec::new();
    translations.ended(INSIDE.gone(), &mut |gone| told.push(gone.facts.stream));
    translations.note(OUTSIDE.footprint(Mark::Numbers(7, 8)));
    translations.ended(OUTSIDE.gone(), &mut |gone| told.push(gone.facts.stream));
    assert_eq!(told, [0, 1]);
    assert!(translations.originals.is_empty() && translations.views.is_empty());
}

#[test]
fn a_view_of_what_ended_long_before_is_told_of_in_the_end() {
    let mut translations = Translations::new(100);
    let mut told = 0;
    translations.note(INSIDE.footprint(Mark::Numbers(7, 8)));
    translations.ended(INSIDE.gone(), &mut |_| told += 1);
    for stream in (10..).take(OVER) {
        translations.ended(View(stream, INSIDE.1, 0, 30).gone(), &mut |_| told += 1);
    }
    translations.note(OUTSIDE.footprint(Mark::Numbers(7, 8)));
    translations.ended(OUTSIDE.gone(), &mut |_| told += 1);
    assert_eq!((told, translations.held), (OVER + 1, 1));
    translations.finish(&mut |_| told += 1);
    assert_eq!(told, OVER + 2);
}

#[test]
fn devices_that_begin_with_one_number_are_told_apart() {
    let mark = |port, options: &[u8]| {
        let segment = Segment {
            source: endpoint(port),
            destination: endpoint(1883),
            source_mac: None,
            destination_mac: None,
            hop_limit: 64,
            sequence: 6510,
            acknowledgment: 0,
            flags: TcpFlags(TcpFlags::SYN),
            window: 2144,
            options,
            payload: &[],
            payload_length: 0,
            covered: &[],
        };
        Footprint::of_syn(&segment, &Facts::new(0, segment.source, segment.destination, Moment::default()), INSIDE.at())
            .mark
    };
    let maximum_segment_size = [2, 4, 2, 24];
    assert_ne!(mark(49_153, &maximum_segment_size), mark(49_154, &maximum_segment_size));
    let timestamp = |number| [1, 1, 8, 10, 0, 0, 0, number, 0, 0, 0, 0];
    assert_ne!(mark(49_153, &timestamp(1)), mark(49_154, &timestamp(2)));
    assert_eq!(mark(49_153, &timestamp(1)), mark(49_154, &timestamp(1)), "another port, but the same segment");
}

#[test]
fn a_connection_that_was_picked_up_is_known_by_its_first_data() {
    let segment = |sequence| Segment {
        source: endpoint(50_000),
        destination: endpoint(1883),
        source_mac: None,
        destination_mac: None,
        hop_limit: 64,
        sequence,
        acknowledgment: 9,
        flags: TcpFlags(TcpFlags::ACK),
        window: 2144,
        options: &[],
        payload: b"\xC0\0",
        payload_length: 2,
        covered: &[],
    };
    let mut facts = INSIDE.gone().facts;
    let footprint = |facts: &Facts, sequence| Footprint::of_data(&segment(sequence), facts, || false, INSIDE.at());
    let first = footprint(&facts, 7).unwrap();
    assert_eq!((first.mark, first.hop_limits), (Mark::Numbers(7, 9), PerSide { client: Some(64), server: None }));
    let behind = |hop_limit| Footprint { hop_limits: PerSide { client: Some(hop_limit), server: None }, ..first };
    assert!(first.is_before(&behind(63)) && behind(65).is_before(&first));
    assert!(!first.is_before(&first));
    facts.from_a.segments = FIRST + 1;
    assert_eq!(footprint(&facts, 8), None, "later data");
    facts.from_a.segments = 0;
    facts.syn.count = 1;
    assert_eq!(footprint(&facts, 7), None, "its SYN was captured");
}

#[test]
fn few_views_are_held() {
    let mut translations = Translations::new(100_000);
    let mut told = 0;
    for stream in 1..=2 * u32::try_from(HELD).unwrap() {
        translations.note(INSIDE.footprint(Mark::Numbers(7, 8)));
        let view = View(stream, OUTSIDE.1, OUTSIDE.2, OUTSIDE.3);
        translations.note(view.footprint(Mark::Numbers(7, 8)));
        translations.ended(view.gone(), &mut |_| told += 1);
    }
    assert_eq!((translations.held, told), (HELD, HELD));
    translations.ended(INSIDE.gone(), &mut |_| told += 1);
    assert_eq!((translations.held, told), (0, HELD + 1));
}

#[test]
fn few_footprints_are_remembered() {
    let mut translations = Translations::new(100);
    for number in 0..100_000 {
        translations.note(INSIDE.footprint(Mark::Numbers(number, 0)));
    }
    assert!(translations.newest.table.len() + translations.older.table.len() <= 2 * FOOTPRINTS);
}
