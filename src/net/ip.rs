//! IPv4 (RFC 791), IPv6 (RFC 8200) with its extension headers, and the Authentication Header
//! (RFC 4302) of both.
//!
//! The IP length, not the frame's, says how long the payload is: Ethernet pads short frames. A
//! length of 0 is what a host shows for a packet that its network card is yet to split (TSO).

use std::net::IpAddr;

use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, err,
    ip_number,
};

use super::link::LinkAddresses;
use super::rest::Rest;
use super::{Decoded, Fragment, FragmentHeader, Layer, Undecodable, Why, icmp, neighbour, tcp, tunnel, udp};

/// Length of the IPv6 header.
const IPV6_HEADER: usize = 40;

/// What the headers below TCP say of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    /// Link-layer addresses.
    pub(super) link: LinkAddresses,
    /// IP source.
    pub(super) source: IpAddr,
    /// IP destination.
    pub(super) destination: IpAddr,
    /// Time to Live or Hop Limit.
    pub(super) hop_limit: u8,
}

/// Reads an IPv4 packet.
#[inline]
pub(super) fn decode_ipv4(rest: Rest<'_>, link: LinkAddresses) -> Result<Decoded<'_>, Undecodable> {
    let header = Ipv4HeaderSlice::from_slice(rest.data).map_err(|error| match error {
        err::ipv4::HeaderSliceError::Len(length) => rest.too_short(Layer::Ipv4, length.required_len),
        err::ipv4::HeaderSliceError::Content(_) => Undecodable { layer: Layer::Ipv4, why: Why::Invalid },
    })?;
    let header_length = header.slice().len();
    let packet = match header.total_len() {
        0 => rest,
        total => rest.limited_to(u32::from(total)),
    };
    let payload = packet.after(header_length).ok_or(Undecodable { layer: Layer::Ipv4, why: Why::Invalid })?;
    let addresses = Addresses {
        link,
        source: IpAddr::V4(header.source_addr()),
        destination: IpAddr::V4(header.destination_addr()),
        hop_limit: header.ttl(),
    };
    if header.is_fragmenting_payload() {
        let place = Place {
            identification: header.identification().into(),
            offset: 8 * u32::from(header.fragments_offset().value()),
            more: header.more_fragments(),
        };
        return Ok(fragment(payload, header.protocol(), place, &addresses));
    }
    match header.protocol() {
        ip_number::TCP => tcp::decode(payload, &addresses),
        ip_number::AUTH => {
            let (next, payload) = skip_authentication(payload, Layer::Ipv4)?;
            decode_transport(next, payload, &addresses)
        }
        number => decode_transport(number, payload, &addresses),
    }
}

/// Reads an IPv6 packet and walks its extension headers (RFC 8200 §4).
pub(super) fn decode_ipv6(rest: Rest<'_>, link: LinkAddresses) -> Result<Decoded<'_>, Undecodable> {
    let header = Ipv6HeaderSlice::from_slice(rest.data).map_err(|error| match error {
        err::ipv6::HeaderSliceError::Len(length) => rest.too_short(Layer::Ipv6, length.required_len),
        err::ipv6::HeaderSliceError::Content(_) => Undecodable { layer: Layer::Ipv6, why: Why::Invalid },
    })?;
    let whole = rest.after(IPV6_HEADER).ok_or_else(|| rest.too_short(Layer::Ipv6, IPV6_HEADER))?;
    let next = header.next_header();
    let payload = match header.payload_length() {
        0 => whole.limited_to(jumbo_length(next, whole.data).unwrap_or(whole.length)),
        length => whole.limited_to(u32::from(length)),
    };
    let addresses = Addresses {
        link,
        source: IpAddr::V6(header.source_addr()),
        destination: IpAddr::V6(header.destination_addr()),
        hop_limit: header.hop_limit(),
    };
    decode_extensions(next, payload, &addresses)
}

/// Walks the extension headers of IPv6 (RFC 8200 §4) to what follows them.
fn decode_extensions<'a>(
    mut next: IpNumber,
    mut payload: Rest<'a>,
    addresses: &Addresses,
) -> Result<Decoded<'a>, Undecodable> {
    // Every turn takes at least 8 bytes of the packet, so the walk ends.
    loop {
        match next {
            ip_number::IPV6_FRAG => {
                let header = Ipv6FragmentHeaderSlice::from_slice(payload.data)
                    .map_err(|error| payload.too_short(Layer::Ipv6, error.required_len))?;
                next = header.next_header();
                payload = skip(payload, header.slice().len(), Layer::Ipv6)?;
                // A fragment that is the whole packet ("atomic", RFC 6946) needs no reassembly.
                if header.is_fragmenting_payload() {
                    let place = Place {
                        identification: header.identification(),
                        offset: 8 * u32::from(header.fragment_offset().value()),
                        more: header.more_fragments(),
                    };
                    return Ok(fragment(payload, next, place, addresses));
                }
            }
            ip_number::AUTH => (next, payload) = skip_authentication(payload, Layer::Ipv6)?,
            number if Ipv6RawExtHeaderSlice::header_type_supported(number) => {
                let extension = Ipv6RawExtHeaderSlice::from_slice(payload.data)
                    .map_err(|error| payload.too_short(Layer::Ipv6, error.required_len))?;
                next = extension.next_header();
                payload = skip(payload, extension.slice().len(), Layer::Ipv6)?;
            }
            _ => return decode_transport(next, payload, addresses),
        }
    }
}

/// Where a fragment belongs.
#[derive(Clone, Copy)]
struct Place {
    identification: u32,
    offset: u32,
    more: bool,
}

#[cold]
fn fragment<'a>(payload: Rest<'a>, protocol: IpNumber, place: Place, addresses: &Addresses) -> Decoded<'a> {
    let Addresses { link, source, destination, hop_limit } = *addresses;
    Decoded::Fragment(Fragment {
        header: FragmentHeader {
            source,
            destination,
            identification: place.identification,
            protocol: protocol.0,
            hop_limit,
            macs: (link.source, link.destination),
        },
        offset: place.offset,
        more: place.more,
        payload: payload.data,
        length: payload.length,
    })
}

/// Reads the payload of an IP packet that was put together from fragments.
pub fn decode_reassembled<'a>(header: &FragmentHeader, payload: &'a [u8]) -> Decoded<'a> {
    let FragmentHeader { source, destination, hop_limit, macs, .. } = *header;
    let link = LinkAddresses { source: macs.0, destination: macs.1 };
    let addresses = Addresses { link, source, destination, hop_limit };
    let rest = Rest::of_frame(payload, 0);
    let decoded = match source {
        IpAddr::V4(_) => decode_transport(IpNumber(header.protocol), rest, &addresses),
        IpAddr::V6(_) => decode_extensions(IpNumber(header.protocol), rest, &addresses),
    };
    decoded.unwrap_or_else(Decoded::Undecodable)
}

#[inline]
fn decode_transport<'a>(
    number: IpNumber,
    payload: Rest<'a>,
    addresses: &Addresses,
) -> Result<Decoded<'a>, Undecodable> {
    match number {
        ip_number::TCP => tcp::decode(payload, addresses),
        ip_number::UDP => udp::decode(payload, addresses),
        ip_number::ICMP | ip_number::IPV6_ICMP => {
            let error = icmp::decode(number, payload.data, addresses.source);
            let neighbour = (number == ip_number::IPV6_ICMP).then(|| neighbour::discovery(payload.data, addresses));
            let other = neighbour.flatten().map_or(Decoded::Other, Decoded::Neighbour);
            Ok(error.unwrap_or(other))
        }
        number => tunnel::decode(number, payload, addresses),
    }
}

fn skip(rest: Rest<'_>, count: usize, layer: Layer) -> Result<Rest<'_>, Undecodable> {
    rest.after(count).ok_or_else(|| rest.too_short(layer, count))
}

/// Steps over an Authentication Header; what it protects stays readable.
fn skip_authentication(rest: Rest<'_>, layer: Layer) -> Result<(IpNumber, Rest<'_>), Undecodable> {
    let header = IpAuthHeaderSlice::from_slice(rest.data).map_err(|error| match error {
        err::ip_auth::HeaderSliceError::Len(length) => rest.too_short(layer, length.required_len),
        err::ip_auth::HeaderSliceError::Content(_) => Undecodable { layer, why: Why::Invalid },
    })?;
    Ok((header.next_header(), skip(rest, header.slice().len(), layer)?))
}

/// The Jumbo Payload option (RFC 2675 §2) of a hop-by-hop header that opens the packet.
fn jumbo_length(next: IpNumber, data: &[u8]) -> Option<u32> {
    /// Option type of padding of one byte, which alone has no length.
    const PAD1: u8 = 0;
    const JUMBO_PAYLOAD: u8 = 0xc2;
    if next != ip_number::IPV6_HOP_BY_HOP {
        return None;
    }
    let header = Ipv6RawExtHeaderSlice::from_slice(data).ok()?;
    let mut options = header.payload();
    loop {
        match options {
            [PAD1, tail @ ..] => options = tail,
            [JUMBO_PAYLOAD, 4, a, b, c, d, ..] => return Some(u32::from_be_bytes([*a, *b, *c, *d])),
            [_, length, tail @ ..] => options = tail.get(usize::from(*length)..)?,
            _ => return None,
        }
    }
}
