//! A DISCONNECT of MQTT 3.x has no body (3.1.1 §3.14): what stands there is no reason code.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::{Confidence, Verdict, diagnose};
use mqttcap::session::Session;
use mqttcap::stream::Side;
use support::analyse_segments;
use support::talk::Talk;

const OLD: [&[u8]; 2] = [b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c", &[0x20, 2, 0, 0]];
const NEW: [&[u8]; 2] = [b"\x10\x0E\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x01c", &[0x20, 3, 0, 0, 0]];

/// A session in which `side` says `goodbye` 5 s later, and `closes` closes.
fn session(opening: [&[u8]; 2], side: Side, goodbye: &[u8], closes: Side) -> Session {
    let mut talk = Talk::opened();
    talk.says(Side::Client, opening[0]);
    talk.says(Side::Server, opening[1]);
    talk.acknowledges(Side::Client);
    talk.waits(5);
    talk.says(side, goodbye);
    talk.closes(closes);
    let mut sessions = analyse_segments(&talk.into_segments());
    assert_eq!(sessions.len(), 1);
    sessions.remove(0)
}

/// No word of it reads the body.
fn assert_no_code(session: &Session, code: &str) -> Verdict {
    let verdict = diagnose(session);
    assert!(verdict.outcome.code.is_none());
    assert!(!format!("{verdict:?}").contains(code), "{verdict:?}");
    assert!(!format!("{:?}", session.timeline).contains("ReasonCode(1"), "{:?}", session.timeline);
    verdict
}

#[test]
fn of_a_client() {
    let left = session(OLD, Side::Client, &[0xE0, 1, 0x78], Side::Client);
    let verdict = assert_no_code(&left, "0x78");
    assert_eq!((verdict.outcome.id, verdict.outcome.confidence), ("clean-disconnect", Confidence::Likely));
    assert!(
        verdict.outcome.sentence.contains("its DISCONNECT breaks a rule (§3.14.1)"),
        "{}",
        verdict.outcome.sentence
    );
    let cut_off = session(OLD, Side::Client, &[0xE0, 2, 0x8E, 0], Side::Server);
    assert_eq!(assert_no_code(&cut_off, "0x8E").outcome.id, "client-broke-rules");
}

#[test]
fn of_a_server() {
    let dismissed = session(OLD, Side::Server, &[0xE0, 2, 0x8E, 0], Side::Server);
    assert_eq!(assert_no_code(&dismissed, "0x8E").outcome.id, "administrative-disconnect");
}

#[test]
fn without_a_body_or_in_5_0_all_is_well() {
    let plain = diagnose(&session(OLD, Side::Client, &[0xE0, 0], Side::Client)).outcome;
    assert_eq!((plain.id, plain.confidence), ("clean-disconnect", Confidence::Certain));
    let will = diagnose(&session(NEW, Side::Client, &[0xE0, 1, 4], Side::Client)).outcome;
    assert_eq!((will.id, will.code.unwrap().0), ("disconnect-with-will", 4));
    let taken = diagnose(&session(NEW, Side::Server, &[0xE0, 2, 0x8E, 0], Side::Server)).outcome;
    assert_eq!((taken.id, taken.code.unwrap().0), ("session-taken-over", 0x8E));
}
