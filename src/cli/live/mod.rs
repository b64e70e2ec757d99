//! `mqttcap live` and `mqttcap read --follow`: the same engine as for files, over what still comes, until it is
//! interrupted.

mod feed;
mod follow;
#[cfg(feature = "tui")]
mod full_screen;
mod keep;
mod lines;
mod metrics;
mod news;
mod problems;
mod records;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)] // a test may fail
mod tests;
mod watch;
mod witness;

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::confine::User;
use crate::engine::Config;
use crate::limits::Limits;
use crate::session::Detail;
use crate::source::{Followed, InterfaceError, Interfaces, Shown};

use super::INTERRUPTED;
use super::arguments::{Input, Live, LiveFormat, Look, Only, Read, ReadFormat};
use super::bounds::Bounds;
use super::destination::Destination;
use super::failure::Failure;
use super::output;
use super::service::{Rights, Signals};
use feed::Feed;
#[cfg(feature = "tui")]
use full_screen::FullScreen;
use keep::Keeping;
use lines::Lines;
use news::Teller;
use records::Records;

/// Captures until SIGINT or SIGTERM, or for as long as was asked; tells each session as it ends.
pub(super) fn live(arguments: &Live) -> Result<ExitCode, Failure> {
    // Before anything is opened: a wrong name is to be said at once.
    let user = arguments.rights.user()?;
    let mut interfaces = Interfaces::open(&arguments.capture.interfaces, arguments.capture.options())?;
    let signals = Signals::listen().map_err(Failure::Write)?;
    let full_screen = arguments.is_full_screen();
    if !full_screen {
        // If standard error is closed there is nobody to tell.
        let _ = writeln!(anstream::stderr(), "capturing on {}; Ctrl-C ends with a report", Feed::name(&interfaces));
    }
    let seconds = arguments.seconds.map(Duration::from_secs);
    let Live { bounds, look, only, format, ports, utc, capture, rights, .. } = arguments;
    let ports = [&ports[..], &capture.only_ports].concat();
    let telling = Telling {
        bounds,
        look,
        only: *only,
        format: *format,
        evidence: arguments.keeping.on_problem.is_some(),
        ports: &ports,
        hosts: &capture.hosts,
        utc: *utc,
        seconds,
        full_screen,
    };
    let keeping = Keeping::open(&arguments.keeping, &Feed::name(&interfaces), user.as_ref(), *utc)?;
    let mut teller = telling.teller(Feed::name(&interfaces))?;
    let written: Vec<PathBuf> = look.output.iter().cloned().chain(keeping.written()).collect();
    give_up(rights, user, written, teller.as_mut())?;
    let mut teller = keeping.begin(teller)?;
    let told = tell(&mut interfaces, telling, &mut teller, &signals);
    teller.close();
    told?;
    Ok(ExitCode::from(if signals.end() { INTERRUPTED } else { 0 }))
}

/// Gives up rights: when all is open and the time zone is known, and before any thread is started, because a thread
/// gives up rights for itself only.
fn give_up(rights: &Rights, user: Option<User>, written: Vec<PathBuf>, teller: &mut dyn Teller) -> Result<(), Failure> {
    let held = rights.give_up(user, written)?;
    if rights.verbose {
        for sentence in held.sentences {
            teller.note(&sentence);
        }
    }
    Ok(())
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
    let signals = Signals::listen().map_err(Failure::Write)?;
    let _ = writeln!(anstream::stderr(), "following {}; Ctrl-C ends with a report", Shown(path));
    let Read { look, only, input, .. } = arguments;
    let telling = Telling {
        bounds: &input.bounds,
        look,
        only: *only,
        format,
        evidence: false,
        ports: &input.ports,
        hosts: &[],
        utc: input.utc,
        seconds: None,
        full_screen: false,
    };
    let mut teller = telling.teller(Feed::name(&followed))?;
    tell(&mut followed, telling, teller.as_mut(), &signals)?;
    Ok(ExitCode::from(if signals.end() { INTERRUPTED } else { 0 }))
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

/// What is to be told, and how.
#[derive(Clone, Copy)]
struct Telling<'t> {
    bounds: &'t Bounds,
    look: &'t Look,
    only: Option<Only>,
    format: LiveFormat,
    /// Sessions are written to files of their own.
    evidence: bool,
    ports: &'t [u16],
    hosts: &'t [IpAddr],
    utc: bool,
    seconds: Option<Duration>,
    full_screen: bool,
}

impl Telling<'_> {
    /// How much of a session is kept.
    fn detail(&self) -> Detail {
        if self.full_screen || self.evidence || self.format == LiveFormat::Ndjson {
            Detail::Folded
        } else {
            Detail::None
        }
    }

    /// Who tells what happens on `name`.
    fn teller(&self, name: String) -> Result<Box<dyn Teller>, Failure> {
        let Telling { look, utc, .. } = *self;
        let only_problems = self.only == Some(Only::Problems);
        let file = look.output.as_deref();
        Ok(match self.format {
            #[cfg(feature = "tui")]
            _ if self.full_screen => Box::new(FullScreen::open(name, output::style(look, utc))?),
            LiveFormat::Table => {
                let out = Destination::new(output::open_text(look)?, file);
                Box::new(Lines::new(out, output::style(look, utc), name, only_problems))
            }
            LiveFormat::Ndjson => Box::new(Records::new(Destination::new(output::open(file)?, file), only_problems)),
        })
    }
}

/// Tells what happens in `feed`, and at the end reports.
fn tell(feed: &mut dyn Feed, telling: Telling<'_>, teller: &mut dyn Teller, signals: &Signals) -> Result<(), Failure> {
    let config = Config {
        limits: telling.bounds.over(Limits::while_capturing())?,
        ports: telling.ports.to_vec(),
        detail: telling.detail(),
        hosts: telling.hosts.to_vec(),
    };
    let done = follow::follow(config, feed, teller, telling.seconds, signals);
    done.and_then(|report| teller.report(&report)).map_err(|failure| failure.in_file(telling.look.output.as_deref()))
}

impl From<InterfaceError> for Failure {
    fn from(error: InterfaceError) -> Failure {
        Failure::Capture { message: error.to_string(), hint: error.hint() }
    }
}
