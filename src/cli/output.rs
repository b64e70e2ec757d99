//! Where a report goes, and how wide and how colourful it may be there.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::report::Style;
use crate::source::Shown;

use super::arguments::{Color, Look};
use super::failure::Failure;

/// Width where nobody tells it.
const WIDTH: usize = 80;
/// Narrower than this nothing can be read.
const NARROWEST: usize = 40;

/// Bytes that are written at once.
const BUFFER: usize = 64 << 10;

/// Opens the output: a file, or standard output, buffered.
pub(super) fn open(path: Option<&Path>) -> Result<Box<dyn Write + Send>, Failure> {
    match path {
        None => Ok(Box::new(BufWriter::with_capacity(BUFFER, io::stdout()))),
        Some(path) => match File::create(path) {
            Ok(file) => Ok(Box::new(BufWriter::with_capacity(BUFFER, file))),
            Err(source) => Err(Failure::Output { path: path.to_owned(), source }),
        },
    }
}

/// Refuses to write a report over a capture that it is made from.
pub(super) fn keep_captures(output: Option<&Path>, captures: &[PathBuf]) -> Result<(), Failure> {
    let Some(Ok(output)) = output.map(Path::canonicalize) else {
        return Ok(());
    };
    match captures.iter().find(|capture| capture.canonicalize().is_ok_and(|capture| capture == output)) {
        None => Ok(()),
        Some(capture) => Err(Failure::arguments(
            format!("--output {} would overwrite the capture", Shown(capture)),
            "give the report another name",
        )),
    }
}

/// Opens the output for text: as [`open`], on an old Windows console with colours translated.
pub(super) fn open_text(look: &Look) -> Result<Box<dyn Write + Send>, Failure> {
    match look.output.as_deref() {
        None => {
            let choice = color(look);
            let out = anstream::AutoStream::new(io::stdout(), choice);
            Ok(Box::new(BufWriter::with_capacity(BUFFER, out)))
        }
        path => open(path),
    }
}

/// Whether somebody watches what is written.
pub(super) fn is_terminal(look: &Look) -> bool {
    look.output.is_none() && io::stdout().is_terminal()
}

/// How text is set there.
pub(super) fn style(look: &Look, utc: bool) -> Style {
    let zone = if utc { TimeZone::UTC } else { TimeZone::system() };
    Style { width: width(), ascii: look.ascii, color: color(look) != anstream::ColorChoice::Never, zone }
}

fn color(look: &Look) -> anstream::ColorChoice {
    match look.color {
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
        Color::Auto if look.output.is_some() => anstream::ColorChoice::Never,
        // NO_COLOR, CLICOLOR, TERM and whether it is a terminal.
        Color::Auto => anstream::AutoStream::choice(&io::stdout()),
    }
}

/// Columns of the terminal, else `COLUMNS`, else 80.
fn width() -> usize {
    let terminal = terminal_size::terminal_size_of(io::stdout());
    let terminal = terminal.map(|(width, _)| usize::from(width.0));
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.or_else(told).filter(|width| *width > 0).unwrap_or(WIDTH).max(NARROWEST)
}
