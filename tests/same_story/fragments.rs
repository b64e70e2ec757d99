//! IP fragments of both versions: any size, order, repetition and overlap that agrees.

use std::slice;

use mqttcap::diagnosis::notes;
use mqttcap::mqtt::PacketType;
use mqttcap::session::{FragmentFacts, Session};

use super::links::{ethernet, ipv4, ipv6, sixteen, udp};
use super::{analysed, sample, story};

/// RFC 791 §3.2: the payload in pieces, each under a copy of the header and reaching `more` bytes into the next.
fn in_fragments(identification: usize, ip: &[u8], size: usize, more: usize) -> Vec<Vec<u8>> {
    let (header, payload) = ip.split_at(20);
    let last = payload.len().saturating_sub(size + more).next_multiple_of(size);
    let piece = |at: usize| (&payload[at..payload.len().min(at + size + more)], at);
    let pieces = (0..=last).step_by(size).map(piece);
    let frame = |(piece, offset): (&[u8], usize)| {
        let more = if offset + piece.len() < payload.len() { 0x2000 } else { 0 };
        let place = (u16::try_from(offset / 8).unwrap() | more).to_be_bytes();
        [&header[..2], &sixteen(20 + piece.len()), &sixteen(identification), &place, &header[8..], piece].concat()
    };
    pieces.map(frame).collect()
}

/// RFC 8200 §4.5: next header, offset, identification; the packet inside is of IPv4.
fn in_fragments_v6(identification: usize, ip: &[u8], size: usize) -> Vec<Vec<u8>> {
    let pieces = ip.chunks(size).zip((0..).step_by(size));
    let frame = |(piece, offset): (&[u8], usize)| {
        let more = u16::from(offset + piece.len() < ip.len());
        let place = (u16::try_from(offset).unwrap() | more).to_be_bytes();
        ipv6(44, &[&[4, 0][..], &place, &[0, 0], &sixteen(identification), piece].concat())
    };
    pieces.map(frame).collect()
}

/// What becomes of a packet on its way: its number and its bytes to fragments.
type Way = fn(usize, &[u8]) -> Vec<Vec<u8>>;

fn doubled(frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    match frames.split_first() {
        Some((first, rest)) if !rest.is_empty() => [slice::from_ref(first), slice::from_ref(first), rest].concat(),
        _ => frames,
    }
}

const WAYS: &[(&str, Way)] = &[
    ("IPv4, 8 bytes each", |id, ip| in_fragments(id, ip, 8, 0)),
    ("IPv4, 16 bytes each", |id, ip| in_fragments(id, ip, 16, 0)),
    ("IPv4, 1,480 bytes each", |id, ip| in_fragments(id, ip, 1480, 0)),
    ("IPv4, last first", |id, ip| in_fragments(id, ip, 24, 0).into_iter().rev().collect()),
    ("IPv4, repeated", |id, ip| doubled(in_fragments(id, ip, 16, 0))),
    ("IPv4, overlapping", |id, ip| in_fragments(id, ip, 16, 16)),
    ("IPv4, overlapping, last first", |id, ip| in_fragments(id, ip, 8, 24).into_iter().rev().collect()),
    ("IPv4, cut in two ways", |id, ip| {
        let (coarse, fine) = (in_fragments(id, ip, 24, 0), in_fragments(id, ip, 8, 0));
        match (coarse.split_last(), fine.split_last()) {
            // The last of the one completes the packet: what came after it would begin another.
            (Some((last, coarse)), Some((_, fine))) if !coarse.is_empty() => {
                [coarse, &fine[..coarse.len()], slice::from_ref(last)].concat()
            }
            _ => coarse,
        }
    }),
    ("IPv6, 8 bytes each", |id, ip| in_fragments_v6(id, ip, 8)),
    ("IPv6, 32 bytes each", |id, ip| in_fragments_v6(id, ip, 32)),
    ("IPv6, last first, repeated", |id, ip| doubled(in_fragments_v6(id, ip, 16).into_iter().rev().collect())),
    ("IPv4 in VXLAN", |id, ip| {
        let vxlan = |ip: &[u8]| udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, ip)[..]].concat());
        in_fragments(id, ip, 24, 0).iter().map(|ip| ipv4(17, &vxlan(ip))).collect()
    }),
];

#[test]
fn fragments_tell_the_same_story() {
    let segments = sample();
    let expected = super::expected(&segments);
    for (name, way) in WAYS {
        let (sessions, facts) = analysed(&segments, 101, |id, segment| way(id, &segment.frame()));
        assert!(sessions.iter().map(story).eq(expected.iter().cloned()), "{name}: {:?}", facts.fragments);
        assert_eq!(facts.fragments, FragmentFacts::default(), "{name}");
    }
}

#[test]
fn a_missing_fragment_is_said() {
    let (_, facts) = analysed(&sample(), 101, |id, segment| {
        let mut frames = in_fragments(id, &segment.frame(), 8, 0);
        if id % 7 == 0 {
            frames.remove(1);
        }
        frames
    });
    assert!(facts.fragments.incomplete.count > 0);
    let notes = notes(&facts);
    assert!(notes[0].text.ends_with("what they carried is missing: not all fragments were captured."), "{notes:?}");
}

#[test]
fn fragments_that_overlap_and_differ_are_said_and_carry_nothing() {
    let (sessions, facts) = analysed(&sample(), 101, |id, segment| {
        let mut frames = in_fragments(id, &segment.frame(), 16, 8);
        if let Some(second) = frames.get_mut(1) {
            *second.last_mut().unwrap() ^= 1;
            second[20] ^= 1;
        }
        frames
    });
    assert!(facts.fragments.overlapping.count > 10, "{:?}", facts.fragments);
    let large = |session: &Session| {
        session.counts.client.of(PacketType::CONNECT) + session.counts.client.of(PacketType::PUBLISH)
    };
    assert_eq!(sessions.iter().map(large).sum::<u64>(), 0, "only what fits one fragment is read");
    assert!(notes(&facts).iter().any(|note| note.text.contains("overlap")), "{:?}", notes(&facts));
}
