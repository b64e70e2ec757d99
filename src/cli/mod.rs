//! The edge: arguments → configuration → wiring → exit code.
//!
//! Invariant: data goes to standard output, talk to standard error; a reader that goes away is no
//! error. Nothing else in the crate looks at the environment, the terminal or the clock.

mod analyse;
mod arguments;
mod bounds;
#[cfg(feature = "tui")]
mod browse;
#[cfg(feature = "live")]
mod capture;
#[cfg(feature = "live")]
mod destination;
mod failure;
mod file_notes;
#[cfg(feature = "live")]
mod interfaces;
mod judging;
#[cfg(feature = "live")]
mod keeping;
#[cfg(feature = "live")]
mod live;
mod output;
mod packets;
mod progress;
mod reading;
mod selection;
#[cfg(feature = "live")]
mod service;
mod sieve;
mod size;
#[cfg(feature = "tui")]
mod terminal;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style as Ansi};
use clap::Parser as _;
use clap::error::ErrorKind;

use crate::diagnosis::explain;
use crate::report::explain as text;
use crate::report::packets as packet_lines;
use crate::report::{Extent, Report, across, json, ladder, table};
use crate::session::Detail;
use crate::text::is_unseen;

use analyse::{analyse, is_known_id};
use arguments::{Arguments, Command, Described, Explain, Read, ReadFormat, Schema, Show, ShowFormat, with_command};
use failure::Failure;
use selection::{FailOn, Selection};

/// Exit status when `--fail-on` matched.
const MATCHED: u8 = 1;
/// Exit status when nothing could be analysed.
const FAILED: u8 = 2;
/// Exit status when `live` was interrupted, after its report.
#[cfg(feature = "live")]
const INTERRUPTED: u8 = 130;

/// Runs mqttcap with the arguments of the process, its name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = with_command(arguments.into_iter().collect());
    let done = match Arguments::try_parse_from(arguments) {
        Ok(Arguments { command }) => dispatch(&command),
        Err(error) => match error.kind() {
            // Help and version go to standard output; if nobody reads them, so be it.
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                let _ = error.print();
                return ExitCode::from(FAILED);
            }
            _ => Err(error.into()),
        },
    };
    match done {
        Ok(code) => code,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure);
            ExitCode::from(FAILED)
        }
    }
}

/// One line that says what is wrong, one that says what to do.
fn tell(failure: &Failure) {
    let error = Ansi::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let hint = Ansi::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
    let mut out = anstream::stderr().lock();
    // If standard error is closed there is nobody left to tell.
    let _ = writeln!(out, "{error}error:{error:#} {}", harmless(&failure.to_string()));
    let _ = writeln!(out, "{hint}hint:{hint:#} {}", harmless(&failure.hint()));
}

/// What is quoted from the command line may be the name of a file: a shell puts in what stands there.
fn harmless(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    for character in message.chars() {
        if is_unseen(character) { shown.extend(character.escape_default()) } else { shown.push(character) }
    }
    shown
}

fn dispatch(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Read(arguments) => read(arguments),
        Command::Packets(arguments) => packets::packets(arguments),
        Command::Show(arguments) => show(arguments),
        #[cfg(feature = "tui")]
        Command::Browse(arguments) => browse::browse(arguments),
        #[cfg(feature = "live")]
        Command::Live(arguments) => live::live(arguments),
        #[cfg(feature = "live")]
        Command::Interfaces(arguments) => interfaces::list(arguments),
        Command::Explain(arguments) => explain(arguments),
        Command::Schema(arguments) => schema(arguments),
    }
}

fn read(arguments: &Read) -> Result<ExitCode, Failure> {
    #[cfg(feature = "live")]
    if arguments.follow {
        return live::follow_file(arguments);
    }
    let selection = Selection::of(arguments.only, arguments.client.as_deref(), arguments.host)?;
    let fail_on = arguments.fail_on.iter().map(|value| FailOn::parse(value, is_known_id));
    let fail_on = fail_on.collect::<Result<Vec<_>, _>>()?;
    let detail = match arguments.format {
        ReadFormat::Table => Detail::None,
        ReadFormat::Json | ReadFormat::Ndjson => Detail::Folded,
    };
    output::keep_captures(arguments.look.output.as_deref(), &arguments.input.files)?;
    let explained = if fail_on.iter().any(FailOn::may_be_finding) { Extent::Everything } else { extent(arguments) };
    let mut report = analyse(&arguments.input, detail, explained, arguments.host.as_slice())?;
    if !report.cases.iter().any(|case| selection.concerns(case)) {
        report.capture.notes.extend(selection.unseen(&report.capture.facts));
    }
    report.retain(|case| selection.shows(case));
    if !arguments.quiet {
        write_report(&report, arguments)?;
    }
    let matched = fail_on.iter().any(|wanted| wanted.matches(&report));
    // The process ends here, and its memory with it: to free a large report piece by piece takes long.
    std::mem::forget(report);
    Ok(ExitCode::from(if matched { MATCHED } else { 0 }))
}

/// How much of the report is written.
fn extent(arguments: &Read) -> Extent {
    match arguments.format {
        ReadFormat::Table if !arguments.verbose => Extent::Problems,
        ReadFormat::Table | ReadFormat::Json | ReadFormat::Ndjson => Extent::Everything,
    }
}

fn write_report(report: &Report, arguments: &Read) -> Result<(), Failure> {
    let look = &arguments.look;
    let mut out = match arguments.format {
        ReadFormat::Table => output::open_text(look)?,
        ReadFormat::Json | ReadFormat::Ndjson => output::open(look.output.as_deref())?,
    };
    match arguments.format {
        ReadFormat::Table => {
            let style = output::style(look, arguments.input.utc);
            table::write(report, extent(arguments), &style, &mut out)?;
        }
        ReadFormat::Json => json::write(report, &mut out)?,
        ReadFormat::Ndjson => json::write_lines(report, &mut out)?,
    }
    Ok(out.flush()?)
}

fn show(arguments: &Show) -> Result<ExitCode, Failure> {
    output::keep_captures(arguments.look.output.as_deref(), &arguments.input.files)?;
    let mut report = analyse(&arguments.input, Detail::Full, Extent::Everything, arguments.host.as_slice())?;
    let count = report.cases.len() as u64;
    let number = arguments.session;
    report.retain(|case| case.number == number);
    let Some(case) = report.cases.first() else {
        return Err(Failure::NoSuchSession { number, count });
    };
    let look = &arguments.look;
    let mut out = match arguments.format {
        ShowFormat::Table => output::open_text(look)?,
        ShowFormat::Json => output::open(look.output.as_deref())?,
    };
    match arguments.format {
        ShowFormat::Table => {
            let style = output::style(look, arguments.input.utc);
            ladder::write(case, &style, &mut out)?;
            across::write(&report.across, &style, &mut out)?;
        }
        ShowFormat::Json => json::write(&report, &mut out)?,
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn explain(arguments: &Explain) -> Result<ExitCode, Failure> {
    let look = &arguments.look;
    let style = output::style(look, false);
    let Some(what) = &arguments.what else {
        let mut out = output::open_text(look)?;
        for group in explain::all() {
            let topics = group.topics.iter().map(|topic| (topic.name.as_str(), topic.title.as_str()));
            text::write_list(group.kind.heading(), topics, &style, &mut out)?;
            writeln!(out)?;
        }
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    };
    let explanation = match &arguments.client {
        Some(client) => explain::explain_for_client(what, client),
        None => explain::explain(what),
    };
    if explanation.kind == explain::Kind::Unknown {
        return Err(Failure::Unexplained { what: what.clone(), suggestions: explanation.see_also });
    }
    let mut out = output::open_text(look)?;
    let see_also = explain::see_also(&explanation);
    let see_also = see_also.iter().map(|topic| (topic.name.as_str(), topic.title.as_str()));
    text::write(&explanation.title, &explanation.body, see_also, &style, &mut out)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn schema(arguments: &Schema) -> Result<ExitCode, Failure> {
    let mut out = output::open(arguments.output.as_deref())?;
    match arguments.what {
        Described::Read => json::write_schema(&mut out)?,
        Described::Packets => packet_lines::write_schema(&mut out)?,
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
