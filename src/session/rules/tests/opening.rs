//! How connections begin and end.

use super::*;

const AUTH: [u8; 7] = [0x15, 0, 4, b'S', b'C', b'R', b'A'];
const OTHER: [u8; 7] = [0x15, 0, 4, b'P', b'L', b'A', b'I'];

fn auth(code: u8, with: &[u8]) -> Vec<u8> {
    packet(0xF0, &[&[code], &properties(with)])
}

#[test]
fn connect_comes_first_and_once() {
    assert_eq!(broken(vec![c(publish4(0, "a", 0))]), ["MQTT-3.1.0-1"]);
    assert_eq!(broken4(vec![c(connect4())]), ["MQTT-3.1.0-2"]);
    assert_eq!(broken5(&[], &[], vec![c(connect5(&[]))]), ["MQTT-3.1.0-2"]);
    assert_eq!(broken4(vec![c(publish4(0, "a", 0))]), NONE);
    let mut late = wire();
    late.syn.count = 0;
    assert!(Talk::new(vec![c(publish4(0, "a", 0))]).end(late).violations.is_empty());
}

#[test]
fn connack_comes_first_and_once() {
    assert_eq!(broken(vec![c(connect4()), s(suback4(1, &[0]))]), ["MQTT-3.2.0-1", "MQTT-2.3.1-7"]);
    assert_eq!(broken5(&[], &[], vec![s(connack5(0, &[]))]), ["MQTT-3.2.0-2"]);
    assert_eq!(broken4(vec![s(connack4(0))]), NONE);
    let agreed = vec![c(connect5(&AUTH)), s(auth(0x18, &AUTH)), c(auth(0x18, &AUTH)), s(connack5(0, &AUTH))];
    assert_eq!(broken(agreed), NONE);
    // A client need not wait for the CONNACK.
    assert_eq!(broken(vec![c(connect4()), c(publish4(0, "a", 0)), s(connack4(0))]), NONE);
}

#[test]
fn with_a_method_the_client_waits_for_connack() {
    let hasty = vec![c(connect5(&AUTH)), c(publish5(0, "a", 0, &[])), s(connack5(0, &AUTH))];
    assert_eq!(broken(hasty), ["MQTT-3.1.2-30"]);
    let crossed = vec![c(connect5(&AUTH)), c(publish5(0, "a", 0, &[])), s(connack5(0, &AUTH)).after_us(50)];
    assert_eq!(broken(crossed), NONE);
    assert_eq!(broken(vec![c(connect5(&AUTH)), c(vec![0xE0, 0])]), NONE);
}

#[test]
fn auth_needs_the_method_of_connect() {
    assert_eq!(broken5(&[], &[], vec![c(auth(0x19, &AUTH))]), ["MQTT-4.12.0-7"]);
    assert_eq!(broken(vec![c(connect5(&[])), s(auth(0x18, &AUTH))]), ["MQTT-4.12.0-6"]);
    assert_eq!(broken(vec![c(connect5(&AUTH)), s(auth(0x18, &OTHER))]), ["MQTT-4.12.0-5"]);
    assert_eq!(broken5(&AUTH, &AUTH, vec![c(auth(0x19, &OTHER))]), ["MQTT-4.12.1-1"]);
    assert_eq!(broken5(&AUTH, &AUTH, vec![c(auth(0x19, &AUTH))]), NONE);
    assert_eq!(broken5(&AUTH, &[], vec![]), ["MQTT-4.12.0-5"]);
    assert_eq!(broken5(&[], &AUTH, vec![]), ["MQTT-4.12.0-6"]);
    // A refusal needs no method.
    assert_eq!(broken(vec![c(connect5(&AUTH)), s(connack5(0x8C, &[]))]), NONE);
}

#[test]
fn session_present_only_where_a_session_was_asked_for() {
    let present4 = |level: u8| {
        let name: &[u8] = if level == 3 { b"\0\x06MQIsdp" } else { b"\0\x04MQTT" };
        vec![c(packet(0x10, &[name, &[level, 2, 0, 60, 0, 1, b'c']])), s(vec![0x20, 2, 1, 0])]
    };
    assert_eq!(broken(present4(4)), ["MQTT-3.2.2-1"]);
    assert_eq!(broken(present4(3)), NONE);
    assert_eq!(broken(vec![c(connect5(&[])), s(vec![0x20, 3, 1, 0, 0])]), ["MQTT-3.2.2-2"]);
    let kept = packet(0x10, &[b"\0\x04MQTT\x04\x00\0\x3c\0\x01c"]);
    assert_eq!(broken(vec![c(kept), s(vec![0x20, 2, 1, 0])]), NONE);
}

#[test]
fn connack_answers_what_connect_asked() {
    let nameless = packet(0x10, &[b"\0\x04MQTT\x05\x02\0\x3c\0\0\0"]);
    assert_eq!(broken(vec![c(nameless.clone()), s(connack5(0, &[]))]), ["MQTT-3.2.2-16"]);
    assert_eq!(broken(vec![c(nameless.clone()), s(connack5(0, &[0x12, 0, 1, b'n']))]), NONE);
    assert_eq!(broken(vec![c(nameless), s(connack5(0x85, &[]))]), NONE);
    assert_eq!(broken5(&[], &[0x1A, 0, 1, b'r'], vec![]), ["MQTT-3.1.2-28"]);
    assert_eq!(broken5(&[0x19, 1], &[0x1A, 0, 1, b'r'], vec![]), NONE);
    let will = packet(0x10, &[b"\0\x04MQTT\x05\x36\0\x3c\0\0\x01c\0\0\x01w\0\0"]);
    assert_eq!(broken(vec![c(will.clone()), s(connack5(0, &[0x24, 1, 0x25, 0]))]), ["MQTT-3.2.2-12", "MQTT-3.2.2-13"]);
    assert_eq!(broken(vec![c(will), s(connack5(0, &[]))]), NONE);
}

#[test]
fn problem_information_only_where_wanted() {
    let told = || vec![c(publish5(2, "a", 1, &[])), s(vec![0x40, 8, 0, 1, 0x10, 4, 0x1F, 0, 1, b'r'])];
    assert_eq!(broken5(&[0x17, 0], &[], told()), ["MQTT-3.1.2-29"]);
    assert_eq!(broken5(&[0x17, 1], &[], told()), NONE);
    assert_eq!(broken5(&[0x17, 0], &[], vec![s(packet(0xE0, &[&[0x8B], b"\x04\x1F\0\x01r"]))]), NONE);
}

#[test]
fn nothing_follows_a_disconnect() {
    assert_eq!(broken4(vec![c(vec![0xE0, 0]), c(vec![0xC0, 0])]), ["MQTT-3.14.4-2"]);
    assert_eq!(broken5(&[], &[], vec![c(vec![0xE0, 0]), c(vec![0xC0, 0])]), ["MQTT-3.14.4-1"]);
    assert_eq!(broken5(&[], &[], vec![s(vec![0xE0, 2, 0x8B, 0]), s(vec![0xD0, 0])])[0], "MQTT-3.14.4-1");
    // The other side's packets may be under way.
    assert_eq!(broken4(vec![c(publish4(2, "a", 1)), c(vec![0xE0, 0]), s(ack(0x40, 1))]), NONE);
}

#[test]
fn a_refusal_ends_the_connection() {
    let worked = vec![c(connect4()), s(connack4(5)), c(subscribe4(1, &[("a", 0)])), s(suback4(1, &[0]))];
    assert_eq!(broken(worked), ["MQTT-3.1.4-5"]);
    assert_eq!(broken(vec![c(connect5(&[])), s(connack5(0x87, &[])), s(vec![0xD0, 0])])[0], "MQTT-3.1.4-6");
    assert_eq!(broken(vec![c(connect5(&[])), s(vec![0xE0, 2, 0x87, 0])]), ["MQTT-3.14.0-1"]);
    assert_eq!(broken5(&[], &[], vec![s(vec![0xE0, 2, 0x87, 0])]), NONE);
    assert_eq!(broken(vec![c(connect4()), s(connack4(5))]), NONE);
    let kept = vec![c(connect4()), s(connack4(5)), c(publish4(0, "a", 0)).after_us(6_000_000)];
    assert_eq!(broken(kept), ["MQTT-3.2.2-5"]);
}

#[test]
fn a_session_that_ends_with_connect_is_not_kept_by_disconnect() {
    let raise = || c(packet(0xE0, &[&[0], b"\x05\x11\0\0\0\x3c"]));
    assert_eq!(broken5(&[], &[], vec![raise()]), ["§3.14.2.2.2"]);
    assert_eq!(broken5(&[0x11, 0, 0, 0, 9], &[], vec![raise()]), NONE);
}
