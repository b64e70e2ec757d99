//! `ping-unanswered`: PINGREQ was not answered and the client closed.

use super::{About, Judgement, client_broke_rules, path_failed};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::PacketType;
use crate::session::Close;
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
    let close = story.close_by(Side::Client)?;
    // A broker whose data arrive no more cannot be heard to answer: the path is at fault. Nor can a client that reads no more hear it.
    if story.unheard(Side::Server) || path_failed::stopped_reading(story, Side::Client) {
        return None;
    }
    // Before a CONNECT no broker answers.
    if client_broke_rules::unintroduced(story).is_some() {
        return None;
    }
    let asked = story.session.ping.unanswered.or_else(|| answered_too_late(story, close))?;
    let waited = close.at.time.nanoseconds_since(asked.time);
    let between = |at: Moment| asked.is_before(at) && !close.at.is_before(at);
    let data = story.session.wire.sent.server.last_data;
    let packet = story.last_of(Side::Server, close.at).map(|packet| packet.at);
    let spoke = [data, packet].into_iter().flatten().any(between);
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
        .cause_if(arrived, "RabbitMQ stops reading while its memory or disk alarm is on: `rabbitmq-diagnostics alarms` shows it.")
        .cause_if(!arrived, "The network between failed: the PINGREQ was not even acknowledged by the broker's host.")
        .step_if(arrived, "Look at the load and the log of the broker at this time.")
        .step_if(!arrived, "Look at the network between client and broker: Wi-Fi signal, mobile link, firewall timers.")
        .seen_as(Sight::PingUnanswered),
    )
}

/// The PINGREQ after which the client left, if the PINGRESP came when it had gone.
fn answered_too_late(story: &Story<'_>, close: Close) -> Option<Moment> {
    let asked = story.last_of(Side::Client, close.at).filter(|last| last.packet == PacketType::PINGREQ)?;
    let mut answers = story.session.last_packets.server.iter();
    let late = answers.any(|answer| answer.packet == PacketType::PINGRESP && close.at.is_before(answer.at));
    // Of a broker that says much after the close it is not known what it said before.
    story.last_of(Side::Server, close.at).filter(|_| late).map(|_| asked.at)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{Confidence, diagnose};
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::mqtt::PacketType;
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
    fn an_answer_after_the_client_has_gone_is_none() {
        let left = |waited| {
            let tale = Tale::connected().packet(Side::Client, PacketType::PINGREQ, 60.0).close(Side::Client, waited);
            outcome(&tale.packet(Side::Server, PacketType::PINGRESP, 5.0).build()).id
        };
        assert_eq!(left(15.0), "ping-unanswered");
        assert_eq!(left(0.1), "client-closed");
        let in_time = Tale::connected().packet(Side::Client, PacketType::PINGREQ, 60.0);
        let in_time = in_time.packet(Side::Server, PacketType::PINGRESP, 0.1).close(Side::Client, 15.0);
        assert_eq!(outcome(&in_time.build()).id, "client-closed");
    }

    #[test]
    fn a_client_that_did_not_wait_or_a_broker_that_spoke_is_not_it() {
        let hasty = Tale::connected().unanswered_ping(60.0).close(Side::Client, 0.01);
        assert_eq!(outcome(&hasty.build()).id, "client-closed");
        let spoke = Tale::connected().unanswered_ping(60.0).publish(Side::Server, "a", 0, 20, 1.0);
        assert_eq!(outcome(&spoke.close(Side::Client, 15.0).build()).id, "client-closed");
    }

    #[test]
    fn a_broker_that_reads_nothing_takes_the_ping_all_the_same() {
        let alarm = |tale: Tale| diagnose(&tale.build()).causes.concat().contains("disk alarm");
        assert!(alarm(Tale::connected().unanswered_ping(60.0).close(Side::Client, 15.0)));
        let lost = Tale::connected().unanswered_ping(60.0).retries(Side::Client, 4, 10.0);
        assert!(!alarm(lost.close(Side::Client, 5.0)));
    }

    #[test]
    fn a_broker_whose_data_do_not_arrive_did_not_hang() {
        let blocked = |times| {
            let tale = Tale::connected().publish(Side::Server, "a", 1, 5000, 5.0).retries(Side::Server, times, 8.0);
            let tale = tale.with(|session| session.wire.sent.server.acknowledged.0 -= 4999);
            outcome(&tale.unanswered_ping(1.0).close(Side::Client, 5.0).build())
        };
        let hole = blocked(5);
        assert_eq!(hole.id, "path-failed");
        assert!(hole.sentence.contains("small packets passed, but 5,000 bytes from the broker did not reach"), "{}", hole.sentence);
        assert_eq!(blocked(2).id, "ping-unanswered");
    }

    #[test]
    fn before_a_connect_no_broker_answers() {
        let tale = Tale::opened().unanswered_ping(1.0).close(Side::Client, 15.0);
        let told = diagnose(&tale.build());
        assert_eq!(told.outcome.id, "client-closed");
        assert!(told.causes[0].starts_with("It never introduced itself"), "{:?}", told.causes);
    }

    #[test]
    fn gaps_lower_it() {
        let tale = Tale::connected().unanswered_ping(60.0).close(Side::Client, 15.0);
        let gap = tale.with(|session| session.wire.sent.server.missing_bytes = 2);
        assert_eq!(outcome(&gap.build()).confidence, Confidence::Possible);
    }
}
