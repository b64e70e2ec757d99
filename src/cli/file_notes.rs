//! What the files themselves say: damage, losses, what was passed over.

use std::path::Path;

use crate::diagnosis::Note;
use crate::source::{Captures, Damage, Drops, Error, Fault, Gap, Gaps, Shown};
use crate::text;

/// Notes on the files of a capture that was read to its end.
pub(super) fn notes_on_files(captures: &Captures) -> Vec<Note> {
    let mut notes = gaps(captures.gaps());
    notes.extend(captures.damage().iter().map(damaged));
    notes.extend(lost_packets(captures.drops().map_or(0, Drops::total)));
    notes.extend(passed_over(captures));
    let secrets = captures.secrets();
    if secrets > 0 {
        let text = format!(
            "The file holds secrets to decrypt TLS with ({}); mqttcap does not use them.",
            text::counted(secrets, "block")
        );
        notes.push(note("capture-holds-secrets", text));
    }
    notes
}

/// What the capturing host lost.
pub(super) fn lost_packets(lost: u64) -> Option<Note> {
    let lost = (lost > 0).then(|| text::counted(lost, "packet"))?;
    let text = format!(
        "The capturing host says that it lost {lost}: what is missing may never have been missing on the wire."
    );
    Some(note("capture-lost-packets", text))
}

/// What messages call a file.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".into() } else { path.display().to_string() }
}

/// What was passed over within files.
pub(super) fn gaps(gaps: &Gaps) -> Vec<Note> {
    let told = |gap: &Gap| {
        let bytes = text::counted(gap.bytes, "byte");
        let (verb, them) = if gap.bytes == 1 { ("is", "it") } else { ("are", "them") };
        let (offset, path) = (text::number(gap.offset), Shown(&gap.path));
        format!("{bytes} at offset {offset} of {path} {verb} no record ({}); reading went on after {them}.", gap.fault)
    };
    let mut notes: Vec<Note> = gaps.first.iter().map(|gap| note("capture-damaged", told(gap))).collect();
    if gaps.more > 0 {
        let (bytes, places) = (text::counted(gaps.more_bytes, "byte"), text::counted(gaps.more, "place"));
        notes.push(note("capture-damaged", format!("{bytes} more in {places} are no record either.")));
    }
    if let Some(last) = notes.last_mut() {
        last.text.push_str(" Frame numbers after damage are mqttcap's own: Wireshark does not read on there.");
    }
    notes
}

fn damaged(damage: &Damage) -> Note {
    let id = if damage.fault == Fault::Cut { "capture-truncated" } else { "capture-damaged" };
    note(id, format!("{damage}. It was analysed up to there."))
}

/// Files that are not read at all.
fn passed_over(captures: &Captures) -> Vec<Note> {
    let (empty, foreign): (Vec<_>, Vec<_>) =
        captures.passed_over().iter().partition(|error| matches!(error, Error::Empty { .. } | Error::CutHeader { .. }));
    let mut notes = Vec::new();
    if !foreign.is_empty() {
        let files = text::counted(foreign.len() as u64, "file");
        notes.push(note("files-passed-over", format!("{files} in the folder: no capture, passed over.")));
    }
    if !empty.is_empty() {
        let files = text::counted(empty.len() as u64, "file");
        notes.push(note(
            "files-passed-over",
            format!("{files} passed over: without a packet, not even a whole file header."),
        ));
    }
    let twice = captures.repeated();
    if twice > 0 {
        let files = text::counted(twice, "file");
        notes.push(note("files-passed-over", format!("{files} named more than once: read once.")));
    }
    notes
}

fn note(id: &'static str, text: String) -> Note {
    Note { id, text, frames: Vec::new() }
}
