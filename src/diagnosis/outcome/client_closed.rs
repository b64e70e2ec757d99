//! `client-closed`: the client closed without a goodbye.

mod reset_by_another;

use std::borrow::Cow;

use super::{About, Judgement, client_broke_rules, refusal};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Said, Story, how};
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::mqtt::PacketType;
use crate::session::{Close, CloseHow, ExchangeState, LastPacket};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "client-closed",
    group: "ended-by-client",
    severity: Severity::Warning,
    text: include_str!("client_closed.md"),
};

/// The client names an error in its DISCONNECT.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let Said::Client(disconnect) = story.said()? else {
        return None;
    };
    // Normal disconnection, and Disconnect with Will Message.
    if [0, 4].contains(&disconnect.code.0) {
        return None;
    }
    let (client, age) = (story.client(), story.age(disconnect.at));
    let code = refusal::disconnect_in_words(disconnect);
    let will = will(story);
    Some(
        Judgement::new(
            Confidence::Certain,
            format!("{client} ended the session after {age} with an error: {code}{will}."),
        )
        .code(disconnect.code, PacketType::DISCONNECT, disconnect.reason_string.as_ref())
        .at([disconnect.at])
        .at(story.close.map(|close| close.at))
        .cause("The client's program or library met a problem of its own.")
        .step("Look into the client's log at this time."),
    )
}

/// The client closed or reset the connection.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Client)?;
    let wire = &story.session.wire;
    if wire.start_captured() && wire.established.is_none() && wire.sent.client.sent.0 == 0 {
        return None;
    }
    let client = story.client();
    let how = how(close.how);
    let connect = story.connect_sent();
    let connected = story.connected();
    let missed = story.goodbye_may_be_missed(close);
    if let Some(judgement) = reset_by_another::judge(story, close) {
        return Some(judgement);
    }
    let begun = story.begun_connect().map(|part| {
        let span = words::duration(close.at.time.nanoseconds_since(part.started.time));
        let (length, code) = (words::bytes(part.length), story.close_code_aside(Side::Client));
        format!("{client} {how} the connection{code} before its CONNECT of {length} was whole, {span} after it began.")
    });
    let whole = begun.is_none();
    let sealed = story.is(Qualifier::Encrypted);
    let unread = story.last_unread(Side::Client);
    let sentence = match connect {
        Some(_) if begun.is_some() => begun.unwrap_or_default(),
        Some(connect) if !connected => {
            let span = words::duration(close.at.time.nanoseconds_since(connect.time));
            let before = match story.begun_answer() {
                Some((part, _)) => format!(", in the middle of the answer: {part} had come"),
                None if story.server_silent() || story.late_connack().is_some() => ", before an answer came".to_owned(),
                None => String::new(),
            };
            let code = story.close_code_aside(Side::Client);
            format!("{client} {how} the connection {span} after CONNECT{before}{code}.")
        }
        _ if missed => format!(
            "{client} {how} the connection as the capture began; whether it said goodbye before is not known."
        ),
        _ if unread => format!(
            "{client} {how} the connection after {}; what it sent last, a goodbye perhaps, could not be read.",
            story.age(close.at)
        ),
        _ if story.closed_at_once() => format!(
            "Both sides closed the connection at the same moment, {} after its start, without a goodbye from {client}{}.",
            story.age(close.at),
            will(story)
        ),
        _ if sealed => format!(
            "{client} {how} the connection after {}; whether it said goodbye inside TLS cannot be read.",
            story.age(close.at)
        ),
        _ => format!(
            "{client} {how} the connection after {}{}{} without {}{}.",
            story.age(close.at),
            story.close_code_aside(Side::Client),
            within(story),
            if story.is(Qualifier::CaptureGaps) { "a goodbye that the capture holds" } else { "saying goodbye" },
            will(story)
        ),
    };
    let confidence = match story.closed_at_once() {
        _ if missed || unread => Confidence::Possible,
        true => Confidence::Likely,
        false => Confidence::Certain,
    };
    let refused = story
        .session
        .refusals
        .iter()
        .rev()
        .find(|refusal| refusal.by == Side::Server && story.soon(refusal.at, close.at, 5 * SECOND));
    let waited = waited_in_vain(story, close);
    let reset = close.how == CloseHow::Reset;
    let meaning = story.close_code_cause(Side::Client);
    let stranger = client_broke_rules::unintroduced(story).is_some();
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Absence])
            .at(story.last_before(close.at).map(|(_, packet)| packet.at))
            .at(refused.map(|refusal| refusal.at))
            .at([close.at])
            .cause_if(meaning.is_some(), meaning.unwrap_or_default())
            .cause_if(waited.is_some(), waited.unwrap_or_default())
            .cause_if(refused.is_some(), "The broker had just refused a request of the client, which may have given up over it.")
            .cause_if(!whole, "The program ended, or gave up, while it was still sending its CONNECT.")
            .cause_if(stranger, "It never introduced itself: what comes before a CONNECT no broker answers.")
            .cause_if(!connected && whole && !stranger, "The program did not wait for the answer: its time limit is very short, or it only tests whether the broker is there.")
            .cause_if(connected, "The program ended, crashed or was restarted without calling its library's disconnect function.")
            .cause_if(reset, "The client dropped the connection with data still unread or unsent, as some embedded TCP stacks do: that makes it a reset.")
            .cause_if(connected, "The library gave the connection up over an error of its own and is about to connect again.")
            .step("Look into the client's log at this time.")
            .step_if(connected && !sealed, "Let the program call its library's `disconnect()` before it ends; the broker then drops the will."),
    )
}

/// The packet that the client had begun, if it closed before the end of it.
fn within(story: &Story<'_>) -> String {
    let part = story.session.unfinished_packet.client.filter(|_| !story.is(Qualifier::CaptureGaps));
    part.map_or_else(String::new, |part| {
        format!(", in the middle of {} of {},", words::named(part.packet), words::bytes(part.length))
    })
}

/// What the client may have given up over: its newest packet is a request that got no answer, or none in time.
fn waited_in_vain(story: &Story<'_>, close: Close) -> Option<String> {
    let newest = story.last_of(Side::Client, close.at)?;
    let late = answered_too_late(story, close, newest);
    let open = story.session.open_exchanges.iter().any(|request| {
        request.sender == Side::Client && request.state == ExchangeState::Sent && request.last == newest.at
    });
    let span = close.at.time.nanoseconds_since(newest.at.time);
    if span < SECOND || !open && late.is_none() {
        return None;
    }
    let (packet, frame, span) = (newest.packet.name(), newest.at.frame, words::duration(span));
    let end = late.map_or_else(String::new, |late| {
        let after = words::duration(late.at.time.nanoseconds_since(close.at.time));
        format!("; the {} came {after} too late", late.packet.name())
    });
    Some(format!("The client gave up waiting: its {packet} in frame {frame} got no answer for {span}{end}."))
}

/// The answer to `request`, if it came when the client had gone, whose host did not take it any more.
fn answered_too_late<'a>(story: &Story<'a>, close: Close, request: &LastPacket) -> Option<&'a LastPacket> {
    let kinds = match request.packet {
        PacketType::PUBLISH => [PacketType::PUBACK, PacketType::PUBREC],
        PacketType::SUBSCRIBE => [PacketType::SUBACK; 2],
        PacketType::UNSUBSCRIBE => [PacketType::UNSUBACK; 2],
        _ => return None,
    };
    let id = request.packet_identifier?;
    let mut packets = story.session.last_packets.server.iter();
    let late = packets.find(|answer| kinds.contains(&answer.packet) && answer.packet_identifier == Some(id))?;
    (close.at.is_before(late.at) && !story.acknowledged(Side::Server)).then_some(late)
}

/// No close was seen, but the client's port opened a new connection to the same port of the server: its host had
/// forgotten this one.
pub(super) fn replaced(story: &Story<'_>) -> Option<Judgement> {
    let session = story.session;
    let anew = session.wire.replaced.filter(|_| story.close.is_none() && story.connected())?;
    let (client, port) = (story.client(), session.wire.peers.client.endpoint.port);
    let (after, frame) = (words::duration(anew.time.nanoseconds_since(session.wire.last.time)), anew.frame);
    let sentence = format!(
        "{client} left without a word: {after} later a new connection began from the same port ({port}, frame {frame}), so its host no longer knew this one{}.",
        will(story)
    );
    Some(
        Judgement::new(Confidence::Likely, sentence)
            .on(&[Ground::Absence])
            .at(story.client_heard())
            .at([session.wire.last, anew])
            .cause("The device restarted, crashed or lost power: many begin with the same ports after every start.")
            .cause("A NAT on the way forgot the connection and gave its port to another one.")
            .cause("The end of this connection was not captured, and the port was free again.")
            .step("Look at the device's power supply and, if it keeps one, at its log: what made it restart?"),
    )
}

/// What becomes of the will. A broker publishes it whenever the goodbye is missing.
fn will(story: &Story<'_>) -> Cow<'static, str> {
    match &story.session.connect {
        Some(connect) if connect.will.is_some() => match will_delay(story) {
            0 => "; the broker will publish its will".into(),
            delay => {
                let span = words::duration(i64::from(delay) * SECOND);
                format!("; the broker will publish its will after {span}, unless it is back by then").into()
            }
        },
        Some(_) => "".into(),
        // Who never sent a CONNECT has no session.
        None if client_broke_rules::unintroduced(story).is_some() => "".into(),
        None => "; the broker will publish its will if it has one".into(),
    }
}

/// Seconds that the broker waits with the will: it does not wait longer than the session lasts (MQTT 5.0 §3.1.3.2.2).
fn will_delay(story: &Story<'_>) -> u32 {
    let connect = story.session.connect.as_ref();
    let delay = connect.and_then(|connect| connect.will.as_ref()?.delay_interval);
    let granted = story.session.connack.as_ref().and_then(|connack| connack.session_expiry_interval);
    let expiry = granted.or(connect.and_then(|connect| connect.session_expiry_interval));
    delay.unwrap_or(0).min(expiry.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{Confidence, diagnose};
    use crate::diagnosis::testing::{Tale, open_publish, outcome, text};
    use crate::session::{ExchangeState, Session, UnfinishedPacket, WillFacts};
    use crate::mqtt::{PacketType, QoS};
    use crate::stream::Side;
    use crate::transport::tls::Version;

    #[test]
    fn no_goodbye() {
        let outcome = outcome(&Tale::connected().close(Side::Client, 4.2).build());
        assert_eq!(outcome.id, "client-closed");
        assert_eq!(outcome.sentence, "sensor-17 closed the connection after 4.2 s without saying goodbye.");
    }

    #[test]
    fn without_a_connect() {
        let told = |late: bool| {
            let tale = Tale::opened().publish(Side::Client, "a", 0, 9, 0.1).close(Side::Client, 2.0);
            let tale = tale.with(|session| {
                if late {
                    (session.wire.syn.count, session.wire.syn_ack.count) = (0, 0);
                    session.wire.established = None;
                }
            });
            let verdict = diagnose(&tale.build());
            (verdict.outcome.id, verdict.outcome.sentence.contains("will"), verdict.causes[0].contains("introduced itself"))
        };
        assert_eq!(told(false), ("client-closed", false, true));
        assert_eq!(told(true), ("client-closed", true, false));
    }

    #[test]
    fn a_goodbye_that_cannot_be_read() {
        let unread = Tale::connected().with(|session| {
            session.skipped_bytes.client = 9;
            let last = session.wire.last;
            let time = crate::capture::Timestamp(last.time.0 + 1000);
            session.wire.sent.client.last_data = Some(crate::capture::Moment { time, ..last });
        });
        let unread = outcome(&unread.close(Side::Client, 4.2).build());
        assert_eq!((unread.id, unread.confidence), ("client-closed", Confidence::Possible));
        assert!(!unread.sentence.contains("without saying goodbye"), "{}", unread.sentence);
        let sealed = Tale::secured(Version::V1_3).data(Side::Client, 60, 0.1).reset(Side::Client, 0.1);
        let sealed = outcome(&sealed.build());
        assert_eq!(sealed.id, "client-closed");
        assert!(sealed.sentence.ends_with("whether it said goodbye inside TLS cannot be read."), "{}", sealed.sentence);
    }

    #[test]
    fn in_the_middle_of_a_packet() {
        let told = |gap| {
            let tale = Tale::connected().close(Side::Client, 4.2).with(|session| {
                let (packet, started) = (PacketType::PUBLISH, session.wire.last);
                session.unfinished_packet.client = Some(UnfinishedPacket { packet, length: 517, started });
                session.wire.sent.client.missing_bytes = gap;
            });
            outcome(&tale.build()).sentence
        };
        let within = "after 4.2 s, in the middle of a PUBLISH of 517 bytes, without saying goodbye.";
        assert!(told(0).ends_with(within), "{}", told(0));
        assert!(!told(3).contains("middle"), "{}", told(3));
    }

    #[test]
    fn a_client_that_leaves_after_a_request_in_vain_gave_up() {
        let causes = |after| {
            let tale = Tale::connected().publish(Side::Client, "a", 1, 40, 5.0);
            let tale = tale.with(|session| open_publish(session, ExchangeState::Sent)).close(Side::Client, after);
            diagnose(&tale.build()).causes.concat()
        };
        assert!(causes(4.0).starts_with("The client gave up waiting: its PUBLISH in frame 6 got no answer for 4 s."), "{}", causes(4.0));
        assert!(!causes(0.2).contains("gave up waiting"));
        let answered = Tale::connected().publish(Side::Client, "a", 1, 40, 5.0).close(Side::Client, 4.0);
        assert!(!diagnose(&answered.build()).causes.concat().contains("gave up waiting"));
    }

    #[test]
    fn an_answer_to_a_client_that_has_gone_came_too_late() {
        let causes = |taken: bool, after: f64| {
            let tale = Tale::connected().subscribe("a/#", None, 5.0).close(Side::Client, after);
            let tale = tale.packet(Side::Server, PacketType::SUBACK, 1.5).with(|session| {
                let (asked, answered) = (&mut session.last_packets.client, &mut session.last_packets.server);
                asked.last_mut().unwrap().packet_identifier = Some(1);
                answered.last_mut().unwrap().packet_identifier = Some(1);
                let server = &mut session.wire.sent.server;
                server.acknowledged.0 -= if taken { 0 } else { 5 };
            });
            diagnose(&tale.build()).causes.concat()
        };
        let told = "The client gave up waiting: its SUBSCRIBE in frame 6 got no answer for 4 s; the SUBACK came 1.5 s too late.";
        assert!(causes(false, 4.0).starts_with(told), "{}", causes(false, 4.0));
        // A client that only ended its own direction still read it.
        assert!(!causes(true, 4.0).contains("gave up waiting"));
        assert!(!causes(false, 0.2).contains("gave up waiting"));
    }

    #[test]
    fn a_host_that_begins_anew_from_the_same_port_had_left() {
        let anew = |session: &mut Session| {
            let mut syn = session.wire.last;
            (syn.frame, syn.time.0) = (syn.frame.after(7), syn.time.0 + 3_000_000_000);
            session.wire.replaced = Some(syn);
        };
        let verdict = diagnose(&Tale::connected().with(anew).build());
        assert_eq!((verdict.outcome.id, verdict.outcome.confidence), ("client-closed", Confidence::Likely));
        let told = "3 s later a new connection began from the same port (49152, frame 12), so";
        assert!(verdict.outcome.sentence.contains(told), "{}", verdict.outcome.sentence);
        assert_eq!(verdict.outcome.frames.last().map(|frame| frame.get()), Some(12));
        assert!(verdict.qualifiers.is_empty());
        let gap = Tale::connected().with(|session| {
            anew(session);
            session.wire.sent.client.missing_bytes = 2;
        });
        assert_eq!(outcome(&gap.build()).confidence, Confidence::Possible);
    }

    #[test]
    fn a_port_used_again_says_nothing_of_an_end_that_was_seen() {
        let replaced = |tale: Tale| outcome(&tale.with(|session| session.wire.replaced = Some(session.wire.last)).build());
        assert_eq!(replaced(Tale::healthy()).id, "clean-disconnect");
        assert_eq!(replaced(Tale::connected().close(Side::Server, 5.0)).id, "server-closed");
        assert_eq!(outcome(&Tale::connected().build()).id, "capture-ended-connected");
    }

    #[test]
    fn a_will_waits_for_its_delay_and_no_longer_than_the_session() {
        let told = |delay_interval, expiry| {
            let tale = Tale::connected_v5().close(Side::Client, 4.0).with(|session| {
                let connect = session.connect.as_mut().unwrap();
                connect.session_expiry_interval = expiry;
                let topic = text("w");
                connect.will = Some(Box::new(WillFacts { topic, qos: QoS(1), retain: false, delay_interval, fingerprint: None }));
            });
            outcome(&tale.build()).sentence
        };
        let waits = "; the broker will publish its will after 30 s, unless it is back by then.";
        assert!(told(Some(30), Some(3600)).ends_with(waits), "{}", told(Some(30), Some(3600)));
        for (delay, expiry) in [(None, Some(3600)), (Some(0), Some(3600)), (Some(30), None), (Some(30), Some(0))] {
            assert!(told(delay, expiry).ends_with("; the broker will publish its will."), "{delay:?} {expiry:?}");
        }
    }

    #[test]
    fn a_goodbye_with_an_error() {
        let outcome = outcome(&Tale::connected_v5().disconnect(Side::Client, 0x80, 4.0).build());
        assert_eq!(outcome.id, "client-closed");
        assert_eq!(outcome.code.unwrap().0, 0x80);
        assert!(outcome.sentence.contains("with an error: Unspecified error (0x80)"));
    }

    #[test]
    fn a_refused_request_comes_first_among_the_causes() {
        let tale = Tale::connected().subscribe("a/#", Some(0x80), 1.0).close(Side::Client, 0.1);
        assert!(diagnose(&tale.build()).causes[0].contains("refused a request"));
        assert_ne!(outcome(&Tale::healthy().build()).id, "client-closed");
    }
}
