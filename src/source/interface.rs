//! Frames from a network interface, by libpcap.
//!
//! Invariant: reading never blocks for longer than a tick, also where libpcap's read timeout does not
//! fire on an idle line (`TPACKET_V3`), so that whoever reads can end and let time pass.

use std::net::IpAddr;
use std::time::Duration;

use pcap::{Active, Capture, Device};

use crate::capture::{Frame, FrameNumber, LinkType, Moment, Timestamp};

/// Whole frames: offloaded ones are up to 64 KiB and more.
const SNAP_LENGTH: i32 = 262_144;
/// Kernel buffer in bytes.
const BUFFER: i32 = 64 << 20;
/// How long to wait when nothing came.
const TICK: Duration = Duration::from_millis(20);
/// What the kernel hands over: TCP, the ICMP errors about it, IPv6 with extension headers, fragments; DNS and
/// ARP; tunnels, MPLS, `PPPoE` and `MACsec`, in which all that may be.
const FILTER: &str = "tcp or icmp or icmp6 or arp or ip6 or (ip[6:2] & 0x3fff != 0) \
    or udp port 53 or udp port 5353 or udp port 5355 \
    or udp port 4789 or udp port 8472 or udp port 6081 or udp port 2152 or ip proto 4 or ip proto 41 or ip proto 47 \
    or ether proto 0x8847 or ether proto 0x8864 or ether proto 0x88e5";
/// All of that in VLANs, on links that have them. It has to come last: what follows it looks behind the tag.
const VLANS: &str = " or vlan";

/// Why an interface cannot be captured on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterfaceError {
    /// The right to capture is missing.
    #[error("cannot capture on {name}: permission denied")]
    Permission {
        /// The interface.
        name: String,
    },
    /// There is no such interface.
    #[error("cannot capture on {name}: there is no such interface")]
    NotFound {
        /// The interface.
        name: String,
        /// Those that there are.
        others: Vec<String>,
    },
    /// There is no interface at all, or none that may be seen.
    #[error("there is no interface to capture on")]
    None,
    /// libpcap refused something else.
    #[error("cannot {operation} {name}: {source}")]
    Pcap {
        /// What was tried.
        operation: &'static str,
        /// The interface.
        name: String,
        /// What libpcap says.
        source: pcap::Error,
    },
}

impl InterfaceError {
    /// The first thing to try.
    pub fn hint(&self) -> String {
        match self {
            InterfaceError::Permission { .. } => {
                "capturing needs the right CAP_NET_RAW: sudo setcap cap_net_raw,cap_net_admin=eip $(command -v mqttcap)"
                    .into()
            }
            InterfaceError::NotFound { others, .. } => format!("there are: {}", others.join(", ")),
            InterfaceError::None => "`mqttcap interfaces` lists what may be seen; it may need sudo".into(),
            InterfaceError::Pcap { .. } => "`mqttcap interfaces` lists what can be captured on".into(),
        }
    }
}

/// An interface that can be captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceInfo {
    /// Its name, for `-i`.
    pub name: String,
    /// What libpcap says of it.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// It is up and running.
    pub up: bool,
}

/// The interfaces that there are.
pub fn interfaces() -> Result<Vec<InterfaceInfo>, InterfaceError> {
    let devices = Device::list().map_err(|source| InterfaceError::Pcap {
        operation: "list",
        name: "the interfaces".into(),
        source,
    })?;
    let info = |device: Device| InterfaceInfo {
        up: device.flags.is_up() && device.flags.is_running(),
        addresses: device.addresses.iter().map(|address| address.addr).collect(),
        description: device.desc,
        name: device.name,
    };
    Ok(devices.into_iter().map(info).collect())
}

/// An interface that is being captured on.
pub struct Interface {
    name: String,
    capture: Capture<Active>,
    link: LinkType,
    number: u64,
}

impl Interface {
    /// Begins to capture on the interface `name`, or on the first that is up.
    pub fn open(name: Option<&str>) -> Result<Interface, InterfaceError> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => Device::lookup().ok().flatten().ok_or(InterfaceError::None)?.name,
        };
        let failed = |operation, source| InterfaceError::of(operation, &name, source);
        let inactive = Capture::from_device(name.as_str()).map_err(|source| failed("open", source))?;
        let capture = inactive
            .promisc(true)
            .snaplen(SNAP_LENGTH)
            .buffer_size(BUFFER)
            .timeout(100)
            .open()
            .map_err(|source| failed("capture on", source))?;
        let mut capture = capture.setnonblock().map_err(|source| failed("capture on", source))?;
        // A link type without IP has no such filter: then everything is looked at.
        if capture.filter(&[FILTER, VLANS].concat(), true).is_err() {
            let _ = capture.filter(FILTER, true);
        }
        let link = LinkType(u16::try_from(capture.get_datalink().0).unwrap_or(u16::MAX));
        Ok(Interface { name, capture, link, number: 0 })
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next frame; `None` when none came within a tick.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, InterfaceError> {
        match self.capture.next_packet() {
            Ok(packet) => {
                self.number += 1;
                let stamp = packet.header.ts;
                let time =
                    stamp.tv_sec.saturating_mul(1_000_000_000).saturating_add(stamp.tv_usec.saturating_mul(1000));
                Ok(Some(Frame {
                    at: Moment { frame: FrameNumber(self.number), time: Timestamp(time) },
                    link: self.link,
                    data: packet.data,
                    original_length: packet.header.len.max(packet.header.caplen),
                }))
            }
            Err(pcap::Error::TimeoutExpired | pcap::Error::NoMorePackets) => {
                std::thread::sleep(TICK);
                Ok(None)
            }
            Err(source) => Err(InterfaceError::of("capture on", &self.name, source)),
        }
    }

    /// Frames that the kernel or the interface let go because nobody took them in time.
    pub fn dropped(&mut self) -> u64 {
        self.capture.stats().map_or(0, |stats| u64::from(stats.dropped) + u64::from(stats.if_dropped))
    }
}

impl std::fmt::Debug for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interface").field("name", &self.name).field("link", &self.link).finish_non_exhaustive()
    }
}

impl InterfaceError {
    fn of(operation: &'static str, name: &str, source: pcap::Error) -> InterfaceError {
        let text = source.to_string().to_lowercase();
        let name = name.to_owned();
        if text.contains("permission") || text.contains("not permitted") {
            InterfaceError::Permission { name }
        } else if text.contains("no such device") || text.contains("doesn't exist") {
            let others = interfaces().unwrap_or_default().into_iter().map(|info| info.name).collect();
            InterfaceError::NotFound { name, others }
        } else {
            InterfaceError::Pcap { operation, name, source }
        }
    }
}
