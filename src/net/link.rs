//! The link layer: Ethernet with VLAN tags, Linux cooked capture, BSD loopback, raw IP; the rest
//! is in `encapsulation` and `wireless`.
//!
//! Formats: IEEE 802.3 and 802.1Q, and <https://www.tcpdump.org/linktypes.html>.

use etherparse::{EtherType, Ethernet2HeaderSlice, SingleVlanSlice, ether_type};

use super::encapsulation::{decode_cisco_hdlc, decode_encapsulated, decode_nflog, decode_ppp, decode_pppoe};
use super::ip::{decode_ipv4, decode_ipv6};
use super::rest::Rest;
use super::{Decoded, Endpoint, Layer, MacAddress, Segment, Undecodable, Why, usual, wireless};
use crate::capture::LinkType;

/// `DLT_RAW` as most systems and as `OpenBSD` number it; old captures carry it instead of 101.
const RAW_ALIASES: [LinkType; 2] = [LinkType(12), LinkType(14)];

/// PPP, with or without HDLC framing.
const PPP: LinkType = LinkType(9);
/// PPP with HDLC framing.
const PPP_HDLC: LinkType = LinkType(50);
/// `PPPoE` without Ethernet.
const PPP_ETHER: LinkType = LinkType(51);
/// PPP after a byte that tells the direction.
const PPP_WITH_DIRECTION: LinkType = LinkType(204);
/// Cisco HDLC.
const C_HDLC: LinkType = LinkType(104);
/// What macOS puts before the link header of any interface.
const PKTAP: LinkType = LinkType(258);
/// Ethernet with its preamble.
const ETHERNET_MPACKET: LinkType = LinkType(274);
/// Linux netfilter log messages.
const NFLOG: LinkType = LinkType(239);

/// An outer tag of stacked VLANs as some switches write it (beside 0x88a8 and 0x9100).
const VLAN_9200: EtherType = EtherType(0x9200);

/// The `EtherType` field is a length below this (IEEE 802.3 §3.2.6).
pub(super) const SMALLEST_ETHER_TYPE: u16 = 0x0600;

/// The link-layer addresses that a frame states.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LinkAddresses {
    pub(super) source: Option<MacAddress>,
    pub(super) destination: Option<MacAddress>,
}

/// Reads a captured frame down to its TCP segment.
///
/// `original_length` is the frame's length on the wire, more than `data.len()` when it was cut.
#[inline]
pub fn decode(link: LinkType, data: &[u8], original_length: u32) -> Decoded<'_> {
    match usual_segment(link, data) {
        Some(segment) => Decoded::Segment(segment),
        None => decode_any(link, data, original_length),
    }
}

/// The segment in a frame, if all about the frame is usual: what [`decode`] would hand over, for less.
#[allow(clippy::inline_always)] // as of what it calls
#[inline(always)]
pub fn usual_segment(link: LinkType, data: &[u8]) -> Option<Segment<'_>> {
    if link == LinkType::ETHERNET { usual::segment(data) } else { None }
}

/// The ends of the TCP connection that a frame is for, if all about the frame is usual: sender and receiver.
#[allow(clippy::inline_always)] // as of what it calls
#[inline(always)]
pub fn usual_ends(link: LinkType, data: &[u8]) -> Option<(Endpoint, Endpoint)> {
    if link == LinkType::ETHERNET { usual::ends(data) } else { None }
}

/// As [`decode`], whatever the frame is.
pub(super) fn decode_any(link: LinkType, data: &[u8], original_length: u32) -> Decoded<'_> {
    let frame = Rest::of_frame(data, original_length);
    let decoded = match link {
        LinkType::ETHERNET => decode_ethernet(frame),
        LinkType::LINUX_SLL => decode_cooked(frame),
        LinkType::LINUX_SLL2 => decode_cooked_v2(frame),
        LinkType::NULL | LinkType::LOOP => decode_loopback(frame),
        LinkType::RAW => decode_raw(frame),
        LinkType::IPV4 => decode_ipv4(frame, LinkAddresses::default()),
        LinkType::IPV6 => decode_ipv6(frame, LinkAddresses::default()),
        PPP | PPP_HDLC => decode_ppp(frame, LinkAddresses::default()),
        NFLOG => decode_nflog(frame),
        PPP_ETHER => decode_pppoe(frame, LinkAddresses::default()),
        PPP_WITH_DIRECTION => link_payload(frame, 1).and_then(|rest| decode_ppp(rest, LinkAddresses::default())),
        C_HDLC => decode_cisco_hdlc(frame),
        ETHERNET_MPACKET => link_payload(frame, 8).and_then(decode_ethernet),
        PKTAP => decode_pktap(frame),
        wireless::IEEE_802_11 | wireless::RADIOTAP | wireless::PRISM | wireless::AVS | wireless::PPI => {
            wireless::decode(link, frame)
        }
        other if RAW_ALIASES.contains(&other) => decode_raw(frame),
        LinkType(number) => Err(Undecodable { layer: Layer::LinkType(number), why: Why::NotSupported }),
    };
    decoded.unwrap_or_else(Decoded::Undecodable)
}

#[inline]
pub(super) fn decode_ethernet(frame: Rest<'_>) -> Result<Decoded<'_>, Undecodable> {
    let header = Ethernet2HeaderSlice::from_slice(frame.data)
        .map_err(|error| frame.too_short(Layer::Link, error.required_len))?;
    let addresses = LinkAddresses {
        source: Some(MacAddress(header.source())),
        destination: Some(MacAddress(header.destination())),
    };
    let payload = link_payload(frame, header.slice().len())?;
    decode_ether_type(header.ether_type(), payload, addresses)
}

/// Goes by the `EtherType`, through any number of VLAN tags.
#[inline]
pub(super) fn decode_ether_type(
    mut ether_type: EtherType,
    mut rest: Rest<'_>,
    addresses: LinkAddresses,
) -> Result<Decoded<'_>, Undecodable> {
    // Every turn takes the 4 bytes of a tag, so the walk ends.
    loop {
        match ether_type {
            ether_type::IPV4 => return decode_ipv4(rest, addresses),
            ether_type::IPV6 => return decode_ipv6(rest, addresses),
            ether_type::VLAN_TAGGED_FRAME
            | ether_type::PROVIDER_BRIDGING
            | ether_type::VLAN_DOUBLE_TAGGED_FRAME
            | VLAN_9200 => {
                let tag = SingleVlanSlice::from_slice(rest.data)
                    .map_err(|error| rest.too_short(Layer::Vlan, error.required_len))?;
                ether_type = tag.ether_type();
                rest = rest.after(tag.header_len()).ok_or_else(|| rest.too_short(Layer::Vlan, tag.header_len()))?;
            }
            other => return decode_encapsulated(other, rest, addresses),
        }
    }
}

/// Linux cooked capture v1: packet type, ARPHRD type, address length, address[8], protocol.
///
/// Read by hand: etherparse declines hardware types that it does not know, such as those of tunnels.
fn decode_cooked(frame: Rest<'_>) -> Result<Decoded<'_>, Undecodable> {
    const HEADER: usize = 16;
    let Some(&[_, _, h0, h1, l0, l1, ref address @ .., _, _, p0, p1]) = frame.data.first_chunk::<HEADER>() else {
        return Err(frame.too_short(Layer::Link, HEADER));
    };
    let address_length = u16::from_be_bytes([l0, l1]);
    let addresses = sender(address_length, *address);
    let payload = link_payload(frame, HEADER)?;
    decode_cooked_protocol([h0, h1], [p0, p1], payload, addresses)
}

/// Linux cooked capture v2: protocol, reserved, interface index, ARPHRD type, packet type, address
/// length, address[8].
fn decode_cooked_v2(frame: Rest<'_>) -> Result<Decoded<'_>, Undecodable> {
    const HEADER: usize = 20;
    let Some(&[p0, p1, _, _, _, _, _, _, h0, h1, _, address_length, ref address @ .., _, _]) =
        frame.data.first_chunk::<HEADER>()
    else {
        return Err(frame.too_short(Layer::Link, HEADER));
    };
    let addresses = sender(u16::from(address_length), *address);
    let payload = link_payload(frame, HEADER)?;
    decode_cooked_protocol([h0, h1], [p0, p1], payload, addresses)
}

fn decode_cooked_protocol(
    hardware: [u8; 2],
    protocol: [u8; 2],
    payload: Rest<'_>,
    addresses: LinkAddresses,
) -> Result<Decoded<'_>, Undecodable> {
    /// `ARPHRD_NETLINK`: the protocol field is a netlink family.
    const NETLINK: u16 = 824;
    let protocol = u16::from_be_bytes(protocol);
    if u16::from_be_bytes(hardware) == NETLINK || protocol < SMALLEST_ETHER_TYPE {
        return Ok(Decoded::Other);
    }
    decode_ether_type(EtherType(protocol), payload, addresses)
}

/// Cooked captures keep the sender's address only.
fn sender(address_length: u16, address: [u8; 6]) -> LinkAddresses {
    LinkAddresses { source: (address_length == 6).then_some(MacAddress(address)), destination: None }
}

/// BSD loopback: an address family in the byte order of the capturing host, or of the network.
fn decode_loopback(frame: Rest<'_>) -> Result<Decoded<'_>, Undecodable> {
    const HEADER: usize = 4;
    let Some(&family) = frame.data.first_chunk::<HEADER>() else {
        return Err(frame.too_short(Layer::Link, HEADER));
    };
    // Families are small numbers, so one order or the other leaves the upper half empty.
    let family = match u32::from_be_bytes(family) {
        big if big <= 0xffff => big,
        _ => u32::from_le_bytes(family),
    };
    let payload = link_payload(frame, HEADER)?;
    match family {
        // AF_INET, the same everywhere.
        2 => decode_ipv4(payload, LinkAddresses::default()),
        // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS.
        10 | 24 | 28 | 30 => decode_ipv6(payload, LinkAddresses::default()),
        _ => Ok(Decoded::Other),
    }
}

/// The header of macOS (<https://www.tcpdump.org/linktypes/LINKTYPE_PKTAP.html>): its length, the type of
/// what follows, and the link type of that.
fn decode_pktap(frame: Rest<'_>) -> Result<Decoded<'_>, Undecodable> {
    const HEADER: usize = 12;
    let Some(&[l0, l1, l2, l3, _, _, _, _, t0, t1, t2, t3]) = frame.data.first_chunk::<HEADER>() else {
        return Err(frame.too_short(Layer::Link, HEADER));
    };
    let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
    let link = u16::try_from(u32::from_le_bytes([t0, t1, t2, t3])).map(LinkType);
    let inner = link_payload(frame, length)?;
    match link {
        Ok(LinkType::ETHERNET) => decode_ethernet(inner),
        Ok(LinkType::NULL | LinkType::LOOP) => decode_loopback(inner),
        Ok(raw) if raw == LinkType::RAW || RAW_ALIASES.contains(&raw) => decode_raw(inner),
        _ => Ok(Decoded::Other),
    }
}

/// Raw IP: the version nibble tells.
pub(super) fn decode_raw(frame: Rest<'_>) -> Result<Decoded<'_>, Undecodable> {
    match frame.data.first() {
        Some(first) if first >> 4 == 4 => decode_ipv4(frame, LinkAddresses::default()),
        Some(first) if first >> 4 == 6 => decode_ipv6(frame, LinkAddresses::default()),
        Some(_) => Err(Undecodable { layer: Layer::Link, why: Why::Invalid }),
        None => Err(frame.too_short(Layer::Link, 1)),
    }
}

fn link_payload(frame: Rest<'_>, header: usize) -> Result<Rest<'_>, Undecodable> {
    frame.after(header).ok_or_else(|| frame.too_short(Layer::Link, header))
}
