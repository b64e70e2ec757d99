//! A folder of evidence: for each problem a capture and a document of the same name.
//!
//! Invariant: no more files and bytes than asked for, over all runs of the program: the oldest are deleted. Only
//! files of the names that are made here are counted or deleted. A file has its name when it is whole.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::file::{Out, There, Trouble};
use super::names::Names;
use crate::capture::Timestamp;

/// How much a folder may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Problems.
    pub files: usize,
    /// Bytes of all files.
    pub bytes: u64,
}

/// A folder that is filled.
#[derive(Debug)]
pub struct Folder {
    names: Names,
    bounds: Bounds,
    number: u64,
    there: VecDeque<(PathBuf, u64)>,
    bytes: u64,
}

impl Folder {
    /// The folder `path`, which is made if it is not there.
    pub fn open(path: &Path, bounds: Bounds, zone: TimeZone) -> Result<Folder, Trouble> {
        fs::create_dir_all(path).map_err(Trouble::of(path))?;
        fs::read_dir(path).map_err(Trouble::of(path))?;
        let names = Names::after(&path.join("problem.pcapng"), zone);
        let found = names.there();
        let number = found.iter().map(|(number, _)| *number).max().unwrap_or(0);
        let there: VecDeque<(PathBuf, u64)> =
            found.into_iter().map(|(_, path)| (path.clone(), length(&path) + length(&document(&path)))).collect();
        let bytes = there.iter().map(|(_, length)| length).sum();
        Ok(Folder { names, bounds, number, there, bytes })
    }

    /// The name of the next capture, of a problem that was seen at `time`.
    pub fn next(&self, time: Timestamp) -> PathBuf {
        self.names.name(self.number + 1, time)
    }

    /// Writes the capture to `path`, which [`Folder::next`] told, and the document beside it.
    pub fn put(&mut self, path: PathBuf, capture: &[u8], json: &[u8]) -> Result<(), Trouble> {
        let size = (capture.len() + json.len()) as u64;
        if size > self.bounds.bytes || self.bounds.files == 0 {
            let source = io::Error::other(format!("its {size} bytes are more than all problems may take"));
            return Err(Trouble { path, source });
        }
        self.number += 1;
        // Room is made first: the disk may be full of what is to go.
        while self.there.len() >= self.bounds.files || self.bytes + size > self.bounds.bytes {
            let Some((oldest, length)) = self.there.pop_front() else { break };
            self.bytes -= length;
            remove(&document(&oldest))?;
            remove(&oldest)?;
        }
        whole(&document(&path), json)?;
        if let Err(trouble) = whole(&path, capture) {
            let _ = fs::remove_file(document(&path));
            return Err(trouble);
        }
        self.bytes += size;
        self.there.push_back((path, size));
        Ok(())
    }
}

fn document(capture: &Path) -> PathBuf {
    capture.with_extension("json")
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.len())
}

fn remove(path: &Path) -> Result<(), Trouble> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Trouble { path: path.to_owned(), source: error }),
        _ => Ok(()),
    }
}

/// Writes a file under another name first.
fn whole(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    let unfinished = path.with_extension("part");
    let done = Out::open(&unfinished, There::Empty)
        .and_then(|mut out| out.write(bytes))
        .and_then(|()| fs::rename(&unfinished, path).map_err(Trouble::of(path)));
    if done.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn put(folder: &mut Folder, second: i64, bytes: usize) -> Result<(), Trouble> {
        let path = folder.next(Timestamp(second * 1_000_000_000));
        folder.put(path, &vec![0; bytes], b"{}")
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_files() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("mine.pcapng"), b"not to be touched").unwrap();
        let bounds = Bounds { files: 2, bytes: 1000 };
        let mut folder = Folder::open(place.path(), bounds, TimeZone::UTC).unwrap();
        for second in 0..4 {
            put(&mut folder, second, 10).unwrap();
        }
        let expected = [
            "mine.pcapng",
            "problem_00003_19700101000002.json",
            "problem_00003_19700101000002.pcapng",
            "problem_00004_19700101000003.json",
            "problem_00004_19700101000003.pcapng",
        ];
        assert_eq!(names(place.path()), expected);
        // Also after the program was started anew.
        let mut folder = Folder::open(place.path(), bounds, TimeZone::UTC).unwrap();
        put(&mut folder, 9, 10).unwrap();
        assert_eq!(names(place.path()).len(), 5);
        assert!(names(place.path()).contains(&"problem_00005_19700101000009.json".to_owned()));
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_bytes() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(place.path(), Bounds { files: 100, bytes: 1000 }, TimeZone::UTC).unwrap();
        for second in 0..10 {
            put(&mut folder, second, 300).unwrap();
            let bytes: u64 = names(place.path()).iter().map(|name| length(&place.path().join(name))).sum();
            assert!(bytes <= 1000, "{bytes}");
        }
        assert_eq!(names(place.path()).len(), 6);
        assert!(put(&mut folder, 11, 2000).is_err());
        assert_eq!(names(place.path()).len(), 6);
    }
}
