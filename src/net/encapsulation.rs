//! What may stand between Ethernet and IP on the way out of a site: `PPPoE`, MPLS, `MACsec`, LLC/SNAP; and the
//! link types made of the same parts: PPP, Cisco HDLC and NFLOG.
//!
//! Off the hot path, and read by hand: etherparse does not know these headers.

use etherparse::{EtherType, ether_type};

use super::ip::{decode_ipv4, decode_ipv6};
use super::link::{LinkAddresses, SMALLEST_ETHER_TYPE, decode_ether_type};
use super::rest::Rest;
use super::{Decoded, Layer, Undecodable, Why, neighbour};

const MPLS_UNICAST: EtherType = EtherType(0x8847);
const MPLS_MULTICAST: EtherType = EtherType(0x8848);
const PPPOE_SESSION: EtherType = EtherType(0x8864);
const MACSEC: EtherType = EtherType(0x88E5);

/// Goes on from an `EtherType` that is neither IP nor a VLAN tag.
#[cold]
pub(super) fn decode_encapsulated(
    ether_type: EtherType,
    rest: Rest<'_>,
    addresses: LinkAddresses,
) -> Result<Decoded<'_>, Undecodable> {
    match ether_type {
        MPLS_UNICAST | MPLS_MULTICAST => decode_mpls(rest, addresses),
        PPPOE_SESSION => decode_pppoe(rest, addresses),
        MACSEC => decode_macsec(rest, addresses),
        ether_type::ARP => Ok(neighbour::arp(rest, addresses).map_or(Decoded::Other, Decoded::Neighbour)),
        EtherType(length) if length < SMALLEST_ETHER_TYPE => decode_llc(rest, addresses),
        _ => Ok(Decoded::Other),
    }
}

/// A stack of MPLS labels (RFC 3032 §2.1); below the last one nothing names the protocol, so that
/// the first nibble has to tell, as routers do it (RFC 4928 §3).
fn decode_mpls(mut rest: Rest<'_>, addresses: LinkAddresses) -> Result<Decoded<'_>, Undecodable> {
    const LABEL: usize = 4;
    const BOTTOM_OF_STACK: u8 = 0x01;
    loop {
        let bottom = match rest.data.get(2) {
            Some(byte) => byte & BOTTOM_OF_STACK != 0,
            None => return Err(rest.too_short(Layer::Link, LABEL)),
        };
        rest = skip(rest, LABEL)?;
        if bottom {
            return match rest.data.first().map(|byte| byte >> 4) {
                Some(4) => decode_ipv4(rest, addresses),
                Some(6) => decode_ipv6(rest, addresses),
                _ => Ok(Decoded::Other),
            };
        }
    }
}

/// `MACsec` (IEEE 802.1AE §9.3): control bits, short length, packet number, and a channel's name if it
/// says so. What is only signed stays readable.
fn decode_macsec(rest: Rest<'_>, addresses: LinkAddresses) -> Result<Decoded<'_>, Undecodable> {
    const NAMED: u8 = 0x20;
    const ENCRYPTED: u8 = 0x08;
    const CHANGED: u8 = 0x04;
    let Some(&[control, ..]) = rest.data.first_chunk::<6>() else {
        return Err(rest.too_short(Layer::Macsec, 6));
    };
    if control & (ENCRYPTED | CHANGED) != 0 {
        return Err(Undecodable { layer: Layer::Macsec, why: Why::Encrypted });
    }
    let inner = skip(rest, if control & NAMED == 0 { 6 } else { 14 })?;
    let Some(&protocol) = inner.data.first_chunk::<2>() else {
        return Err(inner.too_short(Layer::Macsec, 2));
    };
    decode_ether_type(EtherType(u16::from_be_bytes(protocol)), skip(inner, 2)?, addresses)
}

/// Cisco HDLC: address, control, `EtherType`.
pub(super) fn decode_cisco_hdlc(rest: Rest<'_>) -> Result<Decoded<'_>, Undecodable> {
    match rest.data {
        [_, _, high, low, ..] => {
            decode_ether_type(EtherType(u16::from_be_bytes([*high, *low])), skip(rest, 4)?, LinkAddresses::default())
        }
        _ => Err(rest.too_short(Layer::Link, 4)),
    }
}

/// A `PPPoE` session (RFC 2516 §4): version and type, code, session, length, then PPP.
pub(super) fn decode_pppoe(rest: Rest<'_>, addresses: LinkAddresses) -> Result<Decoded<'_>, Undecodable> {
    const HEADER: usize = 6;
    decode_ppp(skip(rest, HEADER)?, addresses)
}

/// PPP (RFC 1661 §2), with or without the HDLC-like address and control bytes (RFC 1662 §3.1).
pub(super) fn decode_ppp(rest: Rest<'_>, addresses: LinkAddresses) -> Result<Decoded<'_>, Undecodable> {
    let rest = if rest.data.starts_with(&[0xff, 0x03]) { skip(rest, 2)? } else { rest };
    match rest.data {
        [0x00, 0x21, ..] => decode_ipv4(skip(rest, 2)?, addresses),
        [0x00, 0x57, ..] => decode_ipv6(skip(rest, 2)?, addresses),
        // The protocol field compressed to one byte (RFC 1661 §6.5).
        [0x21, ..] => decode_ipv4(skip(rest, 1)?, addresses),
        [0x57, ..] => decode_ipv6(skip(rest, 1)?, addresses),
        [] | [_] => Err(rest.too_short(Layer::Link, 2)),
        _ => Ok(Decoded::Other),
    }
}

/// LLC (IEEE 802.2) with SNAP and no organization of its own: an `EtherType` follows (RFC 1042).
pub(super) fn decode_llc(rest: Rest<'_>, addresses: LinkAddresses) -> Result<Decoded<'_>, Undecodable> {
    const HEADER: usize = 8;
    match rest.data {
        [0xaa, 0xaa, 0x03, 0, 0, 0, high, low, ..] => match u16::from_be_bytes([*high, *low]) {
            length if length < SMALLEST_ETHER_TYPE => Ok(Decoded::Other),
            protocol => decode_ether_type(EtherType(protocol), skip(rest, HEADER)?, addresses),
        },
        _ => Ok(Decoded::Other),
    }
}

/// Linux netfilter log: family, version, resource, then attributes, one of them the IP packet
/// (<https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html>).
pub(super) fn decode_nflog(frame: Rest<'_>) -> Result<Decoded<'_>, Undecodable> {
    const HEADER: usize = 4;
    const ATTRIBUTE_HEADER: usize = 4;
    const PAYLOAD: u16 = 9;
    let Some(&[family, ..]) = frame.data.first_chunk::<HEADER>() else {
        return Err(frame.too_short(Layer::Link, HEADER));
    };
    let mut rest = skip(frame, HEADER)?;
    // Every turn takes at least an attribute's header, so the walk ends.
    while let Some(&[l0, l1, t0, t1]) = rest.data.first_chunk::<ATTRIBUTE_HEADER>() {
        // Attributes are in the byte order of the capturing host, which nothing states: types are
        // small numbers, in one byte.
        let (length, kind) = if t1 == 0 {
            (u16::from_le_bytes([l0, l1]), u16::from_le_bytes([t0, t1]))
        } else {
            (u16::from_be_bytes([l0, l1]), u16::from_be_bytes([t0, t1]))
        };
        let length = usize::from(length);
        if length < ATTRIBUTE_HEADER {
            return Err(Undecodable { layer: Layer::Link, why: Why::Invalid });
        }
        if kind == PAYLOAD {
            let payload = skip(rest, ATTRIBUTE_HEADER)?;
            let payload = payload.limited_to(u32::try_from(length - ATTRIBUTE_HEADER).unwrap_or(u32::MAX));
            return match family {
                2 => decode_ipv4(payload, LinkAddresses::default()),
                10 => decode_ipv6(payload, LinkAddresses::default()),
                _ => Ok(Decoded::Other),
            };
        }
        rest = skip(rest, length.next_multiple_of(4))?;
    }
    Ok(Decoded::Other)
}

pub(super) fn skip(rest: Rest<'_>, count: usize) -> Result<Rest<'_>, Undecodable> {
    rest.after(count).ok_or_else(|| rest.too_short(Layer::Link, count))
}
