//! The committed captures against what truly happened in them (`captures/expected.toml`, written
//! by hand from the stories, never from a program's output).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use std::collections::BTreeMap;
use std::fmt::Write;

use mqttcap::diagnosis::{self, Confidence, Judged};
use support::truth::{expected, sessions as true_sessions, text, texts};
use support::{analyse, captures, name};
use toml::Value;

fn confidence(name: &str) -> Confidence {
    match name {
        "certain" => Confidence::Certain,
        "very-likely" => Confidence::VeryLikely,
        "likely" => Confidence::Likely,
        "possible" => Confidence::Possible,
        other => panic!("{other} is not a confidence"),
    }
}

/// Compares one capture with its truth; answers what differs.
fn differences(truth: &Value, path: &std::path::Path) -> Vec<String> {
    let (sessions, facts) = analyse(path);
    let mut wrong = Vec::new();
    let wanted = true_sessions(truth);
    if sessions.len() != wanted.len() {
        wrong.push(format!("{} sessions, truly {}", sessions.len(), wanted.len()));
    }
    let mut found = Vec::new();
    let verdicts: Vec<_> = sessions.iter().map(diagnosis::diagnose).collect();
    for (number, ((session, verdict), wanted)) in (1..).zip(sessions.iter().zip(&verdicts).zip(&wanted)) {
        let outcome = &verdict.outcome;
        let right = text(wanted, "outcome").unwrap();
        let fair = texts(wanted, "also");
        if outcome.id != right && !fair.iter().any(|fair| fair == outcome.id) {
            wrong.push(format!("session {number}: said {} ({}), truly {right}", outcome.id, outcome.sentence));
        }
        let most = confidence(text(wanted, "confidence").unwrap_or("certain"));
        if outcome.id == right && outcome.confidence > most {
            wrong.push(format!("session {number}: {:?} is more than the capture shows ({most:?})", outcome.confidence));
        }
        let client_id = session.connect.as_ref().and_then(|connect| connect.client_id.as_str());
        if client_id != text(wanted, "client_id") {
            wrong.push(format!("session {number}: client id {client_id:?}, truly {:?}", text(wanted, "client_id")));
        }
        let version = session.version.map(|version| version.to_string());
        if version.as_deref() != text(wanted, "version") && text(wanted, "version").is_some() {
            wrong.push(format!("session {number}: version {version:?}, truly {:?}", text(wanted, "version")));
        }
        found.extend(verdict.findings.iter().map(|finding| finding.id.to_string()));
    }
    for finding in texts(truth, "findings") {
        if !found.contains(&finding) {
            wrong.push(format!("the finding {finding} is missing (found: {found:?})"));
        }
    }
    let judged = (1..).zip(sessions.iter().zip(&verdicts));
    let judged: Vec<_> = judged.map(|(number, (session, verdict))| Judged::new(number, session, verdict)).collect();
    let across = diagnosis::across(&judged, &facts.traffic, &[]);
    let across: Vec<_> = across.into_iter().map(|spanning| spanning.finding.id).collect();
    let truly = texts(truth, "across");
    if across != truly {
        wrong.push(format!("across sessions {across:?}, truly {truly:?}"));
    }
    let packets: u64 =
        sessions.iter().map(|session| session.counts.client.total() + session.counts.server.total()).sum();
    if let Some(truly) = truth.get("packets").and_then(Value::as_integer)
        && u64::try_from(truly).unwrap() != packets
    {
        wrong.push(format!("{packets} control packets, truly {truly}"));
    }
    wrong
}

#[test]
fn every_capture_is_explained_as_it_truly_was() {
    let expected = expected();
    let mut report = String::new();
    for path in captures() {
        let name = name(&path);
        let Some(truth) = expected.get(&name) else {
            writeln!(report, "{name}: expected.toml says nothing of it").unwrap();
            continue;
        };
        for difference in differences(truth, &path) {
            writeln!(report, "{name}: {difference}").unwrap();
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_truth_has_its_capture() {
    let have: BTreeMap<_, _> = captures().into_iter().map(|path| (name(&path), path)).collect();
    let missing: Vec<_> = expected().keys().filter(|name| !have.contains_key(*name)).cloned().collect();
    assert!(missing.is_empty(), "in expected.toml, but not in captures/: {missing:?}");
}
