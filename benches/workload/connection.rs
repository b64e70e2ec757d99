//! A TCP connection of a client and a server, as a capture on the client's host shows it.

use std::io::{self, Write};

use etherparse::{TcpHeader, TcpOptionElement};
use mqttcap::stream::Side::{self, Client, Server};

use super::lossy::Tap;
use super::wire::{Capture, Host, segment};

const MSS: u16 = 1460;

/// The connection: what each end sends next.
pub(crate) struct Connection {
    /// Client, then server; the next field alike.
    hosts: [Host; 2],
    next: [u32; 2],
    /// Both ends send TCP timestamps and scale their windows (RFC 7323), as Linux does; small devices do not.
    timestamps: bool,
    tap: Tap,
}

impl Connection {
    /// Between small devices: no options but the segment size.
    pub(crate) fn new(client: Host, server: Host) -> Connection {
        let [_, a, b, c] = client.address;
        let seed = u32::from_be_bytes([a, b, c, 0]) ^ u32::from(client.port);
        let next = [seed.wrapping_mul(2_654_435_761), seed.wrapping_mul(0x9e37_79b1) ^ 0x5bd1_e995];
        Connection { hosts: [client, server], next, timestamps: false, tap: Tap::Whole }
    }

    /// Between Linux hosts.
    pub(crate) fn with_timestamps(mut self) -> Connection {
        self.timestamps = true;
        self
    }

    /// Seen by a capture that does not see all.
    pub(crate) fn seen_through(mut self, tap: Tap) -> Connection {
        self.tap = tap;
        self
    }

    /// The handshake.
    pub(crate) fn open(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.syn(capture)?;
        self.next[0] = self.next[0].wrapping_add(1);
        self.segment(capture, Server, |header| header.syn = true, b"")?;
        self.next[1] = self.next[1].wrapping_add(1);
        self.acknowledge(capture, Client)
    }

    /// The client's SYN, which can be sent again.
    pub(crate) fn syn(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        let first = |header: &mut TcpHeader| {
            (header.syn, header.ack, header.acknowledgment_number) = (true, false, 0);
        };
        self.segment(capture, Client, first, b"").map(drop)
    }

    /// The server's answer to a SYN where nobody listens.
    pub(crate) fn refuse(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        let (expected, sequence) = (self.next[0].wrapping_add(1), 0);
        let header = TcpHeader {
            acknowledgment_number: expected,
            ack: true,
            rst: true,
            ..TcpHeader::new(self.hosts[1].port, self.hosts[0].port, sequence, 0)
        };
        capture.frame(&segment(false, [self.hosts[1], self.hosts[0]], header, b"")?)
    }

    /// One control packet, in as many segments as it needs.
    pub(crate) fn say(&mut self, capture: &mut Capture<impl Write>, from: Side, packet: &[u8]) -> io::Result<()> {
        let whole = self.send(capture, from, packet)?;
        if whole {
            capture.tally.packets[usize::from(packet[0] >> 4)] += 1;
        } else {
            capture.tally.missing += 1;
        }
        Ok(())
    }

    /// Data in full segments, of which the other end acknowledges every second. Whether the capture has all of them.
    pub(crate) fn send(&mut self, capture: &mut Capture<impl Write>, from: Side, data: &[u8]) -> io::Result<bool> {
        let mut whole = true;
        let segments = data.chunks(self.segment_size());
        let last = segments.len();
        for (number, part) in (1..).zip(segments) {
            whole &= self.segment(capture, from, |header| header.psh = number == last, part)?;
            self.next[from as usize] = self.next[from as usize].wrapping_add(u32::try_from(part.len()).unwrap());
            if number % 2 == 0 && number != last {
                self.acknowledge(capture, from.other())?;
            }
        }
        Ok(whole)
    }

    /// Bytes of data in a full segment.
    pub(crate) fn segment_size(&self) -> usize {
        usize::from(MSS) - if self.timestamps { 12 } else { 0 }
    }

    pub(crate) fn acknowledge(&mut self, capture: &mut Capture<impl Write>, from: Side) -> io::Result<()> {
        self.segment(capture, from, |_| {}, b"").map(drop)
    }

    /// Both ends finish, `first` first.
    pub(crate) fn close(&mut self, capture: &mut Capture<impl Write>, first: Side) -> io::Result<()> {
        for end in [first, first.other()] {
            self.segment(capture, end, |header| header.fin = true, b"")?;
            self.next[end as usize] = self.next[end as usize].wrapping_add(1);
        }
        self.acknowledge(capture, first)
    }

    pub(crate) fn reset(&mut self, capture: &mut Capture<impl Write>, from: Side) -> io::Result<()> {
        self.segment(capture, from, |header| header.rst = true, b"").map(drop)
    }

    /// A segment that acknowledges what came so far; `mark` sets what else it does. Whether the capture has it.
    fn segment(
        &mut self,
        capture: &mut Capture<impl Write>,
        from: Side,
        mark: impl FnOnce(&mut TcpHeader),
        data: &[u8],
    ) -> io::Result<bool> {
        let (sender, receiver) = (from as usize, from.other() as usize);
        let [source, destination] = [self.hosts[sender], self.hosts[receiver]];
        let mut header = TcpHeader {
            ack: true,
            acknowledgment_number: self.next[receiver],
            ..TcpHeader::new(source.port, destination.port, self.next[sender], 0xffff)
        };
        mark(&mut header);
        let (options, count) = self.options(&header, capture.now());
        header.set_options(&options[..count]).unwrap();
        self.tap.pass(capture, segment(from == Client, [source, destination], header, data)?)
    }

    fn options(&self, header: &TcpHeader, microseconds: u64) -> ([TcpOptionElement; 5], usize) {
        use TcpOptionElement::{MaximumSegmentSize, Noop, SelectiveAcknowledgementPermitted, Timestamp, WindowScale};
        let now = u32::try_from(microseconds / 1000).unwrap();
        let stamp = Timestamp(now + 1, if header.ack { now + 1 } else { 0 });
        let segment_size = MaximumSegmentSize(MSS);
        match (header.syn, self.timestamps) {
            (true, true) => ([segment_size, SelectiveAcknowledgementPermitted, stamp, Noop, WindowScale(7)], 5),
            (true, false) => ([segment_size, Noop, Noop, Noop, Noop], 1),
            (false, true) => ([Noop, Noop, stamp, Noop, Noop], if header.rst { 0 } else { 3 }),
            (false, false) => ([Noop, Noop, Noop, Noop, Noop], 0),
        }
    }

    /// Nothing more is sent: what the capture sees late it sees now.
    pub(crate) fn over(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.tap.flush(capture)
    }
}
