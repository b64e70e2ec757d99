//! `closed-after-request`: the broker closed on a request that it left unanswered.

use super::{About, Judgement, path_failed, server_closed};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::PacketType;
use crate::session::{CloseHow, Exchange, ExchangeState, LastPacket, TextFact};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "closed-after-request",
    group: "ended-by-server",
    severity: Severity::Warning,
    text: include_str!("closed_after_request.md"),
};

/// From this length on, in bytes, a packet may be larger than a broker takes.
const LARGE: u64 = 4096;
/// The shortest packet that a broker's own limit may have refused, where it left bytes unread.
const NOTABLE: u64 = 256;

/// More levels than this some broker does not take in a topic.
const DEEP: usize = 128;

/// Close codes of WebSocket that give another reason than a request: a broker that goes, or frames that it cannot take
/// (RFC 6455 §7.4.1).
const OTHER_REASONS: [u16; 6] = [1001, 1002, 1003, 1007, 1012, 1013];

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let last = story.last_of(Side::Client, close.at)?;
    let reached = story.reached(last.at, close.at);
    let in_time = story.soon(reached, close.at, SECOND);
    let unfinished = story.session.unfinished_packet.client.is_some();
    let stray = story.reset_is_foreign() || story.server_forgot();
    let said = story.close_frame(Side::Server).and_then(|close| close.code);
    let explained = said.is_some_and(|code| OTHER_REASONS.contains(&code));
    let gone = server_closed::gone(story, close).is_some();
    if !story.connected() || !in_time || unfinished || stray || explained || gone {
        return None;
    }
    let at_once = story.soon(reached, close.at, SECOND / 4);
    let confidence = match last.packet {
        PacketType::PUBLISH if publish_is_new(story, last) => Confidence::Likely,
        PacketType::PUBLISH if at_once && publish_stands_out(story, last) => Confidence::Possible,
        PacketType::SUBSCRIBE if subscribe_is_unanswered(story, last) => Confidence::Likely,
        _ => return None,
    };
    if path_failed::idle_pause(story).is_some() {
        return None;
    }
    let span = words::duration(close.at.time.nanoseconds_since(last.at.time));
    let packet = story.asked_in_words(last);
    let elsewhere = story.taken();
    let taken = elsewhere.request.filter(|taken| taken.length == 0 || taken.length >= last.length);
    let once = elsewhere.closed_too == 0;
    let (confidence, alike) = match taken {
        Some(_) if once => (Confidence::Possible, ""),
        _ => (confidence, ", as brokers do when they do not accept a request"),
    };
    let sentence = format!(
        "The broker {} the connection {span} after {packet} from {}{}{alike}.",
        how(close.how),
        story.client(),
        story.close_code_aside(Side::Server)
    );
    let large = last.length >= LARGE;
    let deep = last.topic.as_ref().map_or(0, levels);
    let meaning = story.close_code_cause(Side::Server);
    // A reset means that the broker left bytes unread, as it does when it refuses the rest of a packet.
    let reset = close.how == CloseHow::Reset;
    let otherwise = taken.map(|taken| {
        let (when, frame) = (story.before_or_later(taken.at), taken.at.frame);
        let why = if once {
            "so this one was hardly the reason, unless its rules changed in between: the broker was stopping, or a proxy in front of it closed"
        } else {
            "so its rules or its state have changed in between"
        };
        format!("The broker took the same request of this client {when} (frame {frame}), {why}.")
    });
    let (refused, again) = (taken.is_none() || !once, match elsewhere.closed_too {
        0 => String::new(),
        times => format!(" It closed {} of this client upon the same request.", words::counted(times, "other connection")),
    });
    let too_large = format!("The packet of {} is larger than the broker takes.", words::bytes(last.length));
    let published = last.packet == PacketType::PUBLISH;
    let lowered = lowered(story);
    let twice = (published && last.qos.0 == 2).then(|| {
        let shown = lowered.map_or_else(String::new, |at| format!(" It granted less than QoS 2 to a subscription that asked for it (frame {}).", at.frame));
        format!("The broker does not take messages of QoS 2: NATS before 2.10 and Azure then close.{shown}")
    });
    let marked = last.topic.as_ref().is_some_and(|topic| topic.0.iter().any(|byte| matches!(byte, b' ' | b'.')));
    let sure = twice.is_some() && lowered.is_some();
    let unread = reset && last.packet == PacketType::PUBLISH && last.length >= NOTABLE;
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Timing, Ground::Absence, Ground::Cause])
            .at(story.unanswered_before(last).map(|asked| asked.at))
            .at([last.at, close.at])
            .cause_if(meaning.is_some(), meaning.unwrap_or_default())
            .cause_if(deep > DEEP, format!("Its topic has {deep} levels, which may be more than the broker takes: mosquitto allows 200, EMQX 128 unless told otherwise."))
            .cause_if(large && reset, too_large.clone())
            .cause_if(once && otherwise.is_some(), otherwise.clone().unwrap_or_default())
            .cause_if(refused && sure, twice.clone().unwrap_or_default())
            .cause_if(refused, format!("The broker's rules do not let this client publish or subscribe there: AWS IoT, RabbitMQ, HiveMQ and VerneMQ then close.{again}"))
            .cause_if(!once && otherwise.is_some(), otherwise.unwrap_or_default())
            .cause_if(large && !reset, too_large.clone())
            .cause_if(unread && !large, format!("{too_large} It left bytes unread: that makes its close a reset."))
            .cause_if(refused && !sure && twice.is_some(), twice.unwrap_or_default())
            .cause_if(refused && published && marked, "There is a blank or a `.` in its topic, which NATS 2.9, for one, does not take.")
            .cause_if(refused, "The broker does not take the request for another reason: its QoS, its RETAIN flag, its topic.")
            .step_if(refused && sure, "Publish with QoS 1.")
            .step_if(refused, "Compare the topic with the broker's rules for this user and client id.")
            .step_if(large || unread, "Try a message of a few bytes to the same topic: if it passes, the size was the reason.")
            .step("Look into the broker's log at this time (AWS IoT: CloudWatch, `disconnectReason`).")
            .seen_as(Sight::Lost),
    )
}

/// Where the broker granted less than QoS 2 to a subscription of this client that asked for it.
fn lowered(story: &Story<'_>) -> Option<Moment> {
    let mut asked = story.session.subscriptions.iter().filter(|asked| asked.requested_qos().0 == 2);
    asked.find_map(|asked| asked.answer.filter(|(_, code)| code.0 < 2).map(|(at, _)| at))
}

/// How many levels a topic has.
fn levels(topic: &TextFact) -> usize {
    topic.0.split(|byte| *byte == b'/').count()
}

/// Whether all of the client's messages are among its last packets, and none before this one went
/// to the same topic: a message like those before it would not be what is forbidden.
fn publish_is_new(story: &Story<'_>, last: &LastPacket) -> bool {
    let session = story.session;
    let published: u64 = session.published.client.by_qos.iter().sum();
    let messages = session.last_packets.client.iter().filter(|packet| packet.packet == PacketType::PUBLISH);
    let seen = messages.clone().count() as u64;
    let alike = messages.filter(|packet| packet.topic == last.topic).count();
    let mut after = session.last_packets.server.iter().filter(|packet| last.at.is_before(packet.at));
    let answered = after.any(|packet| last.qos.0 == 0 || !answers_another(packet, last));
    published <= seen && alike == 1 && last.topic.is_some() && !answered
}

/// Whether the broker's `packet` answers a request that the client made before the PUBLISH `last`, in one go with it.
fn answers_another(packet: &LastPacket, last: &LastPacket) -> bool {
    match packet.packet {
        PacketType::PINGRESP | PacketType::SUBACK | PacketType::UNSUBACK => true,
        PacketType::PUBACK | PacketType::PUBREC => packet.packet_identifier != last.packet_identifier,
        _ => false,
    }
}

/// Whether this message goes elsewhere than the last ones did and alone among all that the client
/// sent was not acknowledged. What came long before is not known, so it stays a guess.
fn publish_stands_out(story: &Story<'_>, last: &LastPacket) -> bool {
    let session = story.session;
    let mut others = session.last_packets.client.iter().filter(|packet| packet.at.frame != last.at.frame);
    let elsewhere = others.all(|packet| packet.packet != PacketType::PUBLISH || packet.topic != last.topic);
    let mut open = session.open_exchanges.iter().filter(|exchange| exchange.sender == Side::Client);
    // A PUBREC took it.
    let untaken =
        |exchange: &Exchange| exchange.started.frame == last.at.frame && exchange.state == ExchangeState::Sent;
    let alone = open.next().is_some_and(untaken) && open.next().is_none();
    elsewhere && alone && last.topic.is_some()
}

/// Whether the SUBSCRIBE got no answer.
fn subscribe_is_unanswered(story: &Story<'_>, last: &LastPacket) -> bool {
    let mut asked = story.session.subscriptions.iter();
    asked.any(|subscription| subscription.asked.frame == last.at.frame && subscription.answer.is_none())
}

#[cfg(test)]
mod tests {
    use crate::capture::{FrameNumber, Moment, Timestamp};
    use crate::diagnosis::Confidence;
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::{Tale, open_publish, outcome, text};
    use crate::mqtt::PacketType;
    use crate::session::{CloseFrame, ExchangeState, PerSide, Taken, TakenRequest, WebSocketFacts, compare};
    use crate::stream::Side;

    #[test]
    fn a_close_code_that_speaks_of_something_else_is_believed() {
        let told = |code| {
            let tale = Tale::connected().publish(Side::Client, "a", 1, 20, 1.0).close(Side::Server, 0.1);
            let tale = tale.with(|session| {
                let at = session.wire.last;
                let close = CloseFrame { at, code: Some(code), reason: text(""), ahead: false };
                let close = PerSide { client: None, server: Some(close) };
                session.websocket = Some(Box::new(WebSocketFacts { close, ..WebSocketFacts::default() }));
            });
            outcome(&tale.build()).id
        };
        assert_eq!(told(1008), "closed-after-request");
        assert_eq!(told(1012), "server-closed");
    }

    #[test]
    fn several_requests_of_which_none_was_answered() {
        let told = |answer| {
            let tale = Tale::connected().subscribe("a/#", answer, 1.0).publish(Side::Client, "b", 1, 20, 0.0001);
            outcome(&tale.close(Side::Server, 0.01).build())
        };
        let both = told(None);
        assert_eq!(both.id, "closed-after-request");
        assert!(both.sentence.contains("10 ms after a SUBSCRIBE for “a/#” and a PUBLISH to “b” from"), "{}", both.sentence);
        assert!(told(Some(0)).sentence.contains("10 ms after a PUBLISH to “b” from"), "{}", told(Some(0)).sentence);
    }

    #[test]
    fn an_answer_to_what_came_before_it_is_none_to_the_message() {
        let told = |qos, answer| {
            let tale = Tale::connected().packet(Side::Client, PacketType::PINGREQ, 1.0);
            let tale = tale.publish(Side::Client, "b", qos, 20, 0.0).packet(Side::Server, answer, 0.001);
            outcome(&tale.close(Side::Server, 0.001).build()).id
        };
        assert_eq!(told(1, PacketType::PINGRESP), "closed-after-request");
        // A PUBACK of the message, and what the broker had to tell.
        assert_eq!(told(1, PacketType::PUBACK), "server-closed");
        assert_eq!(told(1, PacketType::PUBLISH), "server-closed");
        // Nobody answers a message of QoS 0: the broker went on behind it.
        assert_eq!(told(0, PacketType::PINGRESP), "server-closed");
    }

    #[test]
    fn what_the_client_sends_after_the_close_changes_nothing() {
        let tale = Tale::connected().subscribe("a/#", None, 1.0).close(Side::Server, 0.01);
        let told = outcome(&tale.publish(Side::Client, "b", 1, 20, 0.002).build());
        assert_eq!(told.id, "closed-after-request");
        assert!(told.sentence.contains("10 ms after a SUBSCRIBE for “a/#” from"), "{}", told.sentence);
    }

    #[test]
    fn a_close_on_the_first_message_to_a_topic() {
        let tale = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0).close(Side::Server, 0.05);
        let outcome = outcome(&tale.build());
        assert_eq!((outcome.id, outcome.confidence), ("closed-after-request", Confidence::Likely));
        assert_eq!(
            outcome.sentence,
            "The broker closed the connection 50 ms after a PUBLISH to “a/b” from sensor-17, as brokers do when they do not accept a request."
        );
    }

    #[test]
    fn a_request_that_the_network_lost_at_first_arrived_with_its_repetition() {
        let closed = |again: i64, acknowledged: bool| {
            let tale = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0).with(|session| {
                let last = session.wire.last;
                let at = Moment { frame: last.frame.after(1), time: Timestamp(last.time.0 + again) };
                let client = &mut session.wire.sent.client;
                (client.retransmitted, client.retransmissions) = (1, (at, at));
                client.acknowledged.0 = client.sent.0 - u64::from(!acknowledged);
            });
            outcome(&tale.close(Side::Server, 1.6).build()).id
        };
        assert_eq!(closed(1_500_000_000, true), "closed-after-request");
        // Long before the close, and never taken.
        assert_eq!(closed(200_000_000, true), "server-closed");
        assert_ne!(closed(1_500_000_000, false), "closed-after-request");
    }

    #[test]
    fn a_reset_of_an_unknown_connection_is_no_answer_to_the_request() {
        let reset = |acknowledges| {
            let tale = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0).reset(Side::Server, 0.001);
            let tale = tale.with(|session| {
                session.wire.sent.client.sent.0 = session.wire.sent.client.acknowledged.0 + 40;
                session.wire.reset.as_mut().unwrap().acknowledges = acknowledges;
            });
            diagnose(&tale.build())
        };
        assert_eq!(reset(true).outcome.id, "closed-after-request");
        let forgotten = reset(false);
        assert_eq!(forgotten.outcome.id, "server-closed");
        assert!(forgotten.causes[0].contains("no longer knew"), "{:?}", forgotten.causes);
    }

    #[test]
    fn a_request_that_the_broker_took_elsewhere_is_hardly_the_reason() {
        let told = |length, closed_too| {
            let tale = Tale::connected().publish(Side::Client, "a/b", 1, 5000, 1.0).close(Side::Server, 0.05);
            let tale = tale.with(|session| {
                let last = session.wire.last;
                let at = Moment { frame: last.frame.after(20), time: Timestamp(last.time.0 + 5_000_000_000) };
                let request = Some(TakenRequest { at, length });
                session.neighbours.taken = Some(Box::new(Taken { request, closed_too, ..Taken::default() }));
            });
            let verdict = diagnose(&tale.build());
            (verdict.outcome.confidence, verdict.causes[0].to_string(), verdict.causes.concat().contains("rules do not let"))
        };
        let (confidence, first, rules) = told(5000, 0);
        assert_eq!((confidence, rules), (Confidence::Possible, false));
        assert!(first.starts_with("The broker took the same request of this client later (frame 27), so this one was hardly"), "{first}");
        // A shorter message is not the same, and one on which it closed again is refused now and then.
        assert_eq!(told(40, 0).0, Confidence::Likely);
        let (confidence, first, rules) = told(5000, 2);
        assert_eq!((confidence, rules), (Confidence::Likely, true));
        assert!(first.ends_with("It closed 2 other connections of this client upon the same request."), "{first}");
    }

    #[test]
    fn which_requests_are_the_same() {
        let request = |topic: &str, qos| Tale::connected().publish(Side::Client, topic, qos, 40, 1.0);
        let confidence = |other: Tale| {
            let closed = request("a/b", 1).close(Side::Server, 0.05).build();
            let mut sessions = vec![Box::new(closed), Box::new(other.build())];
            compare(&mut sessions);
            outcome(&sessions[0]).confidence
        };
        let answered = |tale: Tale| tale.packet(Side::Server, PacketType::PUBACK, 0.01);
        assert_eq!(confidence(answered(request("a/b", 1))), Confidence::Possible);
        assert_eq!(confidence(request("a/b", 1)), Confidence::Likely);
        assert_eq!(confidence(answered(request("a/c", 1))), Confidence::Likely);
        assert_eq!(confidence(answered(request("a/b", 2))), Confidence::Likely);
        let open = |tale: Tale| tale.with(|session| open_publish(session, ExchangeState::Sent));
        assert_eq!(confidence(open(answered(request("a/b", 1)))), Confidence::Likely);
        let another = answered(request("a/b", 1)).with(|session| {
            session.connect.as_mut().unwrap().client_id = text("sensor-18");
        });
        assert_eq!(confidence(another), Confidence::Likely);
    }

    #[test]
    fn a_subscription_that_was_granted_elsewhere() {
        let told = |answer| {
            let closed = Tale::connected().subscribe("a/#", None, 1.0).close(Side::Server, 0.05).build();
            let other = Tale::connected().subscribe("a/#", Some(answer), 1.0).build();
            let mut sessions = vec![Box::new(closed), Box::new(other)];
            compare(&mut sessions);
            outcome(&sessions[0]).confidence
        };
        assert_eq!((told(0), told(0x80)), (Confidence::Possible, Confidence::Likely));
    }

    #[test]
    fn a_close_on_an_unanswered_subscribe() {
        let tale = Tale::connected().subscribe("a/#", None, 1.0).close(Side::Server, 0.05);
        assert_eq!(outcome(&tale.build()).id, "closed-after-request");
        let answered = Tale::connected().subscribe("a/#", Some(0), 1.0).close(Side::Server, 0.05);
        assert_eq!(outcome(&answered.build()).id, "server-closed");
    }

    #[test]
    fn a_topic_of_many_levels_is_named_first() {
        let first = |topic: &str| {
            let tale = Tale::connected().publish(Side::Client, topic, 1, 1000, 1.0).close(Side::Server, 0.01);
            diagnose(&tale.build()).causes[0].to_string()
        };
        assert!(first(&"a/".repeat(201)).starts_with("Its topic has 202 levels"));
        assert!(first(&"a/".repeat(100)).starts_with("The broker's rules"));
    }

    #[test]
    fn a_broker_without_qos_2() {
        let causes = |granted, qos| {
            let tale = Tale::connected().subscribe("a/#", Some(granted), 1.0).with(|session| {
                session.subscriptions[0].options = 2;
            });
            let tale = tale.publish(Side::Client, "b", qos, 20, 1.0).close(Side::Server, 0.01);
            diagnose(&tale.build()).causes
        };
        let sure = causes(1, 2);
        assert!(sure[0].starts_with("The broker does not take messages of QoS 2"), "{sure:?}");
        assert!(sure[0].ends_with("a subscription that asked for it (frame 7)."), "{sure:?}");
        let granted = causes(2, 2);
        assert!(granted[0].starts_with("The broker's rules") && granted[1].contains("QoS 2: NATS"), "{granted:?}");
        assert!(!causes(1, 1).concat().contains("messages of QoS 2"));
    }

    #[test]
    fn a_topic_with_a_mark_that_a_broker_may_not_take() {
        let told = |topic: &str| {
            let tale = Tale::connected().publish(Side::Client, topic, 1, 20, 1.0).close(Side::Server, 0.01);
            diagnose(&tale.build()).causes.concat().contains("There is a blank or a `.`")
        };
        assert!(told("plant 7/state") && told("v1.2/state") && !told("plant/7/state"));
    }

    #[test]
    fn a_message_like_those_before_it_is_no_reason() {
        let tale = Tale::connected().publish(Side::Client, "a/b", 0, 40, 1.0);
        let again = tale.publish(Side::Client, "a/b", 0, 40, 1.0).close(Side::Server, 0.05);
        assert_eq!(outcome(&again.build()).id, "server-closed");
        let late = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0).close(Side::Server, 3.0);
        assert_eq!(outcome(&late.build()).id, "server-closed");
    }

    #[test]
    fn after_many_messages_the_one_elsewhere_is_suspect() {
        let last_of = |topic: &str, state: ExchangeState| {
            let tale = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0);
            let tale = (0..4).fold(tale, |tale, _| tale.publish(Side::Client, "a/b", 1, 40, 1.0));
            let tale = tale.publish(Side::Client, topic, 1, 40, 1.0).close(Side::Server, 0.005);
            let mut session = tale.build();
            open_publish(&mut session, state);
            outcome(&session)
        };
        let last = |topic: &str| last_of(topic, ExchangeState::Sent);
        let elsewhere = last("secret");
        assert_eq!((elsewhere.id, elsewhere.confidence), ("closed-after-request", Confidence::Possible));
        assert_eq!(last("a/b").id, "server-closed");
        // The broker took it: PUBREC came.
        assert_eq!(last_of("secret", ExchangeState::Received).id, "server-closed");
    }

    #[test]
    fn a_reset_may_be_for_the_size() {
        let causes = |length, reset: bool| {
            let tale = Tale::connected().publish(Side::Client, "a/b", 1, length, 1.0);
            let tale = if reset { tale.reset(Side::Server, 0.001) } else { tale.close(Side::Server, 0.001) };
            diagnose(&tale.build()).causes.concat()
        };
        assert!(causes(1010, true).contains("The packet of 1,010 bytes is larger than the broker takes."));
        assert!(!causes(40, true).contains("larger than the broker takes"));
        assert!(!causes(1010, false).contains("larger than the broker takes"));
    }

    #[test]
    fn a_broker_whose_host_refuses_connections_soon_after_was_stopped() {
        let told = |after: i64| {
            let tale = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0).close(Side::Server, 0.05);
            let tale = tale.with(|session| {
                let last = session.wire.last;
                let time = Timestamp(last.time.0 + after * 1_000_000_000);
                session.neighbours.refused_after = Some(Moment { frame: last.frame.after(1), time });
            });
            diagnose(&tale.build())
        };
        let stopped = told(1);
        assert_eq!(stopped.outcome.id, "server-closed");
        assert!(stopped.causes[0].starts_with("The broker, or a proxy in front of it, was stopped or has crashed"), "{:?}", stopped.causes);
        assert_eq!(told(60).outcome.id, "closed-after-request");
    }

    #[test]
    fn never_when_several_sessions_end_together() {
        let tale = Tale::connected().publish(Side::Client, "a/b", 1, 40, 1.0).close(Side::Server, 0.05);
        let many = tale.with(|session| session.neighbours.closed_together = vec![FrameNumber::new(1), FrameNumber::new(2)]);
        assert_eq!(outcome(&many.build()).id, "server-shutdown");
    }
}
