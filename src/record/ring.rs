//! The newest frames, in a bounded ring.
//!
//! Invariant: bytes, with what is noted of each frame, stay within the bound, and so does the time that the ring
//! spans. Nothing is allocated for a frame once the ring has its size.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::capture::{Frame, LinkType, Moment};
use crate::net::{Decoded, Neighbour, decode};

/// Whom a frame is from or to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hosts {
    /// Of a question for an address, who asks; and who is looked for.
    pub(super) pair: Option<(IpAddr, IpAddr)>,
    /// Whether it asks or tells where a host is (ARP, Neighbour Discovery).
    pub(super) looks: bool,
}

impl Hosts {
    /// The hosts of a frame.
    pub(super) fn of(frame: &Frame<'_>) -> Hosts {
        let pair = match decode(frame.link, frame.data, frame.original_length) {
            Decoded::Segment(segment) => (segment.source.address, segment.destination.address),
            Decoded::Undeliverable(error) => (error.source.address, error.destination.address),
            Decoded::Dns(message) => (message.source.address, message.destination.address),
            Decoded::Fragment(fragment) => (fragment.header.source, fragment.header.destination),
            Decoded::Neighbour(Neighbour::Question { asker, target, .. }) => {
                return Hosts { pair: Some((asker, target)), looks: true };
            }
            Decoded::Neighbour(Neighbour::Answer { target }) => {
                return Hosts { pair: Some((target, target)), looks: true };
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
    most: usize,
    span: Duration,
    slots: VecDeque<Slot>,
    bytes: VecDeque<u8>,
}

impl Ring {
    /// Of at most so many bytes, and so much time.
    pub(super) fn new(most: usize, span: Duration) -> Ring {
        Ring { most, span, slots: VecDeque::new(), bytes: VecDeque::new() }
    }

    /// Takes a frame; those that have no room any more, or are too old, go.
    pub(super) fn push(&mut self, frame: &Frame<'_>, hosts: Hosts) {
        let length = frame.data.len();
        while let Some(oldest) = self.slots.front()
            && (self.used() + length + size_of::<Slot>() > self.most || self.is_old(oldest, frame.at))
        {
            self.bytes.drain(..oldest.length.min(self.bytes.len()));
            self.slots.pop_front();
        }
        if length + size_of::<Slot>() > self.most {
            return;
        }
        self.bytes.extend(frame.data);
        let Frame { at, link, original_length, .. } = *frame;
        self.slots.push_back(Slot { at, link, original_length, length, hosts });
    }

    /// Hands out the frames that are `wanted`, oldest first.
    pub(super) fn each(&self, wanted: impl Fn(Moment, &Hosts) -> bool, out: &mut impl FnMut(&Frame<'_>)) {
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

    /// Bytes in use.
    pub(super) fn used(&self) -> usize {
        self.bytes.len() + self.slots.len() * size_of::<Slot>()
    }

    fn is_old(&self, slot: &Slot, now: Moment) -> bool {
        u128::try_from(now.time.nanoseconds_since(slot.at.time)).is_ok_and(|age| age > self.span.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{FrameNumber, Timestamp};

    fn frame(number: u64, milliseconds: i64, data: &[u8]) -> Frame<'_> {
        Frame {
            at: Moment { frame: FrameNumber(number), time: Timestamp(milliseconds * 1_000_000) },
            link: LinkType::ETHERNET,
            data,
            original_length: 2000,
        }
    }

    fn held(ring: &Ring) -> Vec<(u64, Vec<u8>)> {
        let mut held = Vec::new();
        ring.each(|_, _| true, &mut |frame| held.push((frame.at.frame.0, frame.data.to_vec())));
        held
    }

    #[test]
    fn what_is_too_old_goes() {
        let mut ring = Ring::new(1 << 20, Duration::from_secs(1));
        for number in 0..10_u8 {
            ring.push(&frame(number.into(), i64::from(number) * 250, &[number; 3]), Hosts::default());
        }
        let numbers: Vec<u64> = held(&ring).into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [5, 6, 7, 8, 9]);
    }

    #[test]
    fn bytes_stay_within_the_bound_and_the_frames_whole() {
        let most = 10_000;
        let mut ring = Ring::new(most, Duration::from_secs(60));
        for number in 0..1000_u64 {
            let byte = u8::try_from(number % 251).unwrap();
            let data = vec![byte; usize::try_from(number % 700).unwrap()];
            ring.push(&frame(number, 0, &data), Hosts::default());
            assert!(ring.used() <= most);
        }
        let held = held(&ring);
        assert_eq!(held.last().unwrap().0, 999);
        for (number, data) in held {
            assert_eq!(data, vec![u8::try_from(number % 251).unwrap(); usize::try_from(number % 700).unwrap()]);
        }
        assert!(ring.bytes.capacity() <= 2 * most);
    }

    #[test]
    fn a_frame_larger_than_the_ring_is_not_kept() {
        let mut ring = Ring::new(100, Duration::from_secs(60));
        ring.push(&frame(1, 0, &[0; 1000]), Hosts::default());
        assert!(held(&ring).is_empty());
    }
}
