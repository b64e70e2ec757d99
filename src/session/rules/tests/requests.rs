//! SUBSCRIBE, UNSUBSCRIBE, PINGREQ and their answers.

use super::*;

#[test]
fn answers_belong_to_requests() {
    assert_eq!(broken4(vec![s(suback4(9, &[0]))]), ["MQTT-2.3.1-7"]);
    assert_eq!(broken5(&[], &[], vec![s(packet(0xB0, &[&[0, 9, 0, 0]]))]), ["MQTT-2.2.1-6"]);
    assert_eq!(broken4(vec![c(subscribe4(9, &[("a", 0)])), s(suback4(9, &[0]))]), NONE);
    assert_eq!(broken4(vec![s(suback4(9, &[0])), c(subscribe4(9, &[("a", 0)])).after_us(100)]), NONE);
}

#[test]
fn an_answer_from_the_client_answers_nothing() {
    assert_eq!(broken4(vec![c(suback4(9, &[0]))]), NONE);
    let asked = || c(subscribe4(9, &[("a", 0)]));
    assert_eq!(broken4(vec![asked(), c(suback4(9, &[0, 0])), s(suback4(9, &[0]))]), NONE);
    let session = Talk::new(vec![c(connect4()), c(connack4(5)), s(connack4(0))]).end(wire());
    assert_eq!(session.connack.map(|connack| connack.code.0), Some(0));
}

#[test]
fn one_code_for_each_filter() {
    let two = || c(subscribe4(1, &[("a", 0), ("b", 0)]));
    assert_eq!(broken4(vec![two(), s(suback4(1, &[0]))]), ["MQTT-3.8.4-5"]);
    assert_eq!(broken4(vec![two(), s(suback4(1, &[0, 0x80]))]), NONE);
    let two = || c(subscribe5(1, &[], &[("a", 0), ("b", 0)]));
    assert_eq!(broken5(&[], &[], vec![two(), s(suback5(1, &[0, 0, 0]))]), ["MQTT-3.8.4-6"]);
    let end = || c(packet(0xA2, &[&[0, 2, 0, 0, 1, b'a', 0, 1, b'b']]));
    assert_eq!(broken5(&[], &[], vec![end(), s(packet(0xB0, &[&[0, 2, 0, 0]]))]), ["MQTT-3.11.3-2"]);
    assert_eq!(broken5(&[], &[], vec![end(), s(packet(0xB0, &[&[0, 2, 0, 0, 0x11]]))]), NONE);
    let old = c(packet(0xA2, &[&[0, 2, 0, 1, b'a', 0, 1, b'b']]));
    assert_eq!(broken4(vec![old, s(vec![0xB0, 2, 0, 2])]), NONE);
}

#[test]
fn no_more_is_granted_than_asked() {
    let ask = |qos, granted| vec![c(subscribe4(1, &[("a", qos)])), s(suback4(1, &[granted]))];
    assert_eq!(broken4(ask(0, 1)), ["MQTT-3.9.3-1"]);
    assert_eq!(broken4(ask(1, 0)), NONE);
}

#[test]
fn requests_have_their_own_packet_identifiers() {
    let ask = |id, filter| c(subscribe4(id, &[(filter, 0)]));
    assert_eq!(broken4(vec![ask(1, "a"), ask(1, "b")]), ["MQTT-2.3.1-2"]);
    assert_eq!(broken4(vec![ask(1, "a"), ask(2, "b")]), NONE);
    assert_eq!(broken4(vec![c(publish4(2, "a", 1)), ask(1, "b")]), ["MQTT-2.3.1-2"]);
    assert_eq!(broken4(vec![ask(3, "a"), c(publish4(2, "b", 3))]), ["MQTT-2.3.1-2"]);
    let ask5 = c(subscribe5(3, &[], &[("a", 0)]));
    assert_eq!(broken5(&[], &[], vec![ask5, c(publish5(2, "b", 3, &[]))]), ["MQTT-2.2.1-3"]);
    // Answered, or by an answer that crossed it; of the other side; again, from before the connection.
    assert_eq!(broken4(vec![ask(3, "a"), s(suback4(3, &[0])), c(publish4(2, "b", 3))]), NONE);
    let crossed = s(suback4(3, &[0])).after_us(300);
    assert_eq!(broken4(vec![ask(3, "a"), c(publish4(2, "b", 3)), crossed]), NONE);
    assert_eq!(broken4(vec![ask(3, "a"), s(publish4(0, "b", 3))]), NONE);
    assert_eq!(broken4(vec![ask(3, "a"), s(publish4(2, "b", 3))]), NONE);
}

#[test]
fn pingresp_answers_a_pingreq() {
    let (pingreq, pingresp) = (|| c(vec![0xC0, 0]), || s(vec![0xD0, 0]));
    assert_eq!(broken4(vec![pingresp()]), ["§3.13"]);
    assert_eq!(broken4(vec![pingreq(), pingresp()]), NONE);
    assert_eq!(broken4(vec![pingreq(), pingresp(), pingresp()]), ["§3.13"]);
    assert_eq!(broken4(vec![pingresp(), pingreq().after_us(200)]), NONE);
    // From the wrong side it is that side's fault, and neither asks nor answers.
    assert_eq!(broken4(vec![c(vec![0xD0, 0])]), NONE);
    assert_eq!(broken4(vec![s(vec![0xC0, 0]), pingresp()]), ["§3.13"]);
}
