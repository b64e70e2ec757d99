//! Stream numbers are Wireshark's: each story below was written as a capture, and the numbers are
//! what `tshark -T fields -e tcp.stream` (4.0.17) printed for it.

#![allow(clippy::unwrap_used, clippy::too_many_lines)] // a test, and one long table

use mqttcap::capture::{FrameNumber, Moment, Timestamp};
use mqttcap::limits::Limits;
use mqttcap::net::{Endpoint, Segment, TcpFlags};
use mqttcap::stream::{End, Piece};
use mqttcap::tcp::{Facts, FlowTable, Interest, Reader};

struct Deaf;

impl Reader for Deaf {
    fn piece(&mut self, _: End, _: Piece<'_>, _: &Facts) -> Interest {
        Interest::Wanted
    }
}

const F: u8 = TcpFlags::FIN;
const S: u8 = TcpFlags::SYN;
const R: u8 = TcpFlags::RST;
const A: u8 = TcpFlags::ACK;

/// One segment: sender, receiver, sequence number, acknowledgment number, flags, payload.
type Line = (Endpoint, Endpoint, u32, u32, u8, &'static [u8]);

fn streams(lines: &[Line], seconds_between: i64) -> Vec<u32> {
    let mut table = FlowTable::new(&Limits::default());
    (1..)
        .zip(lines)
        .map(|(frame, (source, destination, sequence, acknowledgment, flags, payload))| {
            let time = Timestamp(i64::try_from(frame).unwrap() * seconds_between * 1_000_000_000);
            let segment = Segment {
                source: *source,
                destination: *destination,
                source_mac: None,
                destination_mac: None,
                hop_limit: 64,
                sequence: *sequence,
                acknowledgment: *acknowledgment,
                flags: TcpFlags(*flags),
                window: 1000,
                options: &[],
                payload,
                payload_length: u32::try_from(payload.len()).unwrap(),
                covered: &[],
            };
            table.advance(time, &mut |_| {});
            table.push(&segment, Moment { frame: FrameNumber::new(frame), time }, |_| Deaf, &mut |_| {})
        })
        .collect()
}

#[test]
fn streams_are_numbered_as_wireshark_numbers_them() {
    let x = Endpoint { address: [10, 0, 0, 1].into(), port: 5000 };
    let y = Endpoint { address: [10, 0, 0, 2].into(), port: 1883 };
    let stories: &[(&str, &[Line], &[u32])] = &[
        (
            "after both FINs the same SYN is late",
            &[
                (x, y, 100, 0, S, b""),
                (y, x, 500, 101, S | A, b""),
                (x, y, 101, 501, A, b""),
                (x, y, 101, 501, F | A, b""),
                (y, x, 501, 102, F | A, b""),
                (x, y, 102, 502, A, b""),
                (x, y, 100, 0, S, b""),
            ],
            &[0; 7],
        ),
        ("a SYN that the middle agrees with", &[(x, y, 1000, 2000, A, b"hi"), (x, y, 999, 0, S, b"")], &[0, 0]),
        ("a SYN that the middle does not know", &[(x, y, 1000, 2000, A, b"hi"), (x, y, 1000, 0, S, b"")], &[0, 1]),
        (
            "the same SYN after a RST",
            &[(x, y, 100, 0, S, b""), (y, x, 0, 101, R | A, b""), (x, y, 100, 0, S, b""), (y, x, 0, 101, R | A, b"")],
            &[0; 4],
        ),
        (
            "another SYN after a RST",
            &[(x, y, 100, 0, S, b""), (y, x, 0, 101, R | A, b""), (x, y, 200, 0, S, b""), (y, x, 0, 201, R | A, b"")],
            &[0, 0, 1, 1],
        ),
        (
            "simultaneous open",
            &[
                (x, y, 100, 0, S, b""),
                (y, x, 500, 0, S, b""),
                (x, y, 100, 501, S | A, b""),
                (y, x, 500, 101, S | A, b""),
            ],
            &[0; 4],
        ),
        (
            "a SYN of the other end",
            &[(x, y, 100, 0, S, b""), (y, x, 500, 101, S | A, b""), (y, x, 700, 0, S, b"")],
            &[0, 0, 1],
        ),
        ("a SYN that was acknowledged before", &[(x, y, 1000, 2000, A, b""), (y, x, 1999, 0, S, b"")], &[0, 0]),
        ("a SYN that was not", &[(x, y, 1000, 2000, A, b""), (y, x, 2000, 0, S, b"")], &[0, 1]),
        ("a RST first", &[(x, y, 0, 0, R, b""), (x, y, 55, 0, S, b"")], &[0, 1]),
        (
            "a second SYN-ACK with another number",
            &[
                (x, y, 100, 0, S, b""),
                (y, x, 500, 101, S | A, b""),
                (y, x, 900, 101, S | A, b""),
                (x, y, 101, 901, A, b""),
            ],
            &[0; 4],
        ),
        (
            "an acknowledgment of nothing",
            &[(x, y, 100, 0, S, b""), (y, x, 500, 999, A, b""), (x, y, 100, 0, S, b""), (x, y, 998, 0, S, b"")],
            &[0, 0, 0, 1],
        ),
        (
            "back to the first number",
            &[
                (x, y, 100, 0, S, b""),
                (x, y, 200, 0, S, b""),
                (x, y, 100, 0, S, b""),
                (y, x, 5, 101, S | A, b""),
                (y, x, 9, 201, S | A, b""),
            ],
            &[0, 1, 2, 2, 2],
        ),
        ("SYN-ACK, then its SYN", &[(y, x, 500, 101, S | A, b""), (x, y, 100, 0, S, b"")], &[0, 0]),
        ("SYN-ACK, then another SYN", &[(y, x, 500, 101, S | A, b""), (x, y, 105, 0, S, b"")], &[0, 1]),
        (
            "SYN-ACK, RST, SYN",
            &[(y, x, 500, 101, S | A, b""), (x, y, 101, 0, R, b""), (x, y, 100, 0, S, b"")],
            &[0, 0, 0],
        ),
        (
            "a RST without ACK fixes its sender's number",
            &[(x, y, 100, 0, S, b""), (y, x, 0, 0, R, b""), (y, x, 5, 0, S, b"")],
            &[0, 0, 1],
        ),
        ("SYN with FIN", &[(x, y, 100, 0, S | F, b""), (x, y, 300, 0, S | F, b"")], &[0, 1]),
        ("SYN with RST", &[(x, y, 100, 0, S | R, b""), (x, y, 300, 0, S | R, b"")], &[0, 1]),
        ("to itself", &[(x, x, 100, 0, S, b""), (x, x, 500, 101, S | A, b""), (x, x, 600, 0, S, b"")], &[0, 0, 1]),
        ("either way round", &[(y, x, 10, 20, A, b"z"), (x, y, 500, 0, S, b""), (x, y, 19, 0, S, b"")], &[0, 1, 2]),
        (
            "a keep-alive probe first",
            &[(x, y, 999, 2000, A, b"\0"), (y, x, 2000, 1000, A, b""), (x, y, 999, 0, S, b"")],
            &[0, 0, 1],
        ),
    ];
    for (story, lines, expected) in stories {
        assert_eq!(streams(lines, 0), *expected, "{story}");
        assert_eq!(streams(lines, 1), *expected, "{story}, slowly");
        assert_eq!(streams(lines, 70), *expected, "{story}, very slowly");
    }
}
