//! The files of a directory, which stand for the captures among them.

use std::path::{Path, PathBuf};

use super::error::Error;

/// The regular files directly in a directory, by name. Hidden files are left out; so is whatever
/// would wait for a writer, such as a FIFO.
pub(super) fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = |error| Error::io("list", directory, error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(list)? {
        let path = entry.map_err(list)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        // Through symbolic links; a dangling one is no file.
        if !hidden && path.metadata().is_ok_and(|metadata| metadata.is_file()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
