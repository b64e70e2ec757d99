//! `tcp-handshake-incomplete`: the server answered the knock and the client never came in.

use super::{About, Judgement};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::Story;
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};

pub(super) const ABOUT: About = About {
    id: "tcp-handshake-incomplete",
    group: "network",
    severity: Severity::Error,
    text: include_str!("tcp_handshake_incomplete.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let wire = &story.session.wire;
    let answer = wire.syn_ack;
    if answer.count < 2 || wire.established.is_some() || wire.sent.client.sent.0 > 0 {
        return None;
    }
    let times = words::counted(answer.count.into(), "time");
    let (client, server) = (story.client_host(), story.server());
    Some(
        Judgement::new(
            Confidence::Likely,
            format!("{server} answered the knock of {client} {times}, but {client} never completed the connection."),
        )
        .on(&[Ground::Absence])
        .at([wire.syn.first; 1].into_iter().filter(|_| wire.syn.count > 0))
        .at([answer.first, answer.last])
        .cause("The server's answers do not reach the client: a firewall lets only one direction through, or the way back is another one.")
        .cause_if(wire.syn.count == 1, "The client lost power or Wi-Fi just after it knocked.")
        .step("Capture at the client as well and look whether the answers (SYN-ACK) arrive there.")
        .step("Check the routes and firewall rules for the way back from the server to the client.")
        .seen_as(Sight::KnockUnanswered),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};

    #[test]
    fn repeated_answers_that_nobody_takes() {
        let mut session = Tale::knocking(2).build();
        session.wire.syn_ack = session.wire.syn;
        session.wire.sent.server.segments = 2;
        let outcome = outcome(&session);
        assert_eq!(outcome.id, "tcp-handshake-incomplete");
        assert!(outcome.sentence.contains("2 times"));
    }

    #[test]
    fn a_single_answer_or_a_capture_of_one_direction_is_not_enough() {
        let mut single = Tale::knocking(1).build();
        single.wire.syn_ack = single.wire.syn;
        single.wire.sent.server.segments = 1;
        assert_eq!(outcome(&single).id, "unclassified");

        let mut one_way = single.clone();
        one_way.wire.syn_ack.count = 3;
        one_way.wire.syn.count = 0;
        one_way.wire.sent.client.segments = 0;
        assert_eq!(outcome(&one_way).id, "unclassified");
    }
}
