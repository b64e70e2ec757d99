//! `mqttcap live`: the same engine as for files, over an interface, until it is interrupted.

mod feed;
mod lines;
mod news;
mod records;
mod watch;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::capture::{Frame, Timestamp};
use crate::diagnosis;
use crate::engine::{Config, Engine};
use crate::limits::Limits;
use crate::report::{CaptureSummary, Case, Report};
use crate::session::{Detail, Session};
use crate::source::{InterfaceError, Interfaces};
use crate::text;

use super::INTERRUPTED;
use super::analyse::{Judged, lost_packets};
use super::arguments::{Live, LiveFormat, Only};
use super::destination::Destination;
use super::failure::Failure;
use super::output;
use super::service::Signals;
use feed::Feed;
use lines::Lines;
use news::{Status, Teller};
use records::Records;
use watch::Watch;

/// Sessions kept for the report at the end.
const KEPT: usize = 20_000;
/// How often connections are looked at, and the status is told.
const TICK: Duration = Duration::from_millis(200);

/// Captures until SIGINT or SIGTERM, or for as long as was asked; tells each session as it ends.
pub(super) fn live(arguments: &Live) -> Result<ExitCode, Failure> {
    let user = arguments.rights.user()?;
    let mut interfaces = Interfaces::open(&arguments.capture.interfaces, arguments.capture.options())?;
    let signals = Signals::listen().map_err(Failure::Write)?;
    let name = Feed::name(&interfaces);
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "capturing on {name}; Ctrl-C ends with a report");
    let look = &arguments.look;
    let file = look.output.as_deref();
    let only_problems = arguments.only == Some(Only::Problems);
    let (detail, mut teller): (Detail, Box<dyn Teller>) = match arguments.format {
        LiveFormat::Table => {
            let style = output::style(look, arguments.utc);
            (
                Detail::None,
                Box::new(Lines::new(Destination::new(output::open_text(look)?, file), style, name, only_problems)),
            )
        }
        LiveFormat::Ndjson => {
            (Detail::Folded, Box::new(Records::new(Destination::new(output::open(file)?, file), only_problems)))
        }
    };
    let config = Config {
        limits: Limits { finished_sessions: KEPT, ..Limits::default() },
        ports: [&arguments.ports[..], &arguments.capture.only_ports].concat(),
        detail,
        hosts: arguments.capture.hosts.clone(),
    };
    let written: Vec<PathBuf> = file.into_iter().map(Into::into).collect();
    // Before any thread is started: a thread gives up rights for itself only.
    arguments.rights.give_up(user, written)?;
    let seconds = arguments.seconds.map(Duration::from_secs);
    let done = follow(config, &mut interfaces, teller.as_mut(), seconds, &signals);
    done.and_then(|report| teller.report(&report)).map_err(|failure| failure.in_file(file))?;
    Ok(ExitCode::from(if signals.end() { INTERRUPTED } else { 0 }))
}

/// Follows `feed` until it is to end, or for `limit`; what happens is told as it does.
fn follow(
    config: Config,
    feed: &mut dyn Feed,
    teller: &mut dyn Teller,
    limit: Option<Duration>,
    signals: &Signals,
) -> Result<Report, Failure> {
    let mut judged = Judged::new(config.limits.finished_sessions);
    let mut engine = Engine::new(config);
    engine.note_changes();
    let mut status = Status::default();
    let done = capture(&mut engine, &mut judged, &mut status, feed, teller, limit, signals);
    let dropped = feed.dropped();
    if let Err(failure) = done {
        if !failure.is_closed_pipe() {
            teller.note(&captured(&status, dropped));
        }
        return Err(failure);
    }
    let mut open: Vec<Session> = Vec::new();
    let mut facts = engine.finish(&mut |session| open.push(session));
    for session in open {
        let verdict = diagnosis::diagnose(&session);
        status.ended += 1;
        let case = Case::alone(status.ended, session, verdict);
        teller.left(&case)?;
        judged.keep(case.session, case.verdict);
    }
    facts.sessions_left_out = judged.left_out();
    let mut notes = diagnosis::notes(&facts);
    notes.extend(lost_packets(dropped));
    Ok(Report::new(CaptureSummary { files: vec![feed.name()], facts, notes }, judged.into_sessions()))
}

/// What was done before it had to be given up.
fn captured(status: &Status, dropped: u64) -> String {
    format!(
        "captured {}, {} ended; {} lost by the kernel",
        text::counted(status.packets, "packet"),
        text::counted(status.ended, "session"),
        text::counted(dropped, "packet")
    )
}

/// The loop of [`follow`].
#[allow(clippy::disallowed_methods)] // the edge: how long to capture is a matter of the wall clock
fn capture(
    engine: &mut Engine,
    judged: &mut Judged,
    status: &mut Status,
    feed: &mut dyn Feed,
    teller: &mut dyn Teller,
    limit: Option<Duration>,
    signals: &Signals,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut watch = Watch::new(begun);
    let mut pulse = Pulse::new(begun);
    let mut ended: Vec<Session> = Vec::new();
    let mut latest: Option<(Timestamp, Instant)> = None;
    loop {
        let over = signals.end() || teller.is_done() || limit.is_some_and(|limit| begun.elapsed() >= limit);
        let mut last = None;
        let mut take = |frame: &Frame<'_>| {
            last = Some(frame.at.time);
            status.packets += 1;
            engine.push(frame, &mut |session| ended.push(session));
        };
        if over {
            feed.finish(&mut take)?;
        } else {
            feed.read(&mut take)?;
        }
        let idle = last.is_none();
        latest = last.map(|time| (time, Instant::now())).or(latest);
        // The capture's clock goes on while the line is idle.
        let now = latest.map_or(Timestamp::default(), |(time, seen)| {
            Timestamp(time.0.saturating_add(i64::try_from(seen.elapsed().as_nanos()).unwrap_or(i64::MAX)))
        });
        if idle && latest.is_some() {
            engine.advance(now, &mut |session| ended.push(session));
        }
        for session in ended.drain(..) {
            let case = watch.judged(session, teller)?;
            status.ended += 1;
            status.problems += u64::from(case.is_problem());
            judged.keep(case.session, case.verdict);
        }
        if over {
            return Ok(());
        }
        while let Some(news) = feed.news() {
            teller.note(&news);
        }
        if signals.reopen()
            && let Err(failure) = teller.reopen()
        {
            teller.note(&format!("{failure}; going on with the old one"));
        }
        if pulse.is_due() {
            watch.look(engine, now, TICK, teller)?;
            status.connections = engine.connections();
            status.dropped = feed.dropped();
            pulse.beat(status);
            teller.status(status)?;
        }
    }
}

/// When it is time to look, and how many packets come a second.
struct Pulse {
    last: Instant,
    second: Instant,
    before: u64,
}

#[allow(clippy::disallowed_methods)] // the edge
impl Pulse {
    fn new(begun: Instant) -> Pulse {
        Pulse { last: begun, second: begun, before: 0 }
    }

    fn is_due(&mut self) -> bool {
        let due = self.last.elapsed() >= TICK;
        if due {
            self.last = Instant::now();
        }
        due
    }

    /// Counts packets a second.
    fn beat(&mut self, status: &mut Status) {
        let elapsed = self.second.elapsed();
        if elapsed >= Duration::from_secs(1) {
            let packets = u128::from(status.packets - self.before) * 1000 / elapsed.as_millis().max(1);
            status.rate = u64::try_from(packets).unwrap_or(u64::MAX);
            (self.second, self.before) = (Instant::now(), status.packets);
        }
    }
}

impl From<InterfaceError> for Failure {
    fn from(error: InterfaceError) -> Failure {
        Failure::Capture { message: error.to_string(), hint: error.hint() }
    }
}
