//! A session that is looked at while it goes on: looking changes nothing, and what is told early is not taken back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use std::collections::BTreeMap;
use std::path::Path;

use mqttcap::diagnosis::{Confidence, Finding, Severity, Verdict, diagnose};
use mqttcap::session::Session;
use mqttcap::source::CaptureFile;
use support::{analyse, captures, engine, name};

/// What was told of each session before its end was judged: findings, and the newest outcome once it was closed.
#[derive(Default)]
struct Told {
    findings: BTreeMap<String, u64>,
    outcome: Option<&'static str>,
}

fn is_told(finding: &Finding) -> bool {
    finding.severity >= Severity::Warning && finding.confidence >= Confidence::Likely && !finding.may_pass()
}

/// Looks at every connection after each frame.
fn look(path: &Path) -> (BTreeMap<u32, Told>, Vec<Session>) {
    let mut engine = engine();
    engine.note_changes();
    let (mut told, mut sessions) = (BTreeMap::<u32, Told>::new(), Vec::new());
    let mut file = CaptureFile::open(path).unwrap();
    while let Some(frame) = file.next_frame() {
        engine.push(&frame, &mut |session| sessions.push(*session));
        engine.look_at_all();
        engine.changed(usize::MAX, &mut |session| {
            let verdict = diagnose(&session);
            let told = told.entry(session.wire.stream.unwrap()).or_default();
            for finding in verdict.findings.iter().filter(|finding| is_told(finding)) {
                told.findings.entry(finding.id.to_string()).or_insert(frame.at.frame.0);
            }
            told.outcome = session.wire.is_over().then_some(verdict.outcome.id);
        });
    }
    engine.finish(&mut |session| sessions.push(*session));
    sessions.sort_by_key(|session| session.wire.first.frame);
    (told, sessions)
}

#[test]
fn looking_changes_nothing() {
    for path in captures() {
        let (seen, unseen) = (look(&path).1, analyse(&path).0);
        assert_eq!(format!("{seen:?}"), format!("{unseen:?}"), "{}", name(&path));
    }
}

fn verdicts(sessions: &[Session]) -> BTreeMap<u32, Verdict> {
    let streams = sessions.iter().filter_map(|session| Some((session.wire.stream?, diagnose(session))));
    streams.collect()
}

#[test]
fn findings_are_not_taken_back() {
    let mut taken_back = Vec::new();
    for path in captures() {
        let (told, sessions) = look(&path);
        let verdicts = verdicts(&sessions);
        for (stream, told) in &told {
            let verdict = verdicts.get(stream);
            for (id, frame) in &told.findings {
                if !verdict.is_some_and(|verdict| verdict.findings.iter().any(|finding| finding.id == *id)) {
                    let outcome = verdict.map(|verdict| verdict.outcome.id);
                    taken_back.push(format!("{}: stream {stream}, frame {frame}: {id}; then {outcome:?}", name(&path)));
                }
            }
            if let Some(outcome) = told.outcome
                && verdict.map(|verdict| verdict.outcome.id) != Some(outcome)
            {
                let then = verdict.map(|verdict| verdict.outcome.id);
                taken_back.push(format!("{}: stream {stream}: {outcome}, then {then:?}", name(&path)));
            }
        }
    }
    assert!(taken_back.is_empty(), "{}", taken_back.join("\n"));
}
