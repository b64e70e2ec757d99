//! `server-shutdown`: the broker is going down.

use super::{About, Judgement, refusal, server_closed};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::session::{Close, CloseHow};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "server-shutdown",
    group: "ended-by-server",
    severity: Severity::Warning,
    text: include_str!("server_shutdown.md"),
};

/// How many other sessions must end at the same time.
const OTHERS: usize = 2;

/// The broker says so.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let disconnect = refusal::dismissed(story, &[0x8B])?;
    // Without a name: many sessions end so at once, and are told once.
    let what = "The broker ended the session because it is shutting down or restarting";
    Some(advise(refusal::dismissal(disconnect, what), None))
}

/// The broker closed several sessions at once.
pub(super) fn seen(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let together = &story.session.neighbours.closed_together;
    // A goodbye, or a reason, that the capture lacks would look the same.
    if !story.connected() || together.len() < OTHERS || story.is(Qualifier::CaptureGaps) {
        return None;
    }
    // Each at its own time, after the same silence: a timer closed them.
    if story.timed_out_alike() {
        return None;
    }
    // A firewall may reset all at once, in the broker's name.
    if story.reset_is_foreign() {
        return None;
    }
    if story.session.tls.as_ref().is_some_and(|tls| tls.may_have_left(close.at)) || silent_perhaps(story, close) {
        return None;
    }
    let others = words::number(story.session.neighbours.closed_together_count);
    let sentence = format!(
        "The broker {} this connection and {others} others within one second, as it does when it shuts down or restarts.",
        how(close.how)
    );
    let gone = server_closed::gone(story, close);
    let confidence = if gone.is_some() { Confidence::VeryLikely } else { Confidence::Likely };
    let mut judgement =
        Judgement::new(confidence, sentence).on(&[Ground::Timing]).at([close.at]).at(gone).seen_as(Sight::Lost);
    judgement.frames.extend(together.iter().take(4));
    judgement.frames.sort_unstable();
    judgement.frames.dedup();
    Some(advise(judgement, gone.map(|refused| server_closed::stopped(close, refused))))
}

/// Whether the client may just have been silent for too long, as others that one outage of the network silenced at the
/// same time: its Keep Alive is not known, and it did nothing about the close.
fn silent_perhaps(story: &Story<'_>, close: Close) -> bool {
    let wire = &story.session.wire;
    let client = &wire.sent.client;
    let after = |at: Option<Moment>| at.is_some_and(|at| !at.is_before(close.at));
    let reset = wire.reset.is_some_and(|reset| reset.by == Side::Client);
    let reacted = client.fin.is_some() || reset || after(client.last_data);
    let known = story.session.connect.is_some();
    // A program that runs closes in answer, with the acknowledgment or right after it.
    let watched = after(client.last_segment) || story.until_capture_end(close.at) >= SECOND / 2;
    !known && !reacted && watched && !story.is(Qualifier::OneWay) && close.how == CloseHow::Closed
}

fn advise(judgement: Judgement, stopped: Option<String>) -> Judgement {
    let open = stopped.is_none();
    judgement
        .cause_if(!open, stopped.unwrap_or_default())
        .cause_if(open, "The broker was stopped or restarted: an update, a changed configuration, a crash.")
        .cause_if(open, "An operator or a load balancer disconnected all clients.")
        .step("Look into the broker's log, and into that of its host, at this time.")
        .step("Check that the broker is running again.")
}

#[cfg(test)]
mod tests {
    use crate::capture::FrameNumber;
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::mqtt::PacketType;
    use crate::stream::Side;
    use crate::transport::tls::Version;

    #[test]
    fn the_broker_says_it() {
        let said = outcome(&Tale::connected_v5().disconnect(Side::Server, 0x8B, 5.0).build());
        assert_eq!((said.id, said.confidence), ("server-shutdown", Confidence::Certain));
    }

    #[test]
    fn three_sessions_end_together_and_two_are_too_few() {
        let closed = |others: u64| {
            let tale = Tale::connected().close(Side::Server, 5.0);
            tale.with(|session| {
                session.neighbours.closed_together = (0..others).map(|n| FrameNumber::new(50 + n)).collect();
                session.neighbours.closed_together_count = others;
            })
        };
        let seen = outcome(&closed(2).build());
        assert_eq!((seen.id, seen.confidence), ("server-shutdown", Confidence::Likely));
        assert_eq!(outcome(&closed(1).build()).id, "server-closed");
        let refused = closed(2).packet(Side::Client, PacketType::PINGREQ, 1.0);
        let refused = refused.with(|session| session.neighbours.refused_after = Some(session.wire.last));
        assert_eq!(outcome(&refused.build()).confidence, Confidence::VeryLikely);
    }

    #[test]
    fn resets_of_a_firewall_are_not_the_brokers() {
        let reset = |hop_limit| {
            let tale = Tale::connected().reset(Side::Server, 5.0).with(|session| {
                session.wire.reset.as_mut().unwrap().hop_limit = hop_limit;
                session.neighbours.closed_together = vec![FrameNumber::new(50), FrameNumber::new(51)];
                session.neighbours.closed_together_count = 2;
            });
            outcome(&tale.build())
        };
        assert_eq!(reset(64).id, "server-shutdown");
        let foreign = reset(63);
        assert_eq!(foreign.id, "server-closed");
        assert!(foreign.sentence.contains("its TTL does not fit"), "{}", foreign.sentence);
    }

    #[test]
    fn clients_of_an_unknown_keep_alive_that_do_nothing_may_have_been_silent() {
        let closed = |reacts: bool| {
            let tale = Tale::opened().publish(Side::Server, "a", 0, 20, 0.1).close(Side::Server, 5.0);
            let tale = if reacts { tale.close(Side::Client, 0.01) } else { tale };
            let tale = tale.with(|session| {
                session.wire.syn.count = 0;
                session.wire.syn_ack.count = 0;
                session.wire.established = None;
                session.neighbours.closed_together = vec![FrameNumber::new(50), FrameNumber::new(51)];
                session.neighbours.closed_together_count = 2;
            });
            outcome(&tale.ended_after(2.0).build()).id
        };
        assert_eq!(closed(true), "server-shutdown");
        assert_eq!(closed(false), "server-closed");
    }

    #[test]
    fn sessions_over_tls_end_together() {
        let closed = |quiet: f64, answers: bool| {
            let tale = Tale::secured(Version::V1_3).data(Side::Client, 60, 0.1).data(Side::Server, 21, 0.1);
            let tale = tale.close(Side::Server, quiet);
            // The end of TLS that the client sends is no goodbye from before the close.
            let tale = if answers { tale.data(Side::Client, 19, 0.01) } else { tale.close(Side::Client, 0.01) };
            let tale = tale.with(|session| {
                session.neighbours.closed_together = vec![FrameNumber::new(50), FrameNumber::new(51)];
                session.neighbours.closed_together_count = 2;
            });
            outcome(&tale.build()).id
        };
        assert_eq!(closed(5.0, true), "server-shutdown");
        assert_eq!(closed(5.0, false), "server-shutdown");
        // What the client sent last may be its goodbye.
        assert_eq!(closed(0.1, false), "encrypted-session-ended");
    }
}
