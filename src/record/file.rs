//! A file that is added to in whole blocks.
//!
//! Invariant: what a failed write left behind is cut off again, so that the file can be read and gone on with. Files
//! are readable by their owner only: they hold what clients sent, passwords too.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", .path.display())]
pub struct Trouble {
    /// The file, or the folder.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

impl Trouble {
    pub(super) fn of(path: &Path) -> impl FnOnce(io::Error) -> Trouble {
        let path = path.to_owned();
        move |source| Trouble { path, source }
    }
}

/// A file that is written.
#[derive(Debug)]
pub(super) struct Out {
    path: PathBuf,
    file: File,
    length: u64,
}

/// What to do with a file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    Empty,
    GoOn,
}

impl Out {
    pub(super) fn open(path: &Path, there: There) -> Result<Out, Trouble> {
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(there == There::Empty).append(there == There::GoOn);
        if there == There::Empty {
            options.append(false);
        }
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(Trouble::of(path))?;
        let length = file.metadata().map_or(0, |found| found.len());
        Ok(Out { path: path.to_owned(), file, length })
    }

    /// Bytes in it.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds whole blocks, all of them or none.
    pub(super) fn write(&mut self, blocks: &[u8]) -> Result<(), Trouble> {
        match self.file.write_all(blocks) {
            Ok(()) => {
                self.length += blocks.len() as u64;
                Ok(())
            }
            Err(source) => {
                // A pipe cannot be cut; then nothing can be done.
                let _ = self.file.set_len(self.length);
                let _ = io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.length));
                Err(Trouble { path: self.path.clone(), source })
            }
        }
    }
}
