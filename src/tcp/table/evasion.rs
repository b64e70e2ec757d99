//! What an attacker puts in the way of a monitor (Ptacek and Newsham, *Insertion, Evasion, and Denial of Service*,
//! 1998), against the policy that [`super::super`] states: each case says what is heard and what is noted.

use super::super::Ending;
use super::super::testing::*;
use crate::net::Segment;
use crate::stream::End;

/// What A is heard to say, how many bytes differed, how many segments and RSTs were ignored.
type Told = (&'static str, u64, u64, u64);

fn told(wire: &Wire) -> (String, u64, u64, u64) {
    let from_a = &wire.facts().from_a;
    (wire.a(), from_a.conflicting_overlaps, from_a.ignored, from_a.ignored_resets)
}

/// A client that has connected and said "hello", which the server acknowledged.
fn after_hello() -> Wire {
    let mut wire = Wire::new();
    wire.open(100, 500);
    wire.c(101, 501, ACK, b"hello");
    wire.s(501, 106, ACK, b"");
    wire
}

#[test]
fn overlaps_of_segments() {
    /// Segments of A behind the hello: offset from its end, flags, payload.
    type Script = &'static [(i32, u8, &'static [u8])];
    let cases: &[(&str, Script, Told)] = &[
        ("the same again", &[(0, ACK, b"abcd"), (0, ACK, b"abcd")], ("helloabcd", 0, 0, 0)),
        ("other bytes after delivery", &[(0, ACK, b"abcd"), (0, ACK, b"aXcX")], ("helloabcd", 2, 0, 0)),
        ("longer, its head differs", &[(0, ACK, b"abcd"), (0, ACK, b"aXcdef")], ("helloabcdef", 1, 0, 0)),
        ("from before, differs", &[(0, ACK, b"abcd"), (-2, ACK, b"LOab")], ("helloabcd", 2, 0, 0)),
        ("contained, differs", &[(0, ACK, b"abcd"), (1, ACK, b"XY")], ("helloabcd", 2, 0, 0)),
        ("out of order, before", &[(2, ACK, b"cd"), (0, ACK, b"abXY")], ("helloabcd", 2, 0, 0)),
        ("out of order, after", &[(2, ACK, b"cd"), (3, ACK, b"Xef"), (0, ACK, b"ab")], ("helloabcdef", 1, 0, 0)),
        ("out of order, both sides", &[(2, ACK, b"cd"), (1, ACK, b"bXXe"), (0, ACK, b"a")], ("helloabcde", 2, 0, 0)),
        ("out of order, contained", &[(1, ACK, b"bcde"), (2, ACK, b"XX"), (0, ACK, b"a")], ("helloabcde", 2, 0, 0)),
        ("out of order, the same", &[(2, ACK, b"cd"), (1, ACK, b"bcde"), (0, ACK, b"ab")], ("helloabcde", 0, 0, 0)),
        ("a keep-alive with a byte of garbage", &[(-1, ACK, b"\0"), (0, ACK, b"abcd")], ("helloabcd", 0, 0, 0)),
        ("urgent data stays in line", &[(0, ACK | 0x20, b"abcd"), (4, ACK, b"ef")], ("helloabcdef", 0, 0, 0)),
        ("a SYN inside the window", &[(0, SYN | ACK, b"XXXX"), (0, ACK, b"abcd")], ("helloabcd", 0, 1, 0)),
        ("far outside the window", &[(50_000_000, ACK, b"XXXX"), (0, ACK, b"abcd")], ("helloabcd", 0, 1, 0)),
        ("a FIN ahead, then data beyond", &[(2, FIN | ACK, b""), (0, ACK, b"abcd")], ("helloabcd", 0, 1, 0)),
        ("a FIN ahead, then the true one", &[(9, FIN | ACK, b""), (0, FIN | ACK, b"abcd")], ("helloabcd", 0, 1, 0)),
        ("data after the FIN", &[(0, FIN | ACK, b"abcd"), (4, ACK, b"XX")], ("helloabcd", 0, 1, 0)),
        ("a RST outside the window", &[(20_000_000, RST, b""), (0, ACK, b"abcd")], ("helloabcd", 0, 0, 1)),
    ];
    for (name, script, (said, differing, ignored, resets)) in cases {
        let mut wire = after_hello();
        for (ahead, flags, payload) in *script {
            wire.c(106_u32.wrapping_add_signed(*ahead), 501, *flags, payload);
        }
        assert_eq!(told(&wire), ((*said).to_owned(), *differing, *ignored, *resets), "{name}");
    }
}

#[test]
fn data_on_a_syn_that_the_server_did_not_take_comes_again() {
    let mut wire = Wire::new();
    wire.c(100, 0, SYN, b"fast");
    wire.s(500, 101, SYN | ACK, b"");
    wire.c(101, 501, ACK, b"slow");
    assert_eq!(told(&wire), ("fast".to_owned(), 4, 0, 0));
}

#[test]
fn a_reset_in_the_window_ends_nothing_when_the_connection_goes_on() {
    for (forged, exact) in [(1106, false), (106, true)] {
        let mut wire = after_hello();
        wire.c(forged, 0, RST, b"");
        assert!(wire.facts().reset.is_some(), "believed so far");
        wire.wait(if exact { 1.5 } else { 61.0 });
        assert!(wire.ended.is_empty());
        wire.c(106, 501, ACK, b"ping");
        assert!(wire.facts().reset.is_some(), "nobody has taken this");
        wire.s(501, 110, ACK, b"pong");
        assert_eq!(wire.facts().reset, None);
        assert_eq!(told(&wire), ("helloping".to_owned(), 0, 0, 1));
        wire.wait(600.0);
        wire.c(110, 505, FIN | ACK, b"");
        wire.s(505, 111, FIN | ACK, b"");
        wire.wait(2.0);
        assert_eq!(wire.ended[0].facts.ending, Some(Ending::Closed));
    }
}

#[test]
fn a_reset_stays_when_only_what_was_under_way_follows() {
    let mut wire = after_hello();
    wire.c(106, 501, RST | ACK, b"");
    wire.s(501, 106, ACK, b"under way");
    wire.c(106, 0, RST, b"");
    assert_eq!(wire.facts().reset.as_ref().unwrap().at.frame.get(), 6);
    wire.wait(2.0);
    assert_eq!(wire.ended.len(), 1);
    // A reset behind a hole of the capture is one too, after a while.
    let mut wire = after_hello();
    wire.c(160, 501, RST | ACK, b"");
    assert!(wire.facts().reset.as_ref().unwrap().skips);
    wire.wait(300.0);
    assert_eq!(wire.ended.len(), 1);
}

#[test]
fn a_reset_that_acknowledges_more_than_was_captured_tells_of_it() {
    // All, and a FIN; then data that the capture lacks, and a number that nobody believes.
    for (acknowledged, lacks) in [(106, false), (107, false), (130, true), (106 + (1 << 30), false)] {
        let mut wire = after_hello();
        wire.s(501, acknowledged, RST | ACK, b"");
        assert_eq!(wire.facts().reset.as_ref().unwrap().skips, lacks, "{acknowledged}");
    }
}

#[test]
fn a_reset_without_an_acknowledgment_behind_a_fin_answers_something() {
    type Sent = (u32, u8, &'static [u8]);
    let cases: &[(&str, Option<Sent>, bool)] = &[
        ("nothing captured", None, true),
        ("the acknowledgment of the FIN", Some((106, ACK, b"")), true),
        ("data", Some((106, ACK, b"more")), false),
        ("data again", Some((101, ACK, b"hello")), false),
        ("a FIN", Some((106, FIN | ACK, b"")), false),
        ("a keep-alive", Some((105, ACK, b"")), false),
    ];
    for (name, between, lacks) in cases {
        let mut wire = after_hello();
        wire.s(501, 106, FIN | ACK, b"");
        if let Some((sequence, flags, payload)) = between {
            wire.c(*sequence, 502, *flags, payload);
        }
        wire.s(502, 0, RST, b"");
        assert_eq!(wire.facts().reset.as_ref().unwrap().skips, *lacks, "{name}");
    }
    // What was under way at the FIN; and no FIN.
    let mut wire = after_hello();
    wire.c(106, 501, ACK, b"more");
    wire.s(501, 106, FIN | ACK, b"");
    wire.s(502, 0, RST, b"");
    assert!(!wire.facts().reset.as_ref().unwrap().skips);
    let mut wire = after_hello();
    wire.s(501, 0, RST, b"");
    assert!(!wire.facts().reset.as_ref().unwrap().skips);
}

/// A segment of A with a checksum, Time to Live and timestamp.
struct Crafted {
    ahead: u32,
    payload: &'static [u8],
    damaged: bool,
    hop_limit: u8,
    clock: u32,
}

const FINE: Crafted = Crafted { ahead: 0, payload: b"abcd", damaged: false, hop_limit: 64, clock: 1000 };

impl Crafted {
    fn send(&self, wire: &mut Wire) {
        use etherparse::PacketBuilder;
        let clock = self.clock.to_be_bytes();
        let options = [1, 1, 8, 10, clock[0], clock[1], clock[2], clock[3], 0, 0, 0, 0];
        let (from, to) = (client(), server());
        let (std::net::IpAddr::V4(source), std::net::IpAddr::V4(target)) = (from.address, to.address) else {
            panic!("addresses of IPv4")
        };
        let mut bytes = Vec::new();
        PacketBuilder::ipv4(source.octets(), target.octets(), self.hop_limit)
            .tcp(from.port, to.port, 106 + self.ahead, 1000)
            .options_raw(&options)
            .unwrap()
            .ack(501)
            .write(&mut bytes, self.payload)
            .unwrap();
        if self.damaged {
            bytes[37] ^= 0x10;
        }
        let covered = &bytes[20..];
        let made = segment(from, to, 106 + self.ahead, 501, ACK, &covered[32..]);
        wire.send(&Segment { hop_limit: self.hop_limit, options: &covered[20..32], covered, ..made });
    }
}

#[test]
fn what_a_receiver_may_not_have_taken_waits_for_its_word() {
    type Doubtful = fn() -> Crafted;
    let cases: [(&str, u64, Doubtful); 3] = [
        ("a wrong checksum", 0, || Crafted { payload: b"aXYd", damaged: true, ..FINE }),
        ("an old timestamp", 2, || Crafted { payload: b"aXYd", clock: 1, ..FINE }),
        ("a TTL too small", 2, || Crafted { payload: b"aXYd", hop_limit: 3, ..FINE }),
    ];
    for (name, differing, doubtful) in cases {
        // The receiver answers, so that what it took is known; the sender's other segments are fine.
        let begun = || {
            let mut wire = after_hello();
            FINE.send(&mut wire);
            wire.s(501, 110, ACK, b"");
            wire
        };
        let next = |crafted: Crafted| Crafted { ahead: 4, ..crafted };
        // Another copy takes its place.
        let mut wire = begun();
        next(doubtful()).send(&mut wire);
        assert_eq!(wire.a(), "helloabcd", "{name} waits");
        next(FINE).send(&mut wire);
        wire.s(501, 114, ACK, b"");
        assert_eq!(told(&wire), ("helloabcdabcd".to_owned(), differing, 1, 0), "{name}, replaced");
        // The receiver took it.
        let mut wire = begun();
        next(doubtful()).send(&mut wire);
        wire.s(501, 114, ACK, b"ok");
        assert_eq!(told(&wire), ("helloabcdaXYd".to_owned(), 0, 0, 0), "{name}, acknowledged");
        assert!(wire.live().reader.order.ends_with(&[(End::A, 8), (End::B, 9)]), "{name}: the answer comes after it");
        // Nobody did.
        let mut wire = begun();
        next(doubtful()).send(&mut wire);
        let ended = wire.finish();
        assert_eq!(ended[0].reader.text(End::A), "helloabcd", "{name}, for nobody");
    }
}

#[test]
fn checksums_that_mean_nothing_are_left_alone() {
    // A rewritten capture: every segment with payload is wrong, but the receiver takes them.
    let mut wire = after_hello();
    for (ahead, payload) in [(0, b"abcd"), (4, b"efgh"), (8, b"ijkl")] {
        Crafted { ahead, payload, damaged: true, ..FINE }.send(&mut wire);
        wire.s(501, 110 + ahead, ACK, b"");
    }
    assert_eq!(told(&wire), ("helloabcdefghijkl".to_owned(), 0, 0, 0));
    // The same, and nobody is there to acknowledge.
    let mut wire = Wire::new();
    wire.c(105, 0, SYN, b"");
    for (ahead, payload) in [(0, b"abcd"), (4, b"efgh"), (8, b"ijkl")] {
        Crafted { ahead, payload, damaged: true, ..FINE }.send(&mut wire);
    }
    assert_eq!(wire.a(), "abcdefghijkl");
    // What was sent again just so was not damaged by chance.
    let mut wire = after_hello();
    for _ in 0..2 {
        wire.wait(0.2);
        Crafted { damaged: true, ..FINE }.send(&mut wire);
    }
    assert_eq!(wire.a(), "helloabcd");
}

#[test]
fn a_flood_of_doubtful_segments_is_bounded() {
    let mut wire = after_hello();
    FINE.send(&mut wire);
    for ahead in 0..1000 {
        Crafted { ahead: 4 + 8 * ahead, hop_limit: 3, ..FINE }.send(&mut wire);
        assert!(wire.table.out_of_order_bytes() < 1 << 20);
    }
    wire.finish();
}
