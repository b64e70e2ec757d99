//! TCP as a receiver would see it: segments become two ordered streams and the facts of a connection.
//!
//! Invariant: a sequence number becomes a 64-bit [`StreamOffset`] once, on entry; nothing above
//! sees wrap-around. This layer knows nothing of MQTT and which end is its client.

use crate::capture::Moment;
use crate::net::{Endpoint, MacAddress};
use crate::stream::{End, Piece, StreamOffset};

/// What reads the two streams of one connection.
pub trait Reader {
    /// Takes the next piece of the stream that `from` sends. `facts` are the connection's so far.
    /// The answer says if the connection is worth reassembling any further.
    fn piece(&mut self, from: End, piece: Piece<'_>, facts: &Facts) -> Interest;
}

/// Whether a connection's bytes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Keep reassembling.
    Wanted,
    /// Not MQTT: keep counting, deliver no more bytes, free the buffers.
    CountOnly,
}

/// A connection that is being followed, with what reads it.
#[derive(Debug)]
pub struct Connection<R> {
    /// Facts of the connection.
    pub facts: Facts,
    /// What reads its streams.
    pub reader: R,
}

/// What the segments of one connection say, apart from their payload.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Wireshark's `tcp.stream`.
    pub stream: u32,
    /// Address and port of end A.
    pub a: Endpoint,
    /// Address and port of end B.
    pub b: Endpoint,
    /// Link-layer address from which end A's segments came.
    pub a_mac: Option<MacAddress>,
    /// Link-layer address from which end B's segments came.
    pub b_mac: Option<MacAddress>,
    /// First segment.
    pub first: Moment,
    /// Last segment.
    pub last: Moment,
    /// The end that opened the connection, known from a SYN or SYN-ACK.
    pub initiator: Option<End>,
    /// SYNs without ACK.
    pub syn: Repeated,
    /// SYN-ACKs.
    pub syn_ack: Repeated,
    /// The first segment after the SYN-ACK by which the initiator completed the handshake.
    pub established: Option<Moment>,
    /// The first reset.
    pub reset: Option<Reset>,
    /// What A sends.
    pub from_a: Direction,
    /// What B sends.
    pub from_b: Direction,
}

impl Facts {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Who sent it (or in whose name it was sent).
    pub by: End,
    /// When.
    pub at: Moment,
    /// Its IPv4 Time to Live or IPv6 Hop Limit, to compare with the sender's other segments.
    pub hop_limit: u8,
}

/// What one end of a connection sent.
#[derive(Clone, Debug, Default)]
pub struct Direction {
    /// Segments, retransmissions included.
    pub segments: u64,
    /// Payload bytes delivered to the reader or counted, each once.
    pub bytes: u64,
    /// First segment with payload.
    pub first_data: Option<Moment>,
    /// Last segment with payload that was new.
    pub last_data: Option<Moment>,
    /// Last segment of any kind.
    pub last_segment: Option<Moment>,
    /// The first FIN.
    pub fin: Option<Moment>,
    /// Segments that repeated payload already seen.
    pub retransmitted: u64,
    /// Bytes that the capture does not hold.
    pub missing_bytes: u64,
    /// Segments whose payload was cut by the snap length.
    pub cut_segments: u64,
    /// Times that a repeated byte differed from its first copy.
    pub conflicting_overlaps: u64,
    /// Highest offset sent (exclusive end).
    pub sent: StreamOffset,
    /// Highest offset that the other end acknowledged.
    pub acknowledged: StreamOffset,
    /// Retransmissions since the other end last acknowledged something new.
    pub retries: Repeated,
    /// TCP keep-alive probes (RFC 1122 §4.2.3.6).
    pub keep_alive_probes: u64,
    /// When the window went to zero and has stayed there.
    pub zero_window: Option<Moment>,
    /// TTL or Hop Limit of the first segment that is not a RST.
    pub hop_limit: Option<u8>,
}
