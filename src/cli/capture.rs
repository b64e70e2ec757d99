//! How `live` captures, as it is typed, and what is said of an interface that goes away.

use std::net::IpAddr;

use clap::Args;

use crate::source::{Change, LinkState, Options, Wanted};

/// On what and how to capture.
#[derive(Debug, Args)]
pub(super) struct CaptureOn {
    /// Interfaces (repeatable, or with commas), `any` for all; without it, the one of the default route
    #[arg(short, long = "interface", value_name = "IFACE", value_delimiter = ',')]
    pub(super) interfaces: Vec<String>,
    /// Follow only TCP from or to this address (repeatable); what leads to it still passes: lookups, ARP, ICMP errors
    #[arg(long = "host", value_name = "ADDR")]
    pub(super) hosts: Vec<IpAddr>,
    /// Follow only TCP from or to these ports (repeatable, or with commas): spares a busy gateway the rest
    #[arg(long = "only-port", value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) only_ports: Vec<u16>,
    /// See only frames that this filter of libpcap lets pass, too, as tcpdump takes it: 'net 10.0.0.0/8'
    #[arg(long, value_name = "EXPR")]
    pub(super) bpf: Option<String>,
    /// Size of the kernel's buffer in MiB: what may come while the program is busy
    #[arg(long, value_name = "MIB", default_value_t = Options::BUFFER >> 20, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) buffer: u32,
    /// Take each frame as it comes instead of all of a tenth of a second: sooner by that, at more cost
    #[arg(long)]
    pub(super) immediate: bool,
    /// Capture only so many bytes of each frame; what is cut off is said, and lowers how sure a verdict is
    #[arg(long, value_name = "BYTES", default_value_t = Options::SNAP_LENGTH, value_parser = clap::value_parser!(u32).range(96..=Options::SNAP_LENGTH as i64))]
    pub(super) snap_length: u32,
    /// Take only frames that are for this host or from it
    #[arg(long)]
    pub(super) no_promiscuous: bool,
}

impl CaptureOn {
    /// As `source` takes it.
    pub(super) fn options(&self) -> Options {
        Options {
            buffer: self.buffer << 20,
            immediate: self.immediate,
            snap_length: self.snap_length,
            promiscuous: !self.no_promiscuous,
            wanted: Wanted { hosts: self.hosts.clone(), ports: self.only_ports.clone(), expression: self.bpf.clone() },
        }
    }
}

/// What is said when an interface went away or came back.
pub(super) fn told(change: &Change) -> String {
    let name = &change.name;
    match change.state {
        LinkState::Up => format!("{name} is up again"),
        LinkState::NoLink => format!("{name} has no link; waiting"),
        LinkState::Down => format!("{name} is down; waiting"),
        LinkState::Gone => format!("{name} is gone; waiting"),
    }
}
