//! Packets within packets: IP in IP, GRE, VXLAN, Geneve and GTP-U; and the encrypted tunnels, which are
//! named and not opened: ESP and `WireGuard`.
//!
//! Off the hot path. Invariant: at most [`super::rest::DEEPEST`] tunnels within one another; a UDP
//! port only suggests a tunnel, so what cannot be read inside is no damage.

use etherparse::{EtherType, IpNumber, ip_number};

use super::encapsulation::{decode_ppp, skip};
use super::ip::{Addresses, decode_ipv4, decode_ipv6};
use super::link::{LinkAddresses, decode_ether_type, decode_ethernet, decode_raw};
use super::rest::Rest;
use super::udp::Datagram;
use super::{Decoded, Layer, Undecodable, Why};

type Result<'a> = std::result::Result<Decoded<'a>, Undecodable>;

/// Transparent Ethernet Bridging: an Ethernet frame follows (RFC 1701).
const ETHERNET: u16 = 0x6558;
/// A copy of an Ethernet frame, with a header of type II before it (draft-foschiano-erspan-03).
const ERSPAN_II: u16 = 0x88BE;
/// PPP of a PPTP tunnel (RFC 2637 §4.1).
const PPTP: u16 = 0x880B;

/// Goes on from an IP protocol number that is neither TCP, UDP nor ICMP.
#[cold]
pub(super) fn decode<'a>(number: IpNumber, payload: Rest<'a>, addresses: &Addresses) -> Result<'a> {
    match number {
        ip_number::IPV4 => decode_ipv4(within(payload)?, addresses.link),
        ip_number::IPV6 => decode_ipv6(within(payload)?, addresses.link),
        ip_number::GRE => decode_gre(payload, addresses.link),
        ip_number::ENCAP_SEC => Err(encrypted(Layer::Esp)),
        _ => Ok(Decoded::Other),
    }
}

fn encrypted(layer: Layer) -> Undecodable {
    Undecodable { layer, why: Why::Encrypted }
}

/// The same bytes, one tunnel deeper.
fn within(rest: Rest<'_>) -> std::result::Result<Rest<'_>, Undecodable> {
    rest.within().ok_or(Undecodable { layer: Layer::Tunnel, why: Why::NotSupported })
}

/// Generic Routing Encapsulation (RFC 2784, RFC 2890), and its version 1, which carries PPTP (RFC 2637 §4.1).
fn decode_gre(rest: Rest<'_>, addresses: LinkAddresses) -> Result<'_> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGMENT: u16 = 0x0080;
    const VERSION: u16 = 0x0007;
    let Some(&[f0, f1, p0, p1]) = rest.data.first_chunk::<4>() else {
        return Err(rest.too_short(Layer::Tunnel, 4));
    };
    let (flags, protocol) = (u16::from_be_bytes([f0, f1]), u16::from_be_bytes([p0, p1]));
    let optional = |flag: u16| if flags & flag == 0 { 0 } else { 4 };
    match flags & VERSION {
        0 if flags & ROUTING == 0 => {
            let inner = within(skip(rest, 4 + optional(CHECKSUM) + optional(KEY) + optional(SEQUENCE))?)?;
            match protocol {
                ETHERNET => decode_ethernet(inner),
                // Type I has no header of its own, and no sequence number.
                ERSPAN_II if flags & SEQUENCE == 0 => decode_ethernet(inner),
                ERSPAN_II => decode_ethernet(skip(inner, 8)?),
                protocol => decode_ether_type(EtherType(protocol), inner, addresses),
            }
        }
        1 if protocol == PPTP => {
            let inner = skip(rest, 8 + optional(SEQUENCE) + optional(ACKNOWLEDGMENT))?;
            decode_ppp(within(inner)?, addresses)
        }
        _ => Ok(Decoded::Other),
    }
}

/// A datagram, as far as its port is that of a tunnel.
pub(super) fn decode_datagram<'a>(datagram: &Datagram<'a>, addresses: &Addresses) -> Result<'a> {
    let payload = datagram.payload;
    let is = |port: u16| [datagram.source.port, datagram.destination.port].contains(&port);
    let inner = match datagram.destination.port {
        // RFC 7348 §5; Linux without an option.
        4789 | 8472 => decode_vxlan(payload),
        6081 => decode_geneve(payload, addresses.link),
        2152 => decode_gtp(payload),
        _ if is(51820) && is_wireguard(payload.data) => return Err(encrypted(Layer::WireGuard)),
        // ESP in UDP: an SPI of 0 marks key exchange (RFC 3948 §2.2), one byte keeps a NAT awake.
        _ if is(4500) && payload.data.len() > 8 && !payload.data.starts_with(&[0; 4]) => {
            return Err(encrypted(Layer::Esp));
        }
        _ => return Ok(Decoded::Other),
    };
    match inner {
        Err(Undecodable { why: Why::Invalid | Why::NotSupported, .. }) => Ok(Decoded::Other),
        inner => inner,
    }
}

/// VXLAN (RFC 7348 §5): flags, of which I has to be set, then an Ethernet frame.
fn decode_vxlan(rest: Rest<'_>) -> Result<'_> {
    match rest.data.first() {
        Some(flags) if flags & 0x08 != 0 => decode_ethernet(within(skip(rest, 8)?)?),
        _ => Ok(Decoded::Other),
    }
}

/// Geneve (RFC 8926 §3.4): version and length of the options, protocol, network.
fn decode_geneve(rest: Rest<'_>, addresses: LinkAddresses) -> Result<'_> {
    let Some(&[first, _, p0, p1]) = rest.data.first_chunk::<4>() else {
        return Ok(Decoded::Other);
    };
    if first >> 6 != 0 {
        return Ok(Decoded::Other);
    }
    let inner = within(skip(rest, 8 + 4 * usize::from(first & 0x3F))?)?;
    match u16::from_be_bytes([p0, p1]) {
        ETHERNET => decode_ethernet(inner),
        protocol => decode_ether_type(EtherType(protocol), inner, addresses),
    }
}

/// GTP-U version 1 (3GPP TS 29.281 §5.1): a G-PDU carries a user's IP packet.
fn decode_gtp(rest: Rest<'_>) -> Result<'_> {
    const VERSION_1: u8 = 0x30;
    const OPTIONAL: u8 = 0x07;
    const G_PDU: u8 = 0xFF;
    let &[flags, G_PDU, ..] = rest.data else { return Ok(Decoded::Other) };
    if flags & 0xF0 != VERSION_1 {
        return Ok(Decoded::Other);
    }
    let mut inner = skip(rest, 8)?;
    if flags & OPTIONAL != 0 {
        // Sequence number, N-PDU number, type of the next extension header; each ends with the next one's type.
        let mut next = inner.data.get(3).copied().unwrap_or(0);
        inner = skip(inner, 4)?;
        while next != 0 {
            let length = 4 * usize::from(inner.data.first().copied().unwrap_or(0));
            let Some(last) = length.checked_sub(1) else { return Ok(Decoded::Other) };
            next = inner.data.get(last).copied().unwrap_or(0);
            inner = skip(inner, length)?;
        }
    }
    decode_raw(within(inner)?)
}

/// The four messages of `WireGuard`: a type, three zero bytes, and a length that fits (whitepaper §5.4).
fn is_wireguard(data: &[u8]) -> bool {
    match data {
        [1, 0, 0, 0, ..] => data.len() == 148,
        [2, 0, 0, 0, ..] => data.len() == 92,
        [3, 0, 0, 0, ..] => data.len() == 64,
        [4, 0, 0, 0, ..] => data.len() >= 32,
        _ => false,
    }
}
