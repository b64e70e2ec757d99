//! Messages, acknowledgments, deliveries.

use super::*;

const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x62;
const PUBCOMP: u8 = 0x70;

#[test]
fn packet_identifiers_in_use() {
    let client = vec![c(publish4(2, "a", 1)), c(publish4(2, "b", 1))];
    assert_eq!(broken4(client), ["MQTT-2.3.1-2"]);
    assert_eq!(broken4(vec![s(publish4(2, "a", 1)), s(publish4(2, "b", 1))]), ["MQTT-2.3.1-4"]);
    assert_eq!(broken5(&[], &[], vec![c(publish5(2, "a", 1, &[])), c(publish5(2, "b", 1, &[]))]), ["MQTT-2.2.1-3"]);
    assert_eq!(broken5(&[], &[], vec![s(publish5(2, "a", 1, &[])), s(publish5(2, "b", 1, &[]))]), ["MQTT-2.2.1-4"]);
    // The identifiers of both sides are apart, and free after the last acknowledgment.
    assert_eq!(broken4(vec![c(publish4(2, "a", 1)), s(publish4(2, "b", 1))]), NONE);
    assert_eq!(broken4(vec![c(publish4(2, "a", 1)), s(ack(PUBACK, 1)), c(publish4(2, "b", 1))]), NONE);
    let received = vec![c(publish4(4, "a", 1)), s(ack(PUBREC, 1)), c(publish4(4, "b", 1))];
    assert_eq!(broken4(received), ["MQTT-2.3.1-2"]);
}

#[test]
fn sending_again() {
    assert_eq!(broken4(vec![c(publish4(2, "a", 1)), c(publish4(2, "a", 1))]), ["MQTT-3.3.1-1"]);
    assert_eq!(broken4(vec![c(publish4(2, "a", 1)), c(publish4(10, "a", 1))]), NONE);
    let again = vec![c(publish5(2, "a", 1, &[])), c(publish5(10, "a", 1, &[]))];
    assert_eq!(broken5(&[], &[], again), ["MQTT-4.4.0-1"]);
    let released = vec![c(publish4(4, "a", 1)), s(ack(PUBREC, 1)), c(ack(PUBREL, 1)), c(publish4(12, "a", 1))];
    assert_eq!(broken4(released), ["MQTT-4.3.3-1"]);
    // Each copy may be acknowledged.
    let twice = vec![c(publish4(2, "a", 1)), c(publish4(10, "a", 1)), s(ack(PUBACK, 1)), s(ack(PUBACK, 1))];
    assert_eq!(broken4(twice), NONE);
}

#[test]
fn dup_on_a_first_delivery() {
    assert_eq!(broken4(vec![s(publish4(10, "a", 1))]), ["MQTT-3.3.1-3"]);
    let by_client = Talk::new(vec![c(connect4()), s(connack4(0)), c(publish4(10, "a", 1))]).violations();
    assert_eq!((by_client[0].clause, by_client[0].proof), ("MQTT-4.3.2-1", Proof::Possible));
    assert_eq!(broken4(vec![c(publish4(12, "a", 1))]), ["MQTT-4.3.3-1"]);
    assert_eq!(broken5(&[], &[], vec![c(publish5(12, "a", 1, &[]))]), ["MQTT-4.3.3-2"]);
    let kept = packet(0x10, &[b"\0\x04MQTT\x04\x00\0\x3c\0\x01c"]);
    assert_eq!(broken(vec![c(kept), s(vec![0x20, 2, 1, 0]), s(publish4(10, "a", 1))]), NONE);
    // The copy may have crossed its acknowledgment.
    let crossed = vec![s(publish4(2, "a", 1)), c(ack(PUBACK, 1)), s(publish4(10, "a", 1)), c(ack(PUBACK, 1))];
    assert_eq!(broken4(crossed), NONE);
}

#[test]
fn the_answer_fits_the_qos() {
    assert_eq!(broken4(vec![c(publish4(4, "a", 1)), s(ack(PUBACK, 1))]), ["MQTT-3.3.4-1"]);
    assert_eq!(broken4(vec![c(publish4(2, "a", 1)), s(ack(PUBREC, 1))]), ["MQTT-3.3.4-1"]);
    assert_eq!(broken4(vec![c(publish4(2, "a", 1)), s(ack(PUBACK, 1))]), NONE);
}

#[test]
fn acknowledgments_have_something_to_acknowledge() {
    assert_eq!(broken4(vec![s(ack(PUBACK, 7))]), ["MQTT-2.3.1-6"]);
    assert_eq!(broken5(&[], &[], vec![c(ack(PUBREC, 7))]), ["MQTT-2.2.1-5"]);
    // Who answers a PUBREL that is wrong does what is due; who sends a PUBCOMP unasked does not.
    assert_eq!(broken5(&[], &[], vec![c(ack(PUBREL, 7)), s(ack(PUBCOMP, 7))]), ["MQTT-2.2.1-5"]);
    assert_eq!(broken5(&[], &[], vec![s(ack(PUBCOMP, 7))]), ["MQTT-2.2.1-5"]);
    assert_eq!(broken4(vec![c(publish4(2, "a", 7)), c(ack(PUBACK, 7))]), ["MQTT-2.3.1-6"]);
    // In a session that goes on, the PUBLISH may be of an earlier connection.
    let kept = packet(0x10, &[b"\0\x04MQTT\x04\x00\0\x3c\0\x01c"]);
    assert_eq!(broken(vec![c(kept), s(vec![0x20, 2, 1, 0]), c(ack(PUBREL, 7)), s(ack(PUBCOMP, 7))]), NONE);
    let unknown = vec![s(vec![0x70, 3, 0, 7, 0x92])];
    assert_eq!(broken5(&[], &[], unknown), NONE);
}

#[test]
fn the_steps_of_qos_2() {
    let publish = || c(publish4(4, "a", 1));
    let (received, release, complete) = (|| s(ack(PUBREC, 1)), || c(ack(PUBREL, 1)), || s(ack(PUBCOMP, 1)));
    assert_eq!(broken4(vec![publish(), received(), release(), complete()]), NONE);
    assert_eq!(broken4(vec![publish(), release(), received()]), ["MQTT-4.3.3-1"]);
    assert_eq!(broken4(vec![publish(), release(), received().after_us(100)]), NONE);
    assert_eq!(broken4(vec![publish(), received(), complete()]), ["MQTT-4.3.3-2"]);
    let publish = || c(publish5(4, "a", 1, &[]));
    assert_eq!(broken5(&[], &[], vec![publish(), release(), received()]), ["MQTT-4.3.3-4"]);
    assert_eq!(broken5(&[], &[], vec![publish(), received(), complete()]), ["MQTT-4.3.3-11"]);
    let refused = || s(vec![0x50, 3, 0, 1, 0x87]);
    assert_eq!(broken5(&[], &[], vec![publish(), refused(), release(), complete()]), ["MQTT-4.3.3-4"]);
    assert_eq!(broken5(&[], &[], vec![publish(), refused()]), NONE);
    let twice = vec![publish(), received(), release(), release(), complete(), complete()];
    assert_eq!(broken5(&[], &[], twice), ["MQTT-4.4.0-1"]);
    assert_eq!(broken4(vec![c(publish4(4, "a", 1)), received(), release(), release(), complete()]), NONE);
    // Whoever gets PUBREC again sends PUBREL again.
    let asked = vec![publish(), received(), release(), received(), release(), complete()];
    assert_eq!(broken5(&[], &[], asked), NONE);
}

#[test]
fn delivery_stays_below_what_was_granted() {
    let asked = |granted| vec![c(subscribe4(1, &[("a/#", 2)])), s(suback4(1, &[granted]))];
    let with = |granted, then: Step| {
        let mut steps = asked(granted);
        steps.push(then);
        broken4(steps)
    };
    assert_eq!(with(0, s(publish4(2, "a/b", 1))), ["MQTT-3.8.4-6"]);
    assert_eq!(with(1, s(publish4(2, "a/b", 1))), NONE);
    assert_eq!(with(0, s(publish4(0, "a/b", 1))), NONE);
    // No filter of the client: the broker may have subscribed it by itself.
    assert_eq!(with(0, s(publish4(2, "b", 1))), NONE);
    let mut overlapping = asked(0);
    overlapping.extend([c(subscribe4(2, &[("a/b", 1)])), s(publish4(2, "a/b", 1)), s(suback4(2, &[1]))]);
    assert_eq!(broken4(overlapping), NONE);
}

#[test]
fn subscription_identifiers_are_the_clients() {
    let asked = || vec![c(subscribe5(1, &[0x0B, 5], &[("a", 0)])), s(suback5(1, &[0]))];
    let with = |identifier| {
        let mut steps = asked();
        steps.push(s(publish5(0, "a", 0, &[0x0B, identifier])));
        broken5(&[], &[], steps)
    };
    assert_eq!(with(6), ["§3.3.2.3.8"]);
    assert_eq!(with(5), NONE);
}

#[test]
fn retained_messages_nobody_asked_for() {
    let with = |options| {
        broken5(
            &[],
            &[],
            vec![c(subscribe5(1, &[], &[("a", options)])), s(suback5(1, &[0])), s(publish5(1, "a", 0, &[]))],
        )
    };
    assert_eq!(with(0x20), ["MQTT-3.3.1-12"]);
    assert_eq!(with(0x28), NONE);
    assert_eq!(with(0x00), NONE);
}
