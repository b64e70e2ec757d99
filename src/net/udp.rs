//! UDP (RFC 768): what its ports say that it carries, a DNS message or a tunnel.

use etherparse::UdpHeaderSlice;

use super::ip::Addresses;
use super::rest::Rest;
use super::{Decoded, Endpoint, Undecodable, dns, tunnel};

/// A datagram's ends and what it carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) source: Endpoint,
    pub(super) destination: Endpoint,
    pub(super) payload: Rest<'a>,
}

/// Reads the datagram at the start of an IP payload.
#[cold]
pub(super) fn decode<'a>(rest: Rest<'a>, from: &Addresses) -> Result<Decoded<'a>, Undecodable> {
    let Ok(header) = UdpHeaderSlice::from_slice(rest.data) else { return Ok(Decoded::Other) };
    let Some(payload) = rest.after(header.slice().len()) else { return Ok(Decoded::Other) };
    let datagram = Datagram {
        source: Endpoint { address: from.source, port: header.source_port() },
        destination: Endpoint { address: from.destination, port: header.destination_port() },
        payload,
    };
    match dns::of_datagram(&datagram, from) {
        Some(message) => Ok(Decoded::Dns(message)),
        None => tunnel::decode_datagram(&datagram, from),
    }
}
