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
fn a_fin_shows_what_was_sent_before_it() {
    for (fin, lacks) in [(501, 0), (505, 4)] {
        let mut wire = Wire::new();
        wire.c(101, 501, ACK, b"hello");
        wire.s(fin, 106, FIN | ACK, b"");
        wire.c(106, fin + 1, FIN | ACK, b"");
        assert_eq!(lacking(&wire), lacks);
    }
    // Without a word of the client it is the begin of all that is known.
    let mut wire = Wire::new();
    wire.s(505, 106, FIN | ACK, b"");
    assert_eq!(lacking(&wire), 0);
}
