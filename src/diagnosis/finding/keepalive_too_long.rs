//! `keepalive-too-long`: the connection was forgotten on the way before the Keep Alive would have kept it open.

use super::{About, Found};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Silence, Story};
use crate::diagnosis::{Confidence, Severity, words};
use crate::session::CloseHow;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "keepalive-too-long", severity: Severity::Warning, text: include_str!("keepalive_too_long.md") };

/// Repetitions in vain that show that the way is dead.
const RETRIES: u32 = 3;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    forgotten(story).into_iter().collect()
}

fn forgotten(story: &Story<'_>) -> Option<Found> {
    let seconds = story.keep_alive().filter(|seconds| *seconds > 0)?;
    let (silence, seen) = [Side::Client, Side::Server].into_iter().find_map(|woke| failed(story, woke))?;
    let pause = silence.length();
    if !silence.is_idle() || i64::from(seconds) * SECOND <= pause || !story.connected() {
        return None;
    }
    let confidence = if silence.outlasts_known_timers() { Confidence::Likely } else { Confidence::Possible };
    let headline = format!(
        "The Keep Alive of {} is {seconds} s, but the connection did not survive {} of silence.",
        story.client(),
        words::duration(pause)
    );
    Some(
        Found::new(&ABOUT, headline, [silence.before, silence.after, seen])
            .only(confidence)
            .on(&[Ground::Absence, Ground::Timing, Ground::Cause])
            .detail("A firewall, NAT or load balancer on the way forgets what is silent for that long or less. A Keep Alive of less than half of it keeps the connection in its memory."),
    )
}

/// The silence that `woke` broke, and what shows that its packet no longer got through.
fn failed(story: &Story<'_>, woke: Side) -> Option<(Silence, Moment)> {
    let sent = story.session.wire.sent.of(woke);
    let reset = story.close.filter(|close| close.how == CloseHow::Reset && close.by != woke).map(|close| close.at);
    let repeated = (sent.retries.count >= RETRIES && story.unheard(woke)).then_some(sent.retries.last);
    let after = match (reset, repeated) {
        (None, Some(_)) => sent.waiting_since?,
        _ => story.last(woke)?.at,
    };
    let seen = reset.filter(|reset| story.soon(after, *reset, 2 * SECOND)).or(repeated)?;
    Some((story.silence_broken(woke, after)?, seen))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, finding};
    use crate::mqtt::PacketType;
    use crate::stream::Side;

    fn tale(keep_alive: u16, pause: f64) -> Tale {
        let tale = Tale::connected().packet(Side::Client, PacketType::PINGREQ, 1.0);
        let tale = tale.packet(Side::Server, PacketType::PINGRESP, 0.01);
        tale.with(|session| session.connect.as_mut().unwrap().keep_alive = keep_alive).publish(
            Side::Client,
            "a",
            0,
            20,
            pause,
        )
    }

    #[test]
    fn a_pause_that_the_way_does_not_survive() {
        let reset = tale(1200, 300.0).reset(Side::Server, 0.02).build();
        let found = finding(&reset, "keepalive-too-long").unwrap();
        assert_eq!(found.confidence, Confidence::Likely);
        assert_eq!(
            found.headline,
            "The Keep Alive of sensor-17 is 1200 s, but the connection did not survive 5 min of silence."
        );
    }

    #[test]
    fn a_keep_alive_that_is_short_enough_or_a_way_that_holds() {
        let shorter = tale(120, 300.0).reset(Side::Server, 0.02).build();
        assert!(finding(&shorter, "keepalive-too-long").is_none());
        let brief = tale(1200, 30.0).reset(Side::Server, 0.02).build();
        assert!(finding(&brief, "keepalive-too-long").is_none());
        let held = tale(1200, 300.0).close(Side::Server, 0.02).build();
        assert!(finding(&held, "keepalive-too-long").is_none());
    }
}
