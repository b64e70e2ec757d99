//! The assembler against a map of bytes: what is delivered is in order, touches, holds every byte once, and holds the first
//! copy of it; what lies in order is delivered at once; nothing grows.
//!
//! Input: the number before the first byte, then segments of one end: what they are, where, how long; acknowledgments of the
//! other between them.

use mqttcap::capture::{FrameNumber, Moment, Timestamp};
use mqttcap::limits::Limits;
use mqttcap::net::{Endpoint, Segment, TcpFlags};
use mqttcap::stream::{End, Piece};
use mqttcap::tcp::{Facts, FlowTable, Interest, Reader};

use super::take;

/// Bytes to which a stream is let grow: the first copies that are compared.
const LONGEST: u32 = 2048;
const MOST: u64 = 64;

/// What one end is heard to say: bytes, or nothing where a gap is.
#[derive(Default)]
struct Heard(Vec<Option<u8>>);

impl Reader for Heard {
    fn piece(&mut self, from: End, piece: Piece<'_>, facts: &Facts) -> Interest {
        if from == End::A {
            match piece {
                Piece::Chunk(chunk) => {
                    assert_eq!(chunk.offset.0, self.0.len() as u64, "pieces touch");
                    self.0.extend(chunk.data.iter().copied().map(Some));
                }
                Piece::Gap(gap) => {
                    assert_eq!(gap.offset.0, self.0.len() as u64, "pieces touch");
                    self.0.extend((0..gap.length).map(|_| None));
                }
            }
            assert_eq!(facts.from_a.bytes + facts.from_a.missing_bytes, self.0.len() as u64);
        }
        Interest::Wanted
    }
}

pub(crate) fn check(mut data: &[u8]) {
    let [a, b, c, d] = take(&mut data);
    let first = u32::from_be_bytes([a, b, c, d]);
    let limits = Limits::default();
    let mut table = FlowTable::new(&limits);
    let mut ended = Vec::new();
    let mut frame = 0;
    let ends = [1, 2].map(|host| Endpoint { address: [192, 0, 2, host].into(), port: 1883 });
    let mut push = |from: usize, numbers: (u32, u32), flags: u8, payload: &[u8], table: &mut FlowTable<Heard>| {
        frame += 1;
        let segment = Segment {
            source: ends[from],
            destination: ends[1 - from],
            source_mac: None,
            destination_mac: None,
            hop_limit: 64,
            sequence: numbers.0,
            acknowledgment: numbers.1,
            flags: TcpFlags(flags),
            window: 1000,
            options: &[],
            payload,
            payload_length: payload.len() as u32,
            covered: &[],
        };
        let at = Moment { frame: FrameNumber::new(frame), time: Timestamp(frame as i64 * 3_000_000) };
        table.push(&segment, at, |_| Heard::default(), &mut |connection| ended.push(connection.reader));
        assert!(table.out_of_order_bytes() <= limits.out_of_order_bytes_total);
    };
    let start = first.wrapping_add(1);
    push(0, (first, 0), TcpFlags::SYN, b"", &mut table);
    push(1, (77, start), TcpFlags::SYN | TcpFlags::ACK, b"", &mut table);
    push(0, (start, 78), TcpFlags::ACK, b"", &mut table);
    // The first copy of each byte, and how many are there from the first on.
    let mut copies = vec![None; LONGEST as usize + 256];
    let mut received = 0_u32;
    for _ in 0..MOST {
        if data.is_empty() {
            break;
        }
        let [what, high, low, length] = take(&mut data);
        let offset = (u32::from(high) << 8 | u32::from(low)) % LONGEST;
        if what % 8 == 0 {
            // The other end acknowledges what is in order, so that no hole is given up.
            push(1, (78, start.wrapping_add(received)), TcpFlags::ACK, b"", &mut table);
            continue;
        }
        // Near what comes next, or anywhere; a byte of its own where copies are to differ.
        let offset =
            if what & 8 == 0 { (received + u32::from(low % 64)).saturating_sub(32) } else { offset }.min(LONGEST);
        let byte = |at: u32| (at % 251) as u8 ^ if what & 16 == 0 { 0 } else { 0x55 };
        let payload: Vec<u8> = (offset..).take(usize::from(length)).map(byte).collect();
        let next = table.get(ends[0], ends[1]).map_or(0, |connection| connection.facts.from_a.sent.0);
        // What a probe carries is no data.
        if payload.len() <= 1 && u64::from(offset) + 1 == next {
            continue;
        }
        push(0, (start.wrapping_add(offset), 78), TcpFlags::ACK, &payload, &mut table);
        push(1, (78, start), TcpFlags::ACK, b"", &mut table);
        for (copy, byte) in copies.iter_mut().skip(offset as usize).zip(&payload) {
            copy.get_or_insert(*byte);
        }
        received += copies.iter().skip(received as usize).take_while(|copy| copy.is_some()).count() as u32;
        let heard = &table.get(ends[0], ends[1]).expect("it is open").reader.0;
        assert_eq!(heard, &copies[..received as usize]);
    }
    let mut whole = Vec::new();
    table.finish(&mut |connection| whole.push(connection.reader.0));
    assert_eq!(whole[0], copies[..whole[0].len()]);
    assert_eq!(table.out_of_order_bytes(), 0);
}
