//! TCP as a receiver would see it: segments become two ordered streams and the facts of a connection.
//!
//! Invariant: a sequence number becomes a 64-bit [`StreamOffset`] once, on entry; nothing above
//! sees wrap-around. This layer knows nothing of MQTT and which end is its client.
//!
//! What it promises to a [`Reader`]:
//!
//! * The facts of a connection are brought up to date first, then the segment's data is handed on.
//! * In-order data is a slice of the captured frame; only out-of-order data is copied, within
//!   [`Limits`](crate::limits::Limits).
//! * A byte is delivered once. **Of overlapping copies the first one captured wins**; bytes of a
//!   later copy that differ are counted in [`Trouble::conflicting_overlaps`], as far as the first
//!   copy is still there: out of order, or among the last bytes delivered (`recent`).
//! * A hole waits for its bytes while they may still come, then it becomes a
//!   [`Gap`](crate::stream::Gap): see [`patience`] for how long.
//! * Payload of a RST (RFC 9293 §3.5.3 allows none that is stream data) and data beyond a FIN are
//!   not stream data and are not delivered.
//!
//! * What a receiver may not have taken (wrong checksum, old timestamp, a Time to Live too small to arrive) waits for
//!   the receiver's acknowledgment: see `doubt`.
//! * A RST is believed when it stands where its sender's stream does; one elsewhere in the window is forged, or shows
//!   that the capture lacks something (RFC 5961 §3.2). Either is taken back when the connection goes on: when an end
//!   acknowledges what was sent after it. A FIN ahead of its turn is taken back when data follows it.
//!
//! Which copy wins differs between systems (Ptacek and Newsham 1998; Shankar and Paxson 2003; Novak and Sturges
//! 2007), and a capture does not tell which one listens. So one policy stands for all, and what matters is said: a
//! stream whose copies differ is a finding.
//!
//! It does not follow MPTCP or treat urgent data apart (it stays in line, RFC 6093).

mod assembler;
mod budget;
mod connection;
mod control;
mod doubt;
mod facts;
mod in_order;
mod links;
mod numbering;
mod out_of_order;
mod passing;
pub mod patience;
mod recent;
mod sequence;
mod table;
mod tombstones;
mod trouble;
mod tuple;

#[cfg(test)]
mod testing;

pub(crate) use facts::timestamp;
pub use table::{FlowTable, Place, Remaining};
pub use trouble::Trouble;
pub use tuple::{Hashing, Sought, part_of};

use crate::capture::Moment;
use crate::fetch::Depth;
use crate::net::{Endpoint, MacAddress};
use crate::stream::{End, Piece, StreamOffset};

/// What reads the two streams of one connection.
pub trait Reader {
    /// Takes the next piece of the stream that `from` sends. `facts` are the connection's so far.
    /// The answer says if the connection is worth reassembling any further.
    fn piece(&mut self, from: End, piece: Piece<'_>, facts: &Facts) -> Interest;

    /// Asks for what it will touch: a piece will come soon.
    fn fetch(&self, _depth: Depth) {}
}

/// Whether a connection's bytes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Keep reassembling.
    Wanted,
    /// Not MQTT: keep counting, deliver no more bytes, free the buffers.
    CountOnly,
    /// The same, and of its data nothing will be told but how much there was: while it goes on as before, less is kept of it.
    PassBy,
}

/// A connection that is being followed, with what reads it.
///
/// In this order, as in [`Facts`]: what every segment touches lies together.
#[derive(Debug)]
#[repr(C)]
pub struct Connection<R> {
    /// What reads its streams.
    pub reader: R,
    /// Facts of the connection.
    pub facts: Facts,
}

/// What the segments of one connection say, apart from their payload.
///
/// In this order: what every segment touches lies together at the beginning.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Facts {
    /// What A sends.
    pub from_a: Direction,
    /// What B sends.
    pub from_b: Direction,
    /// The first segment after the SYN-ACK by which the initiator completed the handshake.
    pub established: Option<Moment>,
    /// The first reset. Boxed, as few connections that are open have one.
    pub reset: Option<Box<Reset>>,
    /// Wireshark's `tcp.stream`.
    pub stream: u32,
    /// The end that opened the connection, known from a SYN or SYN-ACK.
    pub initiator: Option<End>,
    /// Link-layer address from which end A's segments came.
    pub a_mac: Option<MacAddress>,
    /// Link-layer address from which end B's segments came.
    pub b_mac: Option<MacAddress>,
    /// Address and port of end A.
    pub a: Endpoint,
    /// Address and port of end B.
    pub b: Endpoint,
    /// First segment.
    pub first: Moment,
    /// SYNs without ACK.
    pub syn: Repeated,
    /// SYN-ACKs.
    pub syn_ack: Repeated,
    /// Why the connection is no longer followed; `None` while it is.
    pub ending: Option<Ending>,
}

/// Why a connection is no longer followed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Both ends sent FIN, or one sent RST, and it has lingered.
    Closed,
    /// This SYN, with another sequence number, began a new connection between the same ports. Boxed, as it is rare.
    Replaced(Box<Moment>),
    /// Nobody answered its SYN for so long that nobody will.
    Unanswered,
    /// It was let go to stay within [`Limits::connections`](crate::limits::Limits::connections).
    LetGo,
    /// The capture ended.
    CaptureEnded,
}

impl Facts {
    /// Facts of a connection of which nothing is known but its ends and its first segment's moment.
    pub fn new(stream: u32, a: Endpoint, b: Endpoint, first: Moment) -> Facts {
        Facts {
            from_a: Direction::default(),
            from_b: Direction::default(),
            established: None,
            reset: None,
            stream,
            initiator: None,
            a_mac: None,
            b_mac: None,
            a,
            b,
            first,
            syn: Repeated::default(),
            syn_ack: Repeated::default(),
            ending: None,
        }
    }

    /// Whether both ends sent FIN or one sent RST.
    pub fn is_closed(&self) -> bool {
        self.reset.is_some() || (self.from_a.fin.is_some() && self.from_b.fin.is_some())
    }

    /// Last segment.
    pub fn last(&self) -> Moment {
        let last = [&self.from_a, &self.from_b].into_iter().filter_map(|sent| sent.last_segment);
        last.max_by_key(|at| at.frame).unwrap_or(self.first)
    }

    /// A router said that a segment from `source` is too large for a link on its way.
    pub fn too_large_from(&mut self, source: Endpoint) {
        let end = if self.a == source { End::A } else { End::B };
        self.from_mut(end).too_large += 1;
    }

    /// What `end` sends.
    pub fn from(&self, end: End) -> &Direction {
        match end {
            End::A => &self.from_a,
            End::B => &self.from_b,
        }
    }

    /// Address and port of `end`.
    pub fn endpoint(&self, end: End) -> Endpoint {
        match end {
            End::A => self.a,
            End::B => self.b,
        }
    }

    /// The link-layer address from which the segments of `end` came.
    pub fn mac(&self, end: End) -> Option<MacAddress> {
        match end {
            End::A => self.a_mac,
            End::B => self.b_mac,
        }
    }
}

/// Something seen once or several times: the first time, the last time, how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeated {
    /// How often.
    pub count: u32,
    /// The first time (meaningless while `count` is 0).
    pub first: Moment,
    /// The last time.
    pub last: Moment,
}

/// A RST segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Who sent it (or in whose name it was sent).
    pub by: End,
    /// When.
    pub at: Moment,
    /// Its IPv4 Time to Live or IPv6 Hop Limit, to compare with the sender's other segments.
    pub hop_limit: u8,
    /// Whether it carries an acknowledgment. Who aborts a connection sends one; who answers a segment of a
    /// connection that it does not know sends none (RFC 9293 §3.10.7.1).
    pub acknowledges: bool,
    /// Whether the capture lacks data of either end before it: its number lies behind more than the capture holds, or it
    /// acknowledges more.
    pub skips: bool,
    /// Whether one came that stands where its sender's stream does: this one, or a later one.
    pub(in crate::tcp) exact: bool,
    /// What A and B had sent before that.
    pub(in crate::tcp) sent: [u64; 2],
}

/// A FIN, and how it was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fin {
    /// When it was sent first.
    pub at: Moment,
    /// How far it acknowledges the other end's stream, a FIN there counted as one more: what its sender had received when
    /// it closed, in whatever order the capture holds the two directions.
    pub acknowledges: StreamOffset,
    /// When the other end acknowledged it.
    pub acknowledged: Option<Moment>,
}

/// What one end of a connection sent.
///
/// In this order: every segment touches the first lines of the cache.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Direction {
    /// Last segment of any kind.
    pub last_segment: Option<Moment>,
    /// Last segment with payload that was new.
    pub last_data: Option<Moment>,
    /// When the other end last acknowledged payload that it had not acknowledged before.
    pub last_acknowledged: Option<Moment>,
    /// Since when this end has waited for an acknowledgment without any progress, as its
    /// retransmission timer counts (RFC 6298 §5): the later of the first transmission of what is
    /// outstanding and the last acknowledgment of anything new. `None` when nothing is outstanding.
    pub waiting_since: Option<Moment>,
    /// Segments, retransmissions included.
    pub segments: u64,
    /// Payload bytes delivered to the reader or counted, each once.
    pub bytes: u64,
    /// Highest offset sent (exclusive end of the payload; a FIN adds nothing).
    pub sent: StreamOffset,
    /// Highest offset that the other end acknowledged. More than `sent` when the capture missed
    /// the segments.
    pub acknowledged: StreamOffset,
    /// The FIN. Boxed, as a connection that is open has none.
    pub fin: Option<Box<Fin>>,
    /// What is unusual; it reads as fields of this.
    trouble: Option<Box<Trouble>>,
    /// First segment with payload.
    pub first_data: Option<Moment>,
    /// Payload length in bytes of the largest segment that the other end acknowledged whole, with
    /// [`Trouble::smallest_retried`] the evidence of a path MTU black hole (RFC 2923 §2.1). An upper bound
    /// where the sender's segmentation was offloaded.
    pub largest_acknowledged: u32,
    /// TTL or Hop Limit of the first segment that is not a RST.
    pub hop_limit: Option<u8>,
    /// Shift count of the window that this end offered in its SYN (RFC 7323 §2.2).
    pub window_scale: Option<u8>,
    /// Largest payload in bytes that this end asked for in its SYN (RFC 9293 §3.7.1).
    pub maximum_segment_size: Option<u16>,
}
