//! What TCP, mirror ports, network cards and rewriting do to the segments of a session.

use std::net::{IpAddr, Ipv6Addr};

use mqttcap::net::{Endpoint, TcpFlags};
use mqttcap::session::{EventKind, Session};
use mqttcap::stream::Side;

use super::links::{ethernet, sixteen};
use super::support::{OwnedSegment, analyse_segments, root, segments};
use super::{analysed, sample, story};

/// Frames of one segment of raw IP, and its number.
type Frames = fn(usize, &OwnedSegment) -> Vec<Vec<u8>>;

/// One's complement sum (RFC 1071) over the pseudo-header and `tcp`.
fn sum(segment: &OwnedSegment, tcp: &[u8]) -> u16 {
    let mut bytes = Vec::new();
    for address in [segment.source.address, segment.destination.address] {
        match address {
            IpAddr::V4(address) => bytes.extend(address.octets()),
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
    }
    bytes.extend([0, 6]);
    bytes.extend(sixteen(segment_length(segment)));
    bytes.extend(tcp);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    let total: u32 = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let total = (total & 0xffff) + (total >> 16);
    u16::try_from((total & 0xffff) + (total >> 16)).unwrap()
}

fn segment_length(segment: &OwnedSegment) -> usize {
    20 + segment.payload.len()
}

/// The segment as raw IP with this TCP checksum.
fn with_checksum(segment: &OwnedSegment, checksum: u16) -> Vec<u8> {
    let mut frame = segment.frame();
    let place = frame.len() - segment_length(segment) + 16;
    frame[place..place + 2].copy_from_slice(&checksum.to_be_bytes());
    frame
}

fn right_checksum(segment: &OwnedSegment) -> u16 {
    let frame = segment.frame();
    !sum(segment, &frame[frame.len() - segment_length(segment)..])
}

/// The frame in Ethernet from and to other stations, tagged or not.
fn from_station(station: u8, vlan: bool, ip: &[u8]) -> Vec<u8> {
    let mut frame = if vlan { ethernet(0x8100, &[&[0, station, 8, 0], ip].concat()) } else { ethernet(0x0800, ip) };
    (frame[5], frame[11]) = (station, station);
    frame
}

fn less_hop(segment: &OwnedSegment) -> OwnedSegment {
    OwnedSegment { hop_limit: segment.hop_limit - 1, ..segment.clone() }
}

/// The segment on both sides of a router, which forwards it: where its client is, and where `rewrite` gives its server or its
/// client another name.
fn on_both_sides(segment: &OwnedSegment, rewrite: impl Fn(&mut Endpoint)) -> Vec<Vec<u8>> {
    let mut rewritten = segment.clone();
    rewrite(&mut rewritten.source);
    rewrite(&mut rewritten.destination);
    if segment.destination.port == 1883 {
        vec![segment.frame(), less_hop(&rewritten).frame()]
    } else {
        vec![rewritten.frame(), less_hop(segment).frame()]
    }
}

/// What each segment is seen as: a name, the link type, and the frames.
const SEEN_AS: &[(&str, u16, Frames)] = &[
    ("twice, by a mirror port", 101, |_, segment| vec![segment.frame(); 2]),
    ("three times", 101, |_, segment| vec![segment.frame(); 3]),
    ("before and behind a router", 101, |_, segment| vec![segment.frame(), less_hop(segment).frame()]),
    ("before and behind a port forwarding", 101, |_, segment| {
        on_both_sides(segment, |end| {
            if end.port == 1883 {
                *end = Endpoint { address: [172, 17, 0, 2].into(), port: 11_883 };
            }
        })
    }),
    ("before and behind a NAT", 101, |_, segment| {
        on_both_sides(segment, |end| {
            if end.port != 1883 {
                *end = Endpoint { address: [192, 0, 2, 1].into(), port: end.port ^ 0x0101 };
            }
        })
    }),
    ("before and behind a switch", 1, |_, segment| {
        vec![from_station(3, false, &segment.frame()), from_station(4, true, &segment.frame())]
    }),
    ("before and behind a router, with VLANs", 1, |_, segment| {
        vec![from_station(3, true, &segment.frame()), from_station(4, true, &less_hop(segment).frame())]
    }),
    ("with the right checksum", 101, |_, segment| vec![with_checksum(segment, right_checksum(segment))]),
    ("with the sum of the pseudo-header", 101, |_, segment| vec![with_checksum(segment, sum(segment, &[]))]),
    ("with unfinished checksums of the client", 101, |_, segment| {
        let unfinished = segment.destination.port == 1883;
        vec![with_checksum(segment, if unfinished { sum(segment, &[]) } else { right_checksum(segment) })]
    }),
    ("with wrong checksums, all of them", 101, |_, segment| {
        vec![with_checksum(segment, right_checksum(segment) ^ 0x0101)]
    }),
    ("with wrong checksums where payload was rewritten", 101, |_, segment| {
        let wrong = if segment.payload.is_empty() { 0 } else { 0x0101 };
        vec![with_checksum(segment, right_checksum(segment) ^ wrong)]
    }),
    ("with a total length of 0 (TSO)", 101, |_, segment| {
        let mut frame = segment.frame();
        frame[2..4].fill(0);
        vec![frame]
    }),
    ("as urgent data", 101, |_, segment| {
        let mut urgent = segment.clone();
        urgent.flags |= if segment.payload.is_empty() { 0 } else { 0x20 };
        vec![urgent.frame()]
    }),
];

#[test]
fn however_segments_are_seen_they_tell_the_same_story() {
    let segments = sample();
    let expected = super::expected(&segments);
    for (name, link, frames) in SEEN_AS {
        let (sessions, facts) = analysed(&segments, *link, frames);
        let found: Vec<_> = sessions.iter().map(story).collect();
        assert_eq!(found, expected, "{name}");
        assert!(facts.undecodable.is_empty(), "{name}: {:?}", facts.undecodable);
    }
}

/// The sample over IPv6.
fn sample_v6() -> Vec<OwnedSegment> {
    let mut segments = sample();
    for segment in &mut segments {
        for endpoint in [&mut segment.source, &mut segment.destination] {
            if let IpAddr::V4(address) = endpoint.address {
                let [a, b, c, d] = address.octets();
                let words = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
                endpoint.address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, words[0], words[1]).into();
            }
        }
    }
    segments
}

/// Puts something between an IPv6 header and its payload; the length is that of all behind the header, or as told.
fn between(segment: &OwnedSegment, next: u8, extensions: &[u8], length: Option<u16>) -> Vec<u8> {
    let frame = segment.frame();
    let (header, payload) = frame.split_at(40);
    let length = length.map_or_else(|| sixteen(extensions.len() + payload.len()), u16::to_be_bytes);
    [&header[..4], &length, &[next], &header[7..], extensions, payload].concat()
}

/// Headers of RFC 8200 §4 and RFC 2675 before the segment.
const EXTENDED: &[(&str, Frames)] = &[
    ("IPv6", |_, segment| vec![segment.frame()]),
    ("hop-by-hop options", |_, segment| vec![between(segment, 0, &[6, 0, 1, 4, 0, 0, 0, 0], None)]),
    ("destination options", |_, segment| {
        vec![between(segment, 60, &[6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None)]
    }),
    ("an atomic fragment", |_, segment| vec![between(segment, 44, &[6, 0, 0, 0, 0, 0, 0, 7], None)]),
    ("a jumbogram", |_, segment| {
        let length = u32::try_from(segment_length(segment) + 8).unwrap().to_be_bytes();
        let option = [&[6, 0, 0xc2, 4][..], &length].concat();
        vec![between(segment, 0, &option, Some(0))]
    }),
    ("a length of 0 (TSO)", |_, segment| vec![between(segment, 6, &[], Some(0))]),
    ("the right checksum", |_, segment| vec![with_checksum(segment, right_checksum(segment))]),
];

#[test]
fn every_header_of_ipv6_tells_the_same_story() {
    let segments = sample_v6();
    let expected = super::expected(&segments);
    for (name, frames) in EXTENDED {
        let (sessions, facts) = analysed(&segments, 101, frames);
        assert_eq!(sessions.iter().map(story).collect::<Vec<_>>(), expected, "{name}");
        assert!(facts.undecodable.is_empty(), "{name}: {:?}", facts.undecodable);
    }
}

/// Outcome, and what each side did, in order: what stays when times, and the order of the two sides, do not.
fn course(session: &Session) -> (String, Vec<EventKind>, Vec<EventKind>) {
    let of = |side: Side| {
        let packets = session.timeline.events().filter(|event| event.side == Some(side));
        let packets = packets.filter(|event| !matches!(event.kind, EventKind::Established));
        packets.map(|event| event.kind.clone()).collect()
    };
    (mqttcap::diagnosis::diagnose(session).outcome.id.to_owned(), of(Side::Client), of(Side::Server))
}

/// Segments to segments.
type Rewriting = fn(Vec<OwnedSegment>) -> Vec<OwnedSegment>;

fn is_client(segment: &OwnedSegment) -> bool {
    segment.destination.port == 1883
}

/// Puts what `more` makes of a segment, and of the time until the next of the capture, behind it.
fn with_more(
    segments: &[OwnedSegment],
    more: impl Fn(&OwnedSegment, &OwnedSegment) -> Vec<OwnedSegment>,
) -> Vec<OwnedSegment> {
    let mut all = Vec::new();
    for (place, segment) in segments.iter().enumerate() {
        all.push(segment.clone());
        if let Some(next) = segments.get(place + 1) {
            all.extend(more(segment, next));
        }
    }
    all
}

/// An empty segment that the sender of `segment` sends `milliseconds` later.
fn later(segment: &OwnedSegment, milliseconds: i64, ahead: i32, payload: &[u8]) -> OwnedSegment {
    let length = i32::try_from(segment.payload.len()).unwrap();
    let mut later = segment.clone();
    later.time.0 += milliseconds * 1_000_000;
    later.sequence = segment.sequence.wrapping_add_signed(length + ahead);
    later.flags = TcpFlags::ACK;
    later.payload = payload.to_vec();
    later
}

fn answer(segment: &OwnedSegment, asked: &OwnedSegment, window: u16) -> OwnedSegment {
    let mut answer = later(asked, 0, 0, b"");
    (answer.source, answer.destination) = (asked.destination, asked.source);
    (answer.sequence, answer.acknowledgment) =
        (segment.acknowledgment, segment.sequence.wrapping_add(u32::try_from(segment.payload.len()).unwrap()));
    answer.window = window;
    answer
}

/// Whether nothing opens or ends around here, and the next segment comes from the same connection a while later.
fn is_quiet(segment: &OwnedSegment, next: &OwnedSegment, milliseconds: i64) -> bool {
    let plain = (segment.flags | next.flags) & (TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) == 0;
    let pair = [segment.source, segment.destination];
    let same = pair.contains(&next.source) && pair.contains(&next.destination);
    plain && same && next.time.nanoseconds_since(segment.time) > milliseconds * 1_000_000
}

const REWRITINGS: &[(&str, Rewriting)] = &[
    ("one direction's clock is 3 ms ahead, sorted by time", |mut segments| {
        segments.iter_mut().filter(|segment| is_client(segment)).for_each(|segment| segment.time.0 += 3_000_000);
        segments.sort_by_key(|segment| segment.time);
        segments
    }),
    ("one direction's clock is 40 ms behind", |mut segments| {
        segments.iter_mut().filter(|segment| is_client(segment)).for_each(|segment| segment.time.0 -= 40_000_000);
        segments
    }),
    ("neighbours of one sender swapped", |mut segments| {
        for place in (1..segments.len()).step_by(3) {
            let (one, other) = (&segments[place - 1], &segments[place]);
            let plain = (one.flags | other.flags) & (TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) == 0;
            if plain && one.source == other.source && one.destination == other.destination {
                segments.swap(place - 1, place);
            }
        }
        segments
    }),
    ("keep-alive probes, empty and with a byte of garbage, and their answers", |segments| {
        with_more(&segments, |segment, next| {
            if !is_quiet(segment, next, 100) {
                return Vec::new();
            }
            let ack = answer(segment, &later(segment, 1, 0, b""), 1000);
            let probes = [&b""[..], b"\xff"].map(|garbage| later(segment, 10, -1, garbage));
            let [one, other] = probes;
            vec![
                ack.clone(),
                one,
                OwnedSegment { time: next.time, ..ack.clone() },
                other,
                OwnedSegment { time: next.time, ..ack },
            ]
        })
    }),
    ("the window closes, is probed, and opens", |segments| {
        with_more(&segments, |segment, next| {
            if !is_quiet(segment, next, 100) {
                return Vec::new();
            }
            let closed = answer(segment, &later(segment, 1, 0, b""), 0);
            vec![closed.clone(), later(segment, 10, -1, b""), closed.clone(), OwnedSegment { window: 1000, ..closed }]
        })
    }),
    ("old segments come again much later", |segments| {
        let mut early = segments.clone();
        early.retain(|segment| !segment.payload.is_empty());
        early.sort_by_key(|segment| (segment.source, segment.destination));
        early.dedup_by_key(|segment| (segment.source, segment.destination));
        with_more(&segments, |segment, next| {
            let old = early.iter().filter(|old| old.source == segment.source && old.destination == segment.destination);
            if !is_quiet(segment, next, 100) {
                return Vec::new();
            }
            old.map(|old| OwnedSegment { time: next.time, acknowledgment: segment.acknowledgment, ..old.clone() })
                .collect()
        })
    }),
    ("forged resets inside and outside the window", |segments| {
        with_more(&segments, |segment, next| {
            if !is_quiet(segment, next, 100) {
                return Vec::new();
            }
            [3000, 1 << 30].map(|ahead| OwnedSegment { flags: TcpFlags::RST, ..later(segment, 1, ahead, b"") }).to_vec()
        })
    }),
    ("the client's first bytes on its SYN (RFC 7413)", |mut segments| {
        let ends: Vec<_> = segments
            .iter()
            .filter(|segment| segment.flags == TcpFlags::SYN)
            .map(|syn| (syn.source, syn.destination))
            .collect();
        for (source, destination) in ends {
            let of = |segment: &OwnedSegment| segment.source == source && segment.destination == destination;
            let syn = segments.iter().position(|segment| of(segment) && segment.flags == TcpFlags::SYN).unwrap();
            let data = segments.iter().position(|segment| of(segment) && !segment.payload.is_empty()).unwrap();
            let payload = std::mem::take(&mut segments[data].payload);
            let length = u32::try_from(payload.len()).unwrap();
            segments[data].sequence = segments[data].sequence.wrapping_add(length);
            segments[syn].payload = payload;
        }
        segments
    }),
    ("SYN and SYN-ACK sent again", |segments| {
        with_more(&segments, |segment, _| {
            let opens = segment.flags & TcpFlags::SYN != 0;
            let again =
                OwnedSegment { time: mqttcap::capture::Timestamp(segment.time.0 + 3_000_000), ..segment.clone() };
            if opens { vec![again] } else { Vec::new() }
        })
    }),
];

#[test]
fn whatever_tcp_does_the_course_is_the_same() {
    let segments = sample();
    let courses = |segments: &[OwnedSegment]| -> Vec<_> {
        let mut all: Vec<_> = analyse_segments(segments)
            .iter()
            .map(|session| (session.wire.peers.client.endpoint, course(session)))
            .collect();
        all.sort_by_key(|(client, _)| *client);
        all
    };
    let expected = courses(&segments);
    for (name, rewriting) in REWRITINGS {
        let rewritten = rewriting(segments.clone());
        assert!(rewritten != segments, "{name}: nothing was rewritten");
        let found = courses(&rewritten);
        assert_eq!(found.len(), expected.len(), "{name}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[test]
fn a_refusal_seen_before_and_behind_a_router_is_that_of_the_host() {
    let refused = |hops: u8| {
        let mut segments = segments(&root().join("captures/broker-away.pcapng"));
        for segment in segments.iter_mut().filter(|segment| segment.flags & TcpFlags::RST != 0) {
            segment.hop_limit -= hops;
        }
        let both = |_, segment: &OwnedSegment| vec![segment.frame(), less_hop(segment).frame()];
        let (sessions, _) = analysed(&segments, 101, both);
        (sessions.iter().map(story).collect::<Vec<_>>(), super::expected(&segments))
    };
    let (seen, expected) = refused(0);
    assert_eq!(seen, expected);
    assert!(seen[1].1.ends_with("nothing accepts connections on port 1883."), "{}", seen[1].1);
    let (seen, _) = refused(1);
    assert!(seen[1].1.contains("came from another device"), "{}", seen[1].1);
    // The router answers itself: neither the SYN nor the RST passes it.
    let segments = segments(&root().join("captures/broker-away.pcapng"));
    let turned_away: Vec<_> =
        segments.iter().filter(|one| one.flags & TcpFlags::RST != 0).map(|one| one.destination.port).collect();
    let (sessions, _) = analysed(&segments, 101, |_, segment| {
        let passes = !turned_away.iter().any(|port| [segment.source.port, segment.destination.port].contains(port));
        if passes { vec![segment.frame(), less_hop(segment).frame()] } else { vec![segment.frame()] }
    });
    let seen = story(&sessions[1]).1;
    assert!(seen.contains("came from another device"), "{seen}");
}
