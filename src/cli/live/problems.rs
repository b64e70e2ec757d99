//! `--on-problem`: what is written of a session that goes wrong.
//!
//! Invariant: one pair of files for each problem session and window; the last verdict within the window is the one
//! that is written.

use std::collections::BTreeMap;

use crate::capture::{FrameNumber, Timestamp};
use crate::record::{Flight, Flown, Folder, Section, Subject};
use crate::report::Case;
use crate::report::json::{self, Run};
use crate::text;

use super::news::News;
use super::watch::is_news;

/// Other clients whose frames are kept, too, because the server closed their connections at the same moment.
const OTHERS: usize = 4;

/// Sessions that went wrong, on their way to the folder.
pub(super) struct Problems {
    flight: Flight<Case>,
    folder: Folder,
    source: String,
    failing: bool,
    not_written: u64,
    refused: u64,
}

impl Problems {
    /// Nothing went wrong yet; `source` is what is captured on.
    pub(super) fn new(flight: Flight<Case>, folder: Folder, source: String) -> Problems {
        Problems { flight, folder, source, failing: false, not_written: 0, refused: 0 }
    }

    pub(super) fn flight(&mut self) -> &mut Flight<Case> {
        &mut self.flight
    }

    /// Problems of which nothing is kept: because of the disk, because there were too many at once.
    pub(super) fn missing(&self) -> (u64, u64) {
        (self.not_written, self.refused)
    }

    /// Something is told of a session; `now` is the time in the capture.
    pub(super) fn told(&mut self, case: &Case, news: News<'_>, now: Timestamp) {
        let begins = match news {
            News::Seen => return,
            News::Finding(_) => true,
            News::Over | News::Corrected | News::Judged { told: false } => case.is_problem(),
            News::Judged { told: true } => false,
        };
        if let Some(stream) = case.session.wire.stream
            && let Some(verdict) = self.flight.of(stream)
        {
            *verdict = case.clone();
            let is_final = matches!(news, News::Corrected | News::Judged { .. });
            if is_final && !case.is_problem() && !case.verdict.findings.iter().any(is_news) {
                self.flight.forget(stream);
            }
        } else if begins {
            self.flight.begin(subject(case), now, case.clone());
        }
    }

    /// Writes what is gathered by `now`, or all of it at the end; hands out what people should know.
    pub(super) fn write(&mut self, now: Option<Timestamp>, note: &mut impl FnMut(&str)) {
        while let Some(flown) = self.flight.done(now) {
            let path = self.folder.next(flown.seen);
            let done = blocks(&flown, &self.source).and_then(|(capture, numbers)| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let mut document = Vec::new();
                json::write_evidence(&flown.verdict, &name, &numbers, flown.left_out, &mut document)?;
                Ok((capture, document))
            });
            let done = match done {
                Ok((capture, document)) => {
                    self.folder.put(path, &capture, &document).map_err(|trouble| trouble.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            match done {
                Ok(()) => self.failing = false,
                Err(trouble) => {
                    self.not_written += 1;
                    if !std::mem::replace(&mut self.failing, true) {
                        note(&format!("{trouble}: the frames of this problem are NOT kept; capturing goes on"));
                    }
                }
            }
        }
        let refused = self.flight.refused();
        if refused > 0 && self.refused == 0 {
            note("more problems at once than are kept: of some the frames are NOT kept");
        }
        self.refused = refused;
    }
}

fn subject(case: &Case) -> Subject {
    let session = &case.session;
    let peers = &session.wire.peers;
    let rival = session.neighbours.rival.as_ref().map(|rival| rival.client.address);
    let clients = [Some(peers.client.endpoint.address), rival].into_iter().flatten();
    Subject {
        stream: session.wire.stream,
        clients: clients.filter(|address| !address.is_unspecified()).collect(),
        ends: (peers.client.endpoint, peers.server.endpoint),
        others: session.neighbours.closed_together.iter().take(OTHERS).copied().collect(),
    }
}

/// The frames as a capture, and which they were while capturing.
fn blocks(flown: &Flown<Case>, source: &str) -> std::io::Result<(Vec<u8>, Vec<Run>)> {
    let mut out = Vec::new();
    let mut section = Section::begin(source, Some(&comment(flown)), &mut out)?;
    let proofs = proofs(&flown.verdict);
    let mut runs: Vec<Run> = Vec::new();
    for (number, kept) in (1..).zip(&flown.frames) {
        let frame = kept.frame();
        let live = frame.at.frame;
        let proof = proofs.get(&live).map(|says| format!("{says} (frame {live} of the live capture)"));
        section.frame(&frame, proof.as_deref(), &mut out)?;
        match runs.last_mut() {
            Some(run) if run.live + run.count == live.get() => run.count += 1,
            _ => runs.push(Run { file: number, live: live.get(), count: 1 }),
        }
    }
    Ok((out, runs))
}

/// What stands at the head of the capture.
fn comment(flown: &Flown<Case>) -> String {
    let case = &flown.verdict;
    let mut lines = Vec::new();
    if case.is_problem() {
        lines.push(case.verdict.outcome.sentence.clone());
    }
    lines.extend(case.verdict.findings.iter().filter(|finding| is_news(finding)).map(|found| found.headline.clone()));
    lines.push(format!("Client {}, server {}; by mqttcap.", case.client_name(), case.server_name()));
    if flown.left_out > 0 {
        lines.push(format!("{} left out: there was no room.", text::counted(flown.left_out, "frame")));
    }
    lines.join("\n")
}

/// What each frame proves.
fn proofs(case: &Case) -> BTreeMap<FrameNumber, String> {
    let verdict = &case.verdict;
    let outcome = case.is_problem().then_some((&verdict.outcome.sentence, &verdict.outcome.frames));
    let findings = verdict.findings.iter().filter(|finding| is_news(finding));
    let says = outcome.into_iter().chain(findings.map(|finding| (&finding.headline, &finding.frames)));
    let mut proofs: BTreeMap<FrameNumber, String> = BTreeMap::new();
    for (sentence, frames) in says {
        for frame in frames {
            let said = proofs.entry(*frame).or_default();
            if !said.is_empty() {
                said.push('\n');
            }
            said.push_str(sentence);
        }
    }
    proofs
}
