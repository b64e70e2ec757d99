//! What is to be seen, as a filter of the kernel (pcap-filter(7)), so that other traffic never reaches the program.
//!
//! Invariant: whatever the options leave out, what tells a session's story beside its TCP segments passes: DNS,
//! ARP and Neighbour Discovery, ICMP errors, fragments, and tunnels, in which anything may be. All of it
//! passes in VLANs, too, also where the hardware took the tag off.

use std::fmt::Write as _;
use std::net::IpAddr;

/// What of the traffic is to be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only TCP from or to these addresses; empty: of all.
    pub hosts: Vec<IpAddr>,
    /// Only TCP from or to these ports; empty: of all.
    pub ports: Vec<u16>,
    /// Only what passes this expression, too.
    pub expression: Option<String>,
}

/// Lookups by DNS, mDNS and LLMNR; who has an address; and errors, which pings are not.
const QUESTIONS: &str = "udp port 53 or udp port 5353 or udp port 5355 or arp \
    or (icmp and icmp[0] != 0 and icmp[0] != 8) or (icmp6 and ip6[40] != 128 and ip6[40] != 129)";

/// VXLAN (the registered port and that of Linux), Geneve, GTP-U; IP in IP, 6in4 and GRE; the Authentication Header.
const TUNNELS: &str = "udp port 4789 or udp port 8472 or udp port 6081 or udp port 2152 \
    or ip proto 4 or ip proto 41 or ip proto 47 or ip proto 51 or ip6 proto 4 or ip6 proto 41 or ip6 proto 47";

/// IPv6 with headers before TCP, behind which libpcap does not look: Hop-by-Hop, Routing, Fragment, Authentication,
/// Destination Options, Mobility. Fragments of IPv4.
const HIDDEN: &str = "ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 51 or ip6[6] = 60 or ip6[6] = 135 \
    or (ip[6:2] & 0x3fff != 0)";

/// MPLS, `PPPoE`, `MACsec`, and tags of VLANs that are left when libpcap looked behind others or cannot look there.
const INSIDE: &str = "ether proto 0x8847 or ether proto 0x8848 or ether proto 0x8864 or ether proto 0x88e5 \
    or ether proto 0x8100 or ether proto 0x88a8 or ether proto 0x9100 or ether proto 0x9200";

/// IP behind an LLC and a SNAP header, where the link has both kinds of frames.
const SNAP: &str = " or (ether[12:2] <= 1500 and ether[14:4] = 0xaaaa0300)";

/// After one of these, libpcap reads all that follows behind the header that they name.
const LOOK_BEHIND: [&str; 6] = ["vlan", "mpls", "pppoed", "pppoes", "geneve", "vxlan"];

impl Wanted {
    /// The filter, best first; a later one is for links that the earlier do not fit.
    pub fn filters(&self) -> Vec<String> {
        let frame = self.frame(INSIDE);
        let of_ethernet = self.frame(&[INSIDE, SNAP].concat());
        match &self.expression {
            // It says itself where in the frame it looks, so that nothing can be said after it.
            Some(expression) if looks_behind(expression) => vec![expression.clone()],
            _ => vec![
                // The outer tag may be gone from the frame and be told beside it: then the first part sees what is inside.
                format!("({of_ethernet}) or (vlan and (({of_ethernet}) or (vlan and ({of_ethernet}))))"),
                frame,
            ],
        }
    }

    /// For what follows a link-layer header.
    fn frame(&self, inside: &str) -> String {
        let ours = format!("{} or {QUESTIONS} or {TUNNELS} or {} or {inside}", self.tcp(), self.narrowed(HIDDEN, ""));
        match &self.expression {
            None => ours,
            Some(expression) => format!("({expression}) and ({ours})"),
        }
    }

    fn tcp(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(|port| format!("port {port}")).collect();
        self.narrowed("tcp", &ports.join(" or "))
    }

    /// `what`, of the wanted hosts, and if `further`.
    fn narrowed(&self, what: &str, further: &str) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(|host| format!("host {host}")).collect();
        let mut text = format!("(({what})");
        for condition in [hosts.join(" or "), further.to_owned()] {
            if !condition.is_empty() {
                // Writing to a string cannot fail.
                let _ = write!(text, " and ({condition})");
            }
        }
        text + ")"
    }
}

fn looks_behind(expression: &str) -> bool {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().any(|word| LOOK_BEHIND.contains(&word))
}
