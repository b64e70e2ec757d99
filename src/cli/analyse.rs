//! From files to a report: the wiring of source, engine and diagnosis.

use std::net::IpAddr;
use std::path::Path;

use crate::diagnosis::{self, Note, explain};
use crate::engine::{Config, Engine};
use crate::limits::Limits;
use crate::report::{CaptureSummary, Kept, Report};
use crate::session::Detail;
use crate::source::{self, Captures, Damage, Fault};
use crate::text;

use super::arguments::Input;
use super::failure::Failure;
use super::sieve::Sieve;

/// Messages followed through the broker for a table: enough for what happened to be told, and no burden on a large
/// capture.
const FOLLOWED: u64 = 10_000;

/// Reads the captures of `input` to their end and judges every session.
pub(super) fn analyse(input: &Input, detail: Detail, hosts: &[IpAddr]) -> Result<Report, Failure> {
    let mut usual = Limits::default();
    if detail == Detail::None {
        usual.followed_messages = FOLLOWED;
    }
    let limits = input.bounds.over(usual)?;
    let config = Config { limits, ports: input.ports.clone(), detail, hosts: hosts.to_vec() };
    let mut sieve = Sieve::of(input)?;
    let mut captures = Captures::open(&input.files)?;
    let mut engine = Engine::new(config);
    let mut kept = Kept::new(&limits);
    while let Some(frame) = captures.next_frame() {
        if !sieve.passes(&frame) {
            continue;
        }
        engine.push(&frame, &mut |session| kept.judge(session));
    }
    let facts = engine.finish(&mut |session| kept.judge(session));
    if facts.packets == 0
        && let Some(damage) = captures.damage().first()
    {
        return Err(Failure::Capture {
            message: format!("cannot read {damage}"),
            hint: "copy the file again, or capture again with: tcpdump -s 0 -w trace.pcap".into(),
        });
    }
    let mut notes = notes_on_files(&captures);
    notes.extend(diagnosis::notes(&facts));
    let files = captures.paths().iter().map(|path| name(path)).collect();
    Ok(Report::new(CaptureSummary { files, facts, notes }, kept))
}

/// What the files themselves say.
pub(super) fn notes_on_files(captures: &Captures) -> Vec<Note> {
    let mut notes: Vec<Note> = captures.damage().iter().map(damaged).collect();
    let lost = captures.drops().map_or(0, |drops| drops.interface.saturating_add(drops.system));
    notes.extend(lost_packets(lost));
    let passed_over = captures.passed_over().len() as u64;
    if passed_over > 0 {
        notes.push(Note {
            id: "files-passed-over",
            text: format!("{} in the folder: no capture, passed over.", text::counted(passed_over, "file")),
            frames: Vec::new(),
        });
    }
    notes
}

/// What the capturing host lost.
pub(super) fn lost_packets(lost: u64) -> Option<Note> {
    (lost > 0).then(|| Note {
        id: "capture-lost-packets",
        text: format!(
            "The capturing host says that it lost {}: what is missing may never have been missing on the wire.",
            text::counted(lost, "packet")
        ),
        frames: Vec::new(),
    })
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

/// Whether a finding or outcome of this id exists.
pub(super) fn is_known_id(id: &str) -> bool {
    let judged = [explain::Kind::Outcome, explain::Kind::Finding];
    let groups = explain::all().into_iter().filter(|group| judged.contains(&group.kind));
    groups.flat_map(|group| group.topics).any(|topic| topic.name == id)
}
