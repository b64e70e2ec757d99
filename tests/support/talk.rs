//! A capture written by hand: one TCP connection, each message in a segment of its own (RFC 9293),
//! in a pcap file of raw IP packets.

use mqttcap::capture::Timestamp;
use mqttcap::net::Endpoint;
use mqttcap::stream::Side;

use super::OwnedSegment;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;

/// A connection of 10.0.0.1 to port 1883 of 10.0.0.2.
pub struct Talk {
    segments: Vec<OwnedSegment>,
    /// Next sequence numbers of the client and the server.
    next: [u32; 2],
    /// Nanoseconds of silence so far.
    waited: i64,
}

impl Talk {
    /// The handshake.
    pub fn opened() -> Talk {
        let mut talk = Talk::begun();
        talk.next = [999, 4999];
        talk.segment(Side::Client, SYN, &[]);
        talk.next[0] += 1;
        talk.segment(Side::Server, SYN | ACK, &[]);
        talk.next[1] += 1;
        talk.segment(Side::Client, ACK, &[]);
        talk
    }

    /// No handshake: the capture begins later.
    pub fn begun() -> Talk {
        Talk { segments: Vec::new(), next: [1000, 5000], waited: 0 }
    }

    /// One side sends.
    pub fn says(&mut self, side: Side, bytes: &[u8]) {
        self.segment(side, ACK, bytes);
    }

    /// Nothing is said for so many seconds.
    pub fn waits(&mut self, seconds: i64) {
        self.waited += seconds * 1_000_000_000;
    }

    /// One side acknowledges what it has got, and says nothing.
    pub fn acknowledges(&mut self, side: Side) {
        self.segment(side, ACK, &[]);
    }

    /// One side ends its direction.
    pub fn closes(&mut self, side: Side) {
        self.segment(side, FIN | ACK, &[]);
        self.next[usize::from(side == Side::Server)] += 1;
    }

    /// The last segment is lost: the other side's next one acknowledges it.
    pub fn lose(&mut self) {
        self.segments.pop();
    }

    fn segment(&mut self, side: Side, flags: u8, payload: &[u8]) {
        let [client, server] = [([10, 0, 0, 1], 50_000), ([10, 0, 0, 2], 1883)]
            .map(|(address, port)| Endpoint { address: address.into(), port });
        let (from, to) = if side == Side::Client { (0, 1) } else { (1, 0) };
        let (source, destination) = if side == Side::Client { (client, server) } else { (server, client) };
        self.segments.push(OwnedSegment {
            time: Timestamp(
                1_700_000_000_000_000_000 + self.waited + 1_000_000 * i64::try_from(self.segments.len()).unwrap(),
            ),
            source,
            destination,
            sequence: self.next[from],
            acknowledgment: self.next[to],
            flags,
            window: 65_535,
            hop_limit: 64,
            payload: payload.to_vec(),
        });
        self.next[from] = self.next[from].wrapping_add(u32::try_from(payload.len()).unwrap());
    }

    /// Its segments.
    pub fn into_segments(self) -> Vec<OwnedSegment> {
        self.segments
    }

    /// The capture file: magic of nanoseconds, version 2.4, link type 101 (raw IP).
    pub fn pcap(&self) -> Vec<u8> {
        let mut file = Vec::new();
        for word in [0xA1B2_3C4D_u32, 0x0004_0002, 0, 0, 262_144, 101] {
            file.extend(word.to_le_bytes());
        }
        for segment in &self.segments {
            let frame = segment.frame();
            let (seconds, nanoseconds) = (segment.time.0 / 1_000_000_000, segment.time.0 % 1_000_000_000);
            for word in [seconds, nanoseconds, i64::try_from(frame.len()).unwrap(), i64::try_from(frame.len()).unwrap()]
            {
                file.extend(u32::try_from(word).unwrap().to_le_bytes());
            }
            file.extend(frame);
        }
        file
    }
}
