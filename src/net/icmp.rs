//! ICMP (RFC 792) and `ICMPv6` (RFC 4443) errors that quote a TCP segment, or a question to a DNS
//! server, which could not be delivered, or not in one piece.

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4HeaderSlice, Ipv6HeaderSlice, ip_number};

use super::dns::DNS_PORT;
use super::{Decoded, Endpoint, Undeliverable, UnreachableReason};

/// What an ICMP or `ICMPv6` packet from `router` says of a TCP segment, or of a datagram to a DNS server.
pub(super) fn decode(number: IpNumber, body: &[u8], router: IpAddr) -> Option<Decoded<'static>> {
    let [kind, code, _, _, _, _, _, _, quoted @ ..] = body else { return None };
    let v4 = number == ip_number::ICMP;
    let too_large = if v4 { (*kind, *code) == (3, 4) } else { *kind == 2 };
    let reason = if v4 { reason_v4(*kind, *code) } else { reason_v6(*kind, *code) };
    if !too_large && reason.is_none() {
        return None;
    }
    let (source, destination) = if v4 { ends_v4(quoted)? } else { ends_v6(quoted)? };
    match reason {
        Some(reason) => Some(Decoded::Undeliverable(Undeliverable { router, reason, source, destination })),
        None => Some(Decoded::TooLarge { source, destination }),
    }
}

/// The ends of what an ICMP error quotes.
fn ends_v4(quoted: &[u8]) -> Option<(Endpoint, Endpoint)> {
    let header = Ipv4HeaderSlice::from_slice(quoted).ok()?;
    let addresses = (header.source_addr().into(), header.destination_addr().into());
    let first = header.fragments_offset().value() == 0;
    ends(header.protocol(), addresses, quoted.get(header.slice().len()..)?).filter(|_| first)
}

/// The same of an `ICMPv6` error.
fn ends_v6(quoted: &[u8]) -> Option<(Endpoint, Endpoint)> {
    let header = Ipv6HeaderSlice::from_slice(quoted).ok()?;
    let addresses = (header.source_addr().into(), header.destination_addr().into());
    ends(header.next_header(), addresses, quoted.get(header.slice().len()..)?)
}

/// The ends of a TCP segment, or of a datagram to a DNS server.
fn ends(protocol: IpNumber, (from, to): (IpAddr, IpAddr), segment: &[u8]) -> Option<(Endpoint, Endpoint)> {
    let [a, b, c, d, ..] = *segment else { return None };
    let source = Endpoint { address: from, port: u16::from_be_bytes([a, b]) };
    let destination = Endpoint { address: to, port: u16::from_be_bytes([c, d]) };
    let asked = protocol == ip_number::UDP && destination.port == DNS_PORT;
    (protocol == ip_number::TCP || asked).then_some((source, destination))
}

/// Destination Unreachable (type 3) and Time Exceeded in transit (type 11, code 0). Code 4 of type 3,
/// "fragmentation needed", is no failure of delivery: the sender is to send smaller segments (RFC 1191 §4).
fn reason_v4(kind: u8, code: u8) -> Option<UnreachableReason> {
    Some(match (kind, code) {
        (3, 0 | 6 | 11) => UnreachableReason::Network,
        (3, 1 | 7 | 8 | 12) => UnreachableReason::Host,
        (3, 2) => UnreachableReason::Protocol,
        (3, 3) => UnreachableReason::Port,
        (3, 9 | 10 | 13) => UnreachableReason::Prohibited,
        (11, 0) => UnreachableReason::TimeExceeded,
        (3, 5 | 14 | 15) => UnreachableReason::Other { kind, code },
        _ => return None,
    })
}

/// Destination Unreachable (type 1) and Time Exceeded in transit (type 3, code 0). Type 2, "packet too big", is as code 4 of
/// type 3 there.
fn reason_v6(kind: u8, code: u8) -> Option<UnreachableReason> {
    Some(match (kind, code) {
        (1, 0) => UnreachableReason::Network,
        (1, 1 | 5 | 6) => UnreachableReason::Prohibited,
        (1, 3) => UnreachableReason::Host,
        (1, 4) => UnreachableReason::Port,
        (1, _) => UnreachableReason::Other { kind, code },
        (3, 0) => UnreachableReason::TimeExceeded,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Type 3, the code, and the IPv4 and TCP header of a segment from 10.0.0.11:40000 to 10.0.0.2:1883.
    fn body(kind: u8, code: u8) -> Vec<u8> {
        let mut body = vec![kind, code, 0, 0, 0, 0, 0, 0];
        body.extend([0x45, 0, 0, 60, 0, 0, 0x40, 0, 63, 6, 0, 0, 10, 0, 0, 11, 10, 0, 0, 2]);
        body.extend([0x9c, 0x40, 0x07, 0x5b, 0, 0, 0, 1]);
        body
    }

    fn read(kind: u8, code: u8) -> Option<Decoded<'static>> {
        decode(ip_number::ICMP, &body(kind, code), "10.0.0.1".parse().unwrap())
    }

    #[test]
    fn a_quoted_segment_names_its_connection() {
        let Some(Decoded::Undeliverable(error)) = read(3, 1) else { panic!() };
        assert_eq!(error.reason, UnreachableReason::Host);
        assert_eq!(error.source.to_string(), "10.0.0.11:40000");
        assert_eq!(error.destination.to_string(), "10.0.0.2:1883");
    }

    #[test]
    fn too_large_and_echo_are_no_failures_of_delivery() {
        let Some(Decoded::TooLarge { source, destination }) = read(3, 4) else { panic!() };
        assert_eq!((source.port, destination.port), (40_000, 1883));
        assert!(read(8, 0).is_none());
        let mut quoted = vec![2, 0, 0, 0, 0, 0, 0x05, 0, 0x60, 0, 0, 0, 0, 20, 6, 64];
        quoted.extend([0x20; 16]);
        quoted.extend([0xfe; 16]);
        quoted.extend([0x9c, 0x40, 0x07, 0x5b]);
        let read = decode(ip_number::IPV6_ICMP, &quoted, "10.0.0.1".parse().unwrap());
        assert!(matches!(read, Some(Decoded::TooLarge { .. })));
    }

    #[test]
    fn a_quote_that_is_cut_short_names_nothing() {
        let whole = body(3, 3);
        for length in 0..whole.len() - 4 {
            let router = "10.0.0.1".parse().unwrap();
            assert!(decode(ip_number::ICMP, &whole[..length], router).is_none());
        }
    }
}
