//! Frames into a pcap file, with a clock of their own.

use std::io::{self, Write};

use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, TcpHeader, UdpHeader};

use super::Tally;

/// Between two frames, in microseconds.
const PACE: u64 = 10;
const BEGIN: u64 = 1_700_000_000;
const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const BROADCAST: [u8; 6] = [0xff; 6];

/// A pcap file that is being written: Ethernet, microseconds, little-endian.
pub(crate) struct Capture<W> {
    out: W,
    /// Since the first frame.
    microseconds: u64,
    pub(crate) tally: Tally,
}

impl<W: Write> Capture<W> {
    pub(crate) fn begin(mut out: W) -> io::Result<Capture<W>> {
        // Magic, version 2.4, two unused fields, snap length, LINKTYPE_ETHERNET.
        for field in [0xa1b2_c3d4_u32, 4 << 16 | 2, 0, 0, 262_144, 1] {
            out.write_all(&field.to_le_bytes())?;
        }
        Ok(Capture { out, microseconds: 0, tally: Tally { bytes: 24, ..Tally::default() } })
    }

    /// Microseconds since the first frame.
    pub(crate) fn now(&self) -> u64 {
        self.microseconds
    }

    /// The next frame is captured no earlier than this.
    pub(crate) fn wait_until(&mut self, microseconds: u64) {
        self.microseconds = self.microseconds.max(microseconds);
    }

    pub(crate) fn frame(&mut self, frame: &[u8]) -> io::Result<()> {
        self.microseconds += PACE;
        let length = u32::try_from(frame.len()).unwrap();
        let [seconds, fraction] = [BEGIN + self.microseconds / 1_000_000, self.microseconds % 1_000_000];
        for field in [u32::try_from(seconds).unwrap(), u32::try_from(fraction).unwrap(), length, length] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(frame)?;
        self.tally.frames += 1;
        self.tally.bytes += 16 + u64::from(length);
        Ok(())
    }

    /// A datagram.
    pub(crate) fn datagram(&mut self, from: Host, to: Host, payload: &[u8]) -> io::Result<()> {
        let length = u16::try_from(payload.len() + UdpHeader::LEN).unwrap();
        let ip = ip(from.address, to.address, IpNumber::UDP, length);
        let udp = UdpHeader::with_ipv4_checksum(from.port, to.port, &ip, payload).unwrap();
        let mut frame = Vec::with_capacity(42 + payload.len());
        ethernet(SERVER_MAC, CLIENT_MAC, EtherType::IPV4, &mut frame)?;
        ip.write(&mut frame)?;
        udp.write(&mut frame)?;
        frame.extend(payload);
        self.frame(&frame)
    }

    /// An ARP message (RFC 826): a question to all, or the answer.
    pub(crate) fn arp(&mut self, question: bool, sender: [u8; 4], target: [u8; 4]) -> io::Result<()> {
        let (destination, asked) = if question { (BROADCAST, [0; 6]) } else { (CLIENT_MAC, CLIENT_MAC) };
        let source = if question { CLIENT_MAC } else { SERVER_MAC };
        let mut frame = Vec::with_capacity(42);
        ethernet(destination, source, EtherType::ARP, &mut frame)?;
        // Ethernet, IPv4, lengths of their addresses, operation.
        frame.extend([0, 1, 8, 0, 6, 4, 0, if question { 1 } else { 2 }]);
        frame.extend(source);
        frame.extend(sender);
        frame.extend(asked);
        frame.extend(target);
        self.frame(&frame)
    }
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) address: [u8; 4],
    pub(crate) port: u16,
}

/// The frame of a TCP segment; `header` lacks its checksum only.
pub(crate) fn segment(
    from_client: bool,
    [source, destination]: [Host; 2],
    mut header: TcpHeader,
    payload: &[u8],
) -> io::Result<Vec<u8>> {
    let (to, from) = if from_client { (SERVER_MAC, CLIENT_MAC) } else { (CLIENT_MAC, SERVER_MAC) };
    let length = u16::try_from(header.header_len() + payload.len()).unwrap();
    let ip = ip(source.address, destination.address, IpNumber::TCP, length);
    header.checksum = header.calc_checksum_ipv4(&ip, payload).unwrap();
    let mut frame = Vec::with_capacity(34 + usize::from(length));
    ethernet(to, from, EtherType::IPV4, &mut frame)?;
    ip.write(&mut frame)?;
    header.write(&mut frame)?;
    frame.extend(payload);
    Ok(frame)
}

fn ethernet(destination: [u8; 6], source: [u8; 6], ether_type: EtherType, frame: &mut Vec<u8>) -> io::Result<()> {
    Ethernet2Header { source, destination, ether_type }.write(frame)
}

fn ip(source: [u8; 4], destination: [u8; 4], protocol: IpNumber, length: u16) -> Ipv4Header {
    let mut header = Ipv4Header::new(length, 64, protocol, source, destination).unwrap();
    header.header_checksum = header.calc_header_checksum();
    header
}
