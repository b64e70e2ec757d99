//! From files to a report: the wiring of source, engine and diagnosis.

use std::net::IpAddr;

use crate::diagnosis::{self, explain};
use crate::engine::Config;
use crate::limits::Limits;
use crate::report::{CaptureSummary, Extent, Report};
use crate::session::Detail;
use crate::source::{self, Captures, Shown};

use super::arguments::Input;
use super::failure::Failure;
use super::file_notes::{name, notes_on_files};
use super::reading::{self, Reading};

/// Messages followed through the broker for a table: enough for what happened to be told, and no burden on a large
/// capture.
const FOLLOWED: u64 = 10_000;

/// Reads the captures of `input` to their end, judges every session, and says why to this extent.
pub(super) fn analyse(input: &Input, detail: Detail, extent: Extent, hosts: &[IpAddr]) -> Result<Report, Failure> {
    let mut usual = Limits::default();
    if detail == Detail::None {
        usual.followed_messages = FOLLOWED;
    }
    let limits = input.bounds.over(usual)?;
    let config = Config { limits, ports: input.ports.clone(), detail, hosts: hosts.to_vec() };
    let Reading { captures, threads, facts, sessions } = reading::read(input, &config)?;
    if facts.packets == 0
        && let Some(wrong) = nothing_read(&captures)
    {
        return Err(Failure::Capture {
            message: format!("cannot read {wrong}"),
            hint: "copy the file again, or capture again with: tcpdump -s 0 -w trace.pcap".into(),
        });
    }
    let mut notes = notes_on_files(&captures);
    notes.extend(diagnosis::notes(&facts));
    let files = captures.paths().iter().map(|path| name(path)).collect();
    let mut report = Report::new(CaptureSummary { files, facts, notes }, sessions, extent, threads);
    report.name_servers(|address| captures.names().of(address));
    Ok(report)
}

/// What keeps packets of damaged files from being read.
fn nothing_read(captures: &Captures) -> Option<String> {
    let damage = captures.damage().first().map(ToString::to_string);
    damage.or_else(|| captures.gaps().first.first().map(|gap| format!("{}: {}", Shown(&gap.path), gap.fault)))
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
