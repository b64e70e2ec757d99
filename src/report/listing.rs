//! The table of sessions under the summary of `mqttcap read`, one line a session.
//!
//! It has as many columns as the terminal has room for; a long client id gives way first.

use std::io;

use comfy_table::{CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};

use crate::stream::Side;
use crate::text;

use super::model::{Case, Style};
use super::page::{Ink, Page, told};
use super::words;

/// A column: its head, how it is set, and what stands in it.
struct Column {
    head: &'static str,
    alignment: CellAlignment,
    cell: fn(&Case, &Style, Days) -> String,
}

/// Whether the capture spans several days, so that a time needs its date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Days {
    One,
    Several,
}

const NUMBER: Column = right("#", |case, _, _| case.number.to_string());
const CLIENT: Column = left("Client", |case, _, _| case.client_name());
const FROM: Column = left("From", |case, _, _| case.client_address());
const SERVER: Column = left("Server", |case, _, _| case.server_name());
const VERSION: Column =
    left("MQTT", |case, _, _| case.session.version.map_or_else(|| "–".to_owned(), |version| version.to_string()));
const STARTED: Column = left("Started", |case, style, days| {
    let pattern = if days == Days::One { "%H:%M:%S" } else { "%m-%d %H:%M" };
    told(case.session.wire.first.time, &style.zone, pattern)
});
const STARTED_EXACTLY: Column = left("Started", |case, style, days| {
    let pattern = if days == Days::One { "%H:%M:%S%.3f" } else { "%m-%d %H:%M:%S" };
    told(case.session.wire.first.time, &style.zone, pattern)
});
const LASTED: Column = right("Lasted", |case, _, _| match case.lasted() {
    ..=0 => "–".to_owned(),
    lasted => text::duration(lasted),
});
const SENT: Column = right("Sent", |case, _, _| text::number(case.messages(Side::Client)));
const RECEIVED: Column = right("Received", |case, _, _| text::number(case.messages(Side::Server)));
const FRAMES: Column = left("Frames", |case, _, _| {
    let wire = &case.session.wire;
    format!("{}–{}", wire.first.frame, wire.last.frame)
});
const STREAM: Column = right("tcp.stream", |case, _, _| {
    case.session.wire.stream.map_or_else(|| "–".to_owned(), |stream| stream.to_string())
});
const ENDED: Column = left("How it ended", |case, _, _| ended(case));

/// From the richest to the barest.
const LAYOUTS: [&[Column]; 4] = [
    &[NUMBER, CLIENT, FROM, SERVER, VERSION, STARTED_EXACTLY, LASTED, SENT, RECEIVED, FRAMES, STREAM, ENDED],
    &[NUMBER, CLIENT, SERVER, VERSION, STARTED, LASTED, STREAM, ENDED],
    &[NUMBER, CLIENT, VERSION, STARTED, LASTED, ENDED],
    &[NUMBER, CLIENT, ENDED],
];

/// Columns between two columns.
const GAP: usize = 2;
/// Room that a client id must have.
const CLIENT_LEAST: usize = 16;
/// Room that a client id may take.
const CLIENT_MOST: usize = 40;

const fn left(head: &'static str, cell: fn(&Case, &Style, Days) -> String) -> Column {
    Column { head, alignment: CellAlignment::Left, cell }
}

const fn right(head: &'static str, cell: fn(&Case, &Style, Days) -> String) -> Column {
    Column { head, alignment: CellAlignment::Right, cell }
}

/// Writes the table of `rows`.
pub(super) fn write(rows: &[&Case], days: Days, page: &mut Page<'_>) -> io::Result<()> {
    let style = page.style;
    let mut settings = LAYOUTS.iter().map(|layout| Setting::of(layout, rows, days, style)).peekable();
    let mut lines = Vec::new();
    while let Some(setting) = settings.next() {
        if setting.fits(style) || settings.peek().is_none() {
            lines = setting.lines(style);
            break;
        }
    }
    // A header, a rule, then one line a row: no cell is ever wrapped.
    let (head, body) = lines.split_at(lines.len().saturating_sub(rows.len()));
    for line in head {
        page.line(&[(Ink::Faint, line)])?;
    }
    for (case, line) in rows.iter().zip(body) {
        row(case, line, page)?;
    }
    Ok(())
}

/// One row, its outcome in the ink of its severity.
fn row(case: &Case, line: &str, page: &mut Page<'_>) -> io::Result<()> {
    let (ink, _) = words::mark(case.verdict.outcome.severity);
    let outcome = page.style.characters(&ended(case)).into_owned();
    match line.strip_suffix(&outcome) {
        Some(before) => page.line(&[(Ink::Plain, before), (ink, &outcome)]),
        None => page.line(&[(Ink::Plain, line)]),
    }
}

/// How it ended, with its mark.
pub(super) fn ended(case: &Case) -> String {
    let outcome = &case.verdict.outcome;
    format!("{} {}", words::mark(outcome.severity).1, words::outcome(outcome))
}

/// A layout with its cells filled in.
struct Setting {
    layout: &'static [Column],
    cells: Vec<Vec<String>>,
    /// Columns that all but the client take.
    taken: usize,
    /// Columns that the longest client takes.
    client: usize,
}

impl Setting {
    fn of(layout: &'static [Column], rows: &[&Case], days: Days, style: &Style) -> Setting {
        let cell = |case: &Case, column: &Column| style.characters(&(column.cell)(case, style, days)).into_owned();
        let cells: Vec<Vec<String>> =
            rows.iter().map(|case| layout.iter().map(|column| cell(case, column)).collect()).collect();
        let mut taken = GAP * layout.len().saturating_sub(1);
        let mut client = 0;
        for (place, column) in layout.iter().enumerate() {
            let widths = cells.iter().filter_map(|row| Some(style.width_of(row.get(place)?)));
            let widest = widths.max().unwrap_or(0).max(column.head.len());
            if column.head == CLIENT.head {
                client = widest;
            } else {
                taken += widest;
            }
        }
        Setting { layout, cells, taken, client }
    }

    fn fits(&self, style: &Style) -> bool {
        self.taken + self.client.min(CLIENT_LEAST) <= style.width
    }

    fn lines(self, style: &Style) -> Vec<String> {
        let room = style.width.saturating_sub(self.taken).clamp(1, CLIENT_MOST);
        let mut table = Table::new();
        table
            .load_style(preset(style))
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(self.layout.iter().map(|column| column.head));
        for row in self.cells {
            let cells = self.layout.iter().zip(row);
            table.add_row(cells.map(
                |(column, cell)| {
                    if column.head == CLIENT.head { style.cut(&cell, room) } else { cell }
                },
            ));
        }
        let last = self.layout.len().saturating_sub(1);
        for (place, (set, column)) in table.column_iter_mut().zip(self.layout).enumerate() {
            // The junction of the rule takes the gap's other column.
            set.set_padding((0, u16::from(place < last)));
            set.set_cell_alignment(column.alignment);
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }
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
