//! `late-ping`: the client was silent for longer than its Keep Alive.

use super::{About, Found};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::Version;
use crate::session::{Close, CloseHow};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "late-ping", severity: Severity::Warning, text: include_str!("late_ping.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let Some(seconds) = story.keep_alive().filter(|seconds| *seconds > 0) else {
        return Vec::new();
    };
    let Some((silence, broken)) = story.session.keep_alive.longest_silence else {
        return Vec::new();
    };
    // Who waits for the CONNACK has nothing to say yet, and a silence that the broker ended did not pass.
    let refused = |close: &Close| {
        close.how == CloseHow::Reset && !served_after(story, broken) && story.soon(broken, close.at, 2 * SECOND)
    };
    let ended = story.close_by(Side::Server).is_some_and(|close| close.at.is_before(broken) || refused(&close));
    if ended || story.session.connect.is_some() && !story.connected() {
        return Vec::new();
    }
    let allowed = i64::from(seconds) * SECOND;
    // A client that pings exactly when the time is up is late by its own delay only.
    let tolerance = (allowed / 20).max(SECOND);
    if silence <= allowed + tolerance {
        return Vec::new();
    }
    let span = words::duration(silence);
    let clause = match story.version() {
        Some(Version::V5) => "MQTT-3.1.2-20",
        _ => "MQTT-3.1.2-23",
    };
    let found = Found::new(
        &ABOUT,
        format!("{} was silent for {span} although its Keep Alive is {seconds} s.", story.client()),
        [broken],
    )
    .on(&[Ground::Timing, Ground::Absence])
    .by(Side::Client)
    .clause(clause);
    if silence <= longest_let_pass(seconds) || !served_after(story, broken) {
        return vec![found.detail("The broker let it pass this time: it may close after 1.5 times the Keep Alive.")];
    }
    vec![found.only(Confidence::Likely).detail(format!(
        "The broker went on with it, though it has to close after 1.5 times the Keep Alive ({}). Either it does not enforce Keep Alive, or the time is the capture's: its clock was set forward, or it stood still.",
        enforcement(story)
    ))]
}

/// A silence, in nanoseconds, that no broker lets pass which enforces a Keep Alive of so many seconds: EMQX waits up to
/// twice as long, mosquitto some seconds more than it has to.
pub(super) fn longest_let_pass(seconds: u16) -> i64 {
    i64::from(seconds) * 2 * SECOND + 10 * SECOND
}

/// The statement by which a broker closes.
pub(super) fn enforcement(story: &Story<'_>) -> &'static str {
    match story.version() {
        Some(Version::V5) => "MQTT-3.1.2-22",
        _ => "MQTT-3.1.2-24",
    }
}

/// Whether the broker sent the client something new after `at`.
fn served_after(story: &Story<'_>, at: Moment) -> bool {
    story.session.wire.sent.server.last_data.is_some_and(|data| at.is_before(data))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, finding};
    use crate::mqtt::PacketType;
    use crate::stream::Side;

    #[test]
    fn a_pause_that_no_broker_lets_pass_may_be_the_captures() {
        let found = |seconds: i64, served: bool| {
            let tale = Tale::healthy().with(|session| {
                let mut at = session.wire.sent.server.last_data.unwrap();
                at.time.0 -= if served { 1_000_000_000 } else { 0 };
                session.keep_alive.longest_silence = Some((seconds * 1_000_000_000, at));
            });
            finding(&tale.build(), "late-ping").unwrap()
        };
        let (long, usual, unserved) = (found(3600, true), found(100, true), found(3600, false));
        assert_eq!(long.confidence, Confidence::Likely);
        assert!(long.detail.unwrap().contains("(MQTT-3.1.2-24). Either it does not enforce"));
        assert!(usual.detail.unwrap().starts_with("The broker let it pass this time"));
        assert!(unserved.detail.unwrap().starts_with("The broker let it pass this time"));
    }

    #[test]
    fn a_pause_longer_than_the_keep_alive() {
        let found = |seconds: i64| {
            let tale = Tale::healthy().with(|session| {
                session.keep_alive.longest_silence = Some((seconds * 1_000_000_000, session.wire.last));
            });
            finding(&tale.build(), "late-ping")
        };
        assert_eq!(found(75).unwrap().headline, "sensor-17 was silent for 1 min 15 s although its Keep Alive is 60 s.");
        assert!(found(61).is_none());
        assert!(found(30).is_none());
    }

    #[test]
    fn a_silence_that_did_not_pass() {
        let found = |tale: Tale| {
            let tale = tale.with(|session| {
                session.keep_alive.longest_silence = Some((75 * 1_000_000_000, session.wire.last));
            });
            finding(&tale.build(), "late-ping").is_some()
        };
        let spoke = |tale: Tale| tale.packet(Side::Client, PacketType::PINGREQ, 1.0);
        assert!(found(spoke(Tale::connected())));
        assert!(!found(spoke(Tale::connected().close(Side::Server, 95.0))));
        assert!(!found(Tale::connecting().disconnect(Side::Client, 0, 75.0)));
        assert!(!found(spoke(Tale::connected()).reset(Side::Server, 0.001)));
    }
}
