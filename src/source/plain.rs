//! A plain file that several read at the same time, each from its start.
//!
//! Invariant: all of them read the same bytes, those that it had when it was found: it is opened once, and neither what
//! takes its name meanwhile nor what is written behind its end is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// A file that can be read as often as is wanted; all copies are of one open file.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    length: u64,
    /// Opened by the first reader, closed with the last.
    file: Arc<OnceLock<Result<File, io::ErrorKind>>>,
}

/// Reads the file from its start.
#[derive(Debug)]
pub(super) struct Reader {
    plain: Plain,
    position: u64,
}

impl Plain {
    /// A file of `length` bytes; not opened yet.
    pub(super) fn new(length: u64) -> Plain {
        Plain { length, file: Arc::default() }
    }

    /// A reader of it; `path` is its name.
    pub(super) fn reader(&self, path: &Path) -> io::Result<Reader> {
        #[allow(clippy::disallowed_methods)] // this is the edge that opens files
        let opened = self.file.get_or_init(|| File::open(path).map_err(|error| error.kind()));
        match opened {
            Ok(_) => Ok(Reader { plain: self.clone(), position: 0 }),
            Err(kind) => Err((*kind).into()),
        }
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Reader { plain: Plain { length, file }, position } = self;
        let Some(Ok(file)) = file.get() else { return Ok(0) };
        let left = usize::try_from(length.saturating_sub(*position)).unwrap_or(usize::MAX);
        let wanted = into.len().min(left);
        let count = read_at(file, into.get_mut(..wanted).unwrap_or_default(), *position)?;
        *position += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, position)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, position)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn readers_do_not_notice_what_becomes_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"abcdef").unwrap();
        let plain = Plain::new(6);
        let mut one = plain.reader(&path).unwrap();
        let mut first = [0; 2];
        one.read_exact(&mut first).unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"ghi").unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, b"another").unwrap();
        let mut other = plain.reader(&path).unwrap();
        let (mut rest, mut all) = (String::new(), String::new());
        one.read_to_string(&mut rest).unwrap();
        other.read_to_string(&mut all).unwrap();
        assert_eq!((&first, rest.as_str(), all.as_str()), (b"ab", "cdef", "abcdef"));
    }

    #[test]
    fn a_file_that_cannot_be_opened_cannot_be_opened_by_anyone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let plain = Plain::new(6);
        assert_eq!(plain.reader(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(&path, b"abcdef").unwrap();
        assert_eq!(plain.clone().reader(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
