//! Any cutting, order and repetition gives the packet back; what contradicts itself gives nothing; nothing grows.

use proptest::prelude::*;

use super::*;

fn header(identification: u32) -> FragmentHeader {
    FragmentHeader {
        source: IpAddr::from([10, 0, 0, 1]),
        destination: IpAddr::from([10, 0, 0, 2]),
        identification,
        protocol: 6,
        hop_limit: 64,
        macs: (None, None),
    }
}

fn fragment(identification: u32, offset: u32, more: bool, payload: &[u8]) -> Fragment<'_> {
    let length = u32::try_from(payload.len()).unwrap();
    Fragment { header: header(identification), offset, more, payload, length }
}

fn at(frame: u64, seconds: i64) -> Moment {
    Moment { frame: FrameNumber::new(frame), time: Timestamp(seconds * 1_000_000_000) }
}

/// What comes out of fragments that arrive one after another at the same time.
fn put_together(pieces: &[Fragment<'_>]) -> (Vec<Vec<u8>>, Vec<GivenUp>) {
    let mut fragments = Fragments::new(&Limits::default());
    let (mut whole, mut lost) = (Vec::new(), Vec::new());
    for (frame, piece) in (1..).zip(pieces) {
        whole.extend(fragments.push(piece, at(frame, 0), &mut |why, _| lost.push(why)).map(|packet| packet.payload));
    }
    fragments.finish(&mut |why, _| lost.push(why));
    (whole, lost)
}

/// The payload cut at multiples of 8 bytes.
fn cut<'a>(payload: &'a [u8], cuts: &[usize]) -> Vec<Fragment<'a>> {
    let mut places: Vec<usize> =
        cuts.iter().map(|cut| cut % (payload.len() / 8) * 8).chain([0, payload.len()]).collect();
    places.sort_unstable();
    places.dedup();
    let pairs = places.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.map(|(from, to)| fragment(7, u32::try_from(from).unwrap(), to < payload.len(), &payload[from..to])).collect()
}

proptest! {
    #[test]
    fn any_cutting_order_and_repetition(
        payload in prop::collection::vec(any::<u8>(), 9..3000),
        cuts in prop::collection::vec(1_usize..400, 1..20),
        order in any::<[prop::sample::Index; 8]>(),
    ) {
        let mut pieces = cut(&payload, &cuts);
        prop_assume!(pieces.len() > 1);
        for pair in order.chunks(2) {
            let (a, b) = (pair[0].index(pieces.len()), pair[1].index(pieces.len()));
            pieces.swap(a, b);
        }
        // Repeated before the packet is whole: what comes after it would begin another.
        let again = pieces[order[0].index(pieces.len() - 1)];
        pieces.insert(pieces.len() - 1, again);
        let (whole, lost) = put_together(&pieces);
        prop_assert_eq!((whole, lost), (vec![payload.clone()], vec![]));
    }

    #[test]
    fn anything_at_all_is_bounded(
        pieces in prop::collection::vec((0_u32..40, 0_u32..10_000, any::<bool>(), 0_usize..2000), 0..400),
    ) {
        let limits = Limits { fragment_bytes: 10_000, fragmented_packets: 5, ..Limits::default() };
        let mut fragments = Fragments::new(&limits);
        let bytes = [0_u8; 2000];
        for (frame, (id, offset, more, length)) in (1..).zip(pieces) {
            let fragment = fragment(id, offset * 8, more, &bytes[..length]);
            let _ = fragments.push(&fragment, at(frame, 0), &mut |_, _| ());
            let kept: usize = fragments.packets.values().flat_map(|packet| &packet.pieces).map(|(_, piece)| piece.len()).sum();
            prop_assert_eq!(fragments.bytes, kept);
            prop_assert!(kept <= 10_000 && fragments.packets.len() <= 5 && fragments.order.len() <= 11);
        }
    }
}

#[test]
fn what_overlaps_and_differs_is_discarded_whole() {
    let (a, b) = ([1_u8; 16], [2_u8; 16]);
    let discarded = (vec![], vec![GivenUp::Overlapping]);
    // The teardrop, the rewritten head, two ends, an end before what is known, a piece after the end.
    let last = |offset, payload| fragment(7, offset, false, payload);
    let first = |offset, payload| fragment(7, offset, true, payload);
    for pieces in [
        vec![first(0, &a[..]), last(8, &b[..4]), last(16, &b)],
        vec![first(0, &a), first(0, &b), last(16, &b)],
        vec![last(32, &a), last(16, &b), first(0, &a)],
        vec![first(16, &a), last(8, &b[..8]), first(0, &a)],
        vec![last(8, &a[..8]), first(16, &b), first(0, &a)],
        vec![first(0, &a[..9]), last(16, &b)],
        vec![last(65_528, &a), first(0, &a)],
    ] {
        assert_eq!(put_together(&pieces), discarded, "{pieces:?}");
    }
    // Exactly the same again is no contradiction.
    let (packets, given_up) = put_together(&[first(0, &a), first(0, &a), last(16, &b)]);
    assert_eq!((packets.concat(), given_up.len()), ([a, b].concat(), 0));
}

#[test]
fn what_overlaps_and_agrees_is_taken() {
    let bytes: Vec<u8> = (0..64).collect();
    let piece = |from: usize, to: usize| fragment(7, u32::try_from(from).unwrap(), to < 64, &bytes[from..to]);
    for pieces in [
        vec![piece(0, 32), piece(24, 64)],
        vec![piece(24, 64), piece(0, 32)],
        vec![piece(16, 24), piece(40, 48), piece(8, 64), piece(0, 16)],
        vec![piece(0, 48), piece(8, 16), piece(40, 64)],
    ] {
        assert_eq!(put_together(&pieces), (vec![bytes.clone()], vec![]), "{pieces:?}");
    }
}

#[test]
fn packets_are_told_apart_and_time_runs_out() {
    let mut fragments = Fragments::new(&Limits::default());
    let bytes = [9_u8; 8];
    let mut lost = Vec::new();
    let mut push = |fragments: &mut Fragments, fragment: &Fragment<'_>, when| {
        fragments.push(fragment, when, &mut |why, first| lost.push((why, first.get()))).is_some()
    };
    assert!(!push(&mut fragments, &fragment(1, 0, true, &bytes), at(1, 0)));
    assert!(!push(&mut fragments, &fragment(2, 8, false, &bytes), at(2, 20)));
    assert!(push(&mut fragments, &fragment(1, 8, false, &bytes), at(3, 30)));
    assert!(!push(&mut fragments, &fragment(2, 0, true, &bytes), at(4, 51)), "the first part is gone");
    fragments.finish(&mut |why, first| lost.push((why, first.get())));
    assert_eq!(lost, [(GivenUp::Incomplete, 2), (GivenUp::Incomplete, 4)]);
}

#[test]
fn a_fragment_that_the_capture_cut_spoils_its_packet() {
    let bytes = [9_u8; 8];
    let cut = Fragment { length: 16, ..fragment(1, 0, true, &bytes) };
    assert_eq!(put_together(&[cut, fragment(1, 16, false, &bytes)]), (vec![], vec![GivenUp::Cut]));
}
