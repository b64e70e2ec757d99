//! Messages that permessage-deflate made smaller (RFC 7692), piece by piece.
//!
//! Invariant: memory does not grow with the messages: one window of 32 KiB a direction, and at most
//! [`crate::limits::Limits::inflaters`] windows at once. What expands beyond [`EXPANSION`] is inflated no further.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

/// What a sender leaves out at the end of each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// Bytes handed on at a time.
const PIECE: usize = 4096;
/// More bytes out of one byte in than MQTT packets give, after [`WITHOUT_QUESTION`] bytes.
const EXPANSION: u64 = 250;
/// So many bytes of a direction are inflated before their number is compared with that of the compressed ones.
const WITHOUT_QUESTION: u64 = 64 << 20;

/// How many more windows there may be; all copies count together.
#[derive(Clone, Debug)]
pub struct Windows(Arc<AtomicUsize>);

/// One of them, given back when it is dropped.
#[derive(Debug)]
struct Window(Windows);

impl Windows {
    /// Room for `most` windows.
    #[must_use]
    pub fn new(most: usize) -> Windows {
        Windows(Arc::new(AtomicUsize::new(most)))
    }

    fn take(&self) -> Option<Window> {
        let fewer = |free: usize| free.checked_sub(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).ok().map(|_| Window(self.clone()))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The decompressor of one direction.
pub(super) struct Inflater {
    state: Box<InflateState>,
    piece: Box<[u8; PIECE]>,
    window: Window,
    /// Compressed bytes so far, and what came out of them.
    read: u64,
    written: u64,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("window", &self.window).finish_non_exhaustive()
    }
}

impl Inflater {
    /// A decompressor, if there is room for its window.
    pub(super) fn new(windows: &Windows) -> Option<Inflater> {
        let window = windows.take()?;
        let state = InflateState::new_boxed(DataFormat::Raw);
        Some(Inflater { state, piece: Box::new([0; PIECE]), window, read: 0, written: 0 })
    }

    /// Hands on what `data` holds; false when it is not compressed data, or a bomb.
    pub(super) fn push(&mut self, mut data: &[u8], on: &mut impl FnMut(&[u8])) -> bool {
        loop {
            let result = inflate(&mut self.state, data, &mut self.piece[..], MZFlush::Sync);
            let out = self.piece.get(..result.bytes_written).unwrap_or_default();
            if !out.is_empty() {
                on(out);
            }
            data = data.get(result.bytes_consumed..).unwrap_or_default();
            self.read += result.bytes_consumed as u64;
            self.written += result.bytes_written as u64;
            if self.written > WITHOUT_QUESTION && self.written > self.read.saturating_mul(EXPANSION) {
                return false;
            }
            match result.status {
                Ok(MZStatus::Ok) if result.bytes_written == PIECE || !data.is_empty() => {
                    if result.bytes_written == 0 && result.bytes_consumed == 0 {
                        return false;
                    }
                }
                Ok(MZStatus::Ok) | Err(MZError::Buf) if data.is_empty() => return true,
                _ => return false,
            }
        }
    }

    /// The message is over.
    pub(super) fn end_message(&mut self, on: &mut impl FnMut(&[u8])) -> bool {
        self.push(&TAIL, on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated(inflater: &mut Inflater, data: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let sound = inflater.push(data, &mut |piece| out.extend_from_slice(piece));
        (sound && inflater.end_message(&mut |piece| out.extend_from_slice(piece))).then_some(out)
    }

    #[test]
    fn the_examples_of_the_specification() {
        // RFC 7692 §7.2.3.1 and §7.2.3.2: the second message refers to the first one.
        let mut inflater = Inflater::new(&Windows::new(1)).unwrap();
        let first = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
        assert_eq!(inflated(&mut inflater, &first).unwrap(), b"Hello");
        assert_eq!(inflated(&mut inflater, &[0xF2, 0x00, 0x11, 0x00, 0x00]).unwrap(), b"Hello");
        // §7.2.3.3: a block without compression.
        let plain = [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00];
        assert_eq!(inflated(&mut inflater, &plain).unwrap(), b"Hello");
        assert_eq!(inflated(&mut inflater, &[0xFF; 9]), None);
    }

    #[test]
    fn cut_anywhere() {
        let first = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
        let mut inflater = Inflater::new(&Windows::new(1)).unwrap();
        let mut out = Vec::new();
        for byte in first {
            assert!(inflater.push(&[byte], &mut |piece| out.extend_from_slice(piece)));
        }
        assert!(inflater.end_message(&mut |piece| out.extend_from_slice(piece)));
        assert_eq!(out, b"Hello");
    }

    #[test]
    fn a_bomb_stops() {
        let zeros = vec![0; 16 << 20];
        let bomb = miniz_oxide::deflate::compress_to_vec(&zeros, 6);
        let mut inflater = Inflater::new(&Windows::new(1)).unwrap();
        let (mut written, mut sent) = (0_u64, 0);
        // Each message ends with a final block, behind which a new one begins.
        while inflater.push(&bomb[..bomb.len() - 1], &mut |piece| written += piece.len() as u64) && sent < 100 {
            inflater.state.reset(DataFormat::Raw);
            sent += 1;
        }
        assert!(
            (WITHOUT_QUESTION..=WITHOUT_QUESTION + PIECE as u64).contains(&written),
            "{written} bytes, {sent} messages"
        );
    }

    #[test]
    fn there_are_so_many_windows_and_no_more() {
        let windows = Windows::new(1);
        let first = Inflater::new(&windows);
        assert!(first.is_some());
        assert!(Inflater::new(&windows).is_none());
        drop(first);
        assert!(Inflater::new(&windows).is_some());
    }
}
