//! Deterministic captures to measure with: five kinds of traffic, the same bytes every time, and a tally of what they
//! hold.
//!
//! `mqtt-proto` encodes the packets, `etherparse` the headers with their checksums; `tests/workloads.rs` lets tshark
//! confirm that what is made is well formed. Whatever else is proved about mqttcap is proved on captures of real
//! programs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // what is encoded here is known to fit
#![allow(dead_code)] // each bench and test uses a part of it

pub(crate) mod bulk;
pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod lossy;
pub(crate) mod noise;
pub(crate) mod packet;
pub(crate) mod small;
pub(crate) mod tally;
pub(crate) mod wire;

use std::io::{self, Write};

pub(crate) use tally::Tally;

/// Clients of `small` and `lossy` that publish side by side.
pub(crate) const CLIENTS: u32 = 10_000;

/// A kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    Small,
    Bulk,
    Connections,
    Noise,
    Lossy,
}

impl Workload {
    pub(crate) const ALL: [Workload; 5] =
        [Workload::Small, Workload::Bulk, Workload::Connections, Workload::Noise, Workload::Lossy];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::Small => "small",
            Workload::Bulk => "bulk",
            Workload::Connections => "connections",
            Workload::Noise => "noise",
            Workload::Lossy => "lossy",
        }
    }

    /// What it holds, in words.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Workload::Small => "10,000 MQTT 5.0 clients publish about 100 bytes with properties at QoS 1, in turn",
            Workload::Bulk => "8 clients publish payloads of 64 KiB at QoS 0 and 1, in full segments",
            Workload::Connections => "short connections, half of them refused, reset, unanswered or dropped",
            Workload::Noise => "2 % MQTT among TLS, HTTP, SSH, UDP, DNS and ARP",
            Workload::Lossy => "`small` with 2 % of the segments reordered, 1 % resent, 0.1 % missing",
        }
    }

    /// Writes a capture of about `kilobytes`, with fewer clients below 100 MB; of `Connections` one connection for every
    /// 5 of them, so that 1 GB has 200,000.
    pub(crate) fn write(self, out: &mut impl Write, kilobytes: u64) -> io::Result<Tally> {
        let bytes = kilobytes * 1000;
        let clients = u32::try_from(kilobytes / 10).unwrap_or(u32::MAX).clamp(1, CLIENTS);
        match self {
            Workload::Small => small::write(out, clients, bytes),
            Workload::Bulk => bulk::write(out, bytes),
            Workload::Connections => connections::write(out, kilobytes / 5),
            Workload::Noise => noise::write(out, clients.div_ceil(200), bytes),
            Workload::Lossy => lossy::write(out, clients, bytes),
        }
    }
}
