//! What limits what can be said of a session, and how far each limit lowers the confidence.
//!
//! Invariant: a limit only ever lowers a confidence or silences a rule; it never raises a claim.

use crate::session::Session;
use crate::stream::Side;

use super::{Confidence, Qualifier};

/// What a judgement rests on, beside what the wire says outright. Each ground is shaken by certain
/// qualifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Something did not come: an answer, an acknowledgment.
    Absence,
    /// A span of time that was measured.
    Timing,
    /// What the start of the session agreed on.
    State,
    /// The reason of an end, as against the end itself.
    Cause,
}

/// What silence after a repeated segment makes its sender's peer gone for good, in nanoseconds.
const GONE: i64 = 30_000_000_000;

/// Fewer segments may come in any rhythm.
const FEW: u64 = 5;

/// The limits of a session, in the order of [`Qualifier`].
pub(crate) fn of(session: &Session) -> Vec<Qualifier> {
    if session.attempt.is_some() {
        return session.capture.clock_jumped.then_some(Qualifier::ClockJump).into_iter().collect();
    }
    let wire = &session.wire;
    let sent = &wire.sent;
    let attempt = wire.start_captured() && wire.established.is_none();
    let cut = sent.client.cut_segments + sent.server.cut_segments > 0;
    let missing = [&sent.client, &sent.server].iter().any(|sent| sent.segments > 0 && sent.is_incomplete())
        || wire.reset.is_some_and(|reset| reset.skips)
        || session
            .websocket
            .as_ref()
            .is_some_and(|websocket| websocket.unreadable.client.is_some() || websocket.unreadable.server.is_some());
    let level = session.connect.as_ref().map_or(0, |c| c.protocol_level);
    [
        (
            Qualifier::PartialStart,
            !wire.start_captured() || (session.connect.is_none() && carried_mqtt(session) && !whole_start(session)),
        ),
        (Qualifier::PartialEnd, !attempt && !ended(session)),
        (Qualifier::CutPackets, cut),
        (Qualifier::CaptureGaps, missing),
        (Qualifier::OneWay, one_way(session)),
        (Qualifier::ClockJump, session.capture.clock_jumped),
        (Qualifier::NoTimes, has_no_times(session)),
        (Qualifier::Bridge, level & 0x80 != 0),
        (Qualifier::Encrypted, session.tls.is_some()),
    ]
    .into_iter()
    .filter_map(|(qualifier, holds)| holds.then_some(qualifier))
    .collect()
}

/// `confidence` lowered by what `qualifiers` do to `grounds`; `None` when a claim on one of these
/// grounds may not be made at all.
pub(crate) fn cap(confidence: Confidence, grounds: &[Ground], qualifiers: &[Qualifier]) -> Option<Confidence> {
    let mut confidence = confidence;
    for qualifier in qualifiers {
        for ground in grounds {
            match (qualifier, ground) {
                (Qualifier::OneWay, Ground::Absence) | (Qualifier::ClockJump | Qualifier::NoTimes, Ground::Timing) => {
                    return None;
                }
                (Qualifier::CaptureGaps, Ground::Absence)
                | (Qualifier::PartialStart, Ground::State)
                | (Qualifier::PartialEnd, Ground::Cause) => {
                    confidence = confidence.min(Confidence::Possible);
                }
                _ => {}
            }
        }
    }
    Some(confidence)
}

/// Whether the client's stream is known from its first byte, so that a missing CONNECT was not sent.
fn whole_start(session: &Session) -> bool {
    let client = &session.wire.sent.client;
    let known = session.wire.start_captured() && client.missing_bytes == 0 && client.cut_segments == 0;
    known && session.first_packet.client.is_some() && session.skipped_bytes.client == 0
}

/// Whether control packets were seen, from either side.
fn carried_mqtt(session: &Session) -> bool {
    session.counts.client.total() + session.counts.server.total() > 0
}

/// Whether the capture shows an end: of TCP, of MQTT, or a side that no longer answers.
fn ended(session: &Session) -> bool {
    let refused = session.connack.as_ref().is_some_and(|c| c.code.0 != 0);
    let goodbye = session.disconnect.client.is_some() || session.disconnect.server.is_some();
    let quiet = session.capture.ended.nanoseconds_since(session.wire.last.time);
    let gone = |side: Side| session.wire.sent.of(side).retries.count >= 3 && quiet >= GONE || unanswered(session, side);
    let over = session.wire.is_closing() || session.wire.replaced.is_some();
    over || refused || goodbye || gone(Side::Client) || gone(Side::Server)
}

/// Whether `side` asked by TCP keep-alive for long whether the other one is there, and heard nothing.
fn unanswered(session: &Session, side: Side) -> bool {
    let probes = session.wire.sent.of(side).unanswered_probes;
    let captured = session.wire.sent.of(side.other()).segments > 0;
    captured && probes.count >= 3 && session.capture.ended.nanoseconds_since(probes.first.time) >= GONE
}

/// Whether its frames all have one time, or times that only count them, as those of a capture that was made from text: so
/// exactly no network paces them.
fn has_no_times(session: &Session) -> bool {
    let wire = &session.wire;
    let frames = wire.last.frame.get().saturating_sub(wire.first.frame.get());
    let span = u64::try_from(wire.last.time.nanoseconds_since(wire.first.time)).ok();
    let counted = [0, 1, 1_000].iter().any(|step| span == frames.checked_mul(*step));
    // Nor is all of a capture one moment.
    let still = session.capture.began == session.capture.ended && frames >= 2;
    still || counted && wire.sent.client.segments + wire.sent.server.segments >= FEW
}

/// Whether one direction is missing from the capture. A client that only ever knocks is no sign
/// of it: had an answer passed by, it would not knock again.
fn one_way(session: &Session) -> bool {
    let wire = &session.wire;
    let (client, server) = (&wire.sent.client, &wire.sent.server);
    let spoke = client.bytes > 0 || client.missing_bytes > 0 || wire.established.is_some();
    (client.segments == 0 && server.segments > 0) || (server.segments == 0 && spoke)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::testing::Tale;

    #[test]
    fn a_whole_session_has_no_limits() {
        assert!(of(&Tale::healthy().build()).is_empty());
    }

    #[test]
    fn each_limit_is_seen() {
        let mut late = Tale::healthy().build();
        late.connect = None;
        late.wire.syn.count = 0;
        late.wire.syn_ack.count = 0;
        assert_eq!(of(&late), [Qualifier::PartialStart]);

        let mut open = Tale::connected().build();
        assert_eq!(of(&open), [Qualifier::PartialEnd]);
        open.wire.sent.server.missing_bytes = 1;
        open.capture.clock_jumped = true;
        assert_eq!(of(&open), [Qualifier::PartialEnd, Qualifier::CaptureGaps, Qualifier::ClockJump]);

        let mut half = Tale::healthy().build();
        half.wire.sent.server.segments = 0;
        assert_eq!(of(&half), [Qualifier::OneWay]);
    }

    #[test]
    fn times_that_only_count_frames_are_none() {
        let told = |step: i64, later: i64| {
            let tale = Tale::healthy().with(|session| {
                let wire = &mut session.wire;
                let frames = (wire.last.frame.get() - wire.first.frame.get()).cast_signed();
                wire.last.time.0 = wire.first.time.0 + frames * step + later;
            });
            of(&tale.build()).contains(&Qualifier::NoTimes)
        };
        assert!(told(0, 0) && told(1, 0) && told(1_000, 0));
        assert!(!told(1_000, 1) && !told(2_000, 0) && !told(1_000_000, 0));
        assert!(!of(&Tale::knocking(1).build()).contains(&Qualifier::NoTimes));
        // Of fewer frames only where nothing in the capture takes time.
        let knocks = |span: i64| {
            let mut session = Tale::knocking(3).build();
            session.capture.ended.0 = session.capture.began.0 + span;
            of(&session).contains(&Qualifier::NoTimes)
        };
        assert!(knocks(0) && !knocks(1_000));
    }

    #[test]
    fn unanswered_knocks_do_not_make_a_capture_one_way() {
        assert!(of(&Tale::knocking(3).build()).is_empty());
    }

    #[test]
    fn limits_lower_or_silence() {
        let cap = |ground, limit| cap(Confidence::Certain, &[ground], &[limit]);
        assert_eq!(cap(Ground::Absence, Qualifier::OneWay), None);
        assert_eq!(cap(Ground::Timing, Qualifier::ClockJump), None);
        assert_eq!(cap(Ground::Absence, Qualifier::CaptureGaps), Some(Confidence::Possible));
        assert_eq!(cap(Ground::Cause, Qualifier::PartialEnd), Some(Confidence::Possible));
        assert_eq!(cap(Ground::Timing, Qualifier::CaptureGaps), Some(Confidence::Certain));
    }
}
