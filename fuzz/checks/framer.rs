//! The framer: every byte of the stream belongs to one packet or was passed over, memory is bounded,
//! and where the stream is cut into segments does not matter.
//!
//! Input: options, the number of pieces, a length for each (with a mark for a hole), the stream.

use mqttcap::capture::{FrameNumber, Moment};
use mqttcap::limits::Limits;
use mqttcap::mqtt::{FixedHeader, Framed, Framer, Hints, Version};
use mqttcap::stream::{Chunk, Gap, GapReason, Side, StreamOffset};

use super::take;

/// Bounds small enough for a fuzzing input to reach them.
const LIMITS: fn() -> Limits = || Limits { packet_bytes: 512, resync_bytes: 1024, ..Limits::default() };
/// What a framer may hold beside its two buffers: frame numbers, and what a vector keeps spare.
const SPARE: usize = 16 << 10;
/// In a piece's length: this piece was not captured.
const HOLE: u8 = 0x80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Packet { offset: u64, header: FixedHeader, body: usize, whole: bool },
    Skipped { offset: u64, length: u64 },
    Unframeable { offset: u64 },
}

pub(crate) fn check(mut data: &[u8]) {
    let [options, count] = take(&mut data);
    let pieces: Vec<u8> = (0..count).map(|_| u8::from_be_bytes(take(&mut data))).collect();
    let stream = data;
    let hints = Hints {
        sender: [None, Some(Side::Client), Some(Side::Server)][usize::from(options >> 1) % 3],
        version: [None, Some(Version::V31), Some(Version::V311), Some(Version::V5)][usize::from(options >> 3) % 4],
        ..Hints::NONE
    };
    let framer = || if options & 1 == 0 { Framer::at_start(&LIMITS()) } else { Framer::somewhere(&LIMITS()) };

    let cut = frame(framer(), hints, stream, &pieces);
    let known = if options & 1 == 0 { 0 } else { pieces_missing_at_start(&pieces, stream.len()) };
    covers(&cut, known, stream.len() as u64);
    let whole = frame(framer(), hints, stream, &[]);
    covers(&whole, 0, stream.len() as u64);
    let in_step = options & 1 == 0 && !whole.iter().any(|found| matches!(found, Found::Unframeable { .. }));
    if in_step && pieces.iter().all(|piece| piece & HOLE == 0) {
        assert_eq!(ends_alike(cut), ends_alike(whole), "segments must not matter");
    }
}

/// What is found in `stream` when it comes in pieces of these lengths, and the rest in one.
fn frame(mut framer: Framer, hints: Hints, stream: &[u8], pieces: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut on = |framed: Framed<'_>| {
        found.push(match framed {
            Framed::Packet(raw) => Found::Packet {
                offset: raw.offset.0,
                header: raw.header,
                body: raw.body.len(),
                whole: raw.missing.is_none(),
            },
            Framed::Skipped(skipped) => {
                assert!(skipped.missing <= skipped.length);
                Found::Skipped { offset: skipped.offset.0, length: skipped.length }
            }
            Framed::Unframeable { offset, .. } => Found::Unframeable { offset: offset.0 },
        });
    };
    let mut begin = 0;
    let rest = usize::MAX;
    let lengths = pieces.iter().map(|piece| (usize::from(piece & !HOLE), piece & HOLE != 0)).chain([(rest, false)]);
    for (number, (length, hole)) in (1..).zip(lengths) {
        let end = begin + length.min(stream.len() - begin);
        let at = Moment { frame: FrameNumber::new(number), ..Moment::default() };
        let offset = StreamOffset(begin as u64);
        if hole {
            framer.gap(Gap { offset, length: (end - begin) as u64, why: GapReason::NotCaptured, at }, &hints, &mut on);
        } else if end > begin {
            framer.push(Chunk { offset, data: &stream[begin..end], at, starts_segment: true }, &hints, &mut on);
        }
        assert!(framer.heap_bytes() <= LIMITS().packet_bytes + 2 * LIMITS().resync_bytes + SPARE);
        begin = end;
    }
    framer.finish(&hints, &mut on);
    found
}

/// How many bytes are missing before the first that is there: a late start is counted from there.
fn pieces_missing_at_start(pieces: &[u8], length: usize) -> u64 {
    let holes = pieces.iter().take_while(|piece| **piece & HOLE != 0 || **piece == 0);
    holes.map(|piece| u64::from(piece & !HOLE)).sum::<u64>().min(length as u64)
}

/// Each byte of the stream from `next` on is in one packet or was passed over, in order.
fn covers(found: &[Found], mut next: u64, length: u64) {
    for found in found {
        match *found {
            Found::Packet { offset, header, body, whole } => {
                assert_eq!(offset, next, "{found:?}");
                assert!(body as u64 <= u64::from(header.remaining_length));
                assert!(!whole || body as u64 == u64::from(header.remaining_length));
                next += header.packet_length();
                assert!(!whole || next <= length, "{found:?} is beyond the stream of {length}");
            }
            Found::Skipped { offset, length } => {
                assert_eq!(offset, next, "{found:?}");
                next += length;
            }
            Found::Unframeable { offset } => assert_eq!(offset, next, "{found:?}"),
        }
    }
    assert!(next >= length, "{next} of {length} bytes are accounted for");
}

/// Without the packet that the stream ended in: how much of its body is kept may differ.
fn ends_alike(mut found: Vec<Found>) -> Vec<Found> {
    for found in &mut found {
        if let Found::Packet { body, whole: false, .. } = found {
            *body = 0;
        }
    }
    found
}
