//! Input that is still being written: at its end there is nothing for now, and more later.
//!
//! Invariant: nothing waits longer than [`WAIT`] once a capture is open, so that whoever reads can stop.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// How long more is waited for at a time.
pub(super) const WAIT: Duration = Duration::from_millis(100);
/// Bytes taken from a pipe at once.
const PIECE: usize = 64 << 10;
/// Pieces that may wait to be read.
const PIECES: usize = 16;

/// A file that grows: its end is [`io::ErrorKind::WouldBlock`] until it is [said to be complete](Complete).
pub(super) struct Growing {
    pub(super) file: File,
    pub(super) complete: Complete,
}

/// Whether no more is to come.
pub(super) type Complete = Arc<AtomicBool>;

impl Read for Growing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Asked before reading: what was written before is then read.
        let complete = self.complete.load(Ordering::Acquire);
        match self.file.read(into)? {
            0 if !complete => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

/// A pipe, emptied by a thread of its own: after [`WAIT`] without bytes it is [`io::ErrorKind::WouldBlock`], but not before
/// a capture is open.
pub(super) struct Pipe {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
    pub(super) open: Arc<AtomicBool>,
}

impl Pipe {
    pub(super) fn new(mut input: impl Read + Send + 'static) -> Pipe {
        let (sender, pieces) = sync_channel(PIECES);
        // It ends with the pipe, or when nobody takes its pieces.
        thread::spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = match input.read(&mut piece) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read.map(|count| {
                        piece.truncate(count);
                        piece
                    }),
                };
                let over = !matches!(&read, Ok(piece) if !piece.is_empty());
                if sender.send(read).is_err() || over {
                    return;
                }
            }
        });
        Pipe { pieces, piece: io::Cursor::default(), open: Arc::default() }
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.piece.read(into)?;
        if count > 0 || into.is_empty() {
            return Ok(count);
        }
        let next = if self.open.load(Ordering::Relaxed) {
            self.pieces.recv_timeout(WAIT)
        } else {
            self.pieces.recv().map_err(RecvTimeoutError::from)
        };
        match next {
            Ok(piece) => {
                self.piece = io::Cursor::new(piece?);
                self.piece.read(into)
            }
            Err(RecvTimeoutError::Timeout) => Err(io::ErrorKind::WouldBlock.into()),
            Err(RecvTimeoutError::Disconnected) => Ok(0),
        }
    }
}
