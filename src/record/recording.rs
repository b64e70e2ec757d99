//! Every frame into a file, or into files that rotate.
//!
//! Invariant: a disk that is full costs frames, which are counted, and nothing else: writing is tried again until it
//! succeeds, in a new section of the file.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::file::{Out, There, Trouble};
use super::names::Names;
use super::pcapng::Section;
use crate::capture::{Frame, Timestamp};
use crate::text;

/// Bytes that are written at once.
const PIECE: usize = 256 << 10;
/// How often what was captured is written.
const OFTEN: Duration = Duration::from_secs(1);
/// How long after a failure writing is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// When the next file begins, and how many there may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rotation {
    /// Bytes of one file.
    pub size: Option<u64>,
    /// How long one file goes on, by the times of its frames.
    pub time: Option<Duration>,
    /// Files that are kept; the oldest are deleted.
    pub keep: Option<usize>,
}

impl Rotation {
    fn rotates(&self) -> bool {
        self.size.is_some() || self.time.is_some()
    }
}

/// Frames on their way to files.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    rotation: Rotation,
    names: Names,
    /// What is captured on.
    source: String,
    out: Option<Out>,
    section: Option<Section>,
    began: Option<Timestamp>,
    latest: Timestamp,
    number: u64,
    files: VecDeque<PathBuf>,
    waiting: Vec<u8>,
    frames_waiting: u64,
    missing: u64,
    missing_now: u64,
    failed: Option<Failed>,
    flushed: Option<Instant>,
    dropped: u64,
    dropped_before: u64,
    news: VecDeque<String>,
}

#[derive(Debug)]
struct Failed {
    /// `None` until the clock is known.
    since: Option<Instant>,
    /// Not yet tried again.
    waits: bool,
}

impl Recording {
    /// Begins to write to `path`, which is emptied, or to the first of files named after it; `source` is what is
    /// captured on, `now` the time of the clock.
    pub fn open(
        path: &Path,
        rotation: Rotation,
        source: &str,
        now: Timestamp,
        zone: TimeZone,
    ) -> Result<Recording, Trouble> {
        let names = Names::after(path, zone);
        let there = if rotation.rotates() { names.there() } else { Vec::new() };
        let mut recording = Recording {
            path: path.to_owned(),
            rotation,
            source: source.to_owned(),
            out: None,
            section: None,
            began: None,
            latest: now,
            number: there.iter().map(|(number, _)| *number).max().unwrap_or(0),
            files: there.into_iter().map(|(_, path)| path).collect(),
            names,
            waiting: Vec::new(),
            frames_waiting: 0,
            missing: 0,
            missing_now: 0,
            failed: None,
            flushed: None,
            dropped: 0,
            dropped_before: 0,
            news: VecDeque::new(),
        };
        recording.begin(There::Empty, now)?;
        Ok(recording)
    }

    /// The file that is written now.
    pub fn current(&self) -> &Path {
        self.out.as_ref().map_or(&self.path, Out::path)
    }

    /// Takes a frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.latest = frame.at.time;
        if self.failed.as_ref().is_some_and(|failed| failed.waits) {
            self.lose(1);
            return;
        }
        if self.is_due(frame) {
            self.close();
            self.out = None;
        }
        if let Err(trouble) = self.take(frame) {
            self.lose(1);
            self.fail(&trouble);
            return;
        }
        self.frames_waiting += 1;
        if self.waiting.len() >= PIECE {
            self.flush();
        }
    }

    /// Tells what time it is, and how many frames the source has lost; writes what waits, each second.
    pub fn tick(&mut self, now: Instant, dropped: u64) {
        self.dropped = dropped;
        if let Some(failed) = &mut self.failed
            && failed.waits
        {
            let since = *failed.since.get_or_insert(now);
            failed.waits = now.duration_since(since) < AGAIN;
        }
        if now.duration_since(*self.flushed.get_or_insert(now)) >= OFTEN {
            self.flushed = Some(now);
            self.flush();
        }
    }

    /// Goes on in a file of the same name, as after another program moved it away; rotated, in the next one.
    pub fn reopen(&mut self) {
        self.close();
        if self.rotation.rotates() {
            self.out = None;
        } else if let Err(trouble) = self.begin(There::GoOn, self.latest) {
            self.news.push_back(format!("{trouble}; going on with the old one"));
        }
    }

    /// What people should know.
    pub fn news(&mut self) -> Option<String> {
        self.news.pop_front()
    }

    /// Frames that could not be written so far.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Writes what waits, and the statistics.
    pub fn close(&mut self) {
        let dropped = self.dropped.saturating_sub(self.dropped_before);
        self.dropped_before = self.dropped;
        if let Some(section) = &mut self.section {
            // Writing to memory does not fail.
            let _ = section.lost(dropped, self.latest, &mut self.waiting);
        }
        self.flush();
        (self.section, self.began) = (None, None);
    }

    /// Whether the next file is to begin with this frame.
    fn is_due(&self, frame: &Frame<'_>) -> bool {
        let Some(began) = self.began else { return false };
        let length = self.out.as_ref().map_or(0, Out::length) + self.waiting.len() as u64;
        // Header, padding and the statistics that follow.
        let block = frame.data.len() as u64 + 80;
        let lasts = frame.at.time.nanoseconds_since(began);
        self.rotation.size.is_some_and(|size| length + block > size)
            || self.rotation.time.is_some_and(|time| u128::try_from(lasts).is_ok_and(|lasts| lasts >= time.as_nanos()))
    }

    fn take(&mut self, frame: &Frame<'_>) -> Result<(), Trouble> {
        if self.out.is_none() {
            let there = if self.rotation.rotates() { There::Empty } else { There::GoOn };
            self.begin(there, frame.at.time)?;
        }
        let wrong = Trouble::of(&self.path);
        let put = |section: &mut Option<Section>, waiting: &mut Vec<u8>| {
            let mut now = match section.take() {
                Some(section) => section,
                None => Section::begin(&self.source, None, waiting)?,
            };
            let done = now.frame(frame, None, waiting);
            *section = Some(now);
            done
        };
        put(&mut self.section, &mut self.waiting).map_err(wrong)?;
        self.began.get_or_insert(frame.at.time);
        Ok(())
    }

    fn begin(&mut self, there: There, time: Timestamp) -> Result<(), Trouble> {
        let path = if self.rotation.rotates() { self.names.name(self.number + 1, time) } else { self.path.clone() };
        self.out = Some(Out::open(&path, there)?);
        if self.rotation.rotates() {
            self.number += 1;
            self.files.push_back(path);
            let keep = self.rotation.keep.unwrap_or(usize::MAX).max(1);
            while self.files.len() > keep {
                if let Some(oldest) = self.files.pop_front()
                    && let Err(error) = std::fs::remove_file(&oldest)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    self.news.push_back(format!("cannot delete {}: {error}", oldest.display()));
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let Some(out) = &mut self.out else { return };
        let done = out.write(&self.waiting);
        let frames = std::mem::take(&mut self.frames_waiting);
        self.waiting.clear();
        match done {
            Ok(()) if frames > 0 && self.failed.take().is_some() => {
                let missing = text::counted(std::mem::take(&mut self.missing_now), "frame");
                self.news
                    .push_back(format!("writing {} again; {missing} could not be written", self.current().display()));
            }
            Ok(()) => {}
            Err(trouble) => {
                self.lose(frames);
                self.fail(&trouble);
            }
        }
    }

    fn lose(&mut self, frames: u64) {
        self.missing += frames;
        self.missing_now += frames;
    }

    /// What was not written is gone, its descriptions of interfaces too: it goes on with a new section.
    fn fail(&mut self, trouble: &Trouble) {
        (self.section, self.frames_waiting) = (None, 0);
        self.waiting.clear();
        if self.failed.is_none() {
            self.news.push_back(format!(
                "{trouble}: frames are NOT kept; capturing goes on, and writing is tried again every {} seconds",
                AGAIN.as_secs()
            ));
        }
        self.failed = Some(Failed { since: None, waits: true });
    }
}
