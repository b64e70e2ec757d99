//! Tests of `client-closed`.

use crate::diagnosis::{Confidence, diagnose};
use crate::diagnosis::testing::{Tale, open_publish, outcome, text};
use crate::session::{ExchangeState, Session, UnfinishedPacket, WillFacts, compare};
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
fn an_answer_that_the_capture_lacks_was_waited_for() {
    let told = |acknowledged| {
        let tale = Tale::connecting().close(Side::Client, 0.2).with(|session| {
            session.wire.sent.server.acknowledged.0 = acknowledged;
        });
        let verdict = diagnose(&tale.build());
        (verdict.outcome.sentence, verdict.causes[0].to_string())
    };
    let (sentence, cause) = told(4);
    assert_eq!(sentence, "sensor-17 closed the connection 200 ms after CONNECT; the capture lacks the answer, which its host acknowledged.");
    assert!(cause.starts_with("The program ended"), "{cause}");
    // One more than was sent may be a FIN.
    for acknowledged in [0, 1] {
        let (sentence, cause) = told(acknowledged);
        assert!(sentence.ends_with("before an answer came."), "{sentence}");
        assert!(cause.starts_with("The program did not wait"), "{cause}");
    }
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
        session.wire.replaced = Some(Box::new(syn));
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
    let replaced = |tale: Tale| outcome(&tale.with(|session| session.wire.replaced = Some(Box::new(session.wire.last))).build());
    assert_eq!(replaced(Tale::healthy()).id, "clean-disconnect");
    assert_eq!(replaced(Tale::connected().close(Side::Server, 5.0)).id, "server-closed");
    assert_eq!(outcome(&Tale::connected().build()).id, "capture-ended-connected");
}

#[test]
fn a_silence_as_long_as_a_limit_of_proxies_may_have_been_ended_by_one() {
    let causes = |after: f64, again| {
        let tale = Tale::connected().publish(Side::Client, "a", 0, 9, 0.1).close(Side::Client, after);
        let tale = tale.with(|session| session.neighbours.closed_again_alike = again);
        diagnose(&tale.build()).causes.concat()
    };
    let told = "A timer ended it: nothing had been said for 1 min.";
    assert!(causes(60.02, 0).starts_with(told), "{}", causes(60.02, 0));
    assert!(!causes(43.7, 0).contains("timer"));
    assert!(causes(43.7, 2).starts_with("A timer ended it: nothing had been said for 43.7 s, as before the end of 2 other"));
    assert!(!causes(3.0, 2).contains("timer"));
}

#[test]
fn connections_from_one_address_that_end_together_have_one_reason() {
    let cause = |after: f64, port| {
        let other = Tale::connected().close(Side::Client, after).with(|session| {
            session.wire.peers.client.endpoint.port += 1;
            session.wire.peers.server.endpoint.port = port;
        });
        let mut sessions = vec![Box::new(Tale::connected().close(Side::Client, 5.0).build()), Box::new(other.build())];
        compare(&mut sessions);
        diagnose(&sessions[0]).causes[0].to_string()
    };
    let told = "1 other connection from 10.0.0.21 was closed in the same second:";
    assert!(cause(5.4, 1883).starts_with(told), "{}", cause(5.4, 1883));
    assert!(cause(9.0, 1883).starts_with("The program ended"), "{}", cause(9.0, 1883));
    assert!(cause(5.4, 1884).starts_with("The program ended"), "{}", cause(5.4, 1884));
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
    let waits = "; the broker should publish its will after 30 s, unless it is back by then.";
    assert!(told(Some(30), Some(3600)).ends_with(waits), "{}", told(Some(30), Some(3600)));
    for (delay, expiry) in [(None, Some(3600)), (Some(0), Some(3600)), (Some(30), None), (Some(30), Some(0))] {
        assert!(told(delay, expiry).ends_with("; the broker should publish its will."), "{delay:?} {expiry:?}");
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

#[test]
fn a_connection_that_opened_slowly_used_up_the_time() {
    let cause = |repeated: u32, milliseconds: i64| {
        let tale = Tale::connecting().close(Side::Client, 0.001).with(|session| {
            let wire = &mut session.wire;
            wire.syn.count = repeated;
            let mut first = wire.established.unwrap();
            first.time.0 -= milliseconds * 1_000_000;
            wire.syn.first = first;
        });
        diagnose(&tale.build()).causes[0].to_string()
    };
    assert!(cause(3, 4_000).starts_with("The client's own time limit ran out"), "{}", cause(3, 4_000));
    assert!(cause(1, 4_000).starts_with("The program did not wait"), "{}", cause(1, 4_000));
    assert!(cause(3, 200).starts_with("The program did not wait"), "{}", cause(3, 200));
}

#[test]
fn a_goodbye_before_the_answer() {
    let told = |goodbye: bool| {
        let tale = Tale::connecting();
        let tale = if goodbye { tale.disconnect(Side::Client, 0, 0.0001) } else { tale };
        let verdict = diagnose(&tale.close(Side::Client, 0.0001).build());
        assert_eq!(verdict.outcome.id, "client-closed");
        (verdict.outcome.sentence, verdict.causes[0].to_string())
    };
    let (sentence, cause) = told(true);
    assert!(sentence.starts_with("sensor-17 sent DISCONNECT and closed the connection"), "{sentence}");
    assert!(cause.starts_with("The program says goodbye without waiting"), "{cause}");
    let (sentence, cause) = told(false);
    assert!(sentence.starts_with("sensor-17 closed the connection"), "{sentence}");
    assert!(cause.starts_with("The program did not wait"), "{cause}");
}

#[test]
fn what_the_client_could_not_read() {
    let told = |side: Side, wait: f64| {
        let tale = Tale::connected().publish(Side::Server, "a", 0, 20, 1.0).violation(side, true);
        diagnose(&tale.close(Side::Client, wait).build())
    };
    let patient = told(Side::Server, 9.0);
    assert_eq!(patient.outcome.id, "client-closed");
    assert!(patient.causes[0].starts_with("The broker sent a PUBLISH that breaks a rule"), "{:?}", patient.causes);
    assert!(!told(Side::Client, 9.0).causes[0].starts_with("The broker sent"), "{:?}", told(Side::Client, 9.0).causes);
    // A rule of WebSocket that the answer to its request broke.
    let upgraded = Tale::connected().violation(Side::Server, true).with(|session| {
        session.violations.iter_mut().for_each(|broken| broken.clause = "MQTT-6.0.0-4");
    });
    assert!(!diagnose(&upgraded.close(Side::Client, 0.1).build()).causes[0].starts_with("The broker sent"));
    // It went on for long.
    let went_on = Tale::connected().publish(Side::Server, "a", 0, 20, 1.0).violation(Side::Server, true);
    let went_on = went_on.publish(Side::Server, "b", 0, 20, 5.0).close(Side::Client, 5.0);
    assert!(!diagnose(&went_on.build()).causes[0].starts_with("The broker sent"));
}

#[test]
fn the_end_of_what_went_on_before() {
    let told = |later: i64| {
        let tale = Tale::connected().close(Side::Client, 0.1).with(|session| {
            (session.connect, session.connack) = (None, None);
            (session.wire.syn.count, session.wire.syn_ack.count) = (0, 0);
            (session.first_packet.client, session.first_packet.server) = (None, None);
        });
        let mut session = tale.build();
        session.capture.began.0 = session.wire.first.time.0 - later * 1_000_000_000;
        outcome(&session).sentence
    };
    assert!(told(0).contains("closed the connection as the capture began; whether"), "{}", told(0));
    assert!(told(60).contains("in the first frames of it that were captured; whether"), "{}", told(60));
}

#[test]
fn a_connack_that_allows_more_than_the_library_expects() {
    let first = |most, after: f64| {
        let tale = Tale::connected_v5().with(|session| session.connack.as_mut().unwrap().maximum_packet_size = Some(most));
        diagnose(&tale.close(Side::Client, after).build()).causes[0].to_string()
    };
    assert!(first(268_435_456, 0.001).starts_with("The CONNACK allows packets of 268,435,456 bytes"), "{}", first(268_435_456, 0.001));
    assert!(first(268_435_455, 0.001).starts_with("The program ended"), "{}", first(268_435_455, 0.001));
    assert!(first(268_435_456, 9.0).starts_with("The program ended"));
}

#[test]
fn a_health_check_comes_again() {
    let causes = |again, after| {
        let tale = Tale::connected().with(|session| session.neighbours.closed_again_alike = again);
        diagnose(&tale.close(Side::Client, after).build()).causes
    };
    assert!(causes(2, 0.001)[0].starts_with("It only asked"), "{:?}", causes(2, 0.001));
    let once = causes(0, 0.001);
    assert!(once[0].starts_with("The program ended") && once[1].starts_with("It only asked"), "{once:?}");
    assert!(!causes(2, 3.0).concat().contains("It only asked"));
}
