//! Rows are bounded, and a session that goes on is renewed.

use super::*;
use crate::capture::FrameNumber;
use crate::report::fixtures::{healthy, refused, style};

/// A session that ended well and one that did not.
fn cases() -> (Case, Case) {
    let (session, verdict) = healthy(b"good", 1, 10, 0);
    let good = Case::alone(1, session, verdict);
    let (session, verdict) = refused(b"bad", 2, 20, 1);
    (good, Case::alone(2, session, verdict))
}

fn rows(screen: &mut Screen) -> Vec<String> {
    screen.rows.shown().0.iter().map(|line| line.row.ended.clone()).collect()
}

#[test]
fn the_oldest_that_ended_well_goes_first() {
    let mut screen = Screen::new("x".into(), style(80), 2, true);
    let (good, bad) = cases();
    let later = |case: &Case, frame: u64| {
        let mut case = case.clone();
        case.session.wire.first.frame = FrameNumber::new(frame);
        case
    };
    screen.take(&later(&bad, 1), true);
    screen.take(&later(&good, 2), true);
    screen.take(&later(&bad, 3), false);
    assert_eq!(screen.rows.counts().0, 2);
    assert!(screen.rows.shown().0.iter().all(|line| line.row.client == "bad"));
    // One that goes on stays when others have ended.
    screen.take(&later(&bad, 4), true);
    assert_eq!(screen.rows.counts().2, 2);
    assert!(screen.rows.ends((3, bad.session.wire.stream)).is_some());
}

#[test]
fn while_it_is_held_nothing_moves() {
    let mut screen = Screen::new("x".into(), style(80), 10, true);
    let (good, bad) = cases();
    screen.take(&good, true);
    screen.press(Key::Char('p'));
    screen.take(&bad, true);
    assert_eq!(rows(&mut screen).len(), 1);
    screen.press(Key::Char('p'));
    assert_eq!(rows(&mut screen).len(), 2);
}
