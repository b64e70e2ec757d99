//! `mqttcap live` and `mqttcap read --follow`: the same engine as for files, over what still comes, until it is
//! interrupted.

mod feed;
mod lines;
mod news;
mod records;
mod watch;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::capture::Timestamp;
use crate::diagnosis;
use crate::engine::{Config, Engine};
use crate::limits::Limits;
use crate::report::{CaptureSummary, Report};
use crate::session::{Detail, Session};
use crate::source::{Followed, Interface, InterfaceError, Shown, interfaces};

use super::INTERRUPTED;
use super::analyse::Judged;
use super::arguments::{Input, Interfaces, Live, LiveFormat, Look, Only, Read, ReadFormat};
use super::failure::Failure;
use super::output;
use feed::Feed;
use lines::Lines;
use news::{Status, Teller};
use records::Records;
use watch::Watch;

/// Sessions kept for the report at the end.
const KEPT: usize = 20_000;
/// How often connections are looked at, and the status is told.
const TICK: Duration = Duration::from_millis(200);
/// Frames taken before the clock is looked at.
const BATCH: u64 = 64;

/// Captures until SIGINT or SIGTERM, or for as long as was asked; tells each session as it ends.
pub(super) fn live(arguments: &Live) -> Result<ExitCode, Failure> {
    let mut interface = Interface::open(arguments.interface.as_deref())?;
    let stop = stop()?;
    let name = Feed::name(&interface);
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "capturing on {name}; Ctrl-C ends with a report");
    let seconds = arguments.seconds.map(Duration::from_secs);
    let Live { look, only, format, ports, utc, .. } = arguments;
    tell(&mut interface, Telling { look, only: *only, format: *format, ports, utc: *utc, seconds }, &stop)?;
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
    let telling = Telling { look, only: *only, format, ports: &input.ports, utc: input.utc, seconds: None };
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
    look: &'t Look,
    only: Option<Only>,
    format: LiveFormat,
    ports: &'t [u16],
    utc: bool,
    seconds: Option<Duration>,
}

/// Tells what happens in `feed`, and at the end reports.
fn tell(feed: &mut dyn Feed, telling: Telling<'_>, stop: &AtomicBool) -> Result<(), Failure> {
    let Telling { look, only, format, ports, utc, seconds } = telling;
    let only_problems = only == Some(Only::Problems);
    let (detail, mut teller): (Detail, Box<dyn Teller>) = match format {
        LiveFormat::Table => {
            let style = output::style(look, utc);
            (Detail::None, Box::new(Lines::new(output::open_text(look)?, style, feed.name(), only_problems)))
        }
        LiveFormat::Ndjson => {
            (Detail::Folded, Box::new(Records::new(output::open(look.output.as_deref())?, only_problems)))
        }
    };
    let config = Config {
        limits: Limits { finished_sessions: KEPT, ..Limits::default() },
        ports: ports.to_vec(),
        detail,
        hosts: Vec::new(),
    };
    let report = follow(config, feed, teller.as_mut(), seconds, stop)?;
    teller.report(&report)
}

/// Follows `feed` until `stop`, or for `limit`; what happens is told as it does.
#[allow(clippy::disallowed_methods)] // the edge: how long to capture is a matter of the wall clock
fn follow(
    config: Config,
    feed: &mut dyn Feed,
    teller: &mut dyn Teller,
    limit: Option<Duration>,
    stop: &AtomicBool,
) -> Result<Report, Failure> {
    let begun = Instant::now();
    let mut judged = Judged::new(config.limits.finished_sessions);
    let mut engine = Engine::new(config);
    engine.note_changes();
    let mut watch = Watch::new(begun);
    let mut pulse = Pulse::new(begun);
    let mut ended: Vec<Session> = Vec::new();
    let mut latest = None;
    while !stop.load(Ordering::Relaxed)
        && !teller.is_done()
        && !feed.is_over()
        && limit.is_none_or(|limit| begun.elapsed() < limit)
    {
        let mut idle = false;
        for _ in 0..BATCH {
            let Some(frame) = feed.next_frame()? else {
                idle = true;
                break;
            };
            latest = Some((frame.at.time, Instant::now()));
            pulse.status.packets += 1;
            engine.push(&frame, &mut |session| ended.push(session));
        }
        // The capture's clock goes on while the line is idle.
        let now = latest.map_or(Timestamp::default(), |(time, seen): (Timestamp, Instant)| {
            Timestamp(time.0.saturating_add(i64::try_from(seen.elapsed().as_nanos()).unwrap_or(i64::MAX)))
        });
        if idle && latest.is_some() && feed.is_prompt() {
            engine.advance(now, &mut |session| ended.push(session));
        }
        for session in ended.drain(..) {
            let case = watch.judged(session, teller)?;
            pulse.status.ended += 1;
            pulse.status.problems += u64::from(case.is_problem());
            judged.keep(case.session, case.verdict);
        }
        if pulse.is_due() {
            watch.look(&mut engine, now, TICK, teller)?;
            pulse.status.connections = engine.connections();
            pulse.status.dropped = feed.dropped();
            teller.status(&pulse.beat())?;
        }
    }
    let mut facts = engine.finish(&mut |session| judged.judge(session));
    facts.sessions_left_out = judged.left_out();
    let mut notes = diagnosis::notes(&facts);
    notes.extend(feed.notes());
    Ok(Report::new(CaptureSummary { files: vec![feed.name()], facts, notes }, judged.into_sessions()))
}

/// When it is time to look, and how many packets come a second.
struct Pulse {
    status: Status,
    last: Instant,
    second: Instant,
    before: u64,
}

#[allow(clippy::disallowed_methods)] // the edge
impl Pulse {
    fn new(begun: Instant) -> Pulse {
        Pulse { status: Status::default(), last: begun, second: begun, before: 0 }
    }

    fn is_due(&mut self) -> bool {
        let due = self.last.elapsed() >= TICK;
        if due {
            self.last = Instant::now();
        }
        due
    }

    /// How the capture goes.
    fn beat(&mut self) -> Status {
        let elapsed = self.second.elapsed();
        if elapsed >= Duration::from_secs(1) {
            let packets = u128::from(self.status.packets - self.before) * 1000 / elapsed.as_millis().max(1);
            self.status.rate = u64::try_from(packets).unwrap_or(u64::MAX);
            (self.second, self.before) = (Instant::now(), self.status.packets);
        }
        self.status
    }
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
