//! `client-broke-rules`: the client sent what the protocol does not allow.

use super::{About, Judgement, refusal};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::PacketType;
use crate::session::LastPacket;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "client-broke-rules",
    group: "ended-by-server",
    severity: Severity::Error,
    text: include_str!("client_broke_rules.md"),
};

/// The broker says so.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let codes = [0x81, 0x82, 0x8F, 0x90, 0x93, 0x94, 0x99];
    let disconnect = refusal::dismissed(story, &codes)?;
    let client = story.client();
    let fault = fault(story, Side::Client, disconnect.at);
    let last = story.last(Side::Client);
    let what = if let Some((what, _)) = &fault {
        format!("The broker ended the session because of {what} from {client}")
    } else {
        let last =
            last.map_or_else(String::new, |last| format!("; the last packet was {}", words::last_in_words(last)));
        format!("The broker ended the session over something that {client} sent{last}")
    };
    let code = disconnect.code.0;
    let judgement = refusal::dismissal(disconnect, &what)
        .at(fault.map(|(_, at)| at).or(last.map(|packet| packet.at)))
        .cause_if(code == 0x93, "The client sent more PUBLISH packets of QoS 1 and 2 than the broker's Receive Maximum allows before they were acknowledged.")
        .cause_if(code == 0x94, "The client used a topic alias above the broker's Topic Alias Maximum, or one from an earlier connection.")
        .cause_if(code == 0x90, "The broker does not accept the topic: too many levels, a wildcard, or a reserved name that begins with `$`.")
        .cause_if(code == 0x8F, "The broker does not accept the topic filter: its wildcards, its depth, or a malformed `$share` prefix.")
        .cause_if(code == 0x99, "The payload is declared to be text (Payload Format Indicator 1) and is not.")
        .cause_if(matches!(code, 0x81 | 0x82), "The client library has a fault, or its memory was damaged.");
    Some(advise(judgement))
}

/// The broker closed directly after a packet that breaks the rules by its bytes.
pub(super) fn seen(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let (what, at) = fault(story, Side::Client, close.at)?;
    // A fault of CONNECT itself explains another outcome: the door stayed shut.
    if !story.connected() && story.connect_sent().is_some() {
        return None;
    }
    let sentence = format!(
        "{} sent {what}, which the protocol does not allow, and the broker {} the connection.",
        story.client(),
        how(close.how)
    );
    let judgement = Judgement::new(Confidence::VeryLikely, sentence)
        .on(&[Ground::Cause])
        .at([at, close.at])
        .cause("The client library has a fault, or its memory was damaged.")
        .seen_as(Sight::Lost);
    Some(advise(judgement))
}

/// What `by` did wrong directly before `end`, as a noun, and where.
pub(super) fn fault(story: &Story<'_>, by: Side, end: Moment) -> Option<(String, Moment)> {
    let session = story.session;
    let malformed = session.malformed.iter().rev().find(|fact| {
        fact.side == by
            && !end.is_before(fact.at)
            && story.soon(fact.at, end, 2 * SECOND)
            && story.last(by).is_none_or(|last| last.at.frame <= fact.at.frame)
    });
    if let Some(fact) = malformed {
        let malformed = fact.malformed;
        let what = format!("a {} whose {} cannot be decoded ({})", fact.packet, malformed.field, malformed.clause);
        return Some((what, fact.at));
    }
    if let Some(violation) = story.fatal_violation(by, end) {
        let what = format!("a {} with a fault: {} ({})", violation.packet, violation.what, violation.clause);
        return Some((what, violation.at));
    }
    if by == Side::Client
        && let Some(first) = unintroduced(story)
        && story.soon(first.at, end, 2 * SECOND)
    {
        let what = format!("{} before any CONNECT (MQTT-3.1.0-1)", words::last_in_words(first));
        return Some((what, first.at));
    }
    let again = session
        .second_connect
        .filter(|_| by == Side::Client)
        .filter(|again| !end.is_before(*again) && story.soon(*again, end, 2 * SECOND))?;
    Some(("a second CONNECT (MQTT-3.1.0-2)".to_owned(), again))
}

/// The client's first packet, if it is no CONNECT although the stream is known from its start.
fn unintroduced<'a>(story: &Story<'a>) -> Option<&'a LastPacket> {
    let first = story.session.first_packet.client?;
    let whole = story.session.wire.start_captured() && story.session.wire.sent.client.missing_bytes == 0;
    let packets = &story.session.last_packets.client;
    let found = packets.iter().find(|packet| packet.at.frame == first.frame)?;
    (whole && story.connect_sent().is_none() && found.packet != PacketType::CONNECT).then_some(found)
}

fn advise(judgement: Judgement) -> Judgement {
    judgement
        .step("Look at the packet in Wireshark, at the frame given as evidence.")
        .step("Update the client library; if it is up to date, report the packet to its authors.")
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::stream::Side;

    #[test]
    fn the_broker_says_it() {
        let said = Tale::connected_v5().publish(Side::Client, "a/#", 0, 20, 1.0);
        let said = said.violation(Side::Client, true).disconnect(Side::Server, 0x82, 0.01);
        let verdict = diagnose(&said.build());
        assert_eq!(verdict.outcome.id, "client-broke-rules");
        assert_eq!(
            verdict.outcome.sentence,
            "The broker ended the session because of a PUBLISH with a fault: a wildcard in a topic name (MQTT-3.3.2-2) from sensor-17: Protocol Error (0x82)."
        );
        assert_eq!(verdict.outcome.frames.len(), 2);
    }

    #[test]
    fn a_violation_directly_before_the_close() {
        let tale = || Tale::connected().publish(Side::Client, "a/#", 0, 20, 1.0).violation(Side::Client, true);
        let seen = outcome(&tale().close(Side::Server, 0.01).build());
        assert_eq!((seen.id, seen.confidence), ("client-broke-rules", Confidence::VeryLikely));

        let harmless = Tale::connected().publish(Side::Client, "a", 0, 20, 1.0).violation(Side::Client, false);
        assert_ne!(outcome(&harmless.close(Side::Server, 0.01).build()).id, "client-broke-rules");
        let long_before = tale().close(Side::Server, 20.0);
        assert_eq!(outcome(&long_before.build()).id, "server-closed");
        let tolerated = tale().with(|session| session.violations[0].count = 7);
        assert_ne!(outcome(&tolerated.close(Side::Server, 0.01).build()).id, "client-broke-rules");
        let went_on = tale().publish(Side::Client, "b", 0, 20, 0.5).publish(Side::Client, "b", 0, 20, 0.5);
        assert_eq!(outcome(&went_on.close(Side::Server, 0.01).build()).id, "server-closed");
    }

    #[test]
    fn a_client_that_does_not_introduce_itself() {
        let tale = Tale::opened().publish(Side::Client, "a", 0, 20, 0.01).reset(Side::Server, 0.001);
        let seen = diagnose(&tale.build());
        assert_eq!(seen.outcome.id, "client-broke-rules");
        assert!(seen.outcome.sentence.contains("a PUBLISH to “a” before any CONNECT"));
        assert!(seen.qualifiers.is_empty());
    }

    #[test]
    fn a_second_connect_is_a_violation() {
        let tale = Tale::connected().packet(Side::Client, crate::mqtt::PacketType::CONNECT, 1.0);
        let tale = tale.with(|session| session.second_connect = Some(session.wire.last));
        let seen = outcome(&tale.close(Side::Server, 0.01).build());
        assert_eq!(seen.id, "client-broke-rules");
        assert!(seen.sentence.contains("a second CONNECT"));
    }
}
