//! `mqttcap read`: one line on the capture, the table of its sessions, then what went wrong.

use std::io::{self, Write};

use comfy_table::{
    CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle,
};
use jiff::tz::TimeZone;

use crate::capture::Timestamp;
use crate::stream::Side;
use crate::text;

use super::explanation;
use super::model::{Case, Report, Style};
use super::page::{Ink, Page, told};
use super::words;

/// Sessions up to which the table lists all of them; beyond it, healthy ones are counted.
const COMPLETE: usize = 200;
/// Rows of a table, however many sessions went wrong.
const ROWS: usize = 1_000;
/// Width from which the table has its wide form.
const WIDE: usize = 130;

/// Writes the report of a capture.
pub fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
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
            page.line(&[(Ink::Faint, "  None of them is asked for.")])?;
        }
        return Ok(());
    }
    page.blank()?;
    sessions(report, page)?;
    explanation::all(&report.cases, page)
}

/// “trace.pcap: 1,204 packets over 3 min 12 s from 2026-11-21 14:21:55 UTC.”
fn capture(report: &Report, zone: &TimeZone) -> String {
    let facts = &report.capture.facts;
    let files = match report.capture.files.as_slice() {
        [] => "capture".to_owned(),
        [file] => text::escape(file.as_bytes(), 2 * text::NAME),
        [file, more @ ..] => format!(
            "{} and {}",
            text::escape(file.as_bytes(), 2 * text::NAME),
            text::counted(more.len() as u64, "more file")
        ),
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
    let well = summary.sessions - wrong - open - unclear;
    let ended = [
        (well, "ended well"),
        (open, "still open"),
        (unclear, "unclear"),
        (wrong, "went wrong"),
    ];
    let ended: Vec<String> = ended
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, how)| format!("{} {how}", text::number(*count)))
        .collect();
    format!(
        "{} of {}: {}.",
        text::counted(summary.sessions, "session"),
        text::counted(summary.clients, "client"),
        ended.join(", ")
    )
}

fn sessions(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let fold = report.cases.len() > COMPLETE;
    let listed = |case: &&Case| !fold || case.is_problem();
    let rows: Vec<&Case> = report.cases.iter().filter(listed).take(ROWS).collect();
    if !rows.is_empty() {
        let several_days =
            day(report.capture.facts.first, page) != day(report.capture.facts.last, page);
        let lines = if page.style.width >= WIDE {
            wide(&rows, page.style, several_days)
        } else {
            narrow(&rows, page.style, several_days)
        };
        write_lines(&rows, &lines, page)?;
    }
    let problems = report.cases.iter().filter(|case| case.is_problem()).count();
    let healthy = report.cases.len() - problems;
    if fold && healthy > 0 {
        let healthy = text::counted(healthy as u64, "session");
        let text = format!("{healthy} without trouble not listed; --format json lists all.");
        page.paragraph((Ink::Faint, "  … "), Ink::Faint, &text)?;
    }
    if problems > rows.len() && fold {
        let more = text::counted((problems - rows.len()) as u64, "session");
        let text = format!("{more} that went wrong not listed; --format json lists all.");
        page.paragraph((Ink::Faint, "  … "), Ink::Faint, &text)?;
    }
    Ok(())
}

fn day(time: Option<Timestamp>, page: &Page<'_>) -> Option<String> {
    time.map(|time| told(time, &page.style.zone, "%F"))
}

/// Sets the lines of a table, the outcome of each row in the ink of its severity.
fn write_lines(rows: &[&Case], lines: &[String], page: &mut Page<'_>) -> io::Result<()> {
    // A table is a header, a rule, then one line a row: no cell is ever wrapped.
    let (head, body) = lines.split_at(lines.len().saturating_sub(rows.len()));
    for line in head {
        page.line(&[(Ink::Faint, line)])?;
    }
    for (case, line) in rows.iter().zip(body) {
        let outcome = &case.verdict.outcome;
        let (ink, mark) = words::mark(outcome.severity);
        let marked = format!("{mark} {}", words::outcome(outcome));
        let marked = page.style.characters(&marked).into_owned();
        match line.rsplit_once(&marked) {
            Some((before, after)) => {
                page.line(&[(Ink::Plain, before), (ink, &marked), (Ink::Plain, after)])?;
            }
            None => page.line(&[(Ink::Plain, line)])?,
        }
    }
    Ok(())
}

fn narrow(rows: &[&Case], style: &Style, several_days: bool) -> Vec<String> {
    let pattern = if several_days {
        "%m-%d %H:%M"
    } else {
        "%H:%M:%S"
    };
    let head = ["#", "Client", "MQTT", "Started", "Lasted", "How it ended"];
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|case| {
            vec![
                case.number.to_string(),
                String::new(),
                version(case),
                told(case.session.wire.first.time, &style.zone, pattern),
                text::duration(case.lasted()),
                ended(case),
            ]
        })
        .collect();
    lines(rows, &head, cells, style)
}

fn wide(rows: &[&Case], style: &Style, several_days: bool) -> Vec<String> {
    let pattern = if several_days {
        "%m-%d %H:%M:%S"
    } else {
        "%H:%M:%S%.3f"
    };
    let head = [
        "#",
        "Client",
        "From",
        "Server",
        "MQTT",
        "Started",
        "Lasted",
        "Sent",
        "Received",
        "Frames",
        "tcp.stream",
        "How it ended",
    ];
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|case| {
            let wire = &case.session.wire;
            vec![
                case.number.to_string(),
                String::new(),
                wire.peers.client.endpoint.to_string(),
                wire.peers.server.endpoint.to_string(),
                version(case),
                told(wire.first.time, &style.zone, pattern),
                text::duration(case.lasted()),
                text::number(case.messages(Side::Client)),
                text::number(case.messages(Side::Server)),
                format!("{}–{}", wire.first.frame, wire.last.frame),
                wire.stream.to_string(),
                ended(case),
            ]
        })
        .collect();
    lines(rows, &head, cells, style)
}

fn version(case: &Case) -> String {
    case.session
        .version
        .map_or_else(|| "–".to_owned(), |version| version.to_string())
}

fn ended(case: &Case) -> String {
    let outcome = &case.verdict.outcome;
    format!(
        "{} {}",
        words::mark(outcome.severity).1,
        words::outcome(outcome)
    )
}

/// The lines of a table. The client's column, the second, gets what the others leave.
fn lines(rows: &[&Case], head: &[&str], cells: Vec<Vec<String>>, style: &Style) -> Vec<String> {
    const GAP: usize = 2;
    let widths = (0..head.len()).map(|column| {
        let cells = cells.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| style.width_of(cell)).max().unwrap_or(0);
        widest.max(head.get(column).map_or(0, |head| head.len()))
    });
    let taken: usize = widths.map(|width| width + GAP).sum::<usize>() - "Client".len();
    let room = style.width.saturating_sub(taken).clamp(8, 40);
    let mut table = Table::new();
    table
        .load_style(preset(style))
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head.iter().copied());
    for (case, mut row) in rows.iter().zip(cells) {
        if let Some(client) = row.get_mut(1) {
            *client = style.cut(&case.client_name(), room);
        }
        table.add_row(row.iter().map(|cell| style.characters(cell).into_owned()));
    }
    let numeric = ["#", "Lasted", "Sent", "Received", "tcp.stream"];
    for (column, head) in table.column_iter_mut().zip(head) {
        // The junction of the rule takes the gap's other column.
        column.set_padding((0, 1));
        if numeric.contains(head) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// A header, a rule and rows, without borders.
fn preset(style: &Style) -> TableStyle {
    let rule = if style.ascii { '-' } else { '─' };
    let none = ContentLineStyle::none();
    TableStyle::new()
        .header_lines(none)
        .header_separator(LineStyle::none().fill(rule).junction(rule))
        .content_lines(none)
}
