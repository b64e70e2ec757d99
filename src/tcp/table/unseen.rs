//! Directions whose begin was not captured: what is known to be missing of them.

use super::super::testing::*;

/// Bytes that the capture is known to lack of what the server sent.
fn lacking(wire: &Wire) -> u64 {
    let server = &wire.facts().from_b;
    server.missing_bytes.max(server.acknowledged.0.saturating_sub(server.sent.0))
}

#[test]
fn a_stream_whose_syn_was_not_captured_begins_where_the_client_first_waits() {
    for (acknowledged, lacks) in [(501, 0), (505, 4)] {
        let mut wire = Wire::new();
        wire.c(100, 0, SYN, b"");
        wire.c(101, 501, ACK, b"hello");
        wire.c(106, acknowledged, ACK, b"");
        assert_eq!(lacking(&wire), lacks);
    }
    // Nobody knows what the server had said before the capture began.
    let mut wire = Wire::new();
    wire.c(101, 501, ACK, b"hello");
    wire.c(106, 505, ACK, b"");
    assert_eq!(lacking(&wire), 0);
}

#[test]
fn what_is_acknowledged_before_the_first_data_was_not_captured() {
    let unseen = |wire: &Wire| wire.facts().from_b.unseen_bytes;
    let mut wire = Wire::new();
    wire.c(101, 501, ACK, b"hello");
    wire.s(501, 106, ACK, b"");
    assert_eq!(unseen(&wire), 0);
    wire.c(106, 505, ACK, b"");
    assert_eq!(unseen(&wire), 4);
    wire.s(505, 106, ACK, b"more");
    assert_eq!((unseen(&wire), wire.facts().from_b.missing_bytes), (4, 0));
    assert!(wire.facts().from_b.is_incomplete());
    wire.c(106, 509, ACK, b"");
    assert_eq!(unseen(&wire), 4);
    // By the server's own number.
    let mut wire = Wire::new();
    wire.c(101, 501, ACK, b"hello");
    wire.s(505, 106, ACK, b"");
    assert_eq!(unseen(&wire), 4);
    // The capture holds the acknowledgment before what it acknowledges.
    let mut wire = Wire::new();
    wire.c(101, 501, ACK, b"hello");
    wire.c(106, 505, ACK, b"");
    wire.s(501, 106, ACK, b"more");
    assert_eq!(unseen(&wire), 0);
    assert!(!wire.facts().from_b.is_incomplete());
    // All that came is acknowledged, and a probe repeats what was said.
    let mut wire = Wire::new();
    wire.c(101, 501, ACK, b"hello");
    wire.s(500, 106, ACK, b"");
    wire.s(501, 106, ACK, b"more");
    wire.c(106, 505, ACK, b"");
    assert_eq!(unseen(&wire), 0);
}

#[test]
fn a_fin_shows_what_was_sent_before_it() {
    for (fin, lacks) in [(501, 0), (505, 4)] {
        let mut wire = Wire::new();
        wire.c(101, 501, ACK, b"hello");
        wire.s(fin, 106, FIN | ACK, b"");
        wire.c(106, fin + 1, FIN | ACK, b"");
        assert_eq!(lacking(&wire), lacks);
    }
    // It stands behind what is missing, and who acknowledges only that has not seen it.
    let mut wire = Wire::new();
    wire.c(100, 0, SYN, b"");
    wire.c(101, 501, ACK, b"hello");
    wire.c(106, 505, FIN | ACK, b"");
    wire.s(505, 107, FIN | ACK, b"");
    wire.c(107, 506, ACK, b"");
    let (client, server) = (&wire.facts().from_a, &wire.facts().from_b);
    assert_eq!((client.fin_acknowledges().0, server.stream_end().0), (4, 4));
    assert!(server.fin_acknowledged().is_some());
    // Without a word of the client it is the begin of all that is known.
    let mut wire = Wire::new();
    wire.s(505, 106, FIN | ACK, b"");
    assert_eq!(lacking(&wire), 0);
}
