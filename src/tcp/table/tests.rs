//! Stories of single connections.

use super::super::connection::Flow;
use super::super::recent::Recent;
use super::super::testing::*;
use super::super::{Ending, patience};
use crate::limits::Limits;
use crate::net::Segment;
use crate::stream::End;

#[test]
fn a_whole_connection_in_order_is_never_copied() {
    let mut wire = Wire::new();
    wire.open(u32::MAX - 3, 500);
    wire.c(u32::MAX - 2, 501, ACK, b"hello");
    wire.s(501, 2, ACK, b"world");
    wire.c(2, 506, ACK | FIN, b"bye");
    wire.s(506, 6, ACK | FIN, b"");
    wire.c(6, 507, ACK, b"");
    let facts = wire.facts().clone();
    assert_eq!(wire.a(), "hellobye");
    assert_eq!(wire.b(), "world");
    assert_eq!(wire.live().reader.copied, 0);
    assert_eq!(wire.live().reader.starts, [vec![0, 5], vec![0]]);
    assert_eq!(facts.initiator, Some(End::A));
    assert_eq!((facts.syn.count, facts.syn_ack.count), (1, 1));
    assert_eq!(facts.established.unwrap().frame.get(), 3);
    assert_eq!((facts.from_a.sent.0, facts.from_a.acknowledged.0), (8, 8));
    assert_eq!(facts.from_a.fin_at().unwrap().frame.get(), 6);
    assert_eq!(facts.from_a.fin_acknowledged().unwrap().frame.get(), 7);
    assert_eq!(facts.from_b.fin_acknowledged().unwrap().frame.get(), 8);
    assert_eq!(facts.from_a.waiting_since, None);
    assert_eq!(facts.from_b.waiting_since, None);
    assert_eq!((facts.from_a.ignored, facts.from_b.ignored), (0, 0));
    assert_eq!(facts.from_a.largest_acknowledged, 5);
    wire.wait(1.9);
    assert!(wire.ended.is_empty());
    wire.wait(0.1);
    assert_eq!(wire.ended.len(), 1);
    assert_eq!(wire.ended[0].facts.ending, Some(Ending::Closed));
}

#[test]
fn a_connection_without_holes_is_small() {
    let kept = 2 * size_of::<Recent>();
    let bytes = size_of::<super::Slot<()>>() + size_of::<Flow<()>>() + kept;
    assert!(bytes <= 1320, "{bytes} bytes a connection beside its reader: is it worth it?");
}

#[test]
fn out_of_order_data_waits_for_its_turn() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(104, 501, ACK, b"def");
    wire.c(107, 501, ACK | FIN, b"gh");
    assert_eq!(wire.a(), "");
    assert!(wire.facts().from_a.fin.is_some());
    wire.c(101, 501, ACK, b"abc");
    assert_eq!(wire.a(), "abcdefgh");
    assert_eq!(wire.live().reader.frames[0], [6, 4, 5]);
    assert_eq!(wire.live().reader.starts[0], [0, 3, 6]);
    assert_eq!(wire.facts().from_a.retransmitted, 0);
    assert_eq!(wire.table.out_of_order_bytes(), 0);
}

#[test]
fn retransmissions_deliver_only_what_is_new() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, ACK, b"abc");
    wire.c(101, 501, ACK, b"abc");
    assert_eq!(wire.facts().from_a.retries.count, 1);
    assert_eq!(wire.facts().from_a.waiting_since.unwrap().frame.get(), 4);
    wire.c(101, 501, ACK, b"abcdef");
    assert_eq!(wire.a(), "abcdef");
    assert_eq!(wire.live().reader.starts[0], [0]);
    let direction = &wire.facts().from_a;
    assert_eq!((direction.retransmitted, direction.retries.count, direction.smallest_retried), (2, 2, 3));
    assert_eq!(direction.last_data.unwrap().frame.get(), 6);
    wire.s(501, 104, ACK, b"");
    let direction = &wire.facts().from_a;
    assert_eq!((direction.retransmitted, direction.retries.count), (2, 0));
    assert_eq!((direction.acknowledged.0, direction.sent.0), (3, 6));
    assert_eq!(direction.waiting_since, direction.last_acknowledged);
}

#[test]
fn the_first_copy_wins_and_differences_are_counted() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(105, 501, ACK, b"EF");
    wire.c(103, 501, ACK, b"cdxxgh");
    assert_eq!(wire.facts().from_a.conflicting_overlaps, 2);
    wire.c(101, 501, ACK, b"abXd");
    assert_eq!(wire.a(), "abcdEFgh");
    assert_eq!(wire.facts().from_a.conflicting_overlaps, 3);
}

#[test]
fn an_acknowledged_hole_was_missed_by_the_capture() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(104, 501, ACK, b"def");
    wire.s(501, 107, ACK, b"");
    assert_eq!(wire.a(), "");
    for _ in 0..patience::REORDER_SEGMENTS {
        assert_eq!(wire.a(), "");
        wire.s(501, 107, ACK, b"");
    }
    assert_eq!(wire.a(), "[3 NotCaptured]def");
    assert_eq!(wire.facts().from_a.missing_bytes, 3);
}

#[test]
fn an_acknowledged_hole_may_still_close() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(104, 501, ACK, b"def");
    wire.s(501, 107, ACK, b"ok");
    wire.c(101, 501, ACK, b"abc");
    assert_eq!(wire.a(), "abcdef");
    assert_eq!(wire.facts().from_a.missing_bytes, 0);
}

#[test]
fn a_hole_is_declared_as_time_passes() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(104, 501, ACK, b"def");
    wire.s(501, 107, ACK, b"");
    wire.wait(0.09);
    assert_eq!(wire.a(), "");
    wire.wait(0.01);
    assert_eq!(wire.a(), "[3 NotCaptured]def");
    assert!(wire.table.due.is_empty());
}

#[test]
fn all_holes_that_one_acknowledgment_covers_are_declared_together() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    for i in 0..3 {
        wire.c(102 + 2 * i, 501, ACK, b"x");
    }
    wire.s(501, 105, ACK, b"");
    wire.wait(0.2);
    assert_eq!(wire.a(), "[1 NotCaptured]x[1 NotCaptured]x");
    wire.s(501, 107, ACK, b"");
    wire.wait(0.2);
    assert_eq!(wire.a(), "[1 NotCaptured]x[1 NotCaptured]x[1 NotCaptured]x");
}

#[test]
fn an_unacknowledged_hole_waits_for_the_retransmission() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(104, 501, ACK, b"def");
    for _ in 0..30 {
        wire.s(501, 101, ACK, b"");
        wire.wait(1.0);
    }
    assert_eq!(wire.a(), "");
    wire.c(101, 501, ACK, b"abc");
    assert_eq!(wire.a(), "abcdef");
}

#[test]
fn what_was_never_seen_is_declared_at_the_end_if_data_or_fin_lies_beyond() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(104, 501, ACK, b"def");
    wire.s(511, 101, ACK | FIN, b"");
    let ended = wire.finish();
    assert_eq!(ended[0].reader.text(End::A), "[3 NeverSeen]def");
    assert_eq!(ended[0].reader.text(End::B), "[10 NeverSeen]");
    assert_eq!(ended[0].facts.ending, Some(Ending::CaptureEnded));
    assert_eq!(ended[0].facts.from_a.missing_bytes, 3);
}

#[test]
fn one_direction_alone_does_not_wait_for_acknowledgments() {
    let mut wire = Wire::new();
    wire.c(100, 0, SYN, b"");
    wire.c(104, 501, ACK, b"def");
    wire.now += 1_100_000_000;
    wire.c(107, 501, ACK, b"g");
    assert_eq!(wire.a(), "[3 NotCaptured]defg");
    assert!(wire.facts().established.is_some());
    for i in 0..64 {
        wire.c(200 + 2 * i, 501, ACK, b"x");
    }
    assert!(wire.a().starts_with("[3 NotCaptured]defg[92 NotCaptured]x"));
}

#[test]
fn the_snap_length_leaves_gaps() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    let cut = |sequence, payload, length| Segment {
        payload_length: length,
        ..segment(client(), server(), sequence, 501, ACK, payload)
    };
    wire.send(&cut(101, b"ab", 4));
    assert_eq!(wire.a(), "ab[2 SnapLength]");
    wire.send(&cut(109, b"ij", 4));
    wire.c(111, 501, ACK, b"k");
    wire.send(&cut(105, b"e", 4));
    assert_eq!(wire.a(), "ab[2 SnapLength]e[3 SnapLength]ijk[1 SnapLength]");
    assert_eq!(wire.facts().from_a.cut_segments, 3);
    assert_eq!(wire.facts().from_a.missing_bytes, 6);
}

#[test]
fn a_syn_is_repeated_or_opens_a_new_stream() {
    let mut wire = Wire::new();
    assert_eq!(wire.c(100, 0, SYN, b""), 0);
    wire.wait(1.0);
    assert_eq!(wire.c(100, 0, SYN, b""), 0);
    wire.wait(2.0);
    assert_eq!(wire.c(100, 0, SYN, b""), 0);
    assert_eq!(wire.facts().syn.count, 3);
    assert!(wire.facts().syn.last.time.seconds_since(wire.facts().syn.first.time) > 3.0);
    assert_eq!(wire.c(200, 0, SYN, b""), 1);
    let Some(Ending::Replaced(at)) = &wire.ended[0].facts.ending else { panic!("replaced") };
    assert_eq!(**at, wire.facts().first);
    assert_eq!(wire.facts().syn.count, 1);
}

#[test]
fn late_segments_open_no_stream_but_a_new_syn_does() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, ACK | FIN, b"");
    wire.s(501, 102, ACK | FIN, b"");
    wire.wait(2.0);
    assert_eq!(wire.ended.len(), 1);
    assert_eq!(wire.c(102, 502, ACK, b""), 0);
    assert_eq!(wire.c(100, 0, SYN, b""), 0);
    assert_eq!(wire.table.late(), 2);
    assert!(wire.table.is_empty());
    assert_eq!(wire.s(900, 0, SYN, b""), 1);
    assert_eq!(wire.c(7, 901, SYN | ACK, b""), 1);
    assert_eq!(wire.facts().initiator, Some(End::A));
    assert_eq!(wire.facts().a, server());
}

#[test]
fn lingering_does_not_depend_on_advance() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, RST, b"");
    let frozen = wire.now;
    wire.now = frozen + patience::LINGER;
    wire.s(501, 101, ACK, b"late");
    assert_eq!(wire.ended[0].facts.from_b.bytes, 0);
    assert_eq!(wire.table.late(), 1);
}

#[test]
fn a_reset_after_the_fins_is_still_a_fact() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, ACK | FIN, b"x");
    wire.s(501, 103, ACK | FIN, b"y");
    wire.c(103, 503, RST, b"not stream data");
    let reset = wire.facts().reset.as_ref().unwrap();
    assert_eq!((reset.by, reset.at.frame.get()), (End::A, 6));
    assert_eq!(wire.a(), "x");
    assert_eq!(wire.b(), "y");
}

#[test]
fn a_refused_syn() {
    let mut wire = Wire::new();
    wire.c(100, 0, SYN, b"");
    wire.s(0, 101, RST | ACK, b"");
    assert_eq!(wire.facts().reset.as_ref().unwrap().by, End::B);
    wire.wait(0.5);
    assert_eq!(wire.c(100, 0, SYN, b""), 0);
    assert_eq!(wire.facts().syn.count, 2);
    assert_eq!(wire.c(300, 0, SYN, b""), 1);
    wire.s(0, 999, RST | ACK, b"");
    assert_eq!(wire.facts().reset, None);
    assert_eq!(wire.facts().from_b.ignored_resets, 1);
}

#[test]
fn wild_resets_and_wild_segments_are_ignored_and_counted() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, ACK, b"ab");
    wire.s(501 + 20_000_000, 103, RST, b"");
    wire.s(0x9000_0000, 103, ACK, b"wild");
    assert_eq!(wire.facts().reset, None);
    assert_eq!(wire.facts().from_b.ignored_resets, 1);
    assert_eq!(wire.facts().from_b.ignored, 1);
    wire.s(501, 103, ACK, b"tame");
    assert_eq!(wire.b(), "tame");
    wire.s(505, 103, RST | ACK, b"");
    assert_eq!(wire.facts().reset.as_ref().unwrap().by, End::B);
    wire.c(103, 505, ACK, b"under way");
    assert_eq!(wire.a(), "abunder way");
}

#[test]
fn a_long_stretch_lost_by_the_capture_is_one_gap() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, ACK, b"ab");
    let far = 103 + 50_000_000;
    wire.c(far, 501, ACK, b"cd");
    wire.c(far + 2, 501, ACK, b"ef");
    wire.c(far + 4, 501, ACK, b"gh");
    wire.c(far + 6, 501, ACK, b"ij");
    assert_eq!(wire.a(), "ab[50000004 NotCaptured]ghij");
    wire.s(501, far + 8, ACK, b"");
    assert_eq!(wire.facts().from_a.acknowledged.0, 50_000_010);
}

#[test]
fn simultaneous_open() {
    let mut wire = Wire::new();
    assert_eq!(wire.c(100, 0, SYN, b""), 0);
    assert_eq!(wire.s(500, 0, SYN, b""), 0);
    wire.c(100, 501, SYN | ACK, b"");
    wire.s(500, 101, SYN | ACK, b"");
    wire.c(101, 501, ACK, b"ab");
    wire.s(501, 103, ACK, b"cd");
    assert_eq!((wire.a(), wire.b()), ("ab".into(), "cd".into()));
    assert_eq!(wire.facts().initiator, Some(End::A));
    assert!(wire.facts().established.is_some());
}

#[test]
fn a_server_that_changes_its_mind_about_its_syn_ack() {
    let mut wire = Wire::new();
    wire.c(100, 0, SYN, b"");
    wire.s(500, 101, SYN | ACK, b"");
    wire.s(900, 101, SYN | ACK, b"");
    wire.c(101, 901, ACK, b"");
    wire.s(901, 101, ACK, b"hi");
    assert_eq!(wire.b(), "hi");
    assert_eq!(wire.facts().syn_ack.count, 2);
    wire.s(500, 101, SYN | ACK, b"");
    assert_eq!(wire.facts().from_b.ignored, 1);
    // Once the client has chosen one, another is not believed.
    let mut wire = Wire::new();
    wire.open(100, 900);
    wire.s(500, 101, SYN | ACK, b"");
    wire.s(901, 101, ACK, b"hi");
    assert_eq!((wire.b(), wire.facts().from_b.ignored), ("hi".into(), 1));
}

#[test]
fn a_capture_begun_in_the_middle() {
    let mut wire = Wire::new();
    wire.s(7000, 3000, ACK, b"");
    wire.c(3000, 7000, ACK, b"ping");
    wire.s(7000, 3004, ACK, b"pong");
    assert_eq!((wire.a(), wire.b()), ("pong".into(), "ping".into()));
    assert_eq!(wire.facts().a, server());
    assert_eq!((wire.facts().initiator, wire.facts().established), (None, None));
    assert_eq!(wire.facts().from_b.acknowledged.0, 4);
    // The first data may come after data that the other end still waits for.
    let mut wire = Wire::new();
    wire.s(7000, 3000, ACK, b"");
    wire.c(3003, 7000, ACK, b"def");
    wire.c(3000, 7000, ACK, b"abc");
    assert_eq!(wire.b(), "abcdef");
    // Far beyond, it is where the stream begins for this capture.
    let mut wire = Wire::new();
    wire.s(7000, 3000, ACK, b"");
    wire.c(103_000, 7000, ACK, b"def");
    assert_eq!(wire.b(), "def");
    assert_eq!(wire.c(102_999, 0, SYN, b""), 1);
}

#[test]
fn a_syn_ack_captured_before_its_syn() {
    let mut wire = Wire::new();
    assert_eq!(wire.s(500, 101, SYN | ACK, b""), 0);
    assert_eq!(wire.c(100, 0, SYN, b""), 0);
    wire.c(101, 501, ACK, b"ab");
    assert_eq!(wire.b(), "ab");
    assert_eq!(wire.facts().initiator, Some(End::B));
    assert!(wire.facts().established.is_some());
}

#[test]
fn a_syn_ack_tells_where_a_stream_began_whose_syn_was_not_captured() {
    // The SYN and 16 bytes of data are not captured.
    let missing = |acknowledged| {
        let mut wire = Wire::new();
        wire.s(500, 101, SYN | ACK, b"");
        wire.c(101, 501, ACK, b"");
        wire.s(501, acknowledged, ACK, b"");
        wire.c(acknowledged, 501, ACK | FIN, b"");
        wire.s(501, acknowledged + 1, ACK | FIN, b"");
        wire.c(acknowledged + 1, 502, ACK, b"");
        wire.wait(2.0);
        let facts = &wire.ended[0].facts;
        (facts.from_a.missing_bytes, facts.from_b.missing_bytes)
    };
    assert_eq!(missing(117), (0, 16));
    assert_eq!(missing(101), (0, 0));
}

#[test]
fn keep_alive_probes_are_no_retransmissions() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, ACK, b"ab");
    wire.s(501, 103, ACK, b"");
    for _ in 0..3 {
        wire.wait(10.0);
        wire.c(102, 501, ACK, b"\0");
        wire.c(102, 501, ACK, b"");
    }
    let direction = &wire.facts().from_a;
    assert_eq!((direction.keep_alive_probes, direction.unanswered_probes.count), (6, 6));
    assert_eq!((direction.retransmitted, direction.retries.count), (0, 0));
    wire.s(501, 103, ACK, b"");
    assert_eq!(wire.facts().from_a.unanswered_probes.count, 0);
    assert_eq!(wire.a(), "ab");
    // The first thing captured may be a probe.
    let mut wire = Wire::new();
    wire.c(102, 501, ACK, b"");
    wire.s(501, 103, ACK, b"");
    wire.c(102, 501, ACK, b"\0");
    wire.c(103, 501, ACK, b"ab");
    assert_eq!(wire.a(), "ab");
    assert_eq!(wire.facts().from_a.keep_alive_probes, 1);
}

#[test]
fn an_unacknowledged_last_byte_is_retransmitted_not_probed() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, ACK, b"a");
    wire.c(101, 501, ACK, b"a");
    assert_eq!((wire.facts().from_a.retransmitted, wire.facts().from_a.keep_alive_probes), (1, 0));
}

#[test]
fn a_zero_window_is_remembered_until_it_opens() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    let with = |window| Segment { window, ..segment(server(), client(), 501, 101, ACK, b"") };
    wire.send(&with(0));
    wire.send(&with(0));
    wire.c(100, 501, ACK, b"");
    assert_eq!((wire.facts().from_a.window_probes, wire.facts().from_a.keep_alive_probes), (1, 0));
    assert_eq!(wire.facts().from_b.zero_window.unwrap().frame.get(), 4);
    wire.send(&with(9));
    assert_eq!(wire.facts().from_b.zero_window, None);
    let reopened = wire.facts().from_b.reopened_window.map(|(from, at)| (from.frame.get(), at.frame.get()));
    assert_eq!(reopened, Some((4, 7)));
}

#[test]
fn the_evidence_of_a_path_mtu_black_hole() {
    let mut wire = Wire::new();
    let options = [2, 4, 5, 0xb4, 1, 3, 3, 7];
    wire.send(&Segment { options: &options, ..segment(client(), server(), 100, 0, SYN, b"") });
    wire.s(500, 101, SYN | ACK, b"");
    wire.c(101, 501, ACK, &[1; 300]);
    wire.c(401, 501, ACK, &[1; 1400]);
    wire.c(1801, 501, ACK, &[1; 100]);
    wire.s(501, 401, ACK, b"");
    for _ in 0..4 {
        wire.wait(1.0);
        wire.c(401, 501, ACK, &[1; 1400]);
    }
    let direction = &wire.facts().from_a;
    assert_eq!((direction.largest_acknowledged, direction.smallest_retried), (300, 1400));
    assert_eq!(direction.retries.count, 4);
    assert_eq!(direction.waiting_since, direction.last_acknowledged);
    assert_eq!((direction.maximum_segment_size, direction.window_scale), (Some(1460), Some(7)));
    wire.s(501, 1901, ACK, b"");
    assert_eq!(wire.facts().from_a.largest_acknowledged, 1400);
}

#[test]
fn data_on_a_syn_is_the_first_data() {
    let mut wire = Wire::new();
    wire.c(100, 0, SYN, b"ab");
    wire.s(500, 101, SYN | ACK, b"");
    wire.c(101, 501, ACK, b"abcd");
    assert_eq!(wire.a(), "abcd");
}

#[test]
fn nothing_follows_a_fin() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, ACK | FIN, b"ab");
    wire.c(101, 501, ACK, b"abcd");
    assert_eq!(wire.a(), "ab");
    assert_eq!(wire.facts().from_a.ignored, 1);
    wire.c(103, 501, ACK | FIN, b"");
    assert_eq!(wire.facts().from_a.retries.count, 2);
}

#[test]
fn both_fins_but_data_missing_is_waited_for() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(104, 501, ACK | FIN, b"d");
    wire.s(501, 101, ACK | FIN, b"");
    wire.wait(30.0);
    assert!(wire.ended.is_empty());
    wire.c(101, 502, ACK, b"abc");
    assert_eq!(wire.a(), "abcd");
    wire.wait(0.1);
    assert_eq!(wire.ended.len(), 1);
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(104, 501, ACK | FIN, b"d");
    wire.s(501, 101, ACK | FIN, b"");
    wire.wait(60.0);
    assert_eq!(wire.ended[0].reader.text(End::A), "[3 NeverSeen]d");
}

#[test]
fn a_reader_that_has_heard_enough_is_left_alone() {
    let mut wire = Wire::new();
    wire.patience = Some(1);
    wire.open(100, 500);
    wire.s(511, 101, ACK, b"late");
    wire.c(101, 501, ACK, b"GET / HTTP/1.1");
    assert_eq!(wire.table.out_of_order_bytes(), 0);
    wire.c(115, 501, ACK, b"more");
    wire.c(115, 501, ACK, b"more of it");
    wire.c(200, 501, ACK | FIN, b"far");
    wire.s(501, 204, ACK | FIN, &[0; 100]);
    let facts = wire.facts();
    assert_eq!((facts.from_a.bytes, facts.from_a.retransmitted), (27, 1));
    assert!(facts.is_closed());
    wire.wait(2.0);
    assert_eq!(wire.ended.len(), 1);
}

#[test]
fn limits_become_gaps() {
    let limits = Limits { out_of_order_segments: 3, ..Limits::default() };
    let mut wire = Wire::with(&limits);
    wire.open(100, 500);
    for i in 0..4 {
        wire.c(102 + 2 * i, 501, ACK, b"x");
        wire.s(501, 101, ACK, b"");
    }
    assert_eq!(wire.a(), "[1 LimitReached]x");
    let limits = Limits { out_of_order_bytes_total: 1000, ..Limits::default() };
    let mut wire = Wire::with(&limits);
    wire.open(100, 500);
    wire.c(201, 501, ACK, &[b'x'; 2000]);
    assert!(wire.a().starts_with("[100 LimitReached]x"));
}

#[test]
fn a_full_table_lets_go_and_takes_up_again() {
    let limits = Limits { connections: 8, ..Limits::default() };
    let mut wire = Wire::with(&limits);
    let sessions: Vec<_> = (0..4).map(|i| endpoint(10 + i, 4000)).collect();
    for from in &sessions {
        wire.send(&segment(*from, server(), 10, 20, ACK, b"data"));
    }
    for port in 0..1000 {
        wire.send(&segment(endpoint(9, port), server(), 10, 0, SYN, b""));
    }
    assert_eq!(wire.table.len(), 7, "half-open ones fill about a quarter");
    assert_eq!(wire.table.evicted(), 997);
    assert!(wire.ended.iter().all(|connection| connection.facts.syn.count == 1), "no session was let go");
    wire.wait(20.0);
    for from in sessions.iter().skip(1) {
        wire.send(&segment(*from, server(), 14, 20, ACK, b"more"));
    }
    for port in 0..2 {
        wire.send(&segment(endpoint(20, port), server(), 10, 20, ACK, b"new"));
    }
    wire.ended.clear();
    wire.send(&segment(endpoint(21, 1), server(), 10, 20, ACK, b"new"));
    assert_eq!(wire.ended[0].facts.a, sessions[0]);
    assert_eq!(wire.ended[0].facts.ending, Some(Ending::LetGo));
    assert_eq!(wire.send(&segment(sessions[0], server(), 14, 20, ACK, b"more")), 0, "the same stream again");
}

#[test]
fn finish_is_in_order_of_streams() {
    let mut wire = Wire::new();
    for port in 0..50 {
        wire.send(&segment(endpoint(9, port), server(), 10, 0, SYN, b""));
        if port % 3 == 0 {
            wire.send(&segment(server(), endpoint(9, port), 0, 11, RST | ACK, b""));
        }
    }
    wire.wait(3.0);
    for port in 50..60 {
        wire.send(&segment(endpoint(9, port), server(), 10, 0, SYN, b""));
    }
    let streams: Vec<u32> = wire.finish().iter().map(|connection| connection.facts.stream).collect();
    let mut expected: Vec<u32> = (0..50).filter(|i| i % 3 == 0).collect();
    expected.extend((0..60).filter(|i| i % 3 != 0 || *i >= 50));
    assert_eq!(streams, expected);
}

#[test]
fn half_a_close_leaves_the_other_direction_open() {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, ACK | FIN, b"ask");
    wire.s(501, 105, ACK, b"one");
    wire.wait(400.0);
    wire.s(504, 105, ACK, b"two");
    wire.c(105, 507, ACK, b"");
    assert!(!wire.facts().is_closed());
    wire.s(507, 105, ACK | FIN, b"");
    assert_eq!((wire.a(), wire.b()), ("ask".into(), "onetwo".into()));
    wire.wait(2.0);
    assert_eq!(wire.ended[0].facts.ending, Some(Ending::Closed));
}
