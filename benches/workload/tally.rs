//! What a generated capture holds, counted while it is written.

use std::collections::BTreeMap;

/// Counts of what was written.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Frames in the capture.
    pub(crate) frames: u64,
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// Control packets that are whole in the capture, by the packet type's number.
    pub(crate) packets: [u64; 16],
    /// Control packets of which the capture lacks a segment.
    pub(crate) missing: u64,
    /// How the sessions ended, by mqttcap's name for it.
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Sessions in the capture.
    pub(crate) fn sessions(&self) -> u64 {
        self.outcomes.values().sum()
    }

    pub(crate) fn ended(&mut self, outcome: &'static str) {
        *self.outcomes.entry(outcome).or_default() += 1;
    }
}
