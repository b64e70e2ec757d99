//! The loop: frames into the engine, what ended and what changed to who tells it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::capture::Timestamp;
use crate::diagnosis;
use crate::engine::{Config, Engine};
use crate::report::{CaptureSummary, Kept, Report};
use crate::session::Session;

use super::super::failure::Failure;
use super::feed::Feed;
use super::news::{Status, Teller};
use super::watch::Watch;

/// Frames taken before the clock is looked at.
const BATCH: u64 = 64;

/// Follows `feed` until `stop`, or for `limit`; what happens is told as it does.
#[allow(clippy::disallowed_methods)] // the edge: how long to capture is a matter of the wall clock
pub(super) fn follow(
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
            kept.keep(case.session, case.verdict);
        }
        if pulse.is_due(teller.interval()) {
            watch.look(&mut engine, now, teller)?;
            pulse.status.connections = engine.connections();
            pulse.status.dropped = feed.dropped();
            teller.status(&pulse.beat())?;
        }
    }
    let facts = engine.finish(&mut |session| kept.judge(session));
    let mut notes = diagnosis::notes(&facts);
    notes.extend(feed.notes());
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

    fn is_due(&mut self, interval: Duration) -> bool {
        let due = self.last.elapsed() >= interval;
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
