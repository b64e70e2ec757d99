//! From files to a report: the wiring of source, engine and diagnosis.

use std::path::{Path, PathBuf};

use crate::capture::{Frame, FrameNumber, Moment};
use crate::diagnosis::{Note, Verdict};
use crate::engine::{Config, Engine};
use crate::limits::Limits;
use crate::report::{CaptureSummary, Report};
use crate::session::{Detail, Session};
use crate::source::{self, CaptureFile, Damage, Fault};
use crate::text;

use super::arguments::Input;
use super::failure::Failure;

/// Reads the captures of `input` to their end and judges every session.
pub(super) fn analyse(input: &Input, detail: Detail) -> Result<Report, Failure> {
    let config = Config { limits: Limits::default(), ports: input.ports.clone(), detail };
    let mut engine = Engine::new(config);
    let mut sessions = Vec::new();
    let mut captures = Captures::open(&input.files)?;
    while let Some(frame) = captures.next_frame() {
        engine.push(&frame, &mut |session| sessions.push(judged(session)));
    }
    let mut notes = captures.notes()?;
    let facts = engine.finish(&mut |session| sessions.push(judged(session)));
    notes.extend(notes_on(&facts));
    let files = input.files.iter().map(|path| name(path)).collect();
    Ok(Report::new(CaptureSummary { files, facts, notes }, sessions))
}

/// Several files read as one capture, in order of time.
struct Captures {
    files: Vec<CaptureFile>,
    number: u64,
}

impl Captures {
    fn open(paths: &[PathBuf]) -> Result<Captures, Failure> {
        let files = paths.iter().map(|path| CaptureFile::open(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Captures { files, number: 0 })
    }

    fn next_frame(&mut self) -> Option<Frame<'_>> {
        let earliest = match self.files.as_mut_slice() {
            [only] => only,
            several => {
                let heads = several.iter_mut().filter_map(|file| Some((file.next_time()?, file)));
                heads.min_by_key(|(time, _)| *time)?.1
            }
        };
        let frame = earliest.next_frame()?;
        self.number += 1;
        Some(Frame { at: Moment { frame: FrameNumber(self.number), time: frame.at.time }, ..frame })
    }

    /// What the files themselves say; an error if nothing could be read of any.
    fn notes(&self) -> Result<Vec<Note>, Failure> {
        let damages: Vec<&Damage> = self.files.iter().filter_map(CaptureFile::damage).collect();
        if self.number == 0
            && let Some(damage) = damages.first()
        {
            return Err(Failure::Capture {
                message: format!("cannot read {damage}"),
                hint: "copy the file again, or capture again with: tcpdump -s 0 -w trace.pcap".into(),
            });
        }
        let mut notes: Vec<Note> = damages.into_iter().map(damaged).collect();
        let lost: u64 = self
            .files
            .iter()
            .filter_map(CaptureFile::drops)
            .map(|drops| drops.interface.saturating_add(drops.system))
            .sum();
        if lost > 0 {
            notes.push(Note {
                id: "capture-lost-packets",
                text: format!(
                    "The capturing host says that it lost {}: what is missing may never have been missing on the wire.",
                    text::counted(lost, "packet")
                ),
                frames: Vec::new(),
            });
        }
        Ok(notes)
    }
}

fn damaged(damage: &Damage) -> Note {
    let id = if damage.fault == Fault::Cut { "capture-truncated" } else { "capture-damaged" };
    let text = format!("{damage}. It was analysed up to there.");
    Note { id, text, frames: Vec::new() }
}

/// What messages call a file.
fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".into() } else { path.display().to_string() }
}

impl From<source::Error> for Failure {
    fn from(error: source::Error) -> Failure {
        let hint = error.hint().unwrap_or_else(|| "`mqttcap --help` shows what can be read".into());
        Failure::Capture { message: error.to_string(), hint }
    }
}

// --- Until `diagnosis` is merged: its three functions. ---

fn judged(session: Session) -> (Session, Verdict) {
    let verdict = crate::diagnosis::diagnose(&session);
    (session, verdict)
}

fn notes_on(_facts: &crate::session::CaptureFacts) -> Vec<Note> {
    Vec::new()
}

/// Whether a finding or outcome of this id exists.
pub(super) fn is_known_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}
