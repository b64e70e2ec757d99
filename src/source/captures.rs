//! Several capture files as one capture in time order, as `mergecap` joins them: rotated files read
//! as one, and files of two interfaces are interleaved.
//!
//! Invariant: a file is open only while the time read has reached its first packet, so that memory
//! grows with the files that overlap in time, and those who [read them side by side](Captures::again), not with their number. Within one file the order
//! of its packets is kept, even where its clock went back.

use std::collections::{BTreeSet, VecDeque};
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::damage::{Damage, Fault};
use super::directory;
use super::error::Error;
use super::file::CaptureFile;
use super::gap::Gaps;
use super::pcapng::{Drops, Names};
use super::regular::Regular;
use crate::capture::{Batch, Frame, FrameNumber, Timestamp};

/// One or more capture files, read as one capture.
#[derive(Debug)]
pub struct Captures {
    paths: Vec<PathBuf>,
    /// Files not begun, by the time of their first packet.
    waiting: VecDeque<Waiting>,
    open: Vec<Open>,
    /// Number of the last frame handed out.
    number: u64,
    damage: Vec<Damage>,
    gaps: Gaps,
    names: Names,
    secrets: u64,
    drops: Option<Drops>,
    untimed: u64,
    length: Option<u64>,
    bytes: u64,
    passed_over: Vec<Error>,
    /// Paths of files that were named before.
    repeated: u64,
}

#[derive(Debug)]
struct Waiting {
    first: Option<Timestamp>,
    path: PathBuf,
    /// Bytes that will be read of it, where that is known.
    length: Option<u64>,
    access: Access,
}

/// How a file is begun.
#[derive(Debug)]
enum Access {
    /// Opened when the time read has come to its first packet.
    Regular(Regular),
    /// What can be read only once, such as standard input, stays open.
    Once(Box<CaptureFile>),
}

#[derive(Debug)]
struct Open {
    file: CaptureFile,
    /// The file's own number of its last frame handed out.
    last: u64,
}

impl Captures {
    /// Opens files and directories of files; `-` is standard input. A directory stands for the
    /// captures in it, told by their content.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Captures, Error> {
        let (mut waiting, mut passed_over) = (Vec::new(), Vec::new());
        let (mut known, mut repeated) = (BTreeSet::new(), 0);
        for path in paths.iter().map(AsRef::as_ref) {
            // However it is written, through links too: its packets were captured once.
            let repeats = path.canonicalize().is_ok_and(|file| !known.insert(file));
            repeated += u64::from(repeats);
            if repeats {
                continue;
            }
            match Waiting::open(path) {
                Ok(file) => waiting.push(file),
                Err(Error::Directory { path }) => {
                    let members = directory::files(&path)?;
                    let (files, before) = (members.len(), waiting.len());
                    for member in members {
                        if member.canonicalize().is_ok_and(|file| !known.insert(file)) {
                            repeated += 1;
                            continue;
                        }
                        match Waiting::open(&member) {
                            Ok(file) => waiting.push(file),
                            Err(Error::Directory { .. }) => {}
                            Err(error) => passed_over.push(error),
                        }
                    }
                    if waiting.len() == before && repeated == 0 {
                        return Err(Error::NoCaptures { path, files });
                    }
                }
                // The newest of rotated files may hold nothing yet.
                Err(error @ (Error::Empty { .. } | Error::CutHeader { .. })) if paths.len() > 1 => {
                    passed_over.push(error);
                }
                Err(error) => return Err(error),
            }
        }
        if waiting.is_empty()
            && let Some(error) = passed_over.pop()
        {
            return Err(error);
        }
        // A stable sort: files that begin at the same time stay in the order given.
        waiting.sort_by_key(|file| file.first);
        Ok(Captures { passed_over, repeated, ..Captures::of(waiting) })
    }

    /// The same files once more, to be read beside these from their first packets on; `None` where one of them can be read
    /// only once, or is compressed and better read only once, or where reading has begun.
    pub fn again(&self) -> Option<Captures> {
        let again = |file: &Waiting| match &file.access {
            Access::Regular(regular) if file.length.is_some() => {
                let (path, access) = (file.path.clone(), Access::Regular(regular.clone()));
                Some(Waiting { path, access, ..*file })
            }
            _ => None,
        };
        let waiting = self.waiting.iter().map(again).collect::<Option<Vec<_>>>()?;
        (waiting.len() == self.paths.len()).then(|| Captures::of(waiting))
    }

    /// Files in the order in which they begin.
    fn of(waiting: Vec<Waiting>) -> Captures {
        Captures {
            paths: waiting.iter().map(|file| file.path.clone()).collect(),
            length: waiting.iter().map(|file| file.length).sum(),
            waiting: waiting.into(),
            open: Vec::new(),
            number: 0,
            damage: Vec::new(),
            gaps: Gaps::default(),
            names: Names::default(),
            secrets: 0,
            drops: None,
            untimed: 0,
            bytes: 0,
            passed_over: Vec::new(),
            repeated: 0,
        }
    }

    /// The next packet of all files; `None` at the end.
    #[inline]
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        let index = self.earliest()?;
        self.take(index)
    }

    /// The next packet of the open file at `index`.
    #[inline]
    fn take(&mut self, index: usize) -> Option<Frame<'_>> {
        let open = self.open.get_mut(index)?;
        let mut frame = open.file.next_frame()?;
        // The file counts its own packets, and whatever else Wireshark numbers between them.
        self.number += frame.at.frame.get() - open.last;
        open.last = frame.at.frame.get();
        frame.at.frame = FrameNumber::new(self.number);
        Some(frame)
    }

    /// Puts the next packets of all files into `batch`, behind what it holds, until it is full; `false` when there is
    /// none.
    pub fn next_batch(&mut self, batch: &mut Batch) -> bool {
        let before = batch.len();
        if before == 0
            && let [open] = self.open.as_mut_slice()
        {
            open.file.read_ahead(batch);
        }
        while !batch.is_full()
            && let Some(index) = self.earliest()
        {
            if let [open] = self.open.as_mut_slice() {
                // All comes from this file until the next one begins.
                let until = self.waiting.front().and_then(|next| next.first);
                let others = self.number - open.last;
                open.last = open.file.fill(batch, others, until).get();
                self.number = open.last + others;
            } else if let Some(frame) = self.take(index) {
                batch.push(&frame);
            }
        }
        batch.len() > before
    }

    /// The files, in the order of their first packets.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Files that are not read, and why: what is no capture in a directory, and what is empty among several files.
    pub fn passed_over(&self) -> &[Error] {
        &self.passed_over
    }

    /// How often a file was named that had been named before.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Where files could not be read to their end; complete once [`Captures::next_frame`] has
    /// returned `None`.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// What was passed over in the middle of files. Complete at the end.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Host names that the files tell beside their packets. Complete at the end.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Blocks of secrets to decrypt packets with. Complete at the end.
    pub fn secrets(&self) -> u64 {
        self.secrets
    }

    /// Packets that the capturing hosts say they lost; `None` if no file tells. Complete at the end.
    pub fn drops(&self) -> Option<Drops> {
        self.drops
    }

    /// Packets without a time of their own. Complete at the end.
    pub fn untimed(&self) -> u64 {
        self.untimed
    }

    /// Bytes of all files; `None` where a file is compressed or is no plain file, so that nobody knows.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Bytes read of all files so far.
    pub fn bytes(&self) -> u64 {
        self.open.iter().fold(self.bytes, |sum, open| sum + open.file.bytes())
    }

    /// Which of the open files has the earliest next packet; begins and ends files on the way.
    #[inline]
    fn earliest(&mut self) -> Option<usize> {
        loop {
            let mut earliest: Option<(usize, Timestamp)> = None;
            let mut ended = None;
            for (index, open) in self.open.iter_mut().enumerate() {
                match open.file.next_time() {
                    Some(time) if earliest.is_none_or(|(_, known)| time < known) => earliest = Some((index, time)),
                    Some(_) => {}
                    None => ended = Some(index),
                }
            }
            if let Some(index) = ended {
                self.close(index);
                continue;
            }
            match (self.waiting.front(), earliest) {
                (None, None) => return None,
                (Some(next), Some((index, time))) if next.first.is_some_and(|first| first > time) => {
                    return Some(index);
                }
                (None, Some((index, _))) => return Some(index),
                (Some(_), _) => self.begin(),
            }
        }
    }

    #[cold]
    fn begin(&mut self) {
        let Some(Waiting { path, access, .. }) = self.waiting.pop_front() else { return };
        let begun = match access {
            Access::Once(file) => Ok(*file),
            Access::Regular(regular) => regular
                .reader(&path)
                .map_err(|error| Error::io("open", &path, error))
                .and_then(|reader| CaptureFile::read_from(&path, reader)),
        };
        match begun {
            Ok(file) => self.open.push(Open { file, last: 0 }),
            // It could be opened before: it was moved, or too many files are open.
            Err(error) => {
                let fault = Fault::Read(error.io_kind());
                self.damage.push(Damage { path, packets: 0, offset: 0, fault });
            }
        }
    }

    #[cold]
    fn close(&mut self, index: usize) {
        let Open { file, last } = self.open.remove(index);
        self.number += file.last_number().get().saturating_sub(last);
        self.bytes += file.bytes();
        self.untimed += file.untimed();
        self.gaps.extend(file.gaps());
        self.secrets += file.secrets();
        if let Some(names) = file.names() {
            self.names.extend(names);
        }
        if let Some(drops) = file.drops() {
            self.drops = Some(self.drops.unwrap_or_default().plus(drops));
        }
        self.damage.extend(file.damage().cloned());
    }
}

impl Waiting {
    /// Opens a file, looks at the time of its first packet, and closes it if it is a regular file.
    fn open(path: &Path) -> Result<Waiting, Error> {
        let mut file = CaptureFile::open(path)?;
        let first = file.next_time();
        let regular = path.metadata().ok().filter(|file| file.is_file() && file.len() > 0 && path != Path::new("-"));
        let length = regular.as_ref().filter(|_| !file.is_compressed()).map(Metadata::len);
        let once = || Access::Once(Box::new(file));
        let access = regular.map_or_else(once, |_| Access::Regular(Regular::default()));
        Ok(Waiting { first, path: path.to_path_buf(), length, access })
    }
}
