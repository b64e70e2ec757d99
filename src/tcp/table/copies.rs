//! Segments that the capture holds twice, and those that TCP sent again.

use super::super::testing::*;
use crate::net::Segment;

#[test]
fn segments_captured_twice_are_no_retransmissions() {
    let mut wire = Wire::new();
    wire.tick = 10_000;
    for _ in 0..2 {
        wire.c(100, 0, SYN, b"");
    }
    wire.s(500, 101, SYN | ACK, b"");
    wire.c(101, 501, ACK, b"ab");
    wire.c(101, 501, ACK, b"ab");
    wire.c(103, 501, ACK, b"cd");
    let hop = |sequence, payload| Segment { hop_limit: 63, ..segment(client(), server(), sequence, 501, ACK, payload) };
    wire.send(&hop(101, b"ab"));
    wire.send(&hop(103, b"cd"));
    let facts = wire.facts();
    assert_eq!((facts.syn.count, facts.from_a.duplicated), (1, 4));
    assert_eq!((facts.from_a.retransmitted, facts.from_a.retries.count), (0, 0));
    wire.wait(0.2);
    wire.c(103, 501, ACK, b"cd");
    assert_eq!(wire.facts().from_a.retransmitted, 1);
}

#[test]
fn copies_that_stand_behind_other_segments_are_no_retransmissions() {
    let said = |twice: bool| {
        let mut wire = Wire::new();
        wire.tick = 100_000;
        wire.c(100, 0, SYN, b"");
        if twice {
            wire.c(100, 0, SYN, b"");
        }
        wire.s(500, 101, SYN | ACK, b"");
        for _ in 0..2 {
            wire.c(101, 501, ACK, b"ab");
            wire.c(103, 501, ACK, b"cd");
        }
        wire
    };
    let direction = said(true).facts().from_a.clone();
    assert_eq!((direction.duplicated, direction.retransmitted, direction.retries.count), (3, 0, 0));
    // Later than a capture's copies come, or where it holds none, it is TCP that sends again.
    let mut wire = said(true);
    wire.wait(0.01);
    wire.c(103, 501, ACK, b"cd");
    assert_eq!(wire.facts().from_a.retransmitted, 1);
    assert_eq!(said(false).facts().from_a.retransmitted, 2);
    // A SYN whose copy comes when the connection is already in use.
    let mut wire = Wire::new();
    wire.tick = 100_000;
    wire.open(100, 500);
    wire.c(101, 501, ACK, b"ab");
    wire.c(100, 0, SYN, b"");
    let facts = wire.facts();
    assert_eq!((facts.syn.count, facts.from_a.duplicated), (1, 1));
}
