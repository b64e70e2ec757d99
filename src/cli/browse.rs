//! `mqttcap browse`: the sessions of a capture on the full screen.

use std::process::ExitCode;
use std::time::Duration;

use crate::report::{Extent, Report};
use crate::screen::Screen;
use crate::session::Detail;
use crate::text;

use super::analyse::analyse;
use super::arguments::Browse;
use super::failure::Failure;
use super::output;
use super::terminal::{Input, Terminal};

/// How long to wait for a key before looking again.
const WAIT: Duration = Duration::from_secs(60);

/// Reads the captures and shows their sessions until the user has had enough.
pub(super) fn browse(arguments: &Browse) -> Result<ExitCode, Failure> {
    let report = analyse(&arguments.input, Detail::Full, Extent::Everything, &[])?;
    let style = output::style(&arguments.look, arguments.input.utc);
    let mut screen = Screen::new(title(&report), style, report.cases.len(), false);
    report.cases.iter().for_each(|case| screen.take(case, true));
    screen.tell(summary(&report));
    let mut terminal = Terminal::open()?;
    while !screen.is_done() {
        terminal.draw(&mut screen)?;
        match terminal.input(WAIT)? {
            Some(Input::Key(key)) => screen.press(key),
            Some(Input::Interrupt) => break,
            Some(Input::Other) | None => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn title(report: &Report) -> String {
    match report.capture.files.as_slice() {
        [one] => one.rsplit(std::path::is_separator).find(|part| !part.is_empty()).unwrap_or(one).to_owned(),
        files => format!("{} files", files.len()),
    }
}

/// “1,204 packets, 3 of 12 sessions went wrong; 2 notes (`mqttcap read`)”
fn summary(report: &Report) -> String {
    let (packets, problems) = (report.capture.facts.packets, report.summary.problems());
    let mut words = text::counted(packets, "packet");
    if problems > 0 {
        words = format!("{words}, {} went wrong", text::number(problems));
    }
    match report.capture.notes.len() as u64 {
        0 => words,
        notes => format!("{words}; {} (`mqttcap read`)", text::counted(notes, "note")),
    }
}
