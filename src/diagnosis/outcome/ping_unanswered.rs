//! `ping-unanswered`: PINGREQ was not answered and the client closed.

use super::{About, Judgement};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "ping-unanswered",
    group: "ended-by-client",
    severity: Severity::Warning,
    text: include_str!("ping_unanswered.md"),
};

/// The shortest wait for a PINGRESP after which a client can be said to have given up.
const PATIENCE: i64 = 9 * SECOND / 10;

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let asked = story.session.ping.unanswered?;
    let close = story.close_by(Side::Client)?;
    let waited = close.at.time.nanoseconds_since(asked.time);
    let server = &story.session.wire.sent.server;
    let spoke = server.last_data.is_some_and(|data| asked.is_before(data));
    if waited < PATIENCE || spoke {
        return None;
    }
    let (client, span) = (story.client(), words::duration(waited));
    let arrived = story.acknowledged(Side::Client);
    let tcp = if arrived { ", which TCP acknowledged" } else { ", which not even TCP acknowledged" };
    Some(
        Judgement::new(
            Confidence::VeryLikely,
            format!("{client} asked “are you there?” (PINGREQ in frame {}{tcp}), got no answer for {span}, and closed the connection.", asked.frame),
        )
        .on(&[Ground::Absence, Ground::Timing])
        .at([asked, close.at])
        .cause_if(
            arrived,
            "The broker hangs or is overloaded: its host took the PINGREQ, and the broker did not answer.",
        )
        .cause_if(arrived, "A proxy or load balancer took the PINGREQ while the broker behind it was gone.")
        .cause_if(!arrived, "The network between failed: the PINGREQ was not even acknowledged by the broker's host.")
        .step_if(arrived, "Look at the load and the log of the broker at this time.")
        .step_if(!arrived, "Look at the network between client and broker: Wi-Fi signal, mobile link, firewall timers.")
        .seen_as(Sight::PingUnanswered),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;

    #[test]
    fn the_client_gives_up() {
        let outcome = outcome(&Tale::connected().unanswered_ping(60.0).close(Side::Client, 15.0).build());
        assert_eq!((outcome.id, outcome.confidence), ("ping-unanswered", Confidence::VeryLikely));
        assert_eq!(
            outcome.sentence,
            "sensor-17 asked “are you there?” (PINGREQ in frame 6, which TCP acknowledged), got no answer for 15 s, and closed the connection."
        );
    }

    #[test]
    fn a_client_that_did_not_wait_or_a_broker_that_spoke_is_not_it() {
        let hasty = Tale::connected().unanswered_ping(60.0).close(Side::Client, 0.01);
        assert_eq!(outcome(&hasty.build()).id, "client-closed");
        let spoke = Tale::connected().unanswered_ping(60.0).publish(Side::Server, "a", 0, 20, 1.0);
        assert_eq!(outcome(&spoke.close(Side::Client, 15.0).build()).id, "client-closed");
    }

    #[test]
    fn gaps_lower_it() {
        let tale = Tale::connected().unanswered_ping(60.0).close(Side::Client, 15.0);
        let gap = tale.with(|session| session.wire.sent.server.missing_bytes = 2);
        assert_eq!(outcome(&gap.build()).confidence, Confidence::Possible);
    }
}
