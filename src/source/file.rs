//! One capture file, or standard input, from its first packet to its last.

mod fill;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::buffer::Buffer;
use super::compressed::decompressed;
use super::content::{Content, LOOKED_AT};
use super::damage::{Damage, Fault};
use super::error::Error;
use super::gap::Gaps;
use super::pcap::{self, Pcap};
use super::pcapng::{self, Drops, Names, Pcapng};
use super::search::{Search, search};
use super::step::{Record, Step};
use crate::capture::{Frame, FrameNumber, Timestamp};

/// A pcap or pcapng file being read.
pub struct CaptureFile {
    path: PathBuf,
    buffer: Buffer,
    compressed: bool,
    format: Format,
    /// Packets handed out.
    packets: u64,
    /// Number of the last frame handed out, or of the last before this file.
    number: u64,
    /// The next packet, where it was looked at ahead.
    ahead: Option<Record>,
    /// Where bytes that are no record began, while the next record is searched for.
    gap: Option<(u64, Fault)>,
    gaps: Gaps,
    damage: Option<Damage>,
    /// Whether all of the file is read into the buffer.
    complete: bool,
    ended: bool,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl fmt::Debug for CaptureFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureFile").field("path", &self.path).field("packets", &self.packets).finish_non_exhaustive()
    }
}

impl CaptureFile {
    /// Opens a capture; `-` is standard input.
    pub fn open(path: &Path) -> Result<CaptureFile, Error> {
        if path == Path::new("-") {
            return CaptureFile::read_from(path, io::stdin());
        }
        let open = |error| Error::io("open", path, error);
        // A FIFO may be read only once, so the file is asked, not the path.
        #[allow(clippy::disallowed_methods)] // this is the edge that opens files
        let file = File::open(path).map_err(open)?;
        if file.metadata().map_err(open)?.is_dir() {
            return Err(Error::Directory { path: path.to_path_buf() });
        }
        CaptureFile::read_from(path, file)
    }

    /// Reads a capture, plain or compressed, from anything that can be read; `path` is what messages call it.
    pub fn read_from(path: &Path, input: impl Read + Send + 'static) -> Result<CaptureFile, Error> {
        let mut buffer = Buffer::new(Box::new(input));
        fill(path, &mut buffer)?;
        let content = Content::of(buffer.unread(), path);
        if content.is_decompressed() {
            buffer = Buffer::new(decompressed(content, buffer.into_input()));
            fill(path, &mut buffer)?;
        }
        let format = open_format(path, &mut buffer)?;
        Ok(CaptureFile {
            path: path.to_path_buf(),
            buffer,
            compressed: content.is_decompressed(),
            format,
            packets: 0,
            number: 0,
            ahead: None,
            gap: None,
            gaps: Gaps::default(),
            damage: None,
            complete: false,
            ended: false,
        })
    }

    /// Numbers the frames from the one after `last`: for the files that follow a first one.
    #[must_use]
    pub fn numbered_after(mut self, last: FrameNumber) -> CaptureFile {
        self.number = last.get();
        self
    }

    /// The next packet; `None` at the end of the file, or of what can be read of it.
    #[inline]
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        let record = match self.ahead.take() {
            Some(record) => record,
            None => self.advance()?,
        };
        Some(self.take(&record))
    }

    /// Takes a packet out of the buffer.
    #[inline]
    fn take(&mut self, record: &Record) -> Frame<'_> {
        self.packets += 1;
        self.number += 1;
        record.frame(self.buffer.consume(record.length), FrameNumber::new(self.number))
    }

    /// Capture time of the next packet, without taking it.
    pub fn next_time(&mut self) -> Option<Timestamp> {
        if self.ahead.is_none() {
            self.ahead = self.advance();
        }
        self.ahead.as_ref().map(|record| record.time)
    }

    /// Where and why the file could not be read to its end; known once [`CaptureFile::next_frame`]
    /// has returned `None`.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Bytes that are no record, behind which reading went on; complete once [`CaptureFile::next_frame`] has
    /// returned `None`. Frames after the first of them are numbered as they come: no other program reads on there.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// The file's path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of the last frame, or of what Wireshark numbers without it being a packet.
    pub(super) fn last_number(&self) -> FrameNumber {
        FrameNumber::new(self.number)
    }

    /// Packets handed out so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes of the file read so far, up to the end of the last packet handed out.
    pub fn bytes(&self) -> u64 {
        self.buffer.offset()
    }

    /// Packets of pcapng that carried no time of their own; they were given that of the packet before.
    pub fn untimed(&self) -> u64 {
        match &self.format {
            Format::Pcap(_) => 0,
            Format::Pcapng(pcapng) => pcapng.untimed(),
        }
    }

    /// Packets that the capturing host says it lost; `None` if the file does not tell.
    pub fn drops(&self) -> Option<Drops> {
        match &self.format {
            Format::Pcap(_) => None,
            Format::Pcapng(pcapng) => pcapng.drops(),
        }
    }

    /// Host names that the file tells beside its packets; complete at its end.
    pub fn names(&self) -> Option<&Names> {
        match &self.format {
            Format::Pcap(_) => None,
            Format::Pcapng(pcapng) => Some(pcapng.names()),
        }
    }

    /// Blocks of secrets to decrypt packets with, none of which is kept.
    pub fn secrets(&self) -> u64 {
        match &self.format {
            Format::Pcap(_) => 0,
            Format::Pcapng(pcapng) => pcapng.secrets(),
        }
    }

    /// Finds the next packet in the buffer.
    #[inline]
    fn advance(&mut self) -> Option<Record> {
        if self.ended {
            return None;
        }
        loop {
            if self.gap.is_some() && !self.pass_over() {
                return None;
            }
            let step = match &mut self.format {
                Format::Pcap(pcap) => pcap.step(self.buffer.unread(), self.complete),
                Format::Pcapng(pcapng) => pcapng.step(self.buffer.unread()),
            };
            match step {
                Step::Record(record) => return Some(record),
                Step::Skip(count) => {
                    self.buffer.consume(count);
                }
                Step::Numbered(count) => {
                    self.number += 1;
                    self.buffer.consume(count);
                }
                Step::More if self.complete && self.buffer.unread().is_empty() => return self.end(None),
                Step::More if self.complete => self.begin_gap(Fault::Cut),
                Step::More => {
                    if !self.refill() {
                        return None;
                    }
                }
                Step::Fault(fault) => self.begin_gap(fault),
                Step::Unread(fault, count) => {
                    self.gaps.note(&self.path, self.buffer.offset(), count as u64, fault);
                    self.buffer.consume(count);
                }
            }
        }
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Whether nothing more comes.
    pub(super) fn is_over(&self) -> bool {
        self.ended
    }

    /// Reads once more; `false` when there is nothing for now, or nothing that can be read.
    fn refill(&mut self) -> bool {
        match self.buffer.refill() {
            Ok(more) => {
                self.complete = !more;
                true
            }
            // It is still being written.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => {
                self.end(Some((self.buffer.offset(), Fault::of(error.kind(), self.compressed))));
                false
            }
        }
    }

    #[cold]
    fn begin_gap(&mut self, fault: Fault) {
        self.gap = Some((self.buffer.offset(), fault));
        self.buffer.consume(1);
    }

    /// Searches for where reading can go on; `false` if it cannot.
    #[cold]
    fn pass_over(&mut self) -> bool {
        while let Some((offset, fault)) = self.gap {
            let (unread, complete) = (self.buffer.unread(), self.complete);
            let found = match &self.format {
                Format::Pcap(pcap) => search(unread, |at| pcap.begins(at, complete)),
                Format::Pcapng(pcapng) => search(unread, |at| pcapng.begins(at, complete)),
            };
            let (Search::Found(passed) | Search::Nothing(passed)) = found;
            self.buffer.consume(passed);
            if matches!(found, Search::Found(_)) {
                self.gap = None;
                // What is followed by records did not end with the file.
                let fault = if fault == Fault::Cut { Fault::NoRecord } else { fault };
                self.gaps.note(&self.path, offset, self.buffer.offset().saturating_sub(offset), fault);
                if let Format::Pcapng(pcapng) = &mut self.format {
                    pcapng.passed_over();
                }
            } else if complete {
                self.end(self.gap);
                return false;
            } else if !self.refill() {
                return false;
            }
        }
        true
    }

    #[cold]
    fn end(&mut self, fault: Option<(u64, Fault)>) -> Option<Record> {
        self.ended = true;
        self.damage =
            fault.map(|(offset, fault)| Damage { path: self.path.clone(), packets: self.packets, offset, fault });
        None
    }
}

fn read(path: &Path, buffer: &mut Buffer) -> Result<bool, Error> {
    match buffer.refill() {
        // It is still being written.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        read => read.map_err(|error| Error::io("read", path, error)),
    }
}

/// Reads as much as is needed to know what the file is.
fn fill(path: &Path, buffer: &mut Buffer) -> Result<(), Error> {
    while buffer.unread().len() < LOOKED_AT && read(path, buffer)? {}
    Ok(())
}

/// Reads the file header, or the first section header.
fn open_format(path: &Path, buffer: &mut Buffer) -> Result<Format, Error> {
    let owned = || path.to_path_buf();
    let start = buffer.unread();
    if start.is_empty() {
        return Err(Error::Empty { path: owned() });
    }
    match start.first_chunk::<4>() {
        Some(magic) if pcap::is_magic(*magic) => {
            let Some(header) = start.first_chunk::<{ pcap::HEADER }>() else {
                return Err(Error::CutHeader { path: owned(), length: start.len() as u64 });
            };
            let pcap = Pcap::new(header).ok_or_else(|| Error::InvalidHeader { path: owned() })?;
            buffer.consume(pcap::HEADER);
            Ok(Format::Pcap(pcap))
        }
        Some(&pcapng::MAGIC) => {
            let mut pcapng = Pcapng::new();
            loop {
                match pcapng.step(buffer.unread()) {
                    Step::Skip(length) => {
                        buffer.consume(length);
                        return Ok(Format::Pcapng(pcapng));
                    }
                    Step::More => {
                        let length = buffer.unread().len() as u64;
                        if !read(path, buffer)? {
                            return Err(Error::CutHeader { path: owned(), length });
                        }
                    }
                    Step::Fault(Fault::SectionVersion(version)) => {
                        return Err(Error::Version { path: owned(), version });
                    }
                    Step::Record(_) | Step::Numbered(_) | Step::Fault(_) | Step::Unread(..) => {
                        return Err(Error::InvalidHeader { path: owned() });
                    }
                }
            }
        }
        _ => Err(Error::NotACapture { path: owned(), content: Content::of(start, path) }),
    }
}
