//! Gaps: bytes in the middle of a capture file that are no record, behind which reading went on.
//!
//! Invariant: the first [`TOLD`] are kept one by one, the others counted, whatever the file holds.

use std::path::{Path, PathBuf};

use super::damage::Fault;

/// Gaps that are kept one by one.
const TOLD: usize = 4;

/// Bytes that were passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The file.
    pub path: PathBuf,
    /// Offset of the first of them in the file, or in what was decompressed of it.
    pub offset: u64,
    /// How many they are.
    pub bytes: u64,
    /// What is wrong with the first of them.
    pub fault: Fault,
}

/// All that was passed over in one file or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// The first, at most four.
    pub first: Vec<Gap>,
    /// How many more there are.
    pub more: u64,
    /// Bytes in these.
    pub more_bytes: u64,
}

impl Gaps {
    pub(super) fn note(&mut self, path: &Path, offset: u64, bytes: u64, fault: Fault) {
        if self.first.len() < TOLD {
            self.first.push(Gap { path: path.to_path_buf(), offset, bytes, fault });
        } else {
            self.more = self.more.saturating_add(1);
            self.more_bytes = self.more_bytes.saturating_add(bytes);
        }
    }

    pub(super) fn extend(&mut self, other: &Gaps) {
        for Gap { path, offset, bytes, fault } in &other.first {
            self.note(path, *offset, *bytes, *fault);
        }
        self.more = self.more.saturating_add(other.more);
        self.more_bytes = self.more_bytes.saturating_add(other.more_bytes);
    }
}
