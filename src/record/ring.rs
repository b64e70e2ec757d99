//! The newest frames, in a bounded ring.
//!
//! Invariant: bytes, with what is noted of each frame, stay within the bound. Nothing is allocated for a frame: the
//! ring is allocated once, and takes memory as it fills.

use std::collections::VecDeque;

use crate::capture::{Frame, LinkType, Moment};
use crate::net::{Decoded, Endpoint, Neighbour, decode};

/// Whom a frame is from or to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hosts {
    /// Sender and receiver, with the port 0 where there is none; of a question for an address who asks, and who is
    /// looked for.
    pub(super) pair: Option<(Endpoint, Endpoint)>,
    /// Whether it asks or tells where a host is (ARP, Neighbour Discovery).
    pub(super) looks: bool,
}

impl Hosts {
    /// The hosts of a frame.
    pub(super) fn of(frame: &Frame<'_>) -> Hosts {
        let host = |address| Endpoint { address, port: 0 };
        let pair = match decode(frame.link, frame.data, frame.original_length) {
            Decoded::Segment(segment) => (segment.source, segment.destination),
            Decoded::Undeliverable(error) => (error.source, error.destination),
            Decoded::TooLarge { source, destination } => (source, destination),
            Decoded::Dns(message) => (message.source, message.destination),
            Decoded::Fragment(fragment) => (host(fragment.header.source), host(fragment.header.destination)),
            Decoded::Neighbour(Neighbour::Question { asker, target, .. }) => {
                return Hosts { pair: Some((host(asker), host(target))), looks: true };
            }
            Decoded::Neighbour(Neighbour::Answer { target }) => {
                return Hosts { pair: Some((host(target), host(target))), looks: true };
            }
            Decoded::Other | Decoded::Undecodable(_) => return Hosts::default(),
        };
        Hosts { pair: Some(pair), looks: false }
    }
}

/// A frame but for its bytes.
#[derive(Clone, Copy, Debug)]
struct Slot {
    at: Moment,
    link: LinkType,
    original_length: u32,
    length: usize,
    hosts: Hosts,
}

/// The newest frames.
#[derive(Debug)]
pub(super) struct Ring {
    slots: VecDeque<Slot>,
    bytes: VecDeque<u8>,
    most_slots: usize,
    most_bytes: usize,
}

impl Ring {
    /// Of at most so many bytes: a quarter for what is noted of frames, which suits frames of 250 bytes and more.
    pub(super) fn new(most: usize) -> Ring {
        let most_slots = most / 4 / size_of::<Slot>();
        let most_bytes = most - most / 4;
        let (mut slots, mut bytes) = (VecDeque::new(), VecDeque::new());
        slots.reserve_exact(most_slots);
        bytes.reserve_exact(most_bytes);
        Ring { slots, bytes, most_slots, most_bytes }
    }

    /// Takes a frame; the oldest go that have no room any more.
    pub(super) fn push(&mut self, frame: &Frame<'_>, hosts: Hosts) {
        let length = frame.data.len();
        if length > self.most_bytes || self.most_slots == 0 {
            return;
        }
        while self.bytes.len() + length > self.most_bytes || self.slots.len() >= self.most_slots {
            let Some(oldest) = self.slots.pop_front() else { break };
            self.bytes.drain(..oldest.length.min(self.bytes.len()));
        }
        self.bytes.extend(frame.data);
        let Frame { at, link, original_length, .. } = *frame;
        self.slots.push_back(Slot { at, link, original_length, length, hosts });
    }

    /// Whom the frames are from or to, oldest first.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (Moment, &Hosts)> {
        self.slots.iter().map(|slot| (slot.at, &slot.hosts))
    }

    /// Hands out the frames that are `wanted`, oldest first.
    pub(super) fn each(&self, mut wanted: impl FnMut(Moment, &Hosts) -> bool, out: &mut impl FnMut(&Frame<'_>)) {
        let mut begin = 0;
        let mut data = Vec::new();
        for slot in &self.slots {
            let end = begin + slot.length;
            if wanted(slot.at, &slot.hosts) {
                data.clear();
                data.extend(self.bytes.range(begin..end));
                let Slot { at, link, original_length, .. } = *slot;
                out(&Frame { at, link, data: &data, original_length });
            }
            begin = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{FrameNumber, Timestamp};

    fn frame(number: u64, data: &[u8]) -> Frame<'_> {
        let at = Moment { frame: FrameNumber::new(number), time: Timestamp::default() };
        Frame { at, link: LinkType::ETHERNET, data, original_length: 2000 }
    }

    fn held(ring: &Ring) -> Vec<(u64, Vec<u8>)> {
        let mut held = Vec::new();
        ring.each(|_, _| true, &mut |frame| held.push((frame.at.frame.get(), frame.data.to_vec())));
        held
    }

    #[test]
    fn memory_stays_within_the_bound_and_the_frames_whole() {
        let most = 20_000;
        let mut ring = Ring::new(most);
        for number in 0..3000_u64 {
            let byte = u8::try_from(number % 251).unwrap();
            // First long ones, then short ones: either bound is met.
            let length = if number < 1000 { number % 900 } else { number % 60 };
            ring.push(&frame(number, &vec![byte; usize::try_from(length).unwrap()]), Hosts::default());
            assert!(ring.bytes.capacity() + ring.slots.capacity() * size_of::<Slot>() <= most);
            let held = held(&ring);
            assert_eq!(held.last().unwrap().0, number);
            for (number, data) in held {
                assert!(data.iter().all(|byte| u64::from(*byte) == number % 251));
            }
        }
        assert_eq!(held(&ring).len(), ring.most_slots);
    }

    #[test]
    fn a_frame_larger_than_the_ring_is_not_kept() {
        let mut ring = Ring::new(10_000);
        ring.push(&frame(1, &[0; 10_000]), Hosts::default());
        assert!(held(&ring).is_empty());
    }
}
