//! `mqttcap live` and `mqttcap read --follow`: the same engine as for files, over what still comes, until it is
//! interrupted.

mod feed;
mod follow;
#[cfg(feature = "tui")]
mod full_screen;
mod lines;
mod news;
mod records;
mod watch;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::engine::Config;
use crate::limits::Limits;
use crate::session::Detail;
use crate::source::{Followed, Interface, InterfaceError, Shown, interfaces};

use super::INTERRUPTED;
use super::arguments::{Input, Interfaces, Live, LiveFormat, Look, Only, Read, ReadFormat};
use super::bounds::Bounds;
use super::failure::Failure;
use super::output;
use feed::Feed;
#[cfg(feature = "tui")]
use full_screen::FullScreen;
use lines::Lines;
use news::Teller;
use records::Records;

/// Sessions kept for the report at the end.
const KEPT: usize = 20_000;

/// Captures until SIGINT or SIGTERM, or for as long as was asked; tells each session as it ends.
pub(super) fn live(arguments: &Live) -> Result<ExitCode, Failure> {
    let mut interface = Interface::open(arguments.interface.as_deref())?;
    let stop = stop()?;
    let full_screen = arguments.is_full_screen();
    if !full_screen {
        // If standard error is closed there is nobody to tell.
        let _ = writeln!(anstream::stderr(), "capturing on {}; Ctrl-C ends with a report", Feed::name(&interface));
    }
    let seconds = arguments.seconds.map(Duration::from_secs);
    let Live { bounds, look, only, format, ports, utc, .. } = arguments;
    let telling = Telling { bounds, look, only: *only, format: *format, ports, utc: *utc, seconds, full_screen };
    tell(&mut interface, telling, &stop)?;
    Ok(ExitCode::from(if stop.load(Ordering::Relaxed) { INTERRUPTED } else { 0 }))
}

/// Reads a capture that is still written until SIGINT or SIGTERM, or until nothing more can come.
pub(super) fn follow_file(arguments: &Read) -> Result<ExitCode, Failure> {
    let path = one_file(&arguments.input)?;
    let format = match arguments.format {
        ReadFormat::Table => LiveFormat::Table,
        ReadFormat::Ndjson => LiveFormat::Ndjson,
        ReadFormat::Json => {
            return Err(Failure::arguments("--follow cannot write one document", "use --format ndjson"));
        }
    };
    output::keep_captures(arguments.look.output.as_deref(), &arguments.input.files)?;
    let mut followed = Followed::open(path)?;
    let stop = stop()?;
    let _ = writeln!(anstream::stderr(), "following {}; Ctrl-C ends with a report", Shown(path));
    let Read { look, only, input, .. } = arguments;
    let telling = Telling {
        bounds: &input.bounds,
        look,
        only: *only,
        format,
        ports: &input.ports,
        utc: input.utc,
        seconds: None,
        full_screen: false,
    };
    tell(&mut followed, telling, &stop)?;
    Ok(ExitCode::from(if stop.load(Ordering::Relaxed) { INTERRUPTED } else { 0 }))
}

/// The one file that is followed.
pub(super) fn one_file(input: &Input) -> Result<&Path, Failure> {
    match input.files.as_slice() {
        [path] => Ok(path),
        _ => Err(Failure::arguments(
            "--follow takes one file",
            "name the one that is written now, or the first of rotated ones: it goes on with those that come after it",
        )),
    }
}

/// Becomes true on SIGINT or SIGTERM.
pub(super) fn stop() -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted)).map_err(Failure::Write)?;
    }
    Ok(interrupted)
}

/// What is to be told, and how.
#[derive(Clone, Copy)]
struct Telling<'t> {
    bounds: &'t Bounds,
    look: &'t Look,
    only: Option<Only>,
    format: LiveFormat,
    ports: &'t [u16],
    utc: bool,
    seconds: Option<Duration>,
    full_screen: bool,
}

/// Tells what happens in `feed`, and at the end reports.
fn tell(feed: &mut dyn Feed, telling: Telling<'_>, stop: &AtomicBool) -> Result<(), Failure> {
    let Telling { bounds, look, only, format, ports, utc, seconds, full_screen } = telling;
    let only_problems = only == Some(Only::Problems);
    let (detail, mut teller): (Detail, Box<dyn Teller>) = match format {
        #[cfg(feature = "tui")]
        _ if full_screen => (Detail::Folded, Box::new(FullScreen::open(feed.name(), output::style(look, utc))?)),
        LiveFormat::Table => {
            let style = output::style(look, utc);
            (Detail::None, Box::new(Lines::new(output::open_text(look)?, style, feed.name(), only_problems)))
        }
        LiveFormat::Ndjson => {
            (Detail::Folded, Box::new(Records::new(output::open(look.output.as_deref())?, only_problems)))
        }
    };
    let config = Config {
        limits: bounds.over(Limits { finished_sessions: KEPT, ..Limits::default() })?,
        ports: ports.to_vec(),
        detail,
        hosts: Vec::new(),
    };
    let report = follow::follow(config, feed, teller.as_mut(), seconds, stop)?;
    teller.report(&report)
}

/// Lists what can be captured on.
pub(super) fn list(arguments: &Interfaces) -> Result<ExitCode, Failure> {
    let mut out = output::open_text(&arguments.look)?;
    let found = interfaces()?;
    if found.is_empty() {
        return Err(InterfaceError::None.into());
    }
    let widest = found.iter().map(|interface| interface.name.len()).max().unwrap_or(0);
    for interface in found {
        let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
        let state = if interface.up { "up  " } else { "down" };
        let about = interface.description.unwrap_or_default();
        let line = format!("{:widest$}  {state}  {}  {about}", interface.name, addresses.join(" "));
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

impl From<InterfaceError> for Failure {
    fn from(error: InterfaceError) -> Failure {
        Failure::Capture { message: error.to_string(), hint: error.hint() }
    }
}
