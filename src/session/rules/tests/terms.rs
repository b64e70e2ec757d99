//! What CONNECT and CONNACK allow the other side.

use super::*;

#[test]
fn maximum_packet_size() {
    const TWENTY: [u8; 5] = [0x27, 0, 0, 0, 20];
    let long = "a-topic-of-23-characters";
    let talk = Talk::new(vec![c(connect5(&[])), s(connack5(0, &TWENTY)), c(publish5(0, long, 0, &[]))]);
    let fact = talk.violations().remove(0);
    assert_eq!(fact.what, "it is 30 bytes long, but the broker's Maximum Packet Size is 20");
    assert_eq!((fact.clause, fact.side, fact.grave), ("MQTT-3.2.2-15", Side::Client, true));
    assert_eq!(fact.earlier.map(|at| at.frame), Some(FrameNumber::new(5)));
    assert_eq!(broken5(&TWENTY, &[], vec![s(publish5(0, long, 0, &[]))]), ["MQTT-3.1.2-24"]);
    assert_eq!(broken5(&TWENTY, &[], vec![c(publish5(0, long, 0, &[]))]), NONE);
    assert_eq!(broken5(&[], &TWENTY, vec![c(publish5(0, "0123456789abcd", 0, &[]))]), NONE);
}

#[test]
fn what_was_under_way_is_no_breach() {
    let early = |after| vec![c(publish5(1, "a", 0, &[])).after_us(after)];
    assert_eq!(broken5(&[], &[0x25, 0], early(5_000)), NONE);
    assert_eq!(broken5(&[], &[0x25, 0], early(50_000)), ["MQTT-3.2.2-14"]);
    assert_eq!(broken(vec![c(connect5(&[])), c(publish5(1, "a", 0, &[])), s(connack5(0, &[0x25, 0]))]), NONE);
    // The way to the client takes 40 ms.
    let mut far = wire();
    far.established = Some(Moment { frame: FrameNumber::new(1), time: Timestamp(41_000_000) });
    let talk = Talk::new(vec![c(connect5(&[])), s(connack5(0, &[0x25, 0]))]).on(early(50_000));
    assert!(talk.end(far).violations.is_empty());
}

#[test]
fn maximum_qos_and_retain() {
    assert_eq!(broken5(&[], &[0x24, 0], vec![c(publish5(2, "a", 1, &[]))]), ["MQTT-3.2.2-11"]);
    assert_eq!(broken5(&[], &[0x24, 1], vec![c(publish5(2, "a", 1, &[]))]), NONE);
    assert_eq!(broken5(&[], &[0x25, 1], vec![c(publish5(1, "a", 0, &[]))]), NONE);
}

#[test]
fn topic_aliases() {
    let alias = |number: u8| vec![c(publish5(0, "a", 0, &[0x23, 0, number]))];
    let talk = Talk::new(vec![c(connect5(&[])), s(connack5(0, &[0x22, 0, 10]))]).on(alias(12));
    let fact = talk.violations().remove(0);
    assert_eq!(fact.what, "its topic alias is 12, but the broker allows at most 10");
    assert_eq!(fact.clause, "MQTT-3.2.2-17");
    assert_eq!(broken5(&[], &[0x22, 0, 10], alias(10)), NONE);
    assert_eq!(broken5(&[], &[], alias(1)), ["MQTT-3.2.2-18"]);
    let sent = |number: u8| vec![s(publish5(0, "a", 0, &[0x23, 0, number]))];
    assert_eq!(broken5(&[0x22, 0, 2], &[], sent(3)), ["MQTT-3.1.2-26"]);
    assert_eq!(broken5(&[0x22, 0, 2], &[], sent(2)), NONE);
    assert_eq!(broken5(&[], &[], sent(1)), ["MQTT-3.1.2-27"]);
    let unbound = vec![c(publish5(0, "", 0, &[0x23, 0, 1]))];
    assert_eq!(broken5(&[], &[0x22, 0, 10], unbound), ["MQTT-3.3.2-7"]);
    let bound = vec![c(publish5(0, "a", 0, &[0x23, 0, 1])), c(publish5(0, "", 0, &[0x23, 0, 1]))];
    assert_eq!(broken5(&[], &[0x22, 0, 10], bound), NONE);
}

#[test]
fn receive_maximum() {
    let three = |flags| (1..=3).map(|id| c(publish5(flags, "a", id, &[]))).collect::<Vec<_>>();
    let talk = Talk::new(vec![c(connect5(&[])), s(connack5(0, &[0x21, 0, 2]))]).on(three(2));
    let fact = talk.violations().remove(0);
    assert_eq!(fact.what, "3 messages of QoS 1 and 2 are unacknowledged, but the broker's Receive Maximum is 2");
    assert_eq!((fact.clause, fact.grave), ("MQTT-3.3.4-7", true));
    assert_eq!(broken5(&[], &[0x21, 0, 3], three(2)), NONE);
    let mut acknowledged = three(2);
    acknowledged.insert(2, s(ack(0x40, 1)));
    assert_eq!(broken5(&[], &[0x21, 0, 2], acknowledged), NONE);
    // PUBREC does not make room, PUBCOMP and a PUBREC that refuses do.
    let mut received = three(4);
    received.insert(2, s(ack(0x50, 1)));
    assert_eq!(broken5(&[], &[0x21, 0, 2], received), ["MQTT-3.3.4-7"]);
    let mut refused = three(4);
    refused.insert(2, s(vec![0x50, 3, 0, 1, 0x87]));
    assert_eq!(broken5(&[], &[0x21, 0, 2], refused), NONE);
    // One that follows at once crossed the message, if it makes room.
    let with = |answer: Vec<u8>| {
        let mut steps = three(4);
        steps.push(s(answer).after_us(300));
        broken5(&[], &[0x21, 0, 2], steps)
    };
    assert_eq!(with(ack(0x50, 1)), ["MQTT-3.3.4-7"]);
    assert_eq!(with(vec![0x50, 3, 0, 1, 0x87]), NONE);
    let mut crossed = three(2);
    crossed.push(s(ack(0x40, 1)).after_us(300));
    assert_eq!(broken5(&[], &[0x21, 0, 2], crossed), NONE);
    // What lies in the segment of the message itself was not acknowledged before it.
    let one = |id| c(publish5(2, "a", id, &[]));
    let together = || vec![one(1), one(2).together(), one(3).together()];
    let mut answered = together();
    answered.push(s(ack(0x40, 2)).after_us(300));
    assert_eq!(broken5(&[], &[0x21, 0, 2], answered), ["MQTT-3.3.4-7"]);
    let mut older = vec![one(4)];
    older.extend(together().into_iter().take(2));
    older.push(s(ack(0x40, 4)).after_us(300));
    assert_eq!(broken5(&[], &[0x21, 0, 2], older), NONE);
    let delivered = (1..=3).map(|id| s(publish5(2, "a", id, &[]))).collect();
    assert_eq!(broken5(&[0x21, 0, 2], &[], delivered), ["MQTT-3.3.4-9"]);
}

#[test]
fn features_that_the_broker_lacks() {
    let ask = |filter, with: &[u8]| vec![c(subscribe5(1, with, &[(filter, 0)]))];
    assert_eq!(broken5(&[], &[0x28, 0], ask("a/#", &[])), ["§3.2.2.3.11"]);
    assert_eq!(broken5(&[], &[0x28, 0], ask("a/b", &[])), NONE);
    assert_eq!(broken5(&[], &[0x29, 0], ask("a", &[0x0B, 5])), ["§3.2.2.3.12"]);
    assert_eq!(broken5(&[], &[0x29, 0], ask("a", &[])), NONE);
    assert_eq!(broken5(&[], &[0x2A, 0], ask("$share/g/a", &[])), ["§3.2.2.3.13"]);
    assert_eq!(broken5(&[], &[0x2A, 0], ask("a", &[])), NONE);
    assert_eq!(broken5(&[], &[], ask("$share/g/#", &[0x0B, 5])), NONE);
}
