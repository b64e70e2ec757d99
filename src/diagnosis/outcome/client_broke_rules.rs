//! `client-broke-rules`: the client sent what the protocol does not allow.

use super::{About, Judgement, refusal, server_closed};
use crate::capture::{Moment, Timestamp};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::{PacketType, Version};
use crate::session::{LastPacket, Proof};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "client-broke-rules",
    group: "ended-by-server",
    severity: Severity::Error,
    text: include_str!("client_broke_rules.md"),
};

/// So many nanoseconds apart, packets of opposite directions may stand in the capture in the wrong order.
const CROSSED: i64 = 1_000_000;

/// The broker says so.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let codes = [0x81, 0x82, 0x8F, 0x90, 0x93, 0x94, 0x99];
    let disconnect = refusal::dismissed(story, &codes)?;
    let client = story.client();
    let fault = fault(story, Side::Client, late(disconnect.at));
    let last = story.last_of(Side::Client, disconnect.at);
    let code = disconnect.code.0;
    // What its last packet broke is no grave fault by itself, but the broker took it for one.
    let newest = last.map(|packet| packet.at);
    let mut rules = story.session.violations.iter().filter(|broken| broken.side == Side::Client);
    let broken = rules.find(|broken| Some(broken.latest) == newest);
    let broken = broken.map(|broken| format!("The packet breaks a rule: {} ({}).", broken.what, broken.clause));
    let judgement = match &fault {
        Some(fault) => refusal::dismissal(disconnect, &format!("{client} sent {}, and the broker ended the session", fault.what)),
        None => refusal::dismissal_after(story, disconnect, last),
    };
    let at = fault.as_ref().map(|fault| fault.at).or(last.map(|packet| packet.at));
    let judgement = judgement
        .at(at)
        .cause_if(code == 0x93, "The client sent more PUBLISH packets of QoS 1 and 2 than the broker's Receive Maximum allows before they were acknowledged.")
        .cause_if(code == 0x94, "The client used a topic alias above the broker's Topic Alias Maximum, or one from an earlier connection.")
        .cause_if(code == 0x90, "The broker does not accept the topic: too many levels, a wildcard, or a reserved name that begins with `$`.")
        .cause_if(code == 0x8F, "The broker does not accept the topic filter: its wildcards, its depth, or a malformed `$share` prefix.")
        .cause_if(code == 0x99, "The payload is declared to be text (Payload Format Indicator 1) and is not.")
        .cause_if(fault.is_none() && broken.is_some(), broken.clone().unwrap_or_default())
        .cause_if(matches!(code, 0x81 | 0x82) && fault.is_none() && broken.is_none(), "The client's packets show no fault by their bytes alone: the broker may be stricter than the standard, or the fault lies in their order.")
        .step_if(fault.is_none(), "Look into the broker's log at this time: it may name the rule.");
    let judgement = match &fault {
        Some(fault) => judgement.cause_if(matches!(code, 0x81 | 0x82), fault.why),
        None => judgement,
    };
    Some(advise(judgement, at))
}

/// The moment to which the capture may hold the client's packet too late, which passed it on another way than the answer.
fn late(answer: Moment) -> Moment {
    Moment { time: Timestamp(answer.time.0.saturating_add(CROSSED)), ..answer }
}

/// The broker closed directly after a packet that breaks the rules by its bytes.
pub(super) fn seen(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let fault = fault(story, Side::Client, close.at)?;
    // A fault of CONNECT itself explains another outcome: the door stayed shut.
    if !story.connected() && story.connect_sent().is_some() && hasty(story).is_none() {
        return None;
    }
    let sentence =
        format!("{} sent {}, and the broker {} the connection.", story.client(), fault.what, how(close.how));
    // After a DISCONNECT without a fault the broker closes as well.
    let leaving = story.last(Side::Client).is_some_and(|last| last.packet == PacketType::DISCONNECT);
    let confidence = if leaving { Confidence::Likely } else { Confidence::VeryLikely };
    let judgement = Judgement::new(confidence, sentence)
        .on(&[Ground::Cause])
        .at([fault.at, close.at])
        .cause(fault.why)
        .seen_as(if leaving { Sight::Goodbye } else { Sight::Lost });
    Some(advise(judgement, Some(fault.at)))
}

/// The broker closed at once after an acknowledgment that fits no step of its exchange: not every broker minds.
pub(super) fn by_acknowledgment(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let last = story.last_of(Side::Client, close.at)?;
    let exchange = [PacketType::PUBACK, PacketType::PUBREC, PacketType::PUBREL, PacketType::PUBCOMP];
    let mut broken = story.session.violations.iter().filter(|broken| broken.side == Side::Client && broken.count == 1);
    let broken = broken.find(|broken| {
        broken.latest.frame == last.at.frame && exchange.contains(&broken.packet) && broken.proof == Proof::Connection
    })?;
    let answered = story.session.last_packets.server.iter().any(|packet| broken.at.is_before(packet.at));
    let together = story.session.neighbours.closed_together_count > 0 || server_closed::gone(story, close).is_some();
    if answered || together || !story.soon(story.reached(broken.at, close.at), close.at, SECOND / 4) {
        return None;
    }
    let sentence = format!(
        "{} sent {} that breaks a rule ({}, {}), and the broker {} the connection.",
        story.client(),
        words::named(broken.packet),
        broken.what,
        broken.clause,
        how(close.how)
    );
    let judgement = Judgement::new(Confidence::Likely, sentence)
        .on(&[Ground::Cause, Ground::Timing])
        .at([broken.at, close.at])
        .cause("The client library answers a message in the wrong way, or answers one of an earlier connection: mosquitto and rumqttd then close.")
        .cause("The broker was stopped at that moment, or closed for another reason.")
        .seen_as(Sight::Lost);
    Some(advise(judgement, Some(broken.at)))
}

/// The usual cause of bytes that no program chooses.
const LIBRARY: &str = "The client library has a fault, or its memory was damaged.";

/// The same where MQTT 5.0 wants properties: bytes of MQTT 3.1.1 in their place cannot be read.
const OLD_FORM: &str = "The client library has a fault: perhaps it writes this packet in the form of MQTT 3.1.1, without a Property Length.";

/// What one side did wrong.
pub(super) struct Fault {
    /// As a noun, with the statement that forbids it.
    pub(super) what: String,
    /// Where.
    pub(super) at: Moment,
    /// Why clients do this.
    pub(super) why: &'static str,
}

/// What `by` did wrong directly before `end`.
pub(super) fn fault(story: &Story<'_>, by: Side, end: Moment) -> Option<Fault> {
    let session = story.session;
    let malformed = session.malformed.iter().rev().find(|fact| {
        fact.side == by
            && !end.is_before(fact.at)
            && story.soon(fact.at, end, 2 * SECOND)
            && story.last_of(by, end).is_none_or(|last| last.at.frame <= fact.at.frame)
    });
    if let Some(fact) = malformed {
        let malformed = fact.malformed;
        let packet = words::named(fact.packet);
        let what = format!("{packet} whose {} cannot be decoded ({})", malformed.field, malformed.clause);
        let written = [PacketType::PUBLISH, PacketType::SUBSCRIBE, PacketType::UNSUBSCRIBE].contains(&fact.packet);
        // What stands before the properties is the same in both versions.
        let before = ["Remaining Length", "Packet Identifier"].contains(&malformed.field)
            || fact.packet == PacketType::PUBLISH && malformed.field == "Topic Name";
        let written = written && !before;
        let why = if by == Side::Client && story.version() == Some(Version::V5) && written { OLD_FORM } else { LIBRARY };
        return Some(Fault { what, at: fact.at, why });
    }
    if let Some(violation) = story.fatal_violation(by, end) {
        let packet = words::named(violation.packet);
        let what = format!("{packet} that breaks a rule ({}, {})", violation.what, violation.clause);
        let wildcard = violation.packet == PacketType::PUBLISH && violation.what.contains("wildcard");
        let why = if wildcard {
            "The program publishes to a topic with `+` or `#` in it: these are for subscriptions only."
        } else {
            LIBRARY
        };
        return Some(Fault { what, at: violation.at, why });
    }
    if by == Side::Client
        && let Some(first) = unintroduced(story).or_else(|| hasty(story))
        && story.soon(first.at, end, 2 * SECOND)
    {
        let what = format!("{} before any CONNECT, against the rules (MQTT-3.1.0-1)", words::last_in_words(first));
        let why = "The client does not introduce itself: its library has a fault, or the program sends before its `connect()`.";
        return Some(Fault { what, at: first.at, why });
    }
    let again = session
        .second_connect
        .filter(|_| by == Side::Client)
        .filter(|again| !end.is_before(*again) && story.soon(*again, end, 2 * SECOND));
    if let Some(again) = again {
        return Some(Fault {
            what: "a second CONNECT on the same connection, against the rules (MQTT-3.1.0-2)".to_owned(),
            at: again,
            why: "The program calls `connect()` while it is connected, or the client library has a fault.",
        });
    }
    let violation = story.fatal_course(by, end)?;
    let packet = words::named(violation.packet);
    let what = format!("{packet} that breaks a rule ({}, {})", violation.what, violation.clause);
    Some(Fault { what, at: violation.at, why: why_by_course(violation.clause) })
}

/// Why clients break a rule that a packet alone does not show broken.
fn why_by_course(clause: &str) -> &'static str {
    match clause {
        "MQTT-3.3.4-7" => "The program or its library does not keep to the broker's Receive Maximum: it may have at most so many messages of QoS 1 and 2 unacknowledged.",
        "MQTT-3.2.2-11" => "The program publishes with a QoS that the broker does not offer: the CONNACK says which it does (Maximum QoS).",
        "MQTT-3.2.2-14" => "The program publishes retained messages, which this broker does not support, as its CONNACK says.",
        "MQTT-3.2.2-17" | "MQTT-3.2.2-18" => "The library uses topic aliases beyond what the CONNACK allows (Topic Alias Maximum).",
        "MQTT-3.3.2-7" => "The library uses a topic alias of an earlier connection: aliases end with the connection.",
        "§3.2.2.3.11" | "§3.2.2.3.12" | "§3.2.2.3.13" => "The program asks for a kind of subscription that this broker does not support, as its CONNACK says.",
        _ => "The program uses its client library in an order that it does not expect, or the library has a fault.",
    }
}

/// The client's first packet, if it is no CONNECT although the stream is known from its start.
pub(super) fn unintroduced<'a>(story: &Story<'a>) -> Option<&'a LastPacket> {
    story.connect_sent().is_none().then(|| strange_beginning(story))?
}

/// The same, if the CONNECT came later and the server answered nothing.
pub(super) fn hasty<'a>(story: &Story<'a>) -> Option<&'a LastPacket> {
    (story.connect_sent().is_some() && story.server_silent()).then(|| strange_beginning(story))?
}

fn strange_beginning<'a>(story: &Story<'a>) -> Option<&'a LastPacket> {
    let first = story.session.first_packet.client?;
    let whole = story.session.wire.start_captured() && story.session.wire.sent.client.missing_bytes == 0;
    let packets = &story.session.last_packets.client;
    let found = packets.iter().find(|packet| packet.at.frame == first.frame)?;
    (whole && found.packet != PacketType::CONNECT).then_some(found)
}

fn advise(judgement: Judgement, at: Option<Moment>) -> Judgement {
    judgement
        .step(at.map_or_else(|| "Look at the client's last packets in Wireshark.".to_owned(), |at| format!("Look at frame {} in Wireshark, and correct what the program asks its library to send.", at.frame)))
        .step("Update the client library; if it is up to date, report the packet to its authors.")
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::mqtt::PacketType;
    use crate::session::Proof;
    use crate::stream::Side;

    #[test]
    fn the_broker_says_it() {
        let said = Tale::connected_v5().publish(Side::Client, "a/#", 0, 20, 1.0);
        let said = said.violation(Side::Client, true).disconnect(Side::Server, 0x82, 0.01);
        let verdict = diagnose(&said.build());
        assert_eq!(verdict.outcome.id, "client-broke-rules");
        assert_eq!(
            verdict.outcome.sentence,
            "sensor-17 sent a PUBLISH that breaks a rule (a wildcard in a topic name, MQTT-3.3.2-2), and the broker ended the session: Protocol Error (0x82)."
        );
        assert_eq!(verdict.outcome.frames.len(), 2);
    }

    #[test]
    fn the_answer_may_stand_before_the_fault() {
        let told = |later| {
            let tale = Tale::connected_v5().disconnect(Side::Server, 0x82, 1.0);
            outcome(&tale.publish(Side::Client, "a/#", 0, 20, later).violation(Side::Client, true).build()).sentence
        };
        assert!(told(0.0002).starts_with("sensor-17 sent a PUBLISH that breaks a rule"), "{}", told(0.0002));
        assert!(told(0.02).starts_with("The broker ended the session"), "{}", told(0.02));
    }

    #[test]
    fn a_goodbye_that_the_broker_refuses() {
        let refused = |broken: bool, code| {
            let tale = Tale::connected_v5().disconnect(Side::Client, 0, 1.0);
            let tale = if broken { tale.violation(Side::Client, false) } else { tale };
            outcome(&tale.disconnect(Side::Server, code, 0.01).close(Side::Server, 0.001).build()).id
        };
        assert_eq!(refused(true, 0x82), "client-broke-rules");
        let tale = Tale::connected_v5().disconnect(Side::Client, 0, 1.0).violation(Side::Client, false);
        let verdict = diagnose(&tale.disconnect(Side::Server, 0x82, 0.01).build());
        assert_eq!(verdict.causes[0], "The packet breaks a rule: a wildcard in a topic name (MQTT-3.3.2-2).");
        assert_eq!(refused(false, 0x82), "clean-disconnect");
        assert_ne!(refused(true, 0), "client-broke-rules");
    }

    #[test]
    fn the_library_is_not_blamed_for_bytes_without_a_fault() {
        let plain = Tale::connected_v5().publish(Side::Client, "a", 0, 20, 1.0).disconnect(Side::Server, 0x82, 0.01);
        let verdict = diagnose(&plain.build());
        assert_eq!(
            verdict.outcome.sentence,
            "The broker ended the session of sensor-17 with Protocol Error (0x82), 10 ms after a PUBLISH to “a”."
        );
        assert!(verdict.causes.iter().all(|cause| cause != super::LIBRARY), "{:?}", verdict.causes);
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
    fn a_ping_that_was_answered_ended_nothing() {
        let ping = || Tale::connected().packet(Side::Client, PacketType::PINGREQ, 5.0).violation(Side::Client, true);
        assert_eq!(outcome(&ping().close(Side::Server, 0.01).build()).id, "client-broke-rules");
        let answered = ping().packet(Side::Server, PacketType::PINGRESP, 0.01);
        assert_eq!(outcome(&answered.close(Side::Server, 0.01).build()).id, "server-closed");
        let delivered = ping().publish(Side::Server, "a", 0, 20, 0.01);
        assert_eq!(outcome(&delivered.close(Side::Server, 0.01).build()).id, "client-broke-rules");
    }

    #[test]
    fn a_rule_that_earlier_packets_show_broken() {
        let tale = |proof| {
            let tale = Tale::connected_v5().publish(Side::Client, "a", 1, 20, 1.0);
            tale.violation_by_course(Side::Client, "MQTT-3.3.4-7", proof)
        };
        let seen = diagnose(&tale(Proof::Connection).close(Side::Server, 0.01).build());
        assert_eq!((seen.outcome.id, seen.outcome.confidence), ("client-broke-rules", Confidence::VeryLikely));
        assert!(seen.outcome.sentence.contains("but the broker's Receive Maximum is 2, MQTT-3.3.4-7"));
        assert!(seen.causes[0].contains("Receive Maximum"));
        // Several before the broker could answer.
        let burst = tale(Proof::Connection).publish(Side::Client, "a", 1, 20, 0.0).with(|session| {
            session.violations[0].count = 2;
            session.violations[0].latest = session.wire.last;
        });
        assert_eq!(outcome(&burst.close(Side::Server, 0.01).build()).id, "client-broke-rules");

        assert_ne!(outcome(&tale(Proof::Possible).close(Side::Server, 0.01).build()).id, "client-broke-rules");
        assert_eq!(outcome(&tale(Proof::Connection).close(Side::Server, 20.0).build()).id, "server-closed");
        let went_on = tale(Proof::Connection).publish(Side::Client, "b", 0, 20, 0.5);
        assert_ne!(outcome(&went_on.close(Side::Server, 0.01).build()).id, "client-broke-rules");
        let soft = tale(Proof::Connection).with(|session| session.violations[0].grave = false);
        assert_ne!(outcome(&soft.close(Side::Server, 0.01).build()).id, "client-broke-rules");
    }

    #[test]
    fn a_close_on_an_acknowledgment_out_of_order() {
        let tale = |packet| {
            let tale = Tale::connected().publish(Side::Server, "a", 1, 20, 1.0).packet(Side::Client, packet, 0.01);
            tale.violation_by_course(Side::Client, "MQTT-3.3.4-1", Proof::Connection).with(|session| {
                session.violations[0].grave = false;
                session.violations[0].packet = packet;
            })
        };
        let seen = outcome(&tale(PacketType::PUBCOMP).close(Side::Server, 0.001).build());
        assert_eq!((seen.id, seen.confidence), ("client-broke-rules", Confidence::Likely));
        let near = [
            tale(PacketType::PUBCOMP).close(Side::Server, 2.0),
            tale(PacketType::PUBCOMP).packet(Side::Server, PacketType::PINGRESP, 0.01).close(Side::Server, 0.001),
            tale(PacketType::PUBCOMP).close(Side::Server, 0.001).with(|session| session.neighbours.closed_together_count = 1),
            tale(PacketType::PUBCOMP).close(Side::Server, 0.001).with(|session| session.violations[0].count = 2),
            tale(PacketType::PUBCOMP).close(Side::Server, 0.001).with(|session| session.violations[0].proof = Proof::Possible),
            tale(PacketType::PINGREQ).close(Side::Server, 0.001),
        ];
        for near in near {
            assert_eq!(outcome(&near.build()).id, "server-closed");
        }
    }

    #[test]
    fn the_bytes_of_a_packet_come_before_its_place_in_the_course() {
        let tale = Tale::connected_v5().publish(Side::Client, "a/#", 1, 20, 1.0);
        let tale = tale.violation_by_course(Side::Client, "MQTT-3.3.4-7", Proof::Connection);
        let seen = outcome(&tale.violation(Side::Client, true).close(Side::Server, 0.01).build());
        assert!(seen.sentence.contains("MQTT-3.3.2-2"), "{}", seen.sentence);
    }

    #[test]
    fn a_packet_above_the_maximum_size_has_an_outcome_of_its_own() {
        let tale = Tale::connected_v5().publish(Side::Client, "a", 1, 2000, 1.0);
        let tale = tale.violation_by_course(Side::Client, "MQTT-3.2.2-15", Proof::Connection);
        let tale = tale.with(|session| session.connack.as_mut().unwrap().maximum_packet_size = Some(1000));
        assert_eq!(outcome(&tale.close(Side::Server, 0.01).build()).id, "packet-too-large");
    }

    #[test]
    fn a_broken_goodbye_that_the_broker_closes_on() {
        let tale = || Tale::connected().disconnect(Side::Client, 0, 3.0).violation(Side::Client, true);
        let seen = outcome(&tale().close(Side::Server, 0.001).build());
        assert_eq!((seen.id, seen.confidence), ("client-broke-rules", Confidence::Likely));
        assert_eq!(outcome(&tale().close(Side::Client, 0.001).build()).id, "clean-disconnect");
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
