//! A capture file that is read while it is written, and the files that are rotated after it.
//!
//! Invariant: a record that is not whole yet is waited for; it is damage only in a file behind which another began.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::file::CaptureFile;
use super::gap::Gaps;
use super::growing::{Complete, Growing, Pipe, WAIT};
use super::pcapng::Drops;
use super::rotation;
use crate::capture::{Frame, FrameNumber, Timestamp};

/// How often a next file is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// A growing capture.
pub struct Followed {
    path: PathBuf,
    /// `None` until the file has a header.
    file: Option<CaptureFile>,
    complete: Complete,
    /// It is a pipe: its end is the end.
    pipe: bool,
    ended: bool,
    last_time: Timestamp,
    looked: Option<Instant>,
    /// What the files before this one told.
    gaps: Gaps,
    drops: u64,
    number: FrameNumber,
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Followed {
    /// Opens a capture that may be empty yet; `-` is standard input.
    pub fn open(path: &Path) -> Result<Followed, Error> {
        let mut followed = Followed {
            path: path.to_path_buf(),
            file: None,
            complete: Complete::default(),
            pipe: false,
            ended: false,
            last_time: Timestamp(i64::MIN),
            looked: None,
            gaps: Gaps::default(),
            drops: 0,
            number: FrameNumber::new(0),
        };
        if path == Path::new("-") {
            followed.pipe(io::stdin())?;
        } else {
            followed.begin()?;
        }
        Ok(followed)
    }

    /// The next packet; `None` when none came within a tenth of a second. Fails when the file cannot be read at all.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Error> {
        if self.file.is_none() {
            self.begin()?;
        }
        let Some(time) = self.file.as_mut().and_then(CaptureFile::next_time) else {
            self.wait()?;
            return Ok(None);
        };
        self.last_time = self.last_time.max(time);
        Ok(self.file.as_mut().and_then(CaptureFile::next_frame))
    }

    /// Whether nothing more can come.
    pub fn is_over(&self) -> bool {
        self.ended
    }

    /// The file that is read now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was passed over so far.
    pub fn gaps(&self) -> Gaps {
        let mut gaps = self.gaps.clone();
        if let Some(file) = &self.file {
            gaps.extend(file.gaps());
        }
        gaps
    }

    /// Packets that the capturing host says it lost so far.
    pub fn drops(&self) -> u64 {
        self.drops + self.file.as_ref().and_then(CaptureFile::drops).map_or(0, Drops::total)
    }

    /// Opens the file as far as it is written; one without a whole header is tried again later.
    fn begin(&mut self) -> Result<(), Error> {
        let failed = |error| Error::io("open", &self.path, error);
        #[allow(clippy::disallowed_methods)] // this is the edge that opens files
        let file = File::open(&self.path).map_err(failed)?;
        let kind = file.metadata().map_err(failed)?.file_type();
        if kind.is_dir() {
            return Err(Error::Directory { path: self.path.clone() });
        }
        if !kind.is_file() {
            return self.pipe(file);
        }
        self.complete = Complete::default();
        let growing = Growing { file, complete: Complete::clone(&self.complete) };
        match CaptureFile::read_from(&self.path, growing) {
            Ok(file) => {
                // What is compressed was written before.
                let file = if file.is_compressed() {
                    self.complete.store(true, Ordering::Release);
                    CaptureFile::open(&self.path)?
                } else {
                    file
                };
                self.file = Some(file.numbered_after(self.number));
            }
            Err(Error::Empty { .. } | Error::CutHeader { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn pipe(&mut self, input: impl io::Read + Send + 'static) -> Result<(), Error> {
        let pipe = Pipe::new(input);
        let open = pipe.open.clone();
        self.file = Some(CaptureFile::read_from(&self.path, pipe)?);
        open.store(true, Ordering::Relaxed);
        self.pipe = true;
        Ok(())
    }

    /// There is nothing for now.
    #[allow(clippy::disallowed_methods)] // this is the edge: how long to wait is a matter of the wall clock
    fn wait(&mut self) -> Result<(), Error> {
        let over = self.file.as_ref().is_some_and(CaptureFile::is_over);
        if self.pipe {
            self.ended = over;
            return Ok(());
        }
        let complete = self.complete.load(Ordering::Acquire);
        if over && !complete {
            // The system could not read on: nothing will come.
            self.ended = true;
            return Ok(());
        }
        if complete && over {
            return self.go_on();
        }
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            let read = self.file.as_ref().map_or(0, CaptureFile::bytes);
            if self.file.is_some() && rotation::next(&self.path, read, self.last_time).is_some() {
                // What was written before the next one began is still to be read.
                self.complete.store(true, Ordering::Release);
                return Ok(());
            }
        }
        thread::sleep(WAIT);
        Ok(())
    }

    /// The file is read to its end, and another began behind it.
    fn go_on(&mut self) -> Result<(), Error> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let next = rotation::next(&self.path, file.bytes(), self.last_time);
        self.number = file.last_number();
        self.gaps.extend(file.gaps());
        self.drops += file.drops().map_or(0, Drops::total);
        let Some(next) = next else {
            // A ring took it away before it was read.
            self.ended = true;
            return Ok(());
        };
        self.path = next;
        self.begin()
    }
}
