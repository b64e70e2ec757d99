//! However the bytes of a session are cut, repeated, reordered within bounds or mixed with those of
//! others, its timeline and its outcome are the same.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::diagnose;
use mqttcap::session::{EventKind, Session};
use mqttcap::stream::Side;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use support::{OwnedSegment, analyse_segments, captures, name, segments};

const SYN_FIN_RST: u8 = 0x07;

/// Captures that have holes of their own, or no session, or in which a WebSocket is known by where segments begin.
const LEFT_OUT: [&str; 5] = ["lossy-link", "client-vanished", "short-snaplen", "not-mqtt", "ws-picked-up"];

/// It lasts so long that a single knock of another capture counts as unanswered.
const OUTLASTS: &str = "idle-forgotten";

/// Where the capture begins inside a stream, what was captured first counts as the stream's beginning,
/// so that the order of the first segments matters.
const BEGIN_LATE: [&str; 4] = ["picked-up-mid-session", "picked-up-mid-session-v5", "picked-up-no-end", SEALED_LATE];

/// Nothing in an encrypted stream tells where its records begin but that most segments begin with one: where such a
/// stream begins late, its segments matter.
const SEALED_LATE: &str = "tls-picked-up";

/// What a session is to a reader, without frames and times: its outcome, and the packets of client and server in order.
type Story = (String, Vec<EventKind>, Vec<EventKind>);

fn story(session: &Session) -> Story {
    let packets = |side: Side| {
        let events = session.timeline.events().filter(|event| event.side == Some(side));
        events
            .filter(|event| {
                use EventKind::{Established, Fin, Reset, Syn, SynAck};
                !matches!(event.kind, Syn | SynAck | Established | Fin | Reset)
            })
            .map(|event| event.kind.clone())
            .collect()
    };
    (diagnose(session).outcome.id.to_owned(), packets(Side::Client), packets(Side::Server))
}

fn stories(segments: &[OwnedSegment]) -> Vec<Story> {
    analyse_segments(segments).iter().map(story).collect()
}

/// Cuts every payload at places chosen by `cuts`.
fn resegmented(segments: &[OwnedSegment], cuts: &[u8]) -> Vec<OwnedSegment> {
    let mut cuts = cuts.iter().cycle();
    let mut out = Vec::new();
    for segment in segments {
        let mut rest = segment.clone();
        while rest.payload.len() > 1 {
            let cut = 1 + usize::from(*cuts.next().unwrap());
            if cut >= rest.payload.len() || rest.flags & SYN_FIN_RST & 0x02 != 0 {
                break;
            }
            let tail = rest.payload.split_off(cut);
            let first = OwnedSegment { flags: rest.flags & !SYN_FIN_RST, ..rest.clone() };
            rest.sequence = rest.sequence.wrapping_add(u32::try_from(cut).unwrap());
            rest.payload = tail;
            out.push(first);
        }
        out.push(rest);
    }
    out
}

/// Repeats segments with payload.
fn duplicated(segments: &[OwnedSegment], again: &[bool]) -> Vec<OwnedSegment> {
    let mut again = again.iter().cycle();
    let mut out = Vec::new();
    for segment in segments {
        out.push(segment.clone());
        if *again.next().unwrap() && !segment.payload.is_empty() && segment.flags & SYN_FIN_RST == 0 {
            out.push(segment.clone());
        }
    }
    out
}

/// Swaps neighbours that one end sent to another, as a capture on several queues would.
fn reordered(segments: &[OwnedSegment], swaps: &[bool]) -> Vec<OwnedSegment> {
    let mut out = segments.to_vec();
    let mut swaps = swaps.iter().cycle();
    let mut at = 1;
    while at < out.len() {
        let (earlier, later) = (&out[at - 1], &out[at]);
        let swappable = earlier.source == later.source
            && earlier.destination == later.destination
            && later.time.nanoseconds_since(earlier.time) < 10_000_000
            && (earlier.flags | later.flags) & SYN_FIN_RST == 0;
        if *swaps.next().unwrap() && swappable {
            let time = out[at - 1].time;
            out[at - 1].time = out[at].time;
            out[at].time = time;
            out.swap(at - 1, at);
            at += 1;
        }
        at += 1;
    }
    out
}

/// The runner: a fixed seed, so that a failure comes back.
fn runner() -> TestRunner {
    TestRunner::new(Config { cases: 32, rng_seed: RngSeed::Fixed(17), failure_persistence: None, ..Config::default() })
}

fn each_capture(check: impl Fn(&str, Vec<OwnedSegment>)) {
    for path in captures() {
        if !LEFT_OUT.contains(&name(&path).as_str()) {
            check(&name(&path), segments(&path));
        }
    }
}

#[test]
fn cut_anywhere() {
    each_capture(|name, segments| {
        if name == SEALED_LATE {
            return;
        }
        let plain = stories(&segments);
        runner()
            .run(&proptest::collection::vec(0u8..60, 1..40), |cuts| {
                prop_assert_eq!(&stories(&resegmented(&segments, &cuts)), &plain, "{}", name);
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn sent_twice() {
    each_capture(|name, segments| {
        let plain = stories(&segments);
        runner()
            .run(&proptest::collection::vec(any::<bool>(), 1..20), |again| {
                prop_assert_eq!(&stories(&duplicated(&segments, &again)), &plain, "{}", name);
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn cut_and_reordered() {
    each_capture(|name, segments| {
        if BEGIN_LATE.contains(&name) {
            return;
        }
        let plain = stories(&segments);
        let choices = (proptest::collection::vec(5u8..60, 1..40), proptest::collection::vec(any::<bool>(), 1..20));
        runner()
            .run(&choices, |(cuts, swaps)| {
                let moved = reordered(&resegmented(&segments, &cuts), &swaps);
                prop_assert_eq!(&stories(&moved), &plain, "{}", name);
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn mixed_with_another_capture() {
    let fits = |name: &str| !LEFT_OUT.contains(&name) && name != OUTLASTS;
    let all: Vec<_> = captures().into_iter().filter(|path| fits(&name(path))).collect();
    for pair in all.windows(2) {
        let first = segments(&pair[0]);
        let mut second = segments(&pair[1]);
        let (Some(a), Some(b)) = (first.first(), second.first()) else { continue };
        let shift = a.time.nanoseconds_since(b.time);
        for segment in &mut second {
            segment.time.0 += shift;
            for endpoint in [&mut segment.source, &mut segment.destination] {
                if let std::net::IpAddr::V4(address) = &mut endpoint.address {
                    let [_, b, c, d] = address.octets();
                    *address = [11, b, c, d].into();
                }
            }
        }
        let mut apart = stories(&first);
        apart.extend(stories(&second));
        let mut mixed = [first, second].concat();
        mixed.sort_by_key(|segment| segment.time);
        let mut together = stories(&mixed);
        let order = |story: &Story| format!("{story:?}");
        apart.sort_by_key(order);
        together.sort_by_key(order);
        assert_eq!(together, apart, "{} with {}", name(&pair[0]), name(&pair[1]));
    }
}
