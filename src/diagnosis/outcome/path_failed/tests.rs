//! Tests of `path-failed`.

use crate::diagnosis::Confidence;
use crate::diagnosis::testing::{Tale, outcome};
use crate::mqtt::PacketType;
use crate::session::{Session, UnfinishedPacket};
use crate::stream::{Side, StreamOffset};

#[test]
fn a_peer_that_vanished() {
    let tale = || Tale::connected().publish(Side::Client, "a", 1, 40, 5.0);
    let gone = outcome(&tale().retries(Side::Client, 5, 12.0).reset(Side::Client, 10.0).build());
    assert_eq!((gone.id, gone.confidence), ("path-failed", Confidence::VeryLikely));
    assert_eq!(
        gone.sentence,
        "The connection stopped working: the broker no longer answered, although sensor-17 repeated its data 5 times in 9.6 s; it was last heard in frame 5, 17 s before the last of them."
    );
    let twice = tale().retries(Side::Client, 2, 3.0).close(Side::Client, 10.0);
    assert_eq!(outcome(&twice.build()).id, "client-closed");
}

#[test]
fn larger_packets_than_before_may_be_too_large() {
    let causes = |largest, length| {
        let tale = Tale::connected().publish(Side::Client, "a", 1, length, 5.0).retries(Side::Client, 5, 12.0);
        let tale = tale.reset(Side::Client, 10.0).with(|session| {
            let client = &mut session.wire.sent.client;
            client.acknowledged.0 = client.sent.0 - length;
            (client.largest_acknowledged, client.smallest_retried) = (largest, 1448);
        });
        crate::diagnosis::diagnose(&tale.build()).causes.concat()
    };
    assert!(causes(30, 3000).contains("Only small packets get through (MTU)"), "{}", causes(30, 3000));
    assert!(!causes(1448, 3000).contains("MTU"));
    assert!(!causes(30, 40).contains("MTU"));
}

#[test]
fn probes_that_nobody_answers() {
    let tale = |count| {
        let tale = Tale::connected().packet(Side::Client, PacketType::PINGREQ, 5.0);
        let tale = tale.packet(Side::Server, PacketType::PINGRESP, 0.01).reset(Side::Client, 60.0);
        tale.with(|session| {
            let reset = session.wire.reset.unwrap().at;
            let mut first = reset;
            first.time.0 -= 9_000_000_000;
            let probes = &mut session.wire.sent.client.unanswered_probes;
            (probes.count, probes.first, probes.last) = (count, first, first);
        })
    };
    let gone = outcome(&tale(3).build());
    assert_eq!((gone.id, gone.confidence), ("path-failed", Confidence::VeryLikely));
    assert!(gone.sentence.contains("the broker no longer answered, although sensor-17 asked 3 times"), "{}", gone.sentence);
    assert_eq!(outcome(&tale(2).build()).id, "client-closed");
    let other = tale(3).with(|session| session.wire.reset.as_mut().unwrap().by = Side::Server);
    assert_ne!(outcome(&other.build()).id, "path-failed");
}

#[test]
fn a_capture_that_ends_in_it_only_makes_it_possible() {
    let tale = || Tale::connected().publish(Side::Client, "a", 1, 40, 5.0).retries(Side::Client, 4, 6.0);
    assert_eq!(outcome(&tale().build()).confidence, Confidence::Possible);
    assert_eq!(outcome(&tale().ended_after(60.0).build()).confidence, Confidence::VeryLikely);
}

#[test]
fn probes_that_nobody_answered_for_long_need_no_close() {
    let tale = |count, after| {
        let tale = Tale::connected().packet(Side::Server, PacketType::PINGRESP, 5.0).ended_after(after);
        outcome(&tale.with(|session| {
            let at = session.wire.last;
            let probes = &mut session.wire.sent.server.unanswered_probes;
            (probes.count, probes.first, probes.last) = (count, at, at);
        }).build())
    };
    let gone = tale(4, 60.0);
    assert_eq!((gone.id, gone.confidence), ("path-failed", Confidence::VeryLikely));
    assert_eq!(tale(4, 4.0).confidence, Confidence::Possible);
    assert_ne!(tale(2, 60.0).id, "path-failed");
}

#[test]
fn a_capture_of_one_direction_proves_no_silence() {
    let tale = Tale::connected().publish(Side::Client, "a", 1, 40, 5.0).retries(Side::Client, 4, 6.0);
    let half = tale.with(|session| session.wire.sent.server.segments = 0).close(Side::Client, 9.0);
    assert_ne!(outcome(&half.build()).id, "path-failed");
}

#[test]
fn one_direction_is_lost() {
    // The client repeats its PINGREQ in vain until the broker, which hears nothing, closes.
    let tale = |count| {
        let tale = Tale::connected().packet(Side::Client, PacketType::PINGREQ, 5.0);
        let tale = tale.retries(Side::Client, count, 85.0).close(Side::Server, 1.0);
        tale.with(|session| {
            let asked = session.last_packets.client.last().map(|packet| packet.at);
            let sent = &mut session.wire.sent;
            sent.client.waiting_since = asked;
            sent.client.acknowledged = StreamOffset(sent.client.sent.0.saturating_sub(2));
            sent.server.last_segment = sent.server.fin_at();
        })
    };
    let lost = outcome(&tale(6).build());
    assert_eq!((lost.id, lost.confidence), ("path-failed", Confidence::Likely));
    assert!(lost.sentence.contains("in one direction: sensor-17 repeated"), "{}", lost.sentence);
    // One repetition is everyday loss.
    assert_eq!(outcome(&tale(1).build()).id, "keepalive-expired");
}

#[test]
fn a_hole_that_is_never_filled() {
    let tale = |missing| {
        let tale = Tale::connected().publish(Side::Client, "a", 1, 5000, 5.0);
        let tale = tale.packet(Side::Server, PacketType::PINGRESP, 0.1).close(Side::Server, 95.0);
        tale.with(|session| {
            session.wire.sent.client.missing_bytes = missing;
            session.wire.sent.client.acknowledged = StreamOffset(30);
        })
    };
    let holed = outcome(&tale(2800).build());
    assert_eq!((holed.id, holed.confidence), ("path-failed", Confidence::Likely));
    // What the other side acknowledged, only the capture lacks.
    let acknowledged = tale(2800).with(|session| {
        session.wire.sent.client.acknowledged = session.wire.sent.client.sent;
    });
    assert_eq!(outcome(&acknowledged.build()).id, "keepalive-expired");
    assert_eq!(outcome(&tale(0).build()).id, "keepalive-expired");
}

#[test]
fn an_answer_behind_a_hole_is_none() {
    let told = |missing| {
        let tale = Tale::connected().publish(Side::Server, "a", 1, 1200, 3.0).unanswered_ping(5.0).close(Side::Client, 10.0);
        // The answer that waited behind the hole comes when the client has closed.
        let tale = tale.packet(Side::Server, PacketType::PINGRESP, 0.001).with(|session| {
            let server = &mut session.wire.sent.server;
            server.missing_bytes = missing;
            server.acknowledged = StreamOffset(if missing > 0 { 9 } else { server.sent.0 });
        });
        outcome(&tale.build())
    };
    let holed = told(2896);
    assert_eq!(holed.id, "path-failed");
    assert!(holed.sentence.contains("2,896 bytes of what the broker sent never arrived, and sensor-17 waited for them for 10 s"), "{}", holed.sentence);
    assert_eq!(told(0).id, "ping-unanswered");
}

#[test]
fn only_large_packets_are_lost() {
    let tale = Tale::connected().publish(Side::Client, "a", 1, 5000, 5.0).retries(Side::Client, 4, 6.0);
    let tale = tale.publish(Side::Server, "b", 0, 20, 1.0).close(Side::Client, 9.0);
    let large = tale.with(|session| session.wire.sent.client.acknowledged = StreamOffset(40));
    let outcome = outcome(&large.build());
    assert_eq!((outcome.id, outcome.confidence), ("path-failed", Confidence::Likely));
    assert!(outcome.sentence.contains("small packets passed"));
}

#[test]
fn a_reset_after_a_long_pause() {
    let tale = |pause| {
        let off = Tale::connected().with(|session| session.connect.as_mut().unwrap().keep_alive = 0);
        off.publish(Side::Client, "a", 1, 40, pause).reset(Side::Server, 0.02)
    };
    let long = outcome(&tale(300.0).build());
    assert_eq!((long.id, long.confidence), ("path-failed", Confidence::Likely));
    assert!(long.sentence.contains("after 5 min of silence"));
    assert_eq!(outcome(&tale(90.0).build()).confidence, Confidence::Possible);
    assert_eq!(outcome(&tale(10.0).build()).id, "closed-after-request");
}

#[test]
fn a_receiver_that_stopped_reading() {
    let tale = |after| {
        let tale = Tale::connected().publish(Side::Server, "a", 0, 40, 1.0);
        let tale = tale.with(|session| session.wire.sent.client.zero_window = Some(session.wire.last));
        outcome(&tale.close(Side::Server, after).build())
    };
    assert_eq!(tale(20.0).id, "path-failed");
    assert_eq!(tale(1.0).id, "server-closed");
}

#[test]
fn what_a_full_receiver_leaves_is_not_lost_on_the_way() {
    let told = |room: f64| {
        let tale = Tale::connected().publish(Side::Server, "a", 0, 5000, 5.0);
        let tale = tale.with(|session| session.wire.sent.client.zero_window = Some(session.wire.last));
        let tale = tale.retries(Side::Server, 4, 13.0).packet(Side::Client, PacketType::PINGREQ, 0.5);
        let tale = tale.with(|session| {
            session.wire.sent.server.acknowledged = StreamOffset(40);
            let (full, opened) = (session.wire.sent.client.zero_window.take(), session.wire.last);
            session.wire.sent.client.reopened_window = full.map(|full| (full, opened));
        });
        outcome(&tale.close(Side::Client, room).build())
    };
    let full = told(1.0);
    assert_eq!((full.id, full.confidence), ("path-failed", Confidence::VeryLikely));
    assert!(full.sentence.contains("sensor-17 stopped reading, and its receive buffer stayed full for 13.5 s"), "{}", full.sentence);
    assert_eq!(told(10.0).id, "client-closed");
}

#[test]
fn who_stopped_reading_hears_no_answer_and_sees_no_size() {
    let full = |side| move |session: &mut Session| session.wire.sent.of_mut(side).zero_window = Some(session.wire.last);
    let asked = |stalled: bool| {
        let tale = Tale::connected().packet(Side::Server, PacketType::PINGRESP, 1.0);
        let tale = if stalled { tale.with(full(Side::Client)) } else { tale };
        outcome(&tale.unanswered_ping(4.0).close(Side::Client, 28.0).build())
    };
    assert!(asked(true).sentence.contains("sensor-17 stopped reading"), "{}", asked(true).sentence);
    assert_eq!(asked(false).id, "ping-unanswered");
    let sending = |stalled: bool| {
        let tale = Tale::connected().with(|session| {
            let packet = UnfinishedPacket { packet: PacketType::PUBLISH, length: 400_000, started: session.wire.last };
            session.unfinished_packet.client = Some(packet);
        });
        let tale = if stalled { tale.with(full(Side::Server)) } else { tale };
        outcome(&tale.reset(Side::Server, 18.0).build())
    };
    assert!(sending(true).sentence.contains("the broker stopped reading"), "{}", sending(true).sentence);
    assert_eq!(sending(false).id, "packet-too-large");
}

#[test]
fn connect_that_never_arrived() {
    let tale = Tale::connecting().retries(Side::Client, 3, 7.0).close(Side::Client, 8.0);
    let outcome = outcome(&tale.build());
    assert_eq!(outcome.id, "path-failed");
    assert!(outcome.sentence.contains("never acknowledged"));
}

#[test]
fn the_way_was_back_when_the_host_answered_with_a_reset() {
    let told = |answered: bool| {
        let tale = Tale::connected().publish(Side::Client, "a", 1, 40, 5.0).retries(Side::Client, 6, 7.0);
        let tale = tale.close(Side::Server, 2.0).reset(Side::Server, 4.0);
        let tale = tale.with(|session| {
            session.wire.reset.as_mut().unwrap().acknowledges = false;
            let sent = &mut session.wire.sent;
            sent.client.waiting_since = session.last_packets.client.last().map(|packet| packet.at);
            if !answered {
                session.wire.reset = None;
            }
        });
        outcome(&tale.build())
    };
    let back = told(true);
    assert_eq!((back.id, back.confidence), ("path-failed", Confidence::Likely));
    assert!(back.sentence.contains("when it got through again"), "{}", back.sentence);
    assert!(told(false).sentence.contains("in one direction"), "{}", told(false).sentence);
}

#[test]
fn a_silence_longer_than_the_keep_alive_may_have_ended_it_unseen() {
    let first_cause = |seconds: f64| {
        let tale = Tale::connected().packet(Side::Client, PacketType::PINGREQ, seconds).reset(Side::Server, 0.001);
        let verdict = crate::diagnosis::diagnose(&tale.build());
        (verdict.outcome.id, verdict.causes[0].to_string())
    };
    let (outcome, cause) = first_cause(300.0);
    assert_eq!(outcome, "path-failed");
    assert!(cause.starts_with("The broker had closed the connection meanwhile"), "{cause}");
    let (outcome, cause) = first_cause(80.0);
    assert_eq!(outcome, "path-failed");
    assert!(cause.starts_with("A firewall, NAT or load balancer"), "{cause}");
}
