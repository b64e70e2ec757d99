//! `mqttcap live`: the same engine as for files, over an interface, until it is interrupted.

use std::io::Write;
use std::process::ExitCode;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::capture::Timestamp;
use crate::diagnosis;
use crate::engine::{Config, Engine};
use crate::limits::Limits;
use crate::report::table::{self, Extent};
use crate::report::{CaptureSummary, Report, news};
use crate::session::{Detail, Session};
use crate::source::{InterfaceError, Interfaces as Sources};

use super::INTERRUPTED;
use super::analyse::Judged;
use super::arguments::{Live, Only};
use super::failure::Failure;
use super::destination::Destination;
use super::output;
use super::service::{self, Signals};

/// Sessions kept for the report at the end.
const KEPT: usize = 20_000;
/// How long to wait for a frame before time is let pass.
const TICK: Duration = Duration::from_millis(100);

/// Captures until SIGINT or SIGTERM, or for as long as was asked; tells each session as it ends.
#[allow(clippy::disallowed_methods)] // the edge: how long to capture is a matter of the wall clock
pub(super) fn live(arguments: &Live) -> Result<ExitCode, Failure> {
    let mut interface = Sources::open(&arguments.capture.interfaces, arguments.capture.options())?;
    let signals = Signals::listen().map_err(Failure::Write)?;
    let name = interface.names().collect::<Vec<_>>().join(", ");
    let mut talk = anstream::stderr();
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(talk, "capturing on {name}; Ctrl-C ends with a report");
    let look = &arguments.look;
    let style = output::style(look, arguments.utc);
    let path = look.output.as_deref();
    let user = arguments.rights.user()?;
    let mut out = Destination::new(output::open_text(look)?, path);
    if let (Some(user), Some(path)) = (&user, path) {
        user.own(path).map_err(|error| out.failed(error))?;
    }
    arguments.rights.give_up(user, path.map(Path::to_owned).into_iter().collect())?;
    let mut engine = Engine::new(Config {
        limits: Limits { finished_sessions: KEPT, ..Limits::default() },
        ports: arguments.ports.clone(),
        detail: Detail::None,
        hosts: Vec::new(),
    });
    let mut judged = Judged::new(KEPT);
    let begun = Instant::now();
    let mut ended: Vec<Session> = Vec::new();
    let mut latest = None;
    while !signals.end()
        && arguments.seconds.is_none_or(|limit| begun.elapsed() < Duration::from_secs(limit))
    {
        if signals.reopen()
            && let Err(failure) = out.reopen()
        {
            let _ = writeln!(talk, "{failure}; going on with the old one");
        }
        if path.is_none() && service::reader_is_gone() {
            return Ok(ExitCode::SUCCESS);
        }
        let taken = interface.read(TICK, &mut |frame| {
            latest = Some((frame.at.time, Instant::now()));
            engine.push(frame, &mut |session| ended.push(session));
        })?;
        while let Some(change) = interface.change() {
            let _ = writeln!(talk, "{}", super::capture::told(&change));
        }
        // The capture's clock goes on while the line is idle.
        if taken == 0 && let Some((time, seen)) = latest {
            let idle = i64::try_from(seen.elapsed().as_nanos()).unwrap_or(i64::MAX);
            engine.advance(Timestamp(time.0.saturating_add(idle)), &mut |session| ended.push(session));
        }
        if ended.is_empty() {
            continue;
        }
        for session in ended.drain(..) {
            let verdict = diagnosis::diagnose(&session);
            if arguments.only != Some(Only::Problems) || verdict.outcome.severity >= diagnosis::Severity::Warning {
                news::write(&session, &verdict, &style, &mut out)?;
            }
            judged.keep(session, verdict);
        }
        out.flush().map_err(|error| out.failed(error))?;
    }
    let dropped = interface.dropped();
    let mut facts = engine.finish(&mut |session| judged.judge(session));
    facts.sessions_left_out = judged.left_out();
    let mut notes = diagnosis::notes(&facts);
    notes.extend(super::analyse::lost_packets(dropped));
    let report = Report::new(CaptureSummary { files: vec![name], facts, notes }, judged.into_sessions());
    writeln!(out)?;
    table::write(&report, Extent::Problems, &style, &mut out)?;
    out.flush()?;
    Ok(ExitCode::from(if signals.end() { INTERRUPTED } else { 0 }))
}

impl From<InterfaceError> for Failure {
    fn from(error: InterfaceError) -> Failure {
        Failure::Capture { message: error.to_string(), hint: error.hint() }
    }
}
