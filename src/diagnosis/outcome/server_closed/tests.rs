//! Tests of `server-closed`.

use crate::diagnosis::{Confidence, diagnose};
use crate::diagnosis::testing::{Tale, outcome};
use crate::mqtt::PacketType;
use crate::session::{Exchange, ExchangeState, UnfinishedPacket};
use crate::stream::Side;

#[test]
fn what_could_not_be_read_may_have_been_a_goodbye() {
    let closed = |skipped, later: i64| {
        let tale = Tale::connected().with(|session| {
            session.skipped_bytes.client = skipped;
            let last = session.wire.last;
            let time = crate::capture::Timestamp(last.time.0 + later);
            session.wire.sent.client.last_data = Some(crate::capture::Moment { time, ..last });
        });
        outcome(&tale.close(Side::Server, 5.0).build())
    };
    let unread = closed(9, 1_000_000);
    assert_eq!((unread.id, unread.confidence), ("server-closed", Confidence::Possible));
    assert!(unread.sentence.ends_with("a goodbye perhaps, could not be read."), "{}", unread.sentence);
    // Bytes passed over before a packet that was read, and all read.
    assert_eq!(closed(9, -1_000_000_000).confidence, Confidence::Certain);
    assert_eq!(closed(0, 1_000_000).confidence, Confidence::Certain);
}

#[test]
fn the_broker_closes_without_a_word() {
    let tale = Tale::connected().packet(Side::Client, PacketType::PINGREQ, 30.0);
    let tale = tale.packet(Side::Server, PacketType::PINGRESP, 0.001);
    let outcome = outcome(&tale.close(Side::Server, 4.0).build());
    assert_eq!((outcome.id, outcome.confidence), ("server-closed", Confidence::Certain));
    assert_eq!(
        outcome.sentence,
        "The broker closed the connection of sensor-17 after 34 s without a reason; the last packet was a PINGRESP from the broker, 4 s before."
    );
}

#[test]
fn one_with_its_client_id_that_came_late_was_captured() {
    let causes = |rival: bool| {
        let tale = Tale::connected();
        let tale = if rival { tale.rival(30.0) } else { tale };
        diagnose(&tale.close(Side::Server, 5.0).build()).causes.concat()
    };
    assert!(causes(true).contains("(tcp.stream 1), which the broker let in while this one was open"), "{}", causes(true));
    assert!(causes(false).contains("and was not captured"), "{}", causes(false));
}

#[test]
fn within_a_packet() {
    let begun = |gap: u64| {
        let tale = Tale::connected().close(Side::Server, 4.0).with(|session| {
            let started = session.connack.as_ref().unwrap().at;
            session.unfinished_packet.client =
                Some(UnfinishedPacket { packet: PacketType::PUBLISH, length: 517, started });
            session.wire.sent.client.missing_bytes = gap;
        });
        outcome(&tale.build()).sentence
    };
    let told = "; the client had begun a PUBLISH of 517 bytes 4 s before and not finished it.";
    assert!(begun(0).ends_with(told), "{}", begun(0));
    // The rest may be what the capture lacks.
    assert!(!begun(3).contains("begun"), "{}", begun(3));
}

#[test]
fn closes_that_cross_have_no_first() {
    // Captured beside the client, 10 ms from the server: both FINs within a millisecond.
    let apart = |after: f64| {
        let tale = Tale::connected().with(|session| session.wire.syn_ack.first.time.0 += 9_000_000);
        outcome(&tale.close(Side::Client, 5.0).close(Side::Server, after).build())
    };
    assert_eq!(apart(0.001).confidence, Confidence::Likely);
    assert_eq!(apart(0.011).confidence, Confidence::Certain);
}

#[test]
fn a_fin_that_acknowledges_the_other_answers_it() {
    // The client took 10 ms to complete the handshake, and less to answer the close.
    let told = |acknowledged| {
        let tale = Tale::connected().with(|session| session.wire.syn_ack.first.time.0 -= 9_000_000);
        let tale = tale.close(Side::Server, 5.0).close(Side::Client, 0.001).with(|session| {
            let sent = &mut session.wire.sent;
            sent.client.fin.as_mut().unwrap().acknowledges.0 = sent.server.sent.0 + acknowledged;
        });
        outcome(&tale.build()).confidence
    };
    assert_eq!(told(0), Confidence::Likely);
    assert_eq!(told(1), Confidence::Certain);
}

#[test]
fn the_same_silence_once_more_is_that_of_a_timer() {
    let first_cause_of = |silences: &[f64], apart: f64| {
        let session = |(place, quiet): (usize, &f64)| {
            let tale = match place {
                0 => Tale::connected(),
                _ => Tale::connected().publish(Side::Client, "a", 0, 10, f64::from(u32::try_from(place).unwrap()) * apart),
            };
            let tale = tale.close(Side::Server, *quiet).with(|session| {
                session.neighbours.returned = Some(session.wire.last.frame);
                session.wire.stream = u32::try_from(place).ok();
            });
            Box::new(tale.build())
        };
        let mut sessions: Vec<_> = silences.iter().enumerate().map(session).collect();
        crate::session::compare(&mut sessions);
        diagnose(&sessions[0]).causes[0].to_string()
    };
    let first_cause = |silences: &[f64]| first_cause_of(silences, 30.0);
    assert_eq!(
        first_cause(&[12.0, 20.0, 12.05]),
        "A proxy or load balancer in between, or the broker, closes connections on which nothing was said for 12 s: 1 other connection of this client ended after the same silence."
    );
    assert!(first_cause(&[3.0, 3.01, 3.02]).contains("2 other connections of this client"));
    for other in [&[12.0, 20.0][..], &[12.0, 12.3], &[3.0, 3.01]] {
        assert!(first_cause(other).starts_with("Another connection with the same client id"), "{other:?}");
    }
    // What began together and was ended together was silent for the same time too.
    let at_once = first_cause_of(&[12.0, 12.0, 12.05, 12.0], 0.01);
    assert!(at_once.starts_with("Another connection with the same client id"), "{at_once}");
}

#[test]
fn a_fin_that_acknowledges_what_was_not_captured_answers_none() {
    let told = |acknowledged| {
        let tale = Tale::connecting().close(Side::Client, 5.0).close(Side::Server, 0.001).with(|session| {
            let sent = &mut session.wire.sent;
            (sent.server.missing_bytes, sent.server.fin_ahead) = (4, 4);
            sent.client.fin.as_mut().unwrap().acknowledges.0 = acknowledged;
        });
        outcome(&tale.build()).id
    };
    assert_eq!(told(4), "client-closed");
    assert_eq!(told(5), "server-closed");
}

#[test]
fn a_close_as_the_capture_begins_says_little() {
    let late = |tale: Tale| {
        outcome(
            &tale
                .with(|session| {
                    session.wire.syn.count = 0;
                    session.wire.syn_ack.count = 0;
                    session.wire.established = None;
                })
                .build(),
        )
    };
    let fin = late(Tale::opened().close(Side::Server, 0.01));
    assert_eq!((fin.id, fin.confidence), ("server-closed", Confidence::Possible));
    assert!(fin.sentence.contains("a goodbye perhaps"));
    assert_eq!(late(Tale::opened().close(Side::Client, 0.01)).confidence, Confidence::Possible);
    assert_eq!(late(Tale::opened().close(Side::Server, 1.5)).confidence, Confidence::Certain);
    let delivery = || Tale::opened().publish(Side::Server, "a", 0, 20, 0.01);
    assert_eq!(late(delivery().reset(Side::Client, 0.001)).confidence, Confidence::Possible);
    assert_eq!(late(delivery().close(Side::Server, 0.001)).confidence, Confidence::Certain);
    let ping = || Tale::opened().packet(Side::Client, PacketType::PINGREQ, 0.01);
    let forgotten = late(ping().reset(Side::Server, 0.001).with(|session| session.wire.sent.server.segments = 1));
    assert_eq!((forgotten.id, forgotten.confidence), ("server-closed", Confidence::Likely));
    assert!(forgotten.sentence.contains("in answer to the first packet"), "{}", forgotten.sentence);
    assert_eq!(late(ping().close(Side::Server, 0.001)).confidence, Confidence::Certain);
}

#[test]
fn a_keep_alive_that_was_not_captured_may_have_run_out() {
    let causes = |silent, late: bool| {
        let tale = Tale::opened().packet(Side::Client, PacketType::PINGREQ, 2.0);
        let tale = tale.packet(Side::Server, PacketType::PINGRESP, 0.001).close(Side::Server, silent);
        let tale = tale.with(|session| {
            if late {
                session.wire.syn.count = 0;
                session.wire.syn_ack.count = 0;
                session.wire.established = None;
            }
        });
        diagnose(&tale.build()).causes
    };
    assert!(causes(12.0, true)[0].starts_with("The client had been silent for 12 s"), "{:?}", causes(12.0, true));
    assert!(!causes(3.0, true).concat().contains("Keep Alive"));
}

#[test]
fn a_second_session_closed_at_once_points_at_the_broker() {
    let close = |count| {
        let tale = Tale::connected().close(Side::Server, 5.0);
        let verdict = diagnose(&tale.with(|session| session.neighbours.closed_together_count = count).build());
        verdict.causes[0].contains("in the same second")
    };
    assert!(close(1));
    assert!(!close(0));
}

#[test]
fn a_connection_refused_soon_after_shows_that_the_broker_is_gone() {
    let causes = |after: Option<f64>| {
        let mut tale = Tale::connected().close(Side::Server, 5.0);
        if let Some(after) = after {
            tale = tale.packet(Side::Client, PacketType::PINGREQ, after).with(|session| {
                session.neighbours.refused_after = Some(session.wire.last);
            });
        }
        diagnose(&tale.build()).causes
    };
    let told = ["The broker, or a proxy in front of it, was stopped or has crashed: 1 s later its host refused a new connection (frame 7)."];
    assert_eq!(causes(Some(1.0)), told);
    assert!(causes(Some(20.0))[0].contains("was stopped or restarted, or"));
    assert!(causes(None)[0].contains("was stopped or restarted, or"));
}

#[test]
fn a_client_that_is_let_in_again_shows_that_the_broker_runs() {
    let first = |returned: bool| {
        let tale = Tale::connected().close(Side::Server, 5.0);
        let tale = tale.with(|session| session.neighbours.returned = returned.then_some(session.wire.last.frame));
        diagnose(&tale.build()).causes[0].contains("same client id")
    };
    assert!(first(true));
    assert!(!first(false));
}

#[test]
fn in_a_short_session_hardly_another_comes_unseen() {
    let pushed_out = |after, returned: bool| {
        let tale = Tale::connected().close(Side::Server, after);
        let tale = tale.with(|session| session.neighbours.returned = returned.then_some(session.wire.last.frame));
        diagnose(&tale.build()).causes.iter().position(|cause| cause.contains("same client id"))
    };
    assert_eq!(pushed_out(0.1, false), None);
    assert_eq!(pushed_out(0.1, true), Some(2));
    assert_eq!(pushed_out(5.0, false), Some(1));
    assert_eq!(pushed_out(5.0, true), Some(0));
}

#[test]
fn sessions_that_end_after_the_same_silence_show_a_timer() {
    let told = |alike| {
        let tale = Tale::connected().close(Side::Server, 40.0).with(|session| {
            session.neighbours.closed_together = vec![crate::capture::FrameNumber::new(50), crate::capture::FrameNumber::new(51)];
            session.neighbours.closed_together_count = 2;
            session.neighbours.closed_after_same_silence = alike;
        });
        let verdict = diagnose(&tale.build());
        (verdict.outcome.id, verdict.causes[0].contains("nothing was said for 40 s: 2 other sessions"))
    };
    assert_eq!(told(2), ("server-closed", true));
    assert_eq!(told(0), ("server-shutdown", false));
}

#[test]
fn a_reset_with_another_ttl_is_not_told_as_the_brokers() {
    let told = |hop_limit| {
        let tale = Tale::connected().reset(Side::Server, 5.0);
        let verdict = diagnose(&tale.with(|session| session.wire.reset.as_mut().unwrap().hop_limit = hop_limit).build());
        (verdict.outcome.confidence, verdict.causes[0].contains("firewall"))
    };
    assert_eq!(told(63), (Confidence::Likely, true));
    assert_eq!(told(64), (Confidence::Certain, false));
}

#[test]
fn the_first_close_counts() {
    let client = Tale::connected().close(Side::Client, 5.0).reset(Side::Server, 0.002);
    assert_eq!(outcome(&client.build()).id, "client-closed");
    let server = Tale::connected().close(Side::Server, 5.0).reset(Side::Client, 0.002);
    assert_eq!(outcome(&server.build()).id, "server-closed");
}

#[test]
fn a_client_that_acknowledges_nothing_may_be_let_go() {
    let first = |waiting: u16, after: f64| {
        let tale = (0..waiting).fold(Tale::connected(), |tale, id| {
            tale.publish(Side::Server, "a", 1, 20, 0.001).with(|session| {
                let at = session.wire.last;
                let mut exchange = Exchange::new(Side::Server, PacketType::PUBLISH, id + 1, at);
                exchange.state = ExchangeState::Sent;
                session.open_exchanges.push(exchange);
            })
        });
        diagnose(&tale.close(Side::Server, after).build()).causes[0].to_string()
    };
    assert!(first(19, 0.01).starts_with("The client had left 19 messages unacknowledged"), "{}", first(19, 0.01));
    assert!(first(3, 0.01).starts_with("The broker was stopped"), "{}", first(3, 0.01));
    assert!(first(19, 5.0).starts_with("The broker was stopped"), "{}", first(19, 5.0));
}
