//! Which file comes after another when a program rotates them: tcpdump's `-C` and `-G`, dumpcap's rings.
//!
//! Programs close a file before they begin the next, so a next one says that this one is complete.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::directory;
use super::file::CaptureFile;
use crate::capture::Timestamp;

/// The file that goes on after `path`: named alike but for its digits, written later, and its first packet is the
/// earliest that is not before `last`, the time of the last packet read. A name that was read before counts too: rings
/// begin again.
pub(super) fn next(path: &Path, read: u64, last: Timestamp) -> Option<PathBuf> {
    let pattern = pattern(path)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A ring may have taken the file away meanwhile.
    let written = path.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let later = |metadata: &Metadata| metadata.modified().is_ok_and(|modified| modified >= written);
    let mut found: Option<(Timestamp, PathBuf)> = None;
    for file in directory::files(directory).ok()? {
        let same = file.file_name() == path.file_name();
        let Ok(metadata) = file.metadata() else { continue };
        // It may be this one, begun anew: then it is shorter than what was read of it.
        if self::pattern(&file).as_ref() != Some(&pattern) || !later(&metadata) || same && metadata.len() >= read {
            continue;
        }
        let first = CaptureFile::open(&file).ok().and_then(|mut file| file.next_time());
        if let Some(first) = first
            && first >= last
            && found.as_ref().is_none_or(|(earliest, _)| first < *earliest)
        {
            found = Some((first, file));
        }
    }
    found.map(|(_, file)| file)
}

/// The name of a file without its digits: tcpdump begins with `trace.pcap`, and goes on with `trace.pcap1`.
fn pattern(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    Some(name.chars().filter(|character| !character.is_ascii_digit()).collect())
}
