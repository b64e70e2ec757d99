//! Whether an interface is there, up, and linked.

use std::collections::HashMap;
use std::fmt;

use nix::net::if_::InterfaceFlags;

/// Whether anything can come from an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It is up.
    Up,
    /// It is up, but has no carrier: no cable, no radio link, no port of the bridge.
    NoLink,
    /// It is switched off.
    Down,
    /// There is no interface of that name.
    Gone,
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkState::Up => "up",
            LinkState::NoLink => "no link",
            LinkState::Down => "down",
            LinkState::Gone => "gone",
        })
    }
}

/// The states of all interfaces, by name; none where the kernel does not tell.
pub(super) fn all() -> HashMap<String, LinkState> {
    let Ok(addresses) = nix::ifaddrs::getifaddrs() else { return HashMap::new() };
    addresses.map(|address| (address.interface_name, of(address.flags))).collect()
}

fn of(flags: InterfaceFlags) -> LinkState {
    match (flags.contains(InterfaceFlags::IFF_UP), flags.contains(InterfaceFlags::IFF_RUNNING)) {
        (false, _) => LinkState::Down,
        (true, false) => LinkState::NoLink,
        (true, true) => LinkState::Up,
    }
}
