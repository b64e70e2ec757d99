//! Defragmentation against a map of bytes: what comes out whole is what every byte's copies agree on, a packet whose
//! copies differ never does, and nothing grows.
//!
//! Input: fragments: packet and kind, offset, length, what its bytes are made of, pause.

use std::collections::HashMap;

use mqttcap::capture::{FrameNumber, Moment, Timestamp};
use mqttcap::fragments::Fragments;
use mqttcap::limits::Limits;
use mqttcap::net::{Fragment, FragmentHeader};

use super::take;

/// More fragments than this tell nothing new, and take long.
const MOST: u64 = 64;

/// The bytes of one packet as far as its fragments tell.
#[derive(Default)]
struct Naive {
    bytes: Vec<Option<u8>>,
    known: usize,
    /// Fragments that contradict one another, or that no sender makes.
    spoilt: bool,
    total: Option<u32>,
}

impl Naive {
    fn add(&mut self, offset: u32, more: bool, payload: &[u8]) {
        let end = offset + payload.len() as u32;
        let longest = self.bytes.len() as u32;
        self.spoilt |= more && (payload.is_empty() || !payload.len().is_multiple_of(8)) || end > 65_535;
        self.spoilt |= !more && (longest > end || self.total.is_some_and(|total| total != end));
        self.spoilt |= self.total.is_some_and(|total| end > total);
        if !more {
            self.total = Some(end);
        }
        if !payload.is_empty() && longest < end {
            self.bytes.resize(end as usize, None);
        }
        for (known, byte) in self.bytes.iter_mut().skip(offset as usize).zip(payload) {
            self.known += usize::from(known.is_none());
            self.spoilt |= *known.get_or_insert(*byte) != *byte;
        }
    }

    fn whole(&self) -> Option<Vec<u8>> {
        let total = self.total.filter(|total| !self.spoilt && self.known == *total as usize)?;
        self.bytes.iter().take(total as usize).copied().collect()
    }
}

pub(crate) fn check(mut data: &[u8]) {
    let limits = Limits { fragment_bytes: 1 << 20, fragmented_packets: 64, ..Limits::default() };
    let mut fragments = Fragments::new(&limits);
    let mut packets: HashMap<u8, Naive> = HashMap::new();
    let mut frame = 0;
    while !data.is_empty() && frame < MOST {
        let [what, offset, length, seed] = take(&mut data);
        frame += 1;
        let (packet, more) = (what & 7, what & 8 != 0);
        let length = usize::from(length) * if what & 16 == 0 { 8 } else { 1 };
        let offset = u32::from(offset) * if what & 32 == 0 { 8 } else { 256 };
        // Bytes that agree at every offset, unless the seed says otherwise.
        let byte = |at: u32| (at % 251) as u8 ^ if seed % 4 == 0 { seed } else { 0 };
        let payload: Vec<u8> = (offset..).take(length).map(byte).collect();
        let header = FragmentHeader {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            identification: u32::from(packet),
            protocol: 6,
            hop_limit: 64,
            macs: (None, None),
        };
        let fragment = Fragment { header, offset, more, payload: &payload, length: payload.len() as u32 };
        let at = Moment { frame: FrameNumber::new(frame), time: Timestamp(0) };
        let found = fragments.push(&fragment, at, &mut |_, _| ());
        let naive = packets.entry(packet).or_default();
        naive.add(offset, more, &payload);
        let expected = naive.whole();
        assert_eq!(found.map(|packet| packet.payload), expected);
        if expected.is_some() {
            packets.remove(&packet);
        }
    }
    fragments.finish(&mut |_, _| ());
}
