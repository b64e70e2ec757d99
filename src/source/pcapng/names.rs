//! Name Resolution Blocks (draft-ietf-opsawg-pcapng §4.5): host names that whoever wrote the file knew.
//!
//! Invariant: at most [`MOST`] addresses are kept, each with its first name.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Order, options};

/// Addresses kept of a capture.
const MOST: usize = 10_000;
/// The longest name of DNS (RFC 1035 §2.3.4), written out.
const LONGEST: usize = 255;
const IPV4: u16 = 1;
const IPV6: u16 = 2;

/// Host names by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<IpAddr, String>);

impl Names {
    /// The name of a host.
    pub fn of(&self, address: IpAddr) -> Option<&str> {
        self.0.get(&address).map(String::as_str)
    }

    /// Takes in the names of another file; those known already stay.
    pub(in super::super) fn extend(&mut self, other: &Names) {
        for (address, name) in &other.0 {
            self.add(*address, name.as_bytes());
        }
    }

    /// Takes in the names of a block.
    #[cold]
    pub(super) fn read(&mut self, order: Order, body: &[u8]) {
        for (kind, value) in options::list(order, body) {
            if kind == IPV4
                && let Some((address, names)) = value.split_first_chunk::<4>()
            {
                self.add(Ipv4Addr::from(*address).into(), names);
            } else if kind == IPV6
                && let Some((address, names)) = value.split_first_chunk::<16>()
            {
                self.add(Ipv6Addr::from(*address).into(), names);
            }
        }
    }

    /// `names` are one or more, each with a zero behind it.
    fn add(&mut self, address: IpAddr, names: &[u8]) {
        let first = names.split(|byte| *byte == 0).next().unwrap_or_default();
        if first.is_empty() || first.len() > LONGEST || self.0.len() >= MOST {
            return;
        }
        self.0.entry(address).or_insert_with(|| String::from_utf8_lossy(first).into_owned());
    }
}
