//! `mqttcap live`: one line for each session as it ends, and for each finding as it is found.

use std::io::{self, Write};

use crate::capture::Timestamp;
use crate::diagnosis::{Confidence, Finding, Severity};
use crate::text;

use super::model::{Case, Style};
use super::page::{Ink, Page, told};
use super::words;

/// Writes how a session ended, at the time at which it did.
pub fn ended(case: &Case, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let outcome = &case.verdict.outcome;
    line(case, "", &outcome.sentence, outcome.severity, outcome.confidence, style, out)
}

/// Writes that a session, whose end was told before, ended otherwise.
pub fn corrected(case: &Case, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let outcome = &case.verdict.outcome;
    line(case, "Correction: ", &outcome.sentence, outcome.severity, outcome.confidence, style, out)
}

/// Writes what was found in a session that goes on.
pub fn finding(case: &Case, finding: &Finding, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    line(case, "", &finding.headline, finding.severity, finding.confidence, style, out)
}

fn line(
    case: &Case,
    before: &str,
    sentence: &str,
    severity: Severity,
    confidence: Confidence,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let wire = &case.session.wire;
    let (ink, mark) = words::mark(severity);
    let time = clock(wire.last.time, style);
    let stream = wire.stream.map_or_else(|| "no TCP".to_owned(), |stream| format!("tcp.stream {stream}"));
    let sure = match confidence {
        Confidence::Certain => String::new(),
        confidence => format!("{}; ", words::confidence(confidence).replace('-', " ")),
    };
    // A sentence that many sessions share names no client.
    let name = case.session.client_id().map(|id| text::escape(&id.0, text::NAME));
    let name = name.filter(|name| !sentence.contains(name)).map_or_else(String::new, |name| format!("{name}: "));
    let text = format!("{before}{name}{sentence} [{sure}{stream}]");
    Page::new(out, style).paragraph((ink, &format!("{time} {mark} ")), Ink::Plain, &text)
}

fn clock(time: Timestamp, style: &Style) -> String {
    told(time, &style.zone, "%H:%M:%S")
}
