//! Every link and tunnel: each header is written by hand from its standard, and tshark finds the same TCP segments
//! behind it.

use std::process::Command;

use super::{analysed, sample};
use mqttcap::diagnosis::notes;

const CLIENT: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SERVER: [u8; 6] = [2, 0, 0, 0, 0, 2];

pub(crate) fn sixteen(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap().to_be_bytes()
}

/// IEEE 802.3: destination, source, `EtherType`.
pub(crate) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&SERVER[..], &CLIENT, &ether_type.to_be_bytes(), payload].concat()
}

/// RFC 791, from 192.0.2.1 to 192.0.2.2.
pub(crate) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = sixteen(20 + payload.len());
    [&[0x45, 0][..], &length, &[0, 9, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2], payload].concat()
}

/// RFC 8200, between documentation addresses.
pub(crate) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut addresses = [0_u8; 32];
    for at in [0, 16] {
        addresses[at..at + 4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        addresses[at + 15] = 1;
    }
    [&[0x60, 0, 0, 0][..], &sixteen(payload.len()), &[next, 64], &addresses, payload].concat()
}

/// RFC 768.
pub(crate) fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    [&40_000_u16.to_be_bytes()[..], &port.to_be_bytes(), &sixteen(8 + payload.len()), &[0, 0], payload].concat()
}

/// IEEE 802.11 data from a station: frame control, duration, BSSID, source, destination, sequence control.
fn wireless(control: [u8; 2], more: &[u8], ip: &[u8]) -> Vec<u8> {
    let addresses = if control[1] & 2 == 0 { [&[9; 6], &CLIENT, &SERVER] } else { [&CLIENT, &[9; 6], &SERVER] };
    let addresses = addresses.map(|address| &address[..]).concat();
    let llc = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    [&control[..], &[0, 0], &addresses, &[0x10, 0], more, &llc, ip].concat()
}

/// <https://www.radiotap.org>: version, padding, length, what is present, and that.
fn radiotap(flags: u8, frame: &[u8]) -> Vec<u8> {
    // TSFT, flags and rate; and a second word of what is present, which is empty.
    let head = [0, 0, 26, 0, 0x07, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0];
    [&head[..], &[7; 8], &[flags, 0x0c], frame].concat()
}

/// Puts an IPv4 packet into something.
pub(crate) type Wrap = fn(&[u8]) -> Vec<u8>;

/// What packets may come in: a name, the link type, how to make it.
pub(crate) const ENCAPSULATIONS: &[(&str, u16, Wrap)] = &[
    ("Ethernet", 1, |ip| ethernet(0x0800, ip)),
    ("Ethernet with padding", 1, |ip| [ethernet(0x0800, ip), vec![0; 24]].concat()),
    ("VLAN", 1, |ip| ethernet(0x8100, &[&[0, 7, 8, 0], ip].concat())),
    ("QinQ", 1, |ip| ethernet(0x88a8, &[&[0, 7, 0x81, 0, 0, 9, 8, 0], ip].concat())),
    ("LLC and SNAP", 1, |ip| {
        let llc = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], ip].concat();
        ethernet(u16::try_from(llc.len()).unwrap(), &llc)
    }),
    ("MACsec, signed only", 1, |ip| {
        ethernet(0x88e5, &[&[0x20, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0, 1, 8, 0], ip, &[0xcc; 16]].concat())
    }),
    ("PPPoE", 1, |ip| ethernet(0x8864, &[&[0x11, 0, 0, 5][..], &sixteen(ip.len() + 2), &[0, 0x21], ip].concat())),
    ("MPLS", 1, |ip| ethernet(0x8847, &[&[0, 1, 0x00, 64, 0, 2, 0x01, 64], ip].concat())),
    ("cooked", 113, |ip| [&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0], ip].concat()),
    ("cooked, version 2", 276, |ip| [&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0], ip].concat()),
    ("BSD loopback", 0, |ip| [&[2, 0, 0, 0], ip].concat()),
    ("OpenBSD loopback", 108, |ip| [&[0, 0, 0, 2], ip].concat()),
    ("raw IP", 101, <[u8]>::to_vec),
    ("raw IPv4", 228, <[u8]>::to_vec),
    ("PPP", 9, |ip| [&[0xff, 3, 0, 0x21], ip].concat()),
    ("PPP in HDLC", 50, |ip| [&[0xff, 3, 0, 0x21], ip].concat()),
    ("PPP with direction", 204, |ip| [&[1, 0xff, 3, 0, 0x21], ip].concat()),
    ("PPPoE alone", 51, |ip| [&[0x11, 0, 0, 5][..], &sixteen(ip.len() + 2), &[0, 0x21], ip].concat()),
    ("Cisco HDLC", 104, |ip| [&[0x0f, 0, 8, 0], ip].concat()),
    ("802.11", 105, |ip| wireless([0x08, 0x01], &[], ip)),
    ("802.11 with QoS", 105, |ip| wireless([0x88, 0x01], &[0, 0], ip)),
    ("802.11 from the access point", 105, |ip| wireless([0x08, 0x02], &[], ip)),
    ("802.11 between access points", 105, |ip| wireless([0x88, 0x03], &[5, 5, 5, 5, 5, 5, 0, 0], ip)),
    ("radiotap", 127, |ip| radiotap(0, &wireless([0x08, 0x01], &[], ip))),
    ("radiotap with padding", 127, |ip| radiotap(0x20, &wireless([0x88, 0x01], &[0, 0, 0, 0], ip))),
    ("PPI", 192, |ip| [&[0, 0, 8, 0, 105, 0, 0, 0], &wireless([0x08, 0x01], &[], ip)[..]].concat()),
    ("AVS", 163, |ip| [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56], &wireless([0x08, 0x01], &[], ip)].concat()),
    ("IP in IP", 101, |ip| ipv4(4, ip)),
    ("IPv4 in IPv6", 101, |ip| ipv6(4, ip)),
    ("GRE", 101, |ip| ipv4(47, &[&[0, 0, 8, 0], ip].concat())),
    ("GRE with key and sequence", 101, |ip| ipv4(47, &[&[0x30, 0, 8, 0, 0, 0, 0, 7, 0, 0, 0, 1], ip].concat())),
    ("GRE with Ethernet", 101, |ip| ipv4(47, &[&[0, 0, 0x65, 0x58], &ethernet(0x0800, ip)[..]].concat())),
    ("ERSPAN, type I", 101, |ip| ipv4(47, &[&[0, 0, 0x88, 0xbe], &ethernet(0x0800, ip)[..]].concat())),
    ("ERSPAN, type II", 101, |ip| {
        let header = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 7, 0, 5, 0, 0, 0, 1];
        ipv4(47, &[&header[..], &ethernet(0x0800, ip)].concat())
    }),
    ("PPTP", 101, |ip| {
        let length = sixteen(4 + ip.len());
        ipv4(47, &[&[0x30, 0x01, 0x88, 0x0b][..], &length, &[0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21], ip].concat())
    }),
    ("VXLAN", 101, |ip| ipv4(17, &udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, ip)[..]].concat()))),
    ("VXLAN over IPv6", 101, |ip| {
        ipv6(17, &udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, ip)[..]].concat()))
    }),
    ("Geneve with options", 101, |ip| {
        let header = [2, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 0x80, 1, 0, 0, 0, 0];
        ipv4(17, &udp(6081, &[&header[..], &ethernet(0x0800, ip)].concat()))
    }),
    ("GTP-U", 101, |ip| ipv4(17, &udp(2152, &[&[0x30, 0xff][..], &sixteen(ip.len()), &[0, 0, 0, 1], ip].concat()))),
    ("GTP-U with an extension", 101, |ip| {
        let header = [0, 0, 0, 1, 0, 9, 0, 0x85, 1, 0, 9, 0];
        ipv4(17, &udp(2152, &[&[0x36, 0xff][..], &sixteen(8 + ip.len()), &header, ip].concat()))
    }),
    ("VLAN, MPLS, GRE and VXLAN", 1, |ip| {
        let vxlan = udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, ip)[..]].concat());
        let gre = ipv4(47, &[&[0, 0, 8, 0], &ipv4(17, &vxlan)[..]].concat());
        let mpls = [&[0, 2, 0x01, 64], &gre[..]].concat();
        ethernet(0x8100, &[&[0, 7, 0x88, 0x47], &mpls[..]].concat())
    }),
];

/// What cannot be looked into: its note says why.
const CLOSED: &[(&str, u16, Wrap)] = &[
    ("what ESP protects is encrypted", 101, |ip| ipv4(50, &[&[0, 0, 1, 0, 0, 0, 0, 1], ip].concat())),
    ("what ESP protects is encrypted", 101, |ip| ipv4(17, &udp(4500, &[&[0, 0, 1, 0, 0, 0, 0, 1], ip].concat()))),
    ("what WireGuard protects is encrypted", 101, |ip| {
        ipv4(17, &udp(51820, &[&[4, 0, 0, 0, 1, 0, 0, 0], ip].concat()))
    }),
    ("what 802.11 protects is encrypted", 105, |ip| wireless([0x08, 0x41], &[0; 8], ip)),
    ("what MACsec protects is encrypted", 1, |ip| ethernet(0x88e5, &[&[0x0c, 0, 0, 0, 0, 1], ip].concat())),
    ("this kind of tunnel header is not supported", 101, |ip| (0..9).fold(ip.to_vec(), |inner, _| ipv4(4, &inner))),
];

#[test]
fn what_is_closed_is_said() {
    let segments = sample();
    for (note, link, wrap) in CLOSED {
        let (sessions, facts) = analysed(&segments, *link, |_, segment| vec![wrap(&segment.frame())]);
        let notes = notes(&facts);
        assert!(sessions.is_empty(), "{note}");
        assert!(notes.iter().any(|known| known.text.contains(note)), "{note}: {notes:?}");
    }
}

#[test]
fn tshark_finds_the_same_segments() {
    if Command::new("tshark").arg("-v").output().is_err() {
        eprintln!("skipped: tshark is not installed");
        return;
    }
    let segments = sample();
    let folder = tempfile::tempdir().unwrap();
    for (name, link, wrap) in ENCAPSULATIONS {
        let mut file = Vec::new();
        for word in [0xA1B2_3C4D_u32, 0x0004_0002, 0, 0, 262_144, u32::from(*link)] {
            file.extend(word.to_le_bytes());
        }
        for segment in &segments {
            let frame = wrap(&segment.frame());
            let (seconds, rest) = (segment.time.0 / 1_000_000_000, segment.time.0 % 1_000_000_000);
            let length = i64::try_from(frame.len()).unwrap();
            for word in [seconds, rest, length, length] {
                file.extend(u32::try_from(word).unwrap().to_le_bytes());
            }
            file.extend(frame);
        }
        let path = folder.path().join("trace.pcap");
        std::fs::write(&path, file).unwrap();
        let done =
            Command::new("tshark").args(["-n", "-T", "fields", "-e", "tcp.len", "-r"]).arg(&path).output().unwrap();
        let said: Vec<String> = String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect();
        let truly: Vec<String> = segments.iter().map(|segment| segment.payload.len().to_string()).collect();
        assert!(said == truly, "{name}: {:?}", said.iter().take(5).collect::<Vec<_>>());
    }
}

#[test]
#[cfg(feature = "live")]
fn the_kernel_lets_all_of_it_pass() {
    use mqttcap::capture::{Frame, LinkType, Moment};
    use mqttcap::source::{Filter, Wanted};
    // Ethernet, all interfaces, tunnels and modems. What is seen of the air is not filtered.
    let kernel_has = [1, 113, 101, 228, 9];
    let segments = sample();
    for wanted in [
        Wanted::default(),
        Wanted { hosts: vec!["10.0.0.2".parse().unwrap(), "10.0.0.11".parse().unwrap()], ..Wanted::default() },
    ] {
        // The first that the link takes is what the kernel is given; a later one lets no more pass.
        let mut filters: Vec<Filter> = wanted.filters().iter().map(|filter| Filter::new(filter).unwrap()).collect();
        for (name, link, wrap) in ENCAPSULATIONS.iter().filter(|(_, link, _)| kernel_has.contains(link)) {
            for segment in &segments {
                let data = wrap(&segment.frame());
                let original_length = u32::try_from(data.len()).unwrap();
                let frame = Frame { at: Moment::default(), link: LinkType(*link), data: &data, original_length };
                assert!(filters.iter_mut().any(|filter| filter.passes(&frame)), "{name}");
            }
        }
    }
}
