//! What fuzzing checks, over the inputs that fuzzing found worth keeping (`fuzz/seeds`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::disallowed_methods)] // a test may fail

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use std::path::Path;

/// Runs `check` over every input that is kept for `target`.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        check(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "there are inputs for {target}");
}

#[test]
fn framer() {
    replay("framer", checks::framer::check);
}

#[test]
fn parser() {
    replay("parser", checks::parser::check);
}

#[test]
fn engine() {
    replay("engine", checks::engine::check);
}

#[test]
fn file() {
    replay("file", checks::file::check);
}

#[test]
fn link() {
    replay("link", checks::link::check);
}

#[test]
fn fragments() {
    replay("fragments", checks::fragments::check);
}

#[test]
fn assembler() {
    replay("assembler", checks::assembler::check);
}
