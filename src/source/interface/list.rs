//! Which interfaces there are, which of them one would mean, and why one cannot be opened.
//!
//! Invariant: looking changes nothing: an interface is tried without promiscuous mode, and pseudo-devices
//! of libpcap that take something from others when they are opened are not tried.

use std::net::IpAddr;

use pcap::Device;

use super::error::InterfaceError;
use super::handle::{ANY, Handle};
use super::options::Options;
use super::state::{self, LinkState};

/// An interface that can be captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceInfo {
    /// Its name, for `-i`.
    pub name: String,
    /// What libpcap says of it.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is up; `None` for what is no network interface (`any`, `nflog`).
    pub state: Option<LinkState>,
    /// It is the one that is taken when none is named.
    pub is_default: bool,
}

/// The interfaces that there are.
pub fn interfaces() -> Result<Vec<InterfaceInfo>, InterfaceError> {
    let devices = Device::list().map_err(|source| InterfaceError::Pcap {
        operation: "list",
        name: "the interfaces".into(),
        source,
    })?;
    let states = state::all();
    let chosen = default_interface();
    let info = |device: Device| InterfaceInfo {
        state: states.get(&device.name).copied(),
        addresses: device.addresses.iter().map(|address| address.addr).collect(),
        is_default: chosen.as_deref() == Some(device.name.as_str()),
        description: device.desc,
        name: device.name,
    };
    Ok(devices.into_iter().map(info).collect())
}

/// Tries to capture on an interface; what is not a network interface is not tried.
pub fn try_open(interface: &InterfaceInfo) -> Result<(), InterfaceError> {
    if interface.state.is_none() && interface.name != ANY {
        return Ok(());
    }
    let options = Options { promiscuous: false, buffer: Options::SMALLEST_BUFFER, ..Options::default() };
    Handle::open(&interface.name, &options).map(drop)
}

/// The interface of the default route, else the first that is up.
pub fn default_interface() -> Option<String> {
    of_default_route().or_else(|| Some(Device::lookup().ok().flatten()?.name))
}

/// The interface of the default route: of IPv4 the one of the lowest metric, else of IPv6.
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods)] // the edge: the kernel's routing table is a file
fn of_default_route() -> Option<String> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    ipv4_route(&read("/proc/net/route")).or_else(|| ipv6_route(&read("/proc/net/ipv6_route")))
}

#[cfg(not(target_os = "linux"))]
fn of_default_route() -> Option<String> {
    None
}

/// In `/proc/net/route`: interface, destination, gateway, flags, two counts, metric, mask; addresses in hexadecimal.
#[cfg(target_os = "linux")]
fn ipv4_route(table: &str) -> Option<String> {
    let route = |line: &str| {
        let mut fields = line.split_whitespace();
        let (name, destination) = (fields.next()?.to_owned(), fields.next()?);
        let metric: u32 = fields.nth(4)?.parse().ok()?;
        let mask = fields.next()?;
        (destination == "00000000" && mask == "00000000").then_some((metric, name))
    };
    table.lines().skip(1).filter_map(route).min().map(|(_, name)| name)
}

/// In `/proc/net/ipv6_route`: destination, its prefix length, source, its length, next hop, metric, two counts,
/// flags, name.
#[cfg(target_os = "linux")]
fn ipv6_route(table: &str) -> Option<String> {
    const REJECT: u32 = 0x0200;
    let route = |line: &str| {
        let mut fields = line.split_whitespace();
        let (destination, length) = (fields.next()?, fields.next()?);
        let metric = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
        let flags = u32::from_str_radix(fields.nth(2)?, 16).ok()?;
        let name = fields.next()?.to_owned();
        let is_default = length == "00" && destination.bytes().all(|digit| digit == b'0');
        (is_default && flags & REJECT == 0 && name != "lo").then_some((metric, name))
    };
    table.lines().filter_map(route).min().map(|(_, name)| name)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_of_the_lowest_metric_is_taken() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
            br0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n\
            wan\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
        assert_eq!(ipv4_route(table).as_deref(), Some("wan"));
        assert_eq!(ipv4_route("Iface\tDestination\n"), None);
    }

    #[test]
    fn the_route_of_ipv6_that_only_refuses_is_none() {
        let zero = "0".repeat(32);
        let table = format!(
            "{zero} 00 {zero} 00 fe80{} 00000400 00000001 00000000 00000003 ppp0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n",
            "1".repeat(28)
        );
        assert_eq!(ipv6_route(&table).as_deref(), Some("ppp0"));
    }
}
