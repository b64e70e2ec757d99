//! ICMP (RFC 792) and `ICMPv6` (RFC 4443) errors that quote a TCP segment, or a question to a DNS
//! server, which could not be delivered.

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4HeaderSlice, Ipv6HeaderSlice, ip_number};

use super::dns::DNS_PORT;
use super::{Endpoint, Undeliverable, UnreachableReason};

/// The error in the body of an ICMP or `ICMPv6` packet from `router`, if it says that a TCP segment
/// could not be delivered, or a datagram to a DNS server.
pub(super) fn undeliverable(number: IpNumber, body: &[u8], router: IpAddr) -> Option<Undeliverable> {
    let [kind, code, _, _, _, _, _, _, quoted @ ..] = body else { return None };
    let reason = match number {
        ip_number::ICMP => reason_v4(*kind, *code)?,
        ip_number::IPV6_ICMP => reason_v6(*kind, *code)?,
        _ => return None,
    };
    let (protocol, source, destination, segment) = if number == ip_number::ICMP {
        let header = Ipv4HeaderSlice::from_slice(quoted).ok()?;
        if !carries_ports(header.protocol()) || header.fragments_offset().value() != 0 {
            return None;
        }
        let segment = quoted.get(header.slice().len()..)?;
        (header.protocol(), IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()), segment)
    } else {
        let header = Ipv6HeaderSlice::from_slice(quoted).ok()?;
        if !carries_ports(header.next_header()) {
            return None;
        }
        let segment = quoted.get(header.slice().len()..)?;
        (header.next_header(), IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()), segment)
    };
    let [a, b, c, d, ..] = *segment else { return None };
    if protocol == ip_number::UDP && [c, d] != DNS_PORT.to_be_bytes() {
        return None;
    }
    Some(Undeliverable {
        router,
        reason,
        source: Endpoint { address: source, port: u16::from_be_bytes([a, b]) },
        destination: Endpoint { address: destination, port: u16::from_be_bytes([c, d]) },
    })
}

fn carries_ports(protocol: IpNumber) -> bool {
    protocol == ip_number::TCP || protocol == ip_number::UDP
}

/// Destination Unreachable (type 3) and Time Exceeded in transit (type 11, code 0). Code 4 of type 3,
/// "fragmentation needed", is no failure of delivery: the sender is to send smaller segments.
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

/// Destination Unreachable (type 1) and Time Exceeded in transit (type 3, code 0).
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

    fn read(kind: u8, code: u8) -> Option<Undeliverable> {
        undeliverable(ip_number::ICMP, &body(kind, code), "10.0.0.1".parse().unwrap())
    }

    #[test]
    fn a_quoted_segment_names_its_connection() {
        let error = read(3, 1).unwrap();
        assert_eq!(error.reason, UnreachableReason::Host);
        assert_eq!(error.source.to_string(), "10.0.0.11:40000");
        assert_eq!(error.destination.to_string(), "10.0.0.2:1883");
    }

    #[test]
    fn too_large_and_echo_are_no_failures_of_delivery() {
        assert_eq!(read(3, 4), None);
        assert_eq!(read(8, 0), None);
    }

    #[test]
    fn a_quote_that_is_cut_short_names_nothing() {
        let whole = body(3, 3);
        for length in 0..whole.len() - 4 {
            let router = "10.0.0.1".parse().unwrap();
            assert_eq!(undeliverable(ip_number::ICMP, &whole[..length], router), None);
        }
    }
}
