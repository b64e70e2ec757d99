//! Where `live` writes its report: standard output, or a file that can be opened anew while the program runs.
//!
//! Invariant: what was written to a file stays there: it is emptied when the program starts, and added to when it is
//! opened anew.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::service::reader_is_gone;

/// What is written to.
pub(super) struct Destination {
    out: Box<dyn Write>,
    path: Option<PathBuf>,
}

impl Destination {
    /// Writes to `out`, which is the file `path` if there is one.
    pub(super) fn new(out: Box<dyn Write>, path: Option<&Path>) -> Destination {
        Destination { out, path: path.map(Path::to_owned) }
    }

    /// Opens the file anew, as after another program moved it away; keeps the old one if that fails.
    pub(super) fn reopen(&mut self) -> Result<(), Failure> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        match OpenOptions::new().create(true).append(true).open(&path) {
            Ok(file) => {
                self.flush()?;
                self.out = Box::new(BufWriter::new(file));
                Ok(())
            }
            Err(source) => Err(Failure::Output { path, source }),
        }
    }

    /// Fails as a write would if nobody reads standard output any more.
    pub(super) fn is_read(&self) -> Result<(), Failure> {
        if self.path.is_none() && reader_is_gone() {
            return Err(Failure::Write(io::ErrorKind::BrokenPipe.into()));
        }
        Ok(())
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
