//! `server-shutdown`: the broker is going down.

use super::{About, Judgement, refusal};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
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
    Some(advise(refusal::dismissal(disconnect, what)))
}

/// The broker closed several sessions at once.
pub(super) fn seen(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let together = &story.session.neighbours.closed_together;
    // A goodbye, or a reason, that the capture lacks would look the same.
    if !story.connected() || together.len() < OTHERS || story.is(Qualifier::CaptureGaps) {
        return None;
    }
    let others = words::number(story.session.neighbours.closed_together_count);
    let sentence = format!(
        "The broker {} this connection and {others} others within one second, as it does when it shuts down or restarts.",
        how(close.how)
    );
    let mut judgement =
        Judgement::new(Confidence::Likely, sentence).on(&[Ground::Timing]).at([close.at]).seen_as(Sight::Lost);
    judgement.frames.extend(together.iter().take(4));
    judgement.frames.sort_unstable();
    judgement.frames.dedup();
    Some(advise(judgement))
}

fn advise(judgement: Judgement) -> Judgement {
    judgement
        .cause("The broker was stopped or restarted: an update, a changed configuration, a crash.")
        .cause("An operator or a load balancer disconnected all clients.")
        .step("Look into the broker's log, and into that of its host, at this time.")
        .step("Check that the broker is running again.")
}

#[cfg(test)]
mod tests {
    use crate::capture::FrameNumber;
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;

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
                session.neighbours.closed_together = (0..others).map(|n| FrameNumber(50 + n)).collect();
                session.neighbours.closed_together_count = others;
            })
        };
        let seen = outcome(&closed(2).build());
        assert_eq!((seen.id, seen.confidence), ("server-shutdown", Confidence::Likely));
        assert_eq!(outcome(&closed(1).build()).id, "server-closed");
    }
}
