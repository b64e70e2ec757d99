//! Who has an IP address: ARP (RFC 826), and Neighbour Discovery of IPv6 (RFC 4861 §4.3, §4.4).
//!
//! Only what tells of a host that is looked for is read: which host asks for which, and which is there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{ArpOperation, ArpPacketSlice};

use super::MacAddress;
use super::ip::Addresses;
use super::link::LinkAddresses;
use super::rest::Rest;

/// One word of ARP or Neighbour Discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// A host looks for another one of its network.
    Question {
        /// Who asks.
        asker: IpAddr,
        /// Its link-layer address, where it states it.
        mac: Option<MacAddress>,
        /// Who is looked for.
        target: IpAddr,
    },
    /// A host says that it is there.
    Answer {
        /// Whose address it is.
        target: IpAddr,
    },
}

/// Reads an ARP packet for IPv4; `None` for one that asks nothing of another host: a probe for an
/// address of one's own (RFC 5227).
pub(super) fn arp(rest: Rest<'_>, link: LinkAddresses) -> Option<Neighbour> {
    let packet = ArpPacketSlice::from_slice(rest.data).ok()?;
    let address = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    let (asker, target) = (address(packet.sender_protocol_addr())?, address(packet.target_protocol_addr())?);
    let stated = <[u8; 6]>::try_from(packet.sender_hw_addr()).ok().map(MacAddress);
    match packet.operation() {
        ArpOperation::REPLY => Some(Neighbour::Answer { target: asker }),
        ArpOperation::REQUEST if asker == target => Some(Neighbour::Answer { target }),
        ArpOperation::REQUEST if !asker.is_unspecified() => {
            Some(Neighbour::Question { asker, mac: stated.or(link.source), target })
        }
        _ => None,
    }
}

/// Reads a Neighbour Solicitation or Advertisement from the body of an `ICMPv6` packet. The check for
/// duplicates of an own address (RFC 4862 §5.4.2) asks for no other host.
pub(super) fn discovery(body: &[u8], from: &Addresses) -> Option<Neighbour> {
    const SOLICITATION: u8 = 135;
    const ADVERTISEMENT: u8 = 136;
    let [kind, 0, _, _, _, _, _, _, target @ ..] = body else { return None };
    let target = IpAddr::V6(Ipv6Addr::from(*target.first_chunk::<16>()?));
    match *kind {
        SOLICITATION if !from.source.is_unspecified() => {
            Some(Neighbour::Question { asker: from.source, mac: from.link.source, target })
        }
        ADVERTISEMENT => Some(Neighbour::Answer { target }),
        _ => None,
    }
}
