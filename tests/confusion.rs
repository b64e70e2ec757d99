//! What was said against what was true, over all committed captures: a confusion matrix, which has to be the
//! identity. `make matrix` prints it. And no outcome goes untested: each has a capture that raises it, and a near
//! miss that does not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout
)] // a test

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use mqttcap::diagnosis::{Outcome, Ruling, Verdict, diagnose, explain, outline, rule};
use support::truth::{expected, sessions, text, texts};
use support::{analyse, captures, name};

/// How often an outcome was said where another, or the same, was true.
type Matrix = BTreeMap<(String, String), usize>;

fn matrix() -> Matrix {
    let expected = expected();
    let mut matrix = Matrix::new();
    for path in captures() {
        let said = analyse(&path).0.into_iter().map(|session| diagnose(&session).outcome.id.to_owned());
        let said: Vec<String> = said.collect();
        let truly = sessions(&expected[&name(&path)]);
        for number in 0..said.len().max(truly.len()) {
            let none = || "(no session)".to_owned();
            let truly = truly.get(number).map_or_else(none, |session| text(session, "outcome").unwrap().to_owned());
            *matrix.entry((truly, said.get(number).cloned().unwrap_or_else(none))).or_default() += 1;
        }
    }
    matrix
}

/// A line for each outcome: how often it was true, and what was said then.
fn table(matrix: &Matrix) -> String {
    let mut table = String::new();
    let rows: BTreeSet<&String> = matrix.keys().map(|(truly, _)| truly).collect();
    for truly in rows {
        let said = matrix.iter().filter(|((row, _), _)| row == truly);
        let said: Vec<String> = said.map(|((_, said), count)| format!("{count} × {said}")).collect();
        writeln!(table, "{truly:28} {}", said.join(", ")).unwrap();
    }
    table
}

fn outcomes() -> BTreeSet<String> {
    let groups = explain::all().into_iter().filter(|group| group.kind == explain::Kind::Outcome);
    groups.flat_map(|group| group.topics).map(|topic| topic.name).collect()
}

#[test]
fn what_is_decided_in_silence_is_what_is_said() {
    for path in captures() {
        for session in analyse(&path).0 {
            assert_eq!(rule(&session), Ruling::from(&diagnose(&session)), "{}", name(&path));
        }
    }
}

#[test]
fn an_outline_says_the_same_but_for_the_words() {
    let kept = |Verdict { outcome, qualifiers, .. }: Verdict| {
        let Outcome { id, group, severity, confidence, code, code_name, reason_string, frames, .. } = outcome;
        (id, group, severity, confidence, code, code_name, reason_string, frames, qualifiers)
    };
    for path in captures() {
        for session in analyse(&path).0 {
            assert_eq!(kept(outline(&session)), kept(diagnose(&session)), "{}", name(&path));
        }
    }
}

#[test]
fn the_matrix_is_the_identity() {
    let matrix = matrix();
    let table = table(&matrix);
    println!("{:28} said\n{table}", "true");
    assert!(matrix.keys().all(|(truly, said)| truly == said), "\n{table}");
}

#[test]
fn every_outcome_has_its_capture_and_its_near_miss() {
    let (mut raised, mut missed) = (BTreeSet::new(), BTreeSet::new());
    for (name, truth) in &expected() {
        let sessions = sessions(truth);
        let truly: BTreeSet<String> =
            sessions.iter().map(|session| text(session, "outcome").unwrap().to_owned()).collect();
        missed.extend(sessions.iter().flat_map(|session| texts(session, "near")));
        for near in texts(truth, "near") {
            assert!(!truly.contains(&near), "{name}: {near} is near, and true");
            missed.insert(near);
        }
        raised.extend(truly);
    }
    let outcomes = outcomes();
    let unknown: Vec<_> = raised.union(&missed).filter(|id| !outcomes.contains(*id)).collect();
    assert!(unknown.is_empty(), "no outcomes: {unknown:?}");
    let unraised: Vec<_> = outcomes.difference(&raised).collect();
    let unmissed: Vec<_> = outcomes.difference(&missed).collect();
    assert!(unraised.is_empty() && unmissed.is_empty(), "no capture: {unraised:?}; no near miss: {unmissed:?}");
}
