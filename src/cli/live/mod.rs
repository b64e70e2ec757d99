//! `mqttcap live`: the same engine as for files, over an interface, until it is interrupted.

mod feed;
mod lines;
mod news;
mod records;
mod watch;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::capture::Timestamp;
use crate::diagnosis;
use crate::engine::{Config, Engine};
use crate::limits::Limits;
use crate::report::{CaptureSummary, Kept, Report};
use crate::session::{Detail, Session};
use crate::source::{Interface, InterfaceError, interfaces};

use super::INTERRUPTED;
use super::analyse::lost_packets;
use super::arguments::{Interfaces, Live, LiveFormat, Only};
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
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted)).map_err(Failure::Write)?;
    }
    let name = Feed::name(&interface);
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "capturing on {name}; Ctrl-C ends with a report");
    let look = &arguments.look;
    let only_problems = arguments.only == Some(Only::Problems);
    let (detail, mut teller): (Detail, Box<dyn Teller>) = match arguments.format {
        LiveFormat::Table => {
            let style = output::style(look, arguments.utc);
            (Detail::None, Box::new(Lines::new(output::open_text(look)?, style, name, only_problems)))
        }
        LiveFormat::Ndjson => {
            (Detail::Folded, Box::new(Records::new(output::open(look.output.as_deref())?, only_problems)))
        }
    };
    let config = Config {
        limits: arguments.bounds.over(Limits { finished_sessions: KEPT, ..Limits::default() })?,
        ports: arguments.ports.clone(),
        detail,
        hosts: Vec::new(),
    };
    let seconds = arguments.seconds.map(Duration::from_secs);
    let report = follow(config, &mut interface, teller.as_mut(), seconds, &interrupted)?;
    teller.report(&report)?;
    Ok(ExitCode::from(if interrupted.load(Ordering::Relaxed) { INTERRUPTED } else { 0 }))
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
    let mut kept = Kept::new(&config.limits);
    let mut engine = Engine::new(config);
    engine.note_changes();
    let mut watch = Watch::new(begun);
    let mut pulse = Pulse::new(begun);
    let mut ended: Vec<Session> = Vec::new();
    let mut latest = None;
    while !stop.load(Ordering::Relaxed) && !teller.is_done() && limit.is_none_or(|limit| begun.elapsed() < limit) {
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
        if idle && latest.is_some() {
            engine.advance(now, &mut |session| ended.push(session));
        }
        for session in ended.drain(..) {
            let case = watch.judged(session, teller)?;
            pulse.status.ended += 1;
            pulse.status.problems += u64::from(case.is_problem());
            kept.keep(case.session, case.verdict);
        }
        if pulse.is_due() {
            watch.look(&mut engine, now, TICK, teller)?;
            pulse.status.connections = engine.connections();
            pulse.status.dropped = feed.dropped();
            teller.status(&pulse.beat())?;
        }
    }
    let dropped = feed.dropped();
    let facts = engine.finish(&mut |session| kept.judge(session));
    let mut notes = diagnosis::notes(&facts);
    notes.extend(lost_packets(dropped));
    Ok(Report::new(CaptureSummary { files: vec![feed.name()], facts, notes }, kept))
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
