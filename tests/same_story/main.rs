//! The same sessions in every link, tunnel and file format, fragmented, repeated, reordered and cut by TCP in every way
//! tell the same story. Where that cannot be, because a frame is lost, nothing is told that did not happen.
//!
//! More of the same: `files*.rs` (every format gives the same frames), `timeline_properties.rs` (random cuts, copies and
//! order over all captures), `reordered.rs` (frames of both directions that change places).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr
)] // a test may fail

#[path = "../files_build/mod.rs"]
mod files_build;
mod fragments;
mod links;
#[path = "../support/mod.rs"]
#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;
mod wire;

use std::io::{Cursor, Write};
use std::path::Path;

use files_build::{Order, Packet, pcap, pcapng};
use mqttcap::capture::{Frame, FrameNumber, LinkType, Moment};
use mqttcap::diagnosis::{Confidence, diagnose};
use mqttcap::mqtt::PacketType;
use mqttcap::session::{CaptureFacts, Session};
use mqttcap::source::CaptureFile;
use mqttcap::stream::Side;
use support::{OwnedSegment, analyse_segments, captures, engine, root, segments};

/// What a session is to a reader, without frames and times.
type Story = (&'static str, String, Vec<String>);

fn story(session: &Session) -> Story {
    let events = session.timeline.events().map(|event| format!("{:?} {:?}", event.side, event.kind));
    let outcome = diagnose(session).outcome;
    (outcome.id, outcome.sentence, events.collect())
}

fn sample() -> Vec<OwnedSegment> {
    ["takeover-v5", "healthy-v311-qos2", "bad-password-v5", "client-reset"]
        .iter()
        .flat_map(|name| segments(&root().join("captures").join(name).with_extension("pcapng")))
        .collect()
}

/// The stories of segments as they are.
fn expected(segments: &[OwnedSegment]) -> Vec<Story> {
    let expected: Vec<_> = analyse_segments(segments).iter().map(story).collect();
    assert!(expected.len() > 3);
    expected
}

/// The sessions of frames that `wrap` makes of each segment and its number.
fn analysed(
    segments: &[OwnedSegment],
    link: u16,
    wrap: impl Fn(usize, &OwnedSegment) -> Vec<Vec<u8>>,
) -> (Vec<Session>, CaptureFacts) {
    let mut engine = engine();
    let mut sessions = Vec::new();
    let mut number = 0;
    for (segment, place) in segments.iter().zip(0..) {
        for data in wrap(place, segment) {
            number += 1;
            let at = Moment { frame: FrameNumber::new(number), time: segment.time };
            let original_length = u32::try_from(data.len()).unwrap();
            let frame = Frame { at, link: LinkType(link), data: &data, original_length };
            engine.push(&frame, &mut |session| sessions.push(*session));
        }
    }
    let facts = engine.finish(&mut |session| sessions.push(*session));
    sessions.sort_by_key(|session| session.wire.first.frame);
    (sessions, facts)
}

#[test]
fn every_link_and_tunnel_tells_the_same_story() {
    let segments = sample();
    let expected = expected(&segments);
    for (name, link, wrap) in links::ENCAPSULATIONS {
        let (sessions, facts) = analysed(&segments, *link, |_, segment| vec![wrap(&segment.frame())]);
        assert!(sessions.iter().map(story).eq(expected.iter().cloned()), "{name}: {:?}", facts.undecodable);
        assert!(facts.undecodable.is_empty(), "{name}: {:?}", facts.undecodable);
    }
}

#[test]
fn a_clock_that_is_set_back_is_told_once_and_of_no_later_session() {
    const HOUR: i64 = 3_600_000_000_000;
    let capture = |name: &str| segments(&root().join("captures").join(name).with_extension("pcapng"));
    let mut all = capture("bad-password-v5");
    for segment in all.iter_mut().skip(3) {
        segment.time.0 -= HOUR;
    }
    let mut later = capture("client-reset");
    let behind = all.last().unwrap().time.0 + 1_000_000_000 - later[0].time.0;
    for segment in &mut later {
        segment.time.0 += behind;
    }
    all.extend(later);
    let (sessions, facts) = analysed(&all, 101, |_, segment| vec![segment.frame()]);
    assert_eq!((facts.clock_jumps.count, facts.clock_jumps.first.get()), (1, 4));
    let jumped: Vec<bool> = sessions.iter().map(|session| session.capture.clock_jumped).collect();
    assert!(jumped.len() > 1 && jumped[0] && !jumped[1..].contains(&true), "{jumped:?}");
}

#[test]
fn every_file_format_tells_the_same_story() {
    let segments = sample();
    let expected = expected(&segments);
    let packet = |segment: &OwnedSegment| -> Packet {
        let frame = segment.frame();
        (segment.time.0, u32::try_from(frame.len()).unwrap(), frame)
    };
    let packets: Vec<Packet> = segments.iter().map(packet).collect();
    let gzip = |bytes: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let mut files = Vec::new();
    for order in [Order::Little, Order::Big] {
        for (name, magic) in [("microseconds", 0xa1b2_c3d4), ("nanoseconds", 0xa1b2_3c4d), ("modified", 0xa1b2_cd34)] {
            files.push((format!("pcap, {name}"), pcap(order, magic, 101, &packets)));
        }
        files.push(("pcapng, microseconds".into(), pcapng_raw(order, 6, &packets)));
        files.push(("pcapng, nanoseconds".into(), pcapng_raw(order, 9, &packets)));
    }
    let compressed: Vec<_> = files.iter().map(|(name, bytes)| (format!("{name}, gzip"), gzip(bytes))).collect();
    for (name, bytes) in files.into_iter().chain(compressed) {
        let mut engine = engine();
        let mut sessions = Vec::new();
        let mut file = CaptureFile::read_from(Path::new("trace"), Cursor::new(bytes)).unwrap();
        while let Some(frame) = file.next_frame() {
            engine.push(&frame, &mut |session| sessions.push(*session));
        }
        engine.finish(&mut |session| sessions.push(*session));
        sessions.sort_by_key(|session| session.wire.first.frame);
        assert!(sessions.iter().map(story).eq(expected.iter().cloned()), "{name}");
    }
}

/// pcapng of raw IP: the builder writes Ethernet, whose number stands once, in the interface block.
fn pcapng_raw(order: Order, resolution: u8, packets: &[Packet]) -> Vec<u8> {
    let mut bytes = pcapng(order, resolution, 0, packets);
    let place = if matches!(order, Order::Little) { 28 + 8 } else { 28 + 9 };
    assert_eq!(bytes[place], 1);
    bytes[place] = 101;
    bytes
}

#[test]
fn a_lost_frame_invents_nothing() {
    for name in ["takeover-v5", "healthy-v311-qos2", "bad-password-v5", "server-closes-after-publish"] {
        let whole = segments(&root().join("captures").join(name).with_extension("pcapng"));
        let count = |sessions: &[Session]| {
            let of =
                |side, kind| sessions.iter().map(|session| session.counts.of(side).of(PacketType(kind))).sum::<u64>();
            [Side::Client, Side::Server].map(|side| (1..16).map(|kind| of(side, kind)).collect::<Vec<_>>())
        };
        let sessions = analyse_segments(&whole);
        let (truly, ids) =
            (count(&sessions), sessions.iter().map(|session| diagnose(session).outcome).collect::<Vec<_>>());
        for lost in 0..whole.len() {
            let mut rest = whole.clone();
            rest.remove(lost);
            let sessions = analyse_segments(&rest);
            for (found, truly) in count(&sessions).iter().zip(&truly) {
                assert!(
                    found.iter().zip(truly).all(|(found, truly)| found <= truly),
                    "{name} without {lost}: {found:?}"
                );
            }
            assert!(sessions.len() <= ids.len(), "{name} without {lost}");
            // What a refusal or a goodbye says is read, not guessed.
            for session in &sessions {
                let outcome = diagnose(session).outcome;
                assert!(
                    outcome.group != "refused" || ids.iter().any(|truly| truly.id == outcome.id),
                    "{name} without {lost}: {}",
                    outcome.sentence
                );
            }
        }
    }
}

/// What a session must truly be, or have, before it is said to.
fn accusations(session: &Session) -> Vec<String> {
    const NEEDED: [&str; 4] =
        ["connection-refused", "client-broke-rules", "server-broke-rules", "tls-negotiation-failed"];
    let verdict = diagnose(session);
    let outcome = &verdict.outcome;
    let said =
        (outcome.group == "wrong-door" || NEEDED.contains(&outcome.id)) && outcome.confidence > Confidence::Possible;
    let broken = verdict.findings.iter().filter(|finding| {
        finding.is("rule-violated") && finding.confidence > Confidence::Possible || finding.is("overlaps-differ")
    });
    said.then(|| outcome.id.to_owned()).into_iter().chain(broken.map(|finding| finding.id.to_string())).collect()
}

#[test]
fn a_lost_frame_accuses_nobody() {
    // Damaged copies, forged ones, and packets that break rules on purpose.
    const LEFT_OUT: [&str; 3] = ["noisy-wire", "forged-segments", "server-breaks-rules"];
    let mut tried = 0;
    for path in captures() {
        let whole = segments(&path);
        if whole.len() > 60 || LEFT_OUT.contains(&support::name(&path).as_str()) {
            continue;
        }
        let truly: Vec<_> = analyse_segments(&whole).iter().flat_map(accusations).collect();
        for lost in 0..whole.len() {
            let mut rest = whole.clone();
            rest.remove(lost);
            for session in analyse_segments(&rest) {
                // What is tolerated several times may be fatal once.
                let broke = |said: &str| {
                    said == "client-broke-rules" && truly.iter().any(|truly| truly.starts_with("rule-violated"))
                };
                let unfounded = accusations(&session).into_iter().filter(|said| !truly.contains(said) && !broke(said));
                let unfounded: Vec<_> = unfounded.collect();
                assert!(unfounded.is_empty(), "{} without {lost}: {unfounded:?}", support::name(&path));
            }
            tried += 1;
        }
    }
    assert!(tried > 2000, "{tried}");
}
