//! From a captured frame to what it carries: link, VLAN and IP headers are walked by `etherparse`,
//! those of nearly all TCP traffic by `usual`.
//!
//! Invariant: every slice returned lies inside the frame's own memory. This layer keeps no state
//! and judges nothing; what it cannot read it names, with the layer where it stopped.

mod checksum;
mod dns;
mod encapsulation;
mod icmp;
mod ip;
mod link;
mod link_type;
mod neighbour;
mod rest;
mod tcp;
mod tunnel;
mod udp;
mod usual;
mod wireless;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

use crate::capture::LinkType;

pub use checksum::Checksum;
pub use dns::{AddressKind, DNS_PORT, DnsMessage, DomainName, Rcode, of_segment as dns_of_segment};
pub use ip::decode_reassembled;
pub use link::{decode, usual_ends, usual_segment};
pub use neighbour::Neighbour;

/// An IP address and a TCP or UDP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IPv4 or IPv6 address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(f, "{address}:{}", self.port),
            IpAddr::V6(address) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

/// A link-layer address (EUI-48).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

/// The control bits of a TCP header (RFC 9293 §3.1), low byte: CWR ECE URG ACK PSH RST SYN FIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// The acknowledgment field is significant.
    pub const ACK: u8 = 0x10;

    /// Whether FIN is set.
    pub fn fin(self) -> bool {
        self.0 & Self::FIN != 0
    }
    /// Whether SYN is set.
    pub fn syn(self) -> bool {
        self.0 & Self::SYN != 0
    }
    /// Whether RST is set.
    pub fn rst(self) -> bool {
        self.0 & Self::RST != 0
    }
    /// Whether ACK is set.
    pub fn ack(self) -> bool {
        self.0 & Self::ACK != 0
    }
}

/// A TCP segment with the addresses of its IP and link headers.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Sender.
    pub source: Endpoint,
    /// Receiver.
    pub destination: Endpoint,
    /// Link-layer addresses (source, destination), where the link has them.
    pub source_mac: Option<MacAddress>,
    /// Link-layer destination.
    pub destination_mac: Option<MacAddress>,
    /// IPv4 Time to Live or IPv6 Hop Limit.
    pub hop_limit: u8,
    /// Sequence number of the first payload byte (of the SYN, if set).
    pub sequence: u32,
    /// Next sequence number the sender expects; meaningful when ACK is set.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: TcpFlags,
    /// Window field, unscaled.
    pub window: u16,
    /// TCP options, undecoded.
    pub options: &'a [u8],
    /// The captured part of the payload.
    pub payload: &'a [u8],
    /// Payload length on the wire in bytes; more than `payload.len()` when the frame was cut.
    pub payload_length: u32,
    /// TCP header and payload, which the checksum covers; empty when the frame was cut.
    pub covered: &'a [u8],
}

/// What a frame turned out to carry.
#[derive(Clone, Copy, Debug)]
pub enum Decoded<'a> {
    /// A TCP segment.
    Segment(Segment<'a>),
    /// An ICMP or `ICMPv6` error that quotes a TCP segment or a datagram to port 53.
    Undeliverable(Undeliverable),
    /// An ICMP or `ICMPv6` message that such a segment is too large for a link on its way.
    TooLarge {
        /// Its sender, which is to send smaller ones.
        source: Endpoint,
        /// Its receiver.
        destination: Endpoint,
    },
    /// A DNS message in a UDP datagram.
    Dns(DnsMessage<'a>),
    /// A word of ARP or Neighbour Discovery.
    Neighbour(Neighbour),
    /// Something else that is whole (other UDP, other ICMP, another `EtherType`, …).
    Other,
    /// A fragment of an IP packet.
    Fragment(Fragment<'a>),
    /// A frame that could not be read down to TCP.
    Undecodable(Undecodable),
}

/// A fragment of an IP packet (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// What all fragments of a packet have in common.
    pub header: FragmentHeader,
    /// Where its bytes belong in the packet's payload.
    pub offset: u32,
    /// Whether more of the packet follows.
    pub more: bool,
    /// Its captured bytes.
    pub payload: &'a [u8],
    /// How many they were on the wire; more than `payload.len()` when the frame was cut.
    pub length: u32,
}

/// What the fragments of a packet have in common.
#[derive(Clone, Copy, Debug)]
pub struct FragmentHeader {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Number that the sender gave the packet.
    pub identification: u32,
    /// What the payload is: an IP protocol number.
    pub protocol: u8,
    /// IPv4 Time to Live or IPv6 Hop Limit.
    pub hop_limit: u8,
    /// Link-layer source and destination.
    pub macs: (Option<MacAddress>, Option<MacAddress>),
}

/// The word of a router or host that it could not deliver a TCP segment, or a question to a DNS server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undeliverable {
    /// Who says so.
    pub router: IpAddr,
    /// Why.
    pub reason: UnreachableReason,
    /// Sender of the segment.
    pub source: Endpoint,
    /// Receiver that it did not reach.
    pub destination: Endpoint,
}

/// Why a segment could not be delivered (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnreachableReason {
    /// No route to the network.
    Network,
    /// The last router cannot reach the host.
    Host,
    /// The host does not know TCP.
    Protocol,
    /// Port unreachable: for TCP, the reject rule of a firewall.
    Port,
    /// Forbidden by a firewall that says so.
    Prohibited,
    /// Time to Live or Hop Limit ran out on the way: a routing loop.
    TimeExceeded,
    /// Another type and code.
    Other {
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
    },
}

/// Where and why decoding stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Undecodable {
    /// The layer that could not be read: "link type 147", "IPv4", "TCP", …
    pub layer: Layer,
    /// Why.
    pub why: Why,
}

/// The layer at which decoding stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// The link layer as a whole: its type is not known to mqttcap.
    LinkType(u16),
    /// Ethernet, cooked or loopback header.
    Link,
    /// VLAN tag.
    Vlan,
    /// IPv4 header.
    Ipv4,
    /// IPv6 header or an extension header.
    Ipv6,
    /// TCP header.
    Tcp,
    /// Header of a tunnel, or what is deeper within tunnels than is looked at.
    Tunnel,
    /// IEEE 802.11.
    Wireless,
    /// IEEE 802.1AE.
    Macsec,
    /// `IPsec`'s Encapsulating Security Payload (RFC 4303).
    Esp,
    /// `WireGuard`.
    WireGuard,
}

/// Why decoding stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// The kind of header is not supported.
    NotSupported,
    /// The captured bytes end inside the header.
    Truncated,
    /// The header contradicts itself.
    Invalid,
    /// What follows is encrypted.
    Encrypted,
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let colon = if place == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Display for UnreachableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnreachableReason::Network => "no route to that network",
            UnreachableReason::Host => "the host does not answer in its network",
            UnreachableReason::Protocol => "the host does not speak TCP",
            UnreachableReason::Port => "port unreachable",
            UnreachableReason::Prohibited => "prohibited by a firewall",
            UnreachableReason::TimeExceeded => "the packet went in a circle until its time to live ran out",
            UnreachableReason::Other { kind, code } => return write!(f, "ICMP type {kind}, code {code}"),
        })
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::LinkType(number) => match LinkType(*number).name() {
                Some(name) => write!(f, "link type {number} ({name})"),
                None => write!(f, "link type {number}"),
            },
            Layer::Link => f.write_str("the link-layer header"),
            Layer::Vlan => f.write_str("the VLAN tag"),
            Layer::Ipv4 => f.write_str("the IPv4 header"),
            Layer::Ipv6 => f.write_str("the IPv6 header"),
            Layer::Tcp => f.write_str("the TCP header"),
            Layer::Tunnel => f.write_str("the tunnel's header"),
            Layer::Wireless => f.write_str("the 802.11 frame"),
            Layer::Macsec => f.write_str("the MACsec frame"),
            Layer::Esp => f.write_str("the ESP payload"),
            Layer::WireGuard => f.write_str("the WireGuard payload"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::NotSupported => "is not supported",
            Why::Truncated => "is cut off by the snap length",
            Why::Invalid => "contradicts itself or its frame",
            Why::Encrypted => "is encrypted",
        })
    }
}

/// In plain words: "the IPv4 header is cut off by the snap length".
impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.layer, self.why)
    }
}
