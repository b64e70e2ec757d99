//! Names of files that are made while capturing: those that dumpcap makes, with a number and a time.
//!
//! Invariant: sorted by time, then number, they are in the order in which they were written.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::capture::Timestamp;

/// Digits of a time: year to second.
const TIME: usize = 14;

/// Files named alike.
#[derive(Clone, Debug)]
pub(super) struct Names {
    folder: PathBuf,
    stem: String,
    /// With its dot.
    ending: String,
    zone: TimeZone,
}

impl Names {
    /// Names after `path`: `trace.pcapng` gives `trace_00001_20261121200000.pcapng`.
    pub(super) fn after(path: &Path, zone: TimeZone) -> Names {
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let ending = path.extension().map_or_else(|| ".pcapng".to_owned(), |ending| format!(".{}", text(Some(ending))));
        Names { folder: folder.to_owned(), stem: text(path.file_stem()), ending, zone }
    }

    /// The name of the file of this number that begins at `time`.
    pub(super) fn name(&self, number: u64, time: Timestamp) -> PathBuf {
        let time = jiff::Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or_default();
        let time = time.to_zoned(self.zone.clone()).strftime("%Y%m%d%H%M%S").to_string();
        self.folder.join(format!("{}_{number:05}_{time}{}", self.stem, self.ending))
    }

    /// Files of such names that are there, with their numbers, those written first before others.
    pub(super) fn there(&self) -> Vec<(u64, PathBuf)> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut found: Vec<(String, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let (number, time) = self.read(&entry.file_name().to_string_lossy())?;
                Some((time, number, entry.path()))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, number, path)| (number, path)).collect()
    }

    /// Number and time of a name.
    fn read(&self, name: &str) -> Option<(u64, String)> {
        let rest = name.strip_prefix(&self.stem)?.strip_prefix('_')?.strip_suffix(&self.ending)?;
        let (number, time) = rest.split_once('_')?;
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        (time.len() == TIME && is_digits(time) && number.len() >= 5 && is_digits(number))
            .then(|| Some((number.parse().ok()?, time.to_owned())))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_dumpcap_makes() {
        let names = Names::after(Path::new("traces/trace.pcapng"), TimeZone::UTC);
        let name = names.name(7, Timestamp(1_795_291_200_000_000_000));
        assert_eq!(name, Path::new("traces/trace_00007_20261121200000.pcapng"));
        assert_eq!(names.read("trace_00007_20261121200000.pcapng"), Some((7, "20261121200000".into())));
    }

    #[test]
    fn other_names_are_nobody_s_to_delete() {
        let names = Names::after(Path::new("trace.pcapng"), TimeZone::UTC);
        for other in [
            "trace.pcapng",
            "trace_7_20261121200000.pcapng",
            "trace_00007_2026.pcapng",
            "trace_00007_20261121200000.pcap",
            "trace2_00007_20261121200000.pcapng",
            "trace_0000a_20261121200000.pcapng",
            "trace__20261121200000.pcapng",
        ] {
            assert_eq!(names.read(other), None, "{other}");
        }
    }
}
