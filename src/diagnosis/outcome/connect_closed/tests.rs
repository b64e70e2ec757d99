use crate::diagnosis::testing::{Tale, outcome, text};
use crate::diagnosis::{Confidence, diagnose};
use crate::mqtt::{PacketType, Version as Known};
use crate::session::{Admission, Admitted, ConnectFacts, Taken, UnfinishedPacket, compare};
use crate::capture::{Moment, Timestamp};
use crate::stream::Side;
use crate::transport::tls::Version;

#[test]
fn a_close_right_after_connect() {
    let outcome = outcome(&Tale::connecting().close(Side::Server, 0.003).build());
    assert_eq!(outcome.id, "connect-closed");
    assert_eq!(
        outcome.sentence,
        "10.0.0.5:1883 closed the connection of sensor-17 3 ms after CONNECT without giving a reason."
    );
}

#[test]
fn what_the_broker_took_from_others_is_no_reason() {
    let causes = |took: fn(&mut Taken, Moment)| {
        let tale = Tale::connecting_v5().close(Side::Server, 0.003).with(|session| {
            let mut taken = Taken::default();
            took(&mut taken, session.wire.last);
            session.neighbours.taken = Some(Box::new(taken));
        });
        diagnose(&tale.build()).causes.concat()
    };
    let told = |causes: &str| (causes.contains("does not speak MQTT 5.0"), causes.contains("expects TLS, a PROXY header"));
    assert_eq!(told(&causes(|_, _| ())), (true, true));
    // Others of an older version were let in.
    assert_eq!(told(&causes(|taken, at| taken.connect = Some(at))), (true, false));
    let both = |taken: &mut Taken, at| (taken.connect, taken.version) = (Some(at), Some(at));
    assert_eq!(told(&causes(both)), (false, false));
    let first = "The broker does not speak MQTT 5.0, and closes without a CONNACK: it let in a client of another version";
    assert!(causes(|taken, at| taken.connect = Some(at)).starts_with(first));
}

#[test]
fn a_broker_that_is_gone_soon_after_was_stopped() {
    let causes = |after: i64| {
        let tale = Tale::connecting().reset(Side::Server, 0.8).with(|session| {
            let last = session.wire.last;
            let time = Timestamp(last.time.0 + after * 1_000_000_000);
            session.neighbours.refused_after = Some(Moment { frame: last.frame.after(1), time });
        });
        diagnose(&tale.build()).causes
    };
    let stopped = causes(1);
    assert_eq!(stopped.len(), 1, "{stopped:?}");
    assert!(stopped[0].starts_with("The broker, or a proxy in front of it, was stopped or has crashed: 1 s later"), "{stopped:?}");
    assert!(causes(60)[0].starts_with("The user name"), "{:?}", causes(60));
}

#[test]
fn a_port_on_which_others_use_websockets() {
    let causes = |inside| {
        let tale = Tale::connecting().close(Side::Server, 0.003);
        diagnose(&tale.with(|session| session.neighbours.websocket_on_port = inside).build()).causes
    };
    assert!(causes(true)[0].starts_with("Port 1883 is for MQTT inside WebSocket"), "{:?}", causes(true));
    assert!(!causes(false).concat().contains("is for MQTT inside"));
}

#[test]
fn a_keep_alive_of_none_may_not_be_taken() {
    let causes = |keep_alive| {
        let tale = Tale::connecting().with(|session| session.connect.as_mut().unwrap().keep_alive = keep_alive);
        diagnose(&tale.close(Side::Server, 0.003).build()).causes
    };
    assert!(causes(0)[1].starts_with("The client switched the Keep Alive off"), "{:?}", causes(0));
    assert!(!causes(60).concat().contains("Keep Alive"));
}

#[test]
fn a_broker_that_lets_in_nobody_more() {
    // Who was let in from when until when, and who was turned away when, in milliseconds.
    let told = |inside: &[(u32, u32)], away: &[(&str, &str, u32)]| {
        let named = |tale: Tale, id: &str, user: &str| {
            tale.with(|session| {
                let connect = session.connect.as_mut().unwrap();
                (connect.client_id, connect.username) = (text(id), Some(text(user)));
            })
        };
        let later = |tale: Tale, after: u32| tale.packet(Side::Client, PacketType::PINGREQ, f64::from(after) / 1000.0);
        let shift = |mut session: crate::session::Session, by: u32| {
            let by = i64::from(by) * 1_000_000;
            session.connect.as_mut().unwrap().at.time.0 += by;
            if let Some(connack) = &mut session.connack {
                connack.at.time.0 += by;
            }
            session.wire.sent.server.fin.get_or_insert_default().at.time.0 += by;
            Box::new(session)
        };
        let came = inside.iter().enumerate().map(|(place, (from, until))| {
            let tale = named(Tale::connected(), &format!("in-{place}"), "dev");
            shift(later(tale, until - from).close(Side::Server, 0.0).build(), *from)
        });
        let went = away.iter().map(|(id, user, at)| shift(named(Tale::connecting(), id, user).close(Side::Server, 0.0).build(), *at));
        let mut sessions: Vec<_> = went.chain(came).collect();
        compare(&mut sessions);
        diagnose(&sessions[0]).causes
    };
    let inside = [(0, 60_000), (1000, 60_000), (2000, 60_000)];
    let full = told(&inside, &[("late-1", "dev", 10_000), ("late-2", "dev", 20_000)]);
    assert!(full[0].contains("came while 3 clients of this capture were connected"), "{full:?}");
    // One that was let in before is as good as two.
    assert!(told(&inside[..2], &[("in-0", "dev", 10_000)])[0].contains("while 2 clients"));
    for (away, why) in [
        ([("late-1", "dev", 10_000), ("late-1", "dev", 20_000)], "one client only"),
        ([("late-1", "guest", 10_000), ("late-2", "dev", 20_000)], "a user that nobody knows"),
        ([("late-1", "dev", 1500), ("late-2", "dev", 20_000)], "turned away when there was room"),
    ] {
        assert!(!told(&inside, &away).concat().contains("its limit of connections"), "{why}");
    }
}

#[test]
fn a_version_that_the_port_does_not_take() {
    let causes = |version, other: bool| {
        let tale = Tale::connecting().close(Side::Server, 0.003).with(|session| {
            session.version = Some(version);
            let connect = other.then_some(session.wire.last);
            session.neighbours.taken = Some(Box::new(Taken { connect, ..Taken::default() }));
        });
        diagnose(&tale.build()).causes
    };
    assert!(causes(Known::V31, false)[0].starts_with("The broker does not speak MQTT 3.1: aMQTT, NATS"));
    assert!(causes(Known::V5, false)[1].starts_with("The broker does not speak MQTT 5.0 on this port"));
    assert!(causes(Known::V311, true)[1].starts_with("The broker does not speak MQTT 3.1.1, and closes without a CONNACK"));
    assert!(!causes(Known::V311, false).concat().contains("does not speak"));
}

#[test]
fn a_client_without_a_name_may_need_one() {
    let first = |other_id: bool, other_user: bool| {
        let tale = Tale::connecting().close(Side::Server, 0.003).with(|session| {
            session.connect.as_mut().unwrap().username = None;
            let client = session.wire.peers.client.endpoint;
            let one = Admission { at: session.wire.last, client, client_id: text("a"), username: None, will: None };
            let admitted = Admitted { same: None, other_id: other_id.then(|| one.clone()), other_user: other_user.then_some(one) };
            session.neighbours.admitted = Some(Box::new(admitted));
        });
        diagnose(&tale.build()).causes[0].to_string()
    };
    assert!(first(false, false).starts_with("The client sent no user name"));
    assert!(first(false, true).contains("the same client id with one (frame"));
    assert!(first(true, false).contains("another client without a user name (frame"));
}

#[test]
fn a_connect_that_was_only_begun() {
    let told = |gap| {
        let tale = Tale::connecting().close(Side::Server, 2.0).with(|session| {
            let (packet, started) = (PacketType::CONNECT, session.wire.last);
            session.unfinished_packet.client = Some(UnfinishedPacket { packet, length: 18, started });
            session.wire.sent.client.missing_bytes = gap;
        });
        outcome(&tale.build()).sentence
    };
    assert!(told(0).ends_with("2 s after the beginning of its CONNECT without giving a reason."), "{}", told(0));
    // The rest may be what the capture lacks.
    assert!(told(3).ends_with("2 s after CONNECT without giving a reason."), "{}", told(3));
}

#[test]
fn a_late_close_may_be_that_of_a_proxy() {
    let causes = |after| diagnose(&Tale::connecting().close(Side::Server, after).build()).causes.concat();
    for after in [0.003, 3.0] {
        assert!(causes(after).contains("reached no broker behind it"), "{}", causes(after));
    }
    assert!(causes(3.0).contains("checks the broker's users") && !causes(0.003).contains("checks the broker's users"));
    let broken = Tale::connecting().violation(Side::Client, true).close(Side::Server, 3.0);
    assert!(!diagnose(&broken.build()).causes.concat().contains("behind it"));
}

#[test]
fn what_a_connect_asks_for_may_be_too_much() {
    let first = |change: fn(&mut ConnectFacts)| {
        let tale = Tale::connecting_v5().with(|session| change(session.connect.as_mut().unwrap()));
        diagnose(&tale.close(Side::Server, 0.003).build()).causes[0].to_string()
    };
    assert!(first(|connect| connect.maximum_packet_size = Some(2)).starts_with("The client takes packets of 2 bytes at most"));
    let method = first(|connect| connect.authentication_method = Some(text("SCRAM-SHA-1")));
    assert!(method.contains("(method “SCRAM-SHA-1”)"), "{method}");
    assert!(first(|connect| connect.length = 65_000).starts_with("The CONNECT of 65,000 bytes is larger"));
    assert!(first(|connect| connect.maximum_packet_size = Some(1024)).starts_with("The user name"));
}

#[test]
fn a_close_at_the_door_has_nothing_to_do_with_connect() {
    let tale = Tale::connecting().violation(Side::Client, true);
    let closes_at_once = |session: &mut crate::session::Session| {
        session.wire.sent.server.fin.get_or_insert_default().at = session.wire.established.unwrap();
    };
    let verdict = diagnose(&tale.with(closes_at_once).build());
    assert_eq!(verdict.outcome.id, "connect-closed");
    assert!(verdict.outcome.sentence.ends_with("before the CONNECT arrived."), "{}", verdict.outcome.sentence);
    assert!(!verdict.causes.iter().any(|cause| cause.contains("MQTT-")));
}

#[test]
fn a_packet_before_the_connect_is_why_the_broker_closed() {
    let connects = |session: &mut crate::session::Session| {
        session.connect = Tale::connecting().build().connect;
        session.connect.as_mut().unwrap().at = session.wire.last;
    };
    let early = || Tale::opened().packet(Side::Client, PacketType::SUBSCRIBE, 0.001);
    let crossed = early().close(Side::Server, 0.001).packet(Side::Client, PacketType::CONNECT, 0.05).with(connects);
    let both = early().packet(Side::Client, PacketType::CONNECT, 0.0001).with(connects).close(Side::Server, 0.001);
    for tale in [crossed, both] {
        let told = outcome(&tale.build());
        assert_eq!((told.id, told.confidence), ("client-broke-rules", Confidence::VeryLikely));
        assert!(told.sentence.starts_with("sensor-17 sent a SUBSCRIBE before any CONNECT"), "{}", told.sentence);
    }
    let turn = Tale::connecting().packet(Side::Client, PacketType::SUBSCRIBE, 0.001).close(Side::Server, 0.001);
    assert_eq!(outcome(&turn.build()).id, "connect-closed");
}

#[test]
fn a_fault_in_connect_is_the_first_cause() {
    let tale = Tale::connecting().violation(Side::Client, true);
    let verdict = diagnose(&tale.reset(Side::Server, 0.003).build());
    assert_eq!(verdict.outcome.id, "connect-closed");
    assert!(verdict.causes[0].contains("MQTT-3.3.2-2"));
    assert!(!verdict.causes.iter().any(|cause| cause.contains("policy")));
}

#[test]
fn an_answer_inside_tls_that_is_no_connack() {
    let asked = |version| Tale::secured(version).data(Side::Client, 60, 0.1);
    // 400 Bad Request of a web server: 155 bytes, and what TLS adds.
    for (version, length) in [(Version::V1_3, 172), (Version::V1_2, 179)] {
        let told = diagnose(&asked(version).data(Side::Server, length, 0.1).close(Side::Server, 0.001).build());
        assert_eq!((told.outcome.id, told.outcome.confidence), ("connect-closed", Confidence::Likely));
        let words = "with 155 bytes, more than a CONNACK usually has, and closed the connection 1 ms later";
        assert!(told.outcome.sentence.contains(words), "{}", told.outcome.sentence);
    }
    let goodbye = asked(Version::V1_3).data(Side::Server, 172, 0.1).close(Side::Server, 0.001);
    assert_eq!(outcome(&goodbye.data(Side::Client, 19, 0.001).build()).id, "connect-closed");
    // A CONNACK, more from the client, a session that lasts, a client that leaves.
    for near in [
        asked(Version::V1_3).data(Side::Server, 21, 0.1).close(Side::Server, 0.001),
        asked(Version::V1_3).data(Side::Server, 172, 0.1).data(Side::Client, 40, 0.1).close(Side::Server, 0.001),
        asked(Version::V1_3).data(Side::Server, 172, 0.1).close(Side::Server, 5.0),
        asked(Version::V1_3).data(Side::Server, 172, 0.1).close(Side::Client, 0.001),
    ] {
        assert_eq!(outcome(&near.build()).id, "encrypted-session-ended");
    }
}

#[test]
fn a_server_that_ends_tls_before_it_reads() {
    let told = |tale: Tale| diagnose(&tale.build());
    let secured = || Tale::secured(Version::V1_2);
    // Its alert, or its FIN, crosses the CONNECT.
    let alerted = secured().sealed_alert(Side::Server, 0.001).data(Side::Client, 60, 0.001).close(Side::Client, 0.001);
    let closed = secured().close(Side::Server, 0.001).data(Side::Client, 60, 0.001);
    for tale in [alerted, closed] {
        let verdict = told(tale);
        assert_eq!(verdict.outcome.id, "connect-closed");
        assert!(verdict.outcome.sentence.contains("after the TLS handshake, before"), "{}", verdict.outcome.sentence);
        assert!(verdict.causes[0].starts_with("A proxy that ends TLS"), "{:?}", verdict.causes);
    }
    let asked = told(secured().data(Side::Client, 60, 0.1).sealed_alert(Side::Server, 0.5).close(Side::Client, 0.001));
    assert!(asked.outcome.sentence.contains("ended the encrypted connection of 10.0.0.21 500 ms after the client's first data"), "{}", asked.outcome.sentence);
    // The client's own goodbye came first.
    let left = secured().data(Side::Client, 60, 0.1).sealed_alert(Side::Client, 0.1).sealed_alert(Side::Server, 0.001);
    assert_eq!(told(left.close(Side::Client, 0.001)).outcome.id, "client-closed");
}

#[test]
fn a_refusal_before_the_close_is_that_refusal() {
    let refused = Tale::connecting().connack(5).reset(Side::Server, 0.001);
    assert_eq!(outcome(&refused.build()).id, "refused-not-authorized");
}
