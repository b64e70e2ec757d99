//! An interface of a section, and what was lost on it.

use super::super::clock::Clock;
use crate::capture::LinkType;

/// What a capturing host counted as lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Packets that the interface lost for want of room (`isb_ifdrop`).
    pub interface: u64,
    /// Packets that the operating system lost after that (`isb_osdrop`).
    pub system: u64,
    /// Packets lost between others, as these say (`epb_dropcount`), beyond the above, which count them too.
    pub between: u64,
}

impl Drops {
    /// All of them.
    pub fn total(self) -> u64 {
        self.interface.saturating_add(self.system).saturating_add(self.between)
    }

    pub(in super::super) fn plus(self, other: Drops) -> Drops {
        Drops {
            interface: self.interface.saturating_add(other.interface),
            system: self.system.saturating_add(other.system),
            between: self.between.saturating_add(other.between),
        }
    }
}

/// An interface as its description block has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    /// 0 if unlimited.
    pub(super) snap_length: u32,
    pub(super) clock: Clock,
    /// The last counts that its statistics told; they count from the start of the capture.
    ifdrop: u64,
    osdrop: u64,
    /// The sum of what its packets told.
    between: u64,
}

impl Interface {
    pub(super) fn new(link: LinkType, snap_length: u32, clock: Clock) -> Interface {
        Interface { link, snap_length, clock, ifdrop: 0, osdrop: 0, between: 0 }
    }

    /// Its statistics tell what was lost since the start of the capture.
    pub(super) fn lost_so_far(&mut self, interface: Option<u64>, system: Option<u64>) {
        self.ifdrop = interface.unwrap_or(self.ifdrop);
        self.osdrop = system.unwrap_or(self.osdrop);
    }

    /// A packet tells that so many were lost before it.
    pub(super) fn lost_before(&mut self, packets: u64) {
        self.between = self.between.saturating_add(packets);
    }

    pub(super) fn drops(&self) -> Drops {
        let (interface, system) = (self.ifdrop, self.osdrop);
        let between = self.between.saturating_sub(interface.saturating_add(system));
        Drops { interface, system, between }
    }
}
