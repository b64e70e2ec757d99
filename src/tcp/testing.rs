//! For tests: segments written in one line, and a reader that writes down what it is given.

use crate::capture::{FrameNumber, Moment, Timestamp};
use crate::limits::Limits;
use crate::net::{Endpoint, Segment, TcpFlags};
use crate::stream::{End, Gap, GapReason, Piece};

use super::{Connection, Facts, FlowTable, Interest, Reader};

pub(super) const FIN: u8 = TcpFlags::FIN;
pub(super) const SYN: u8 = TcpFlags::SYN;
pub(super) const RST: u8 = TcpFlags::RST;
pub(super) const ACK: u8 = TcpFlags::ACK;

pub(super) fn endpoint(host: u8, port: u16) -> Endpoint {
    Endpoint { address: [192, 0, 2, host].into(), port }
}

/// The client of most tests.
pub(super) fn client() -> Endpoint {
    endpoint(1, 50_000)
}

/// The server of most tests.
pub(super) fn server() -> Endpoint {
    endpoint(2, 1883)
}

pub(super) fn segment(
    from: Endpoint,
    to: Endpoint,
    sequence: u32,
    acknowledgment: u32,
    flags: u8,
    payload: &[u8],
) -> Segment<'_> {
    Segment {
        source: from,
        destination: to,
        source_mac: None,
        destination_mac: None,
        hop_limit: 64,
        sequence,
        acknowledgment,
        flags: TcpFlags(flags),
        window: 1000,
        options: &[],
        payload,
        payload_length: u32::try_from(payload.len()).unwrap(),
        covered: &[],
    }
}

/// A stretch of one direction as it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Bytes(Vec<u8>),
    Gap(u64, GapReason),
}

/// Writes down what each end said; checks that pieces touch.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) heard: [Vec<Heard>; 2],
    pub(super) starts: [Vec<u64>; 2],
    pub(super) frames: [Vec<u64>; 2],
    pub(super) order: Vec<(End, u64)>,
    next: [u64; 2],
    /// Stops listening after so many pieces.
    pub(super) patience: Option<usize>,
    /// What follows may be passed by then.
    pub(super) passes_by: bool,
    /// Memory of the frame in hand, to check that in-order data lies in it.
    pub(super) copied: usize,
    pub(super) frame: std::ops::Range<usize>,
}

fn index(end: End) -> usize {
    match end {
        End::A => 0,
        End::B => 1,
    }
}

impl Recorder {
    pub(super) fn text(&self, end: End) -> String {
        self.heard[index(end)]
            .iter()
            .map(|heard| match heard {
                Heard::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Heard::Gap(length, why) => format!("[{length} {why:?}]"),
            })
            .collect()
    }
}

impl Reader for Recorder {
    fn piece(&mut self, from: End, piece: Piece<'_>, facts: &Facts) -> Interest {
        let i = index(from);
        let (offset, length) = match piece {
            Piece::Chunk(chunk) => {
                assert!(!chunk.data.is_empty());
                let inside = self.frame.contains(&(chunk.data.as_ptr() as usize));
                self.copied += if inside { 0 } else { chunk.data.len() };
                if chunk.starts_segment {
                    self.starts[i].push(chunk.offset.0);
                }
                self.frames[i].push(chunk.at.frame.get());
                self.order.push((from, chunk.at.frame.get()));
                match self.heard[i].last_mut() {
                    Some(Heard::Bytes(bytes)) => bytes.extend_from_slice(chunk.data),
                    _ => self.heard[i].push(Heard::Bytes(chunk.data.to_vec())),
                }
                (chunk.offset.0, chunk.data.len() as u64)
            }
            Piece::Gap(Gap { offset, length, why, .. }) => {
                assert!(length > 0);
                self.heard[i].push(Heard::Gap(length, why));
                (offset.0, length)
            }
        };
        assert_eq!(offset, self.next[i], "pieces touch");
        self.next[i] += length;
        assert_eq!(facts.from(from).bytes + facts.from(from).missing_bytes, self.next[i], "facts come first");
        match &mut self.patience {
            Some(0) => panic!("a piece that is not wanted"),
            Some(left) => {
                *left -= 1;
                match (*left, self.passes_by) {
                    (0, true) => Interest::PassBy,
                    (0, false) => Interest::CountOnly,
                    _ => Interest::Wanted,
                }
            }
            None => Interest::Wanted,
        }
    }
}

/// A table with a clock, for scripts.
pub(super) struct Wire {
    pub(super) table: FlowTable<Recorder>,
    pub(super) ended: Vec<Connection<Recorder>>,
    /// Nanoseconds; each segment adds `tick`.
    pub(super) now: i64,
    pub(super) tick: i64,
    frame: u64,
    pub(super) patience: Option<usize>,
    pub(super) passes_by: bool,
    /// Segments are pushed only if they cannot be passed by.
    pub(super) asks_first: bool,
}

impl Wire {
    pub(super) fn new() -> Wire {
        Wire::with(&Limits::default())
    }

    pub(super) fn with(limits: &Limits) -> Wire {
        Wire {
            table: FlowTable::new(limits),
            ended: Vec::new(),
            now: 0,
            tick: 5_000_000,
            frame: 0,
            patience: None,
            passes_by: false,
            asks_first: false,
        }
    }

    /// Puts a segment on the wire; returns its stream.
    pub(super) fn send(&mut self, segment: &Segment<'_>) -> u32 {
        self.now += self.tick;
        self.frame += 1;
        let at = Moment { frame: FrameNumber::new(self.frame), time: Timestamp(self.now) };
        self.table.advance(at.time, &mut |connection| self.ended.push(connection));
        let sought = self.table.sought(segment);
        if self.asks_first && self.table.pass_by_sought(segment, sought, at) {
            return self.table.get(segment.source, segment.destination).unwrap().facts.stream;
        }
        let range = segment.payload.as_ptr_range();
        if let Some(connection) = self.table.get_mut(segment.source, segment.destination) {
            connection.reader.frame = range.start as usize..range.end as usize;
        }
        let frame = range.start as usize..range.end as usize;
        let (patience, passes_by) = (self.patience, self.passes_by);
        let reader = |_: &Facts| Recorder { patience, passes_by, frame, ..Recorder::default() };
        self.table.push(segment, at, reader, &mut |connection| self.ended.push(connection))
    }

    /// From the client to the server.
    pub(super) fn c(&mut self, sequence: u32, acknowledgment: u32, flags: u8, payload: &[u8]) -> u32 {
        self.send(&segment(client(), server(), sequence, acknowledgment, flags, payload))
    }

    /// From the server to the client.
    pub(super) fn s(&mut self, sequence: u32, acknowledgment: u32, flags: u8, payload: &[u8]) -> u32 {
        self.send(&segment(server(), client(), sequence, acknowledgment, flags, payload))
    }

    /// A handshake: the client's next number is `c + 1`, the server's `s + 1`.
    pub(super) fn open(&mut self, c: u32, s: u32) {
        self.c(c, 0, SYN, b"");
        self.s(s, c.wrapping_add(1), SYN | ACK, b"");
        self.c(c.wrapping_add(1), s.wrapping_add(1), ACK, b"");
    }

    pub(super) fn wait(&mut self, seconds: f64) {
        #[allow(clippy::cast_possible_truncation)]
        let nanoseconds = (seconds * 1e9) as i64;
        self.now += nanoseconds;
        self.table.advance(Timestamp(self.now), &mut |connection| self.ended.push(connection));
    }

    pub(super) fn live(&self) -> &Connection<Recorder> {
        self.table.get(client(), server()).expect("an open connection")
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.live().facts
    }

    /// What end A said so far.
    pub(super) fn a(&self) -> String {
        self.live().reader.text(End::A)
    }

    /// What end B said so far.
    pub(super) fn b(&self) -> String {
        self.live().reader.text(End::B)
    }

    /// Ends the capture; the connections in the order in which they ended.
    pub(super) fn finish(mut self) -> Vec<Connection<Recorder>> {
        let mut ended = std::mem::take(&mut self.ended);
        let mut remaining = self.table.remaining();
        while let Some(last) = remaining.last_of(3) {
            self.table.finish_up_to(last, &mut remaining, &mut |connection| ended.push(connection));
        }
        assert!(self.table.is_empty());
        assert_eq!(self.table.out_of_order_bytes(), 0, "everything kept is freed");
        ended
    }
}
