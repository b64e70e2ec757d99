//! The loop: frames into the engine, what ended and what changed to who tells it.

use std::time::{Duration, Instant};

use crate::capture::{Frame, Timestamp};
use crate::diagnosis::{self, Ruling};
use crate::engine::{Config, Engine};
use crate::report::{CaptureSummary, Case, Extent, Kept, Report};
use crate::session::Session;
use crate::text;

use super::super::failure::Failure;
use super::super::service::Signals;
use super::feed::Feed;
use super::news::{Status, Teller};
use super::watch::Watch;

/// Follows `feed` until it is to end, or for `limit`; what happens is told as it does.
pub(super) fn follow(
    config: Config,
    feed: &mut dyn Feed,
    teller: &mut dyn Teller,
    limit: Option<Duration>,
    signals: &Signals,
) -> Result<Report, Failure> {
    let mut kept = Kept::new(&config.limits);
    let mut engine = match teller.observer() {
        Some(observer) => Engine::observed(config, observer),
        None => Engine::new(config),
    };
    engine.note_changes();
    let mut status = Status::default();
    if let Err(failure) = run(&mut engine, &mut kept, &mut status, feed, teller, limit, signals) {
        if !failure.is_closed_pipe() {
            status.dropped = feed.dropped();
            teller.note(&captured(&status));
        }
        return Err(failure);
    }
    let mut open: Vec<Box<Session>> = Vec::new();
    let facts = engine.finish(&mut |session| open.push(session));
    for session in open {
        let verdict = diagnosis::diagnose(&session);
        status.ended += 1;
        let case = Case::alone(status.ended, session, verdict);
        teller.left(&case)?;
        kept.keep(case.session, Ruling::from(&*case.verdict));
    }
    let mut notes = diagnosis::notes(&facts);
    notes.extend(feed.notes());
    notes.extend(teller.notes());
    Ok(Report::new(CaptureSummary { files: vec![feed.name()], facts, notes }, kept, Extent::Everything, 1))
}

/// What was done before it had to be given up.
fn captured(status: &Status) -> String {
    format!(
        "captured {}, {} ended, {} lost by the kernel",
        text::counted(status.packets, "packet"),
        text::counted(status.ended, "session"),
        text::counted(status.dropped, "packet")
    )
}

/// The loop of [`follow`].
#[allow(clippy::disallowed_methods)] // the edge: how long to capture is a matter of the wall clock
fn run(
    engine: &mut Engine,
    kept: &mut Kept,
    status: &mut Status,
    feed: &mut dyn Feed,
    teller: &mut dyn Teller,
    limit: Option<Duration>,
    signals: &Signals,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut watch = Watch::new(begun);
    let mut pulse = Pulse::new(begun);
    let mut ended: Vec<Box<Session>> = Vec::new();
    let mut latest: Option<(Timestamp, Instant)> = None;
    loop {
        let over =
            signals.end() || teller.is_done() || feed.is_over() || limit.is_some_and(|limit| begun.elapsed() >= limit);
        let mut last = None;
        let mut take = |frame: &Frame<'_>| {
            last = Some(frame.at.time);
            status.packets += 1;
            teller.frame(frame);
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
        if idle && latest.is_some() && feed.is_prompt() {
            engine.advance(now, &mut |session| ended.push(session));
        }
        for session in ended.drain(..) {
            let case = watch.judged(session, teller)?;
            status.ended += 1;
            status.problems += u64::from(case.is_problem());
            kept.keep(case.session, Ruling::from(&*case.verdict));
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
        if pulse.is_due(teller.interval()) {
            if watch.look(engine, now, teller)? {
                engine.give_up_unanswered(&mut |session| ended.push(session));
            }
            status.connections = engine.connections();
            status.dropped = feed.dropped();
            status.let_go = engine.let_go();
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

    fn is_due(&mut self, interval: Duration) -> bool {
        let due = self.last.elapsed() >= interval;
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
