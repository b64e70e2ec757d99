//! `mqttcap read`: one line on the capture, the table of its sessions, then what went wrong.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use crate::capture::Timestamp;
use crate::text;

use super::across;
use super::explanation;
use super::listing::{self, Days};
use super::model::{Case, Extent, Report, Style};
use super::page::{Ink, Page, told};
use super::words;

/// Sessions up to which the table lists all of them; beyond it, healthy ones are counted.
const COMPLETE: usize = 200;
/// Rows of a table, however many sessions went wrong.
const ROWS: usize = 1_000;

/// Writes the report of a capture.
pub fn write(report: &Report, extent: Extent, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    page.paragraph((Ink::Plain, ""), Ink::Strong, &capture(report, &style.zone))?;
    page.paragraph((Ink::Plain, ""), Ink::Strong, &counts(report))?;
    for note in &report.capture.notes {
        let text = match words::frames(&note.frames) {
            Some(frames) => format!("{} ({frames})", note.text),
            None => note.text.clone(),
        };
        page.paragraph((Ink::Notice, "  ! "), Ink::Plain, &text)?;
    }
    if report.cases.is_empty() {
        if report.summary.sessions > 0 {
            page.line(&[(Ink::Faint, "  None of them matches what was asked for.")])?;
        }
        return Ok(());
    }
    page.blank()?;
    sessions(report, extent, page)?;
    across::tell(&report.across, extent, page)?;
    explanation::all(report, extent, page)
}

/// “trace.pcap: 1,204 packets over 3 min 12 s from 2026-11-21 14:21:55 UTC.”
fn capture(report: &Report, zone: &TimeZone) -> String {
    let facts = &report.capture.facts;
    // Which folder it lies in is known to who asked.
    let name = |file: &String| {
        let name = file.rsplit(std::path::is_separator).find(|part| !part.is_empty()).unwrap_or(file);
        text::escape(name.as_bytes(), text::NAME)
    };
    let files = match report.capture.files.as_slice() {
        [] => "capture".to_owned(),
        [file] => name(file),
        [file, more @ ..] => format!("{} and {}", name(file), text::counted(more.len() as u64, "more file")),
    };
    let packets = text::counted(facts.packets, "packet");
    let span = match (facts.first, facts.last) {
        (Some(first), Some(last)) => format!(
            " over {} from {}",
            text::duration(last.nanoseconds_since(first)),
            told(first, zone, "%Y-%m-%d %H:%M:%S %Z")
        ),
        _ => String::new(),
    };
    format!("{files}: {packets}{span}.")
}

/// “7 sessions of 4 clients: 4 ended well, 3 went wrong.”
fn counts(report: &Report) -> String {
    let summary = &report.summary;
    if summary.sessions == 0 {
        return "No MQTT session in it.".to_owned();
    }
    let wrong = summary.problems();
    let open = summary.with(&["capture-ended-connected", "capture-began-mid-session"]);
    let unclear = summary.with(&["unclassified"]);
    // Nothing went wrong, yet the client did not choose this end.
    let away = summary.with(&["administrative-disconnect", "redirected"]);
    let well = summary.sessions - wrong - open - unclear - away;
    let ended = [
        (well, "ended well"),
        (open, "still open"),
        (unclear, "unclear"),
        (away, "sent away by the broker"),
        (wrong, "went wrong"),
    ];
    let ended: Vec<String> = ended
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, how)| format!("{} {how}", text::number(*count)))
        .collect();
    format!("{} of {}: {}.", text::counted(summary.sessions, "session"), clients(report), ended.join(", "))
}

/// “4 clients”: no fewer, where some sessions were only counted.
fn clients(report: &Report) -> String {
    let least = if report.counted.is_empty() { "" } else { "at least " };
    format!("{least}{}", text::counted(report.summary.clients, "client"))
}

fn sessions(report: &Report, extent: Extent, page: &mut Page<'_>) -> io::Result<()> {
    let fold = report.cases.len() > COMPLETE && extent == Extent::Problems;
    let most = if fold { ROWS } else { usize::MAX };
    let listed = |case: &&Case| !fold || case.is_problem();
    let rows: Vec<&Case> = report.cases.iter().filter(listed).take(most).collect();
    if !rows.is_empty() {
        let facts = &report.capture.facts;
        let day = |time: Option<Timestamp>| time.map(|time| told(time, &page.style.zone, "%F"));
        let days = if day(facts.first) == day(facts.last) { Days::One } else { Days::Several };
        listing::write(&rows, days, page)?;
    }
    let problems = report.cases.iter().filter(|case| case.is_problem()).count();
    let healthy = report.cases.len() - problems;
    if fold && healthy > 0 {
        let healthy = text::counted(healthy as u64, "session");
        let text = format!("{healthy} without trouble not listed here; --verbose lists all.");
        page.paragraph((Ink::Faint, "  … "), Ink::Faint, &text)?;
    }
    if problems > rows.len() && fold {
        let more = text::counted((problems - rows.len()) as u64, "session");
        let text = format!("{more} that went wrong not listed here; --verbose lists all.");
        page.paragraph((Ink::Faint, "  … "), Ink::Faint, &text)?;
    }
    Ok(())
}
