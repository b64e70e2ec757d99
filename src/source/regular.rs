//! A regular file that several read at the same time, each from its start.
//!
//! Invariant: all of them read the same bytes, those that it had when the first of them began: it is opened once, and
//! neither what takes its name later nor what is written behind its end is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// A file to be read as often as is wanted; all copies are of one open file.
#[derive(Clone, Debug, Default)]
pub(super) struct Regular {
    /// Opened by the first reader, closed with the last.
    opened: Arc<OnceLock<Result<Opened, io::ErrorKind>>>,
}

#[derive(Debug)]
struct Opened {
    file: File,
    /// Bytes that it had then.
    length: u64,
}

/// Reads the file from its start.
#[derive(Debug)]
pub(super) struct Reader {
    file: Regular,
    position: u64,
}

impl Regular {
    /// A reader of it; `path` is its name.
    pub(super) fn reader(&self, path: &Path) -> io::Result<Reader> {
        match self.opened.get_or_init(|| open(path).map_err(|error| error.kind())) {
            Ok(_) => Ok(Reader { file: self.clone(), position: 0 }),
            Err(kind) => Err((*kind).into()),
        }
    }
}

fn open(path: &Path) -> io::Result<Opened> {
    #[allow(clippy::disallowed_methods)] // this is the edge that opens files
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok(Opened { file, length })
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(Ok(Opened { file, length })) = self.file.opened.get() else { return Ok(0) };
        let left = usize::try_from(length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = into.len().min(left);
        let count = read_at(file, into.get_mut(..wanted).unwrap_or_default(), self.position)?;
        self.position += count as u64;
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
        let file = Regular::default();
        let mut one = file.reader(&path).unwrap();
        let mut first = [0; 2];
        one.read_exact(&mut first).unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"ghi").unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, b"another").unwrap();
        let mut other = file.reader(&path).unwrap();
        let (mut rest, mut all) = (String::new(), String::new());
        one.read_to_string(&mut rest).unwrap();
        other.read_to_string(&mut all).unwrap();
        assert_eq!((&first, rest.as_str(), all.as_str()), (b"ab", "cdef", "abcdef"));
    }

    #[test]
    fn a_file_that_cannot_be_opened_cannot_be_opened_by_anyone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let file = Regular::default();
        assert_eq!(file.reader(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(&path, b"abcdef").unwrap();
        assert_eq!(file.clone().reader(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
