//! The one buffer that a capture file is read through: refilled from the front, never the whole file.
//!
//! Invariant: memory is bounded by twice [`MAXIMUM`], here and in each batch that a buffer is handed over to, whatever the
//! file holds, and the bytes not yet consumed are one slice.

use std::io::{self, Cursor, Read};
use std::ops::Range;

use crate::capture::Batch;

/// Size of one `read()` where it is not for a batch, and of a buffer at first.
const PIECE: usize = 256 << 10;

/// So many bytes more than are wanted are read at least: most often the rest of the last record.
const REST: usize = 2 << 10;

/// The same at most: records of frames that were put together before they were captured are as long.
const LONG_REST: usize = 66 << 10;

/// The buffer grows up to this for a record that does not fit; a longer record is damage.
pub(super) const MAXIMUM: usize = 16 << 20;

/// Bytes of a file, from the first not yet consumed.
pub(super) struct Buffer {
    input: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// Which of `bytes` are read and not consumed.
    unread: Range<usize>,
    /// Offset in the file of `unread.start`.
    offset: u64,
    /// So many bytes more than are wanted are read.
    rest: usize,
    /// Why reading ahead failed, while what was read before is not consumed.
    failed: Option<io::Error>,
}

impl Buffer {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Buffer { input, bytes: vec![0; PIECE], unread: 0..0, offset: 0, rest: REST, failed: None }
    }

    /// Everything from the first unread byte on.
    pub(super) fn into_input(self) -> Box<dyn Read + Send> {
        Box::new(Cursor::new(self.unread().to_vec()).chain(self.input))
    }

    /// The bytes read and not yet consumed.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        self.bytes.get(self.unread.clone()).unwrap_or_default()
    }

    /// Offset in the file of the first unread byte.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the first `count` unread bytes; they stay in place until the next [`Buffer::refill`].
    #[inline]
    pub(super) fn consume(&mut self, count: usize) -> &[u8] {
        let start = self.unread.start;
        let end = start.saturating_add(count).min(self.unread.end);
        self.unread.start = end;
        self.offset += end.abs_diff(start) as u64;
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Reads once more behind the unread bytes; `false` at the end of the file.
    ///
    /// The buffer doubles only when it is full of unread bytes, so a length that lies allocates no
    /// more than the file has.
    pub(super) fn refill(&mut self) -> io::Result<bool> {
        self.read_more(PIECE, 0)
    }

    /// As [`Buffer::refill`], but at most so many bytes; a buffer that is full grows to `size` at least.
    fn read_more(&mut self, most: usize, size: usize) -> io::Result<bool> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.start > 0 && self.bytes.len().saturating_sub(self.unread.end) < PIECE {
            // Only now, so that no byte is moved often however large the buffer grew.
            self.bytes.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if self.unread.end == self.bytes.len() {
            // Fresh memory, which is zero already.
            let larger = vec![0; size.max(self.bytes.len() * 2)];
            let full = std::mem::replace(&mut self.bytes, larger);
            self.begin_with(full.get(self.unread.clone()).unwrap_or_default());
        }
        let end = self.bytes.len().min(self.unread.end + most);
        let free = self.bytes.get_mut(self.unread.end..end).unwrap_or_default();
        loop {
            match self.input.read(free) {
                Ok(count) => {
                    self.unread.end += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A record of so many bytes was not whole when the end of what was read came.
    pub(super) fn leave_room_for(&mut self, record: usize) {
        self.rest = self.rest.max(record.min(LONG_REST));
    }

    /// Reads until a little more than so many bytes are unread, or no more come, for `batch`, which is empty: into the buffer that it had, as
    /// that is in the cache of the processor that fills it.
    pub(super) fn fill(&mut self, wanted: usize, batch: &mut Batch) {
        if self.unread.len() >= wanted {
            return;
        }
        self.bytes = batch.lie_in(std::mem::take(&mut self.bytes), 0);
        self.begin_with(batch.buffer().get(self.unread.clone()).unwrap_or_default());
        let size = wanted + self.rest;
        while self.unread.len() < size {
            match self.read_more(size - self.unread.len(), size) {
                Ok(true) => {}
                Ok(false) => break,
                // What was read before comes first.
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
    }

    /// Gives the first `count` unread bytes to the frames of `batch` that were placed from `start` on: the buffer itself if
    /// nothing else lies in the batch and little is left here, else a copy.
    pub(super) fn hand_over(&mut self, count: usize, batch: &mut Batch, start: usize) {
        let (from, until) = (self.unread.start, self.unread.end);
        let left = self.consume(count).len()..until - from;
        if start > 0 || left.len() > count {
            let bytes = self.bytes.get(from..from + left.start).unwrap_or_default();
            return batch.write(start, bytes);
        }
        self.bytes = batch.lie_in(std::mem::take(&mut self.bytes), from);
        self.begin_with(batch.buffer().get(self.unread.clone()).unwrap_or_default());
    }

    /// What is unread is this, and stands at the start.
    fn begin_with(&mut self, unread: &[u8]) {
        if self.bytes.len() < unread.len().max(PIECE) {
            // Fresh memory, which is zero already.
            self.bytes = vec![0; unread.len() + PIECE];
        }
        if let Some(place) = self.bytes.get_mut(..unread.len()) {
            place.copy_from_slice(unread);
        }
        self.unread = 0..unread.len();
    }
}
