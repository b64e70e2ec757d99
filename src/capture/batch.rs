//! Many frames in one buffer, to be handed on together: to other threads, say.
//!
//! Invariant: frames come out in the order in which they went in, byte for byte. A batch that is cleared keeps its
//! memory, so that one that goes round allocates nothing.

use std::ops::Range;

use super::{Frame, FrameNumber, LinkType, Moment};
use crate::fetch;

/// A batch is full from so many bytes of frames on: few enough to stay in the processor's cache.
const FULL: usize = 512 << 10;
/// A batch is full from so many frames on.
const MOST: usize = 8192;

/// Frames that own their bytes together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where in `bytes` what is used begins.
    origin: usize,
    /// How many bytes are used from there on.
    used: usize,
    frames: Vec<Placed>,
}

/// A frame whose bytes are in the batch's buffer.
#[derive(Clone, Copy, Debug)]
struct Placed {
    at: Moment,
    /// Where its bytes begin, from the batch's origin on.
    start: u32,
    length: u32,
    original_length: u32,
    link: LinkType,
}

impl Batch {
    /// A batch takes no more once it holds so many bytes.
    pub(crate) const BYTES: usize = FULL;

    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Takes a copy of a frame.
    #[inline]
    pub fn push(&mut self, frame: &Frame<'_>) {
        let start = self.used;
        self.write(start, frame.data);
        self.place(frame, start, self.used);
    }

    /// Takes a frame without its bytes: they stand, or will, from `start` on, and all that belongs to it ends at `end`.
    #[inline]
    pub(crate) fn place(&mut self, frame: &Frame<'_>, start: usize, end: usize) {
        let Frame { at, link, data, original_length } = *frame;
        // No frame is longer than a source's buffer, nor does one begin behind so many bytes.
        let [start, length] = [start, data.len()].map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX));
        self.frames.push(Placed { at, start, length, original_length, link });
        self.used = end;
    }

    /// Copies the bytes of placed frames to where they were said to stand.
    pub(crate) fn write(&mut self, start: usize, bytes: &[u8]) {
        self.used = start + bytes.len();
        let (from, to) = (self.origin + start, self.origin + self.used);
        if self.bytes.len() < to {
            self.bytes.resize(to.max(self.bytes.len() * 2), 0);
        }
        if let Some(place) = self.bytes.get_mut(from..to) {
            place.copy_from_slice(bytes);
        }
    }

    /// Has placed frames in a buffer, from its byte `origin` on; returns the buffer it had, whatever is in that.
    pub(crate) fn lie_in(&mut self, buffer: Vec<u8>, origin: usize) -> Vec<u8> {
        self.origin = origin;
        std::mem::replace(&mut self.bytes, buffer)
    }

    /// The buffer the frames lie in.
    pub(crate) fn buffer(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes used.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        (self.origin, self.used) = (0, 0);
        self.frames.clear();
    }

    /// Whether it holds as much as is well handed on at once.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.used >= FULL || self.frames.len() >= MOST
    }

    /// How many frames it holds.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether it holds no frame.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frame at `index`, from 0.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Frame<'_>> {
        self.frames.get(index).map(|placed| self.frame(placed))
    }

    /// Asks for where the frame at `index` lies.
    #[inline]
    pub(crate) fn fetch(&self, index: usize) {
        self.frames.get(index).into_iter().for_each(fetch::start);
    }

    /// Asks for the first bytes of the frame at `index`: its headers.
    #[inline]
    pub(crate) fn fetch_bytes(&self, index: usize) {
        let Some(placed) = self.frames.get(index) else { return };
        let start = self.origin + placed.start as usize;
        for byte in [start, start + fetch::LINE] {
            self.bytes.get(byte).into_iter().for_each(fetch::start);
        }
    }

    /// The index of the first frame `among` these that has at least this number.
    pub(crate) fn place_of(&self, number: FrameNumber, among: Range<usize>) -> Option<usize> {
        let first = among.start;
        let place = self.frames.get(among)?.iter().position(|placed| placed.at.frame >= number)?;
        Some(first + place)
    }

    /// The frames in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Frame<'_>> {
        self.frames.iter().map(|placed| self.frame(placed))
    }

    #[inline]
    fn frame(&self, placed: &Placed) -> Frame<'_> {
        let Placed { at, start, length, original_length, link } = *placed;
        let start = self.origin + start as usize;
        let data = self.bytes.get(start..start + length as usize).unwrap_or_default();
        Frame { at, link, data, original_length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Timestamp;

    #[test]
    fn frames_come_out_as_they_went_in_also_on_another_thread() {
        let frame = |number: u64, data| Frame {
            at: Moment { frame: FrameNumber::new(number), time: Timestamp(-5) },
            link: LinkType::RAW,
            data,
            original_length: 99,
        };
        let mut batch = Batch::new();
        for _ in 0..2 {
            batch.clear();
            assert!(batch.is_empty());
            for (number, data) in [(3, &b"abc"[..]), (4, b""), (7, b"de")] {
                batch.push(&frame(number, data));
            }
        }
        let text = |frame: Frame<'_>| format!("{frame:?}");
        let here: Vec<String> = batch.iter().map(text).collect();
        assert_eq!(here, [text(frame(3, b"abc")), text(frame(4, b"")), text(frame(7, b"de"))]);
        let there = std::thread::spawn(move || (0..batch.len()).filter_map(|i| batch.get(i).map(text)).collect());
        let there: Vec<String> = there.join().unwrap();
        assert_eq!(there, here);
    }
}
