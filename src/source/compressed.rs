//! Compressed captures: gzip, zstd, lz4 and xz, told by content and decompressed while they are read.
//!
//! Invariant: memory is bounded by twice [`WINDOW`] whatever the file claims, and what expands beyond
//! [`EXPANSION`] is read no further.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::{Error as Lz4Error, FrameDecoder as Lz4Decoder};
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdDecoder};

use super::content::Content;

/// The largest window that a file may ask for, in bytes: that of `zstd --long`.
const WINDOW: u32 = 128 << 20;
/// More bytes out of one byte in than any capture has, after [`WITHOUT_QUESTION`] bytes.
const EXPANSION: u64 = 250;
/// So many bytes are decompressed before their number is compared with that of the compressed ones.
const WITHOUT_QUESTION: u64 = 256 << 20;

/// Bytes on their way to a decoder.
type Input = BufReader<Counted>;

/// The decompressed bytes of `input`; `input` itself, if `content` is not [decompressed here](Content::is_decompressed).
///
/// Errors of reading: [`io::ErrorKind::UnexpectedEof`] where the compressed data ends too early,
/// [`io::ErrorKind::QuotaExceeded`] where it expands beyond all measure, else [`io::ErrorKind::InvalidData`].
pub(super) fn decompressed(content: Content, input: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    let read = Arc::new(AtomicU64::new(0));
    let counted = |input| BufReader::with_capacity(64 << 10, Counted { input, read: Arc::clone(&read) });
    let decoder: Box<dyn Read + Send> = match content {
        Content::Gzip => Box::new(MultiGzDecoder::new(counted(input))),
        Content::Zstd => Box::new(Zstd::new(counted(input))),
        Content::Lz4 => Box::new(Lz4(Lz4Decoder::new(counted(input)))),
        Content::Xz => Box::new(XzReader::new_mem_limit(counted(input), true, WINDOW >> 10)),
        _ => return input,
    };
    Box::new(Guarded { decoder, read, written: 0 })
}

/// Counts the compressed bytes.
struct Counted {
    input: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(into)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Stops at what expands beyond all measure, and speaks of errors as of compressed data.
struct Guarded {
    decoder: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
    written: u64,
}

impl Read for Guarded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(into).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "the compressed data ends too early"),
            io::ErrorKind::Interrupted => error,
            _ => io::Error::new(io::ErrorKind::InvalidData, "the compressed data is damaged"),
        })?;
        self.written += count as u64;
        let expected = self.read.load(Ordering::Relaxed).saturating_mul(EXPANSION);
        if self.written > WITHOUT_QUESTION && self.written > expected {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "the compressed data expands beyond all measure"));
        }
        Ok(count)
    }
}

/// Frames of zstd one after another (RFC 8878 §3), skippable ones passed over.
struct Zstd {
    input: Input,
    decoder: ZstdDecoder,
    within_frame: bool,
}

impl Zstd {
    fn new(input: Input) -> Zstd {
        let mut decoder = ZstdDecoder::new();
        decoder.set_max_window_size(WINDOW.into());
        Zstd { input, decoder, within_frame: false }
    }

    /// Begins the next frame; `false` at the end.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            if self.input.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.init(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut (&mut self.input).take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(self.explained(&error)),
            }
        }
    }

    /// The decoder's errors do not tell an early end from damage: the input does.
    fn explained(&mut self, error: &FrameDecoderError) -> io::Error {
        match self.input.fill_buf() {
            Ok([]) => io::ErrorKind::UnexpectedEof.into(),
            _ => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
        }
    }
}

impl Read for Zstd {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within_frame && !self.begin()? {
                return Ok(0);
            }
            self.within_frame = true;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let decoded = self.decoder.decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(|error| self.explained(&error))?;
            }
            let count = self.decoder.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            self.within_frame = false;
            let sum = self.decoder.get_checksum_from_data();
            if sum.is_some() && sum != self.decoder.get_calculated_checksum() {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }
}

/// Frames of lz4 one after another, skippable ones passed over: its decoder stops at each.
struct Lz4(Lz4Decoder<Input>);

impl Read for Lz4 {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match self.0.read(into) {
                Ok(count) => count,
                Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                    Some(Lz4Error::SkippableFrame(length)) => {
                        let length = u64::from(*length);
                        io::copy(&mut self.0.get_mut().take(length), &mut io::sink())?;
                        0
                    }
                    _ => return Err(error),
                },
            };
            if count > 0 || into.is_empty() || self.0.get_mut().fill_buf()?.is_empty() {
                return Ok(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zeros without end, out of `read` bytes.
    fn zeros(read: u64) -> Guarded {
        Guarded { decoder: Box::new(io::repeat(0)), read: Arc::new(AtomicU64::new(read)), written: 0 }
    }

    #[test]
    fn what_expands_beyond_all_measure_stops() {
        let read = |mut input: Guarded, most: u64| {
            let mut piece = vec![0; 1 << 20];
            let mut total = 0;
            while total < most {
                match input.read(&mut piece) {
                    Ok(count) => total += count as u64,
                    Err(error) => return (total, Some(error.kind())),
                }
            }
            (total, None)
        };
        let most = WITHOUT_QUESTION + (4 << 20);
        assert_eq!(read(zeros(1000), most), (WITHOUT_QUESTION, Some(io::ErrorKind::QuotaExceeded)));
        assert_eq!(read(zeros(most / EXPANSION + 1), most), (most, None));
    }
}
