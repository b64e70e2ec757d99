//! A teller that also keeps evidence and counts: `--write`, `--on-problem`, `--metrics`.
//!
//! Invariant: what fails here is said, and never ends the capture.

use std::time::{Duration, Instant};

use crate::capture::{Frame, Timestamp};
use crate::diagnosis::Note;
use crate::engine::SharedObserver;
use crate::net::Endpoint;
use crate::record::Recording;
use crate::report::{Case, Report};
use crate::text;

use super::super::failure::Failure;
use super::metrics::Metrics;
use super::news::{News, Status, Teller};
use super::problems::Problems;

/// Tells, and keeps what it sees.
pub(super) struct Witness {
    pub(super) teller: Box<dyn Teller>,
    pub(super) recording: Option<Recording>,
    pub(super) problems: Option<Problems>,
    pub(super) metrics: Option<Metrics>,
    pub(super) clock: Clock,
}

/// The time in the capture, which goes on while the line is idle.
#[derive(Default)]
pub(super) struct Clock {
    newest: Timestamp,
    /// When frames were last seen to have come, and the newest of them.
    told: Option<(Timestamp, Instant)>,
}

impl Clock {
    fn now(&mut self, now: Instant) -> Timestamp {
        match self.told {
            Some((time, seen)) if time == self.newest => {
                let passed = i64::try_from(now.duration_since(seen).as_nanos()).unwrap_or(i64::MAX);
                Timestamp(time.0.saturating_add(passed))
            }
            _ => {
                self.told = Some((self.newest, now));
                self.newest
            }
        }
    }
}

impl Witness {
    fn news(&mut self) {
        while let Some(news) = self.recording.as_mut().and_then(Recording::news) {
            self.teller.note(&news);
        }
    }

    /// Writes all that is left.
    pub(super) fn close(&mut self) {
        let Witness { teller, recording, problems, .. } = self;
        if let Some(recording) = recording {
            recording.close();
        }
        if let Some(problems) = problems {
            problems.write(None, &mut |note| teller.note(note));
        }
        self.news();
    }
}

impl Teller for Witness {
    fn tell(&mut self, case: &Case, news: News<'_>) -> Result<(), Failure> {
        if let Some(problems) = &mut self.problems {
            problems.told(case, news, self.clock.newest);
        }
        if let Some(metrics) = &mut self.metrics {
            metrics.told(case, news);
        }
        self.teller.tell(case, news)
    }

    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) {
        self.clock.newest = frame.at.time;
        if let Some(recording) = &mut self.recording {
            recording.frame(frame);
        }
        if let Some(problems) = &mut self.problems {
            problems.flight().frame(frame);
        }
        if let Some(metrics) = &mut self.metrics {
            metrics.frame(frame);
        }
    }

    #[allow(clippy::disallowed_methods)] // the edge
    fn status(&mut self, status: &Status) -> Result<(), Failure> {
        let now = Instant::now();
        if let Some(recording) = &mut self.recording {
            recording.tick(now, status.dropped);
        }
        let time = self.clock.now(now);
        if let Some(problems) = &mut self.problems {
            let teller = &mut self.teller;
            problems.write(Some(time), &mut |note| teller.note(note));
        }
        if let Some(metrics) = &mut self.metrics {
            let missing = self.recording.as_ref().map_or(0, Recording::missing);
            metrics.status(status, missing);
        }
        self.news();
        self.teller.status(status)
    }

    fn note(&mut self, text: &str) {
        self.teller.note(text);
    }

    fn left(&mut self, case: &Case) -> Result<(), Failure> {
        if let Some(problems) = &mut self.problems {
            problems.told(case, News::Judged { told: false }, self.clock.newest);
        }
        self.teller.left(case)
    }

    fn reopen(&mut self) -> Result<(), Failure> {
        if let Some(recording) = &mut self.recording {
            recording.reopen();
        }
        self.teller.reopen()
    }

    fn observer(&self) -> Option<SharedObserver> {
        self.metrics.as_ref().map(Metrics::observer)
    }

    fn notes(&mut self) -> Vec<Note> {
        self.close();
        let mut notes = Vec::new();
        let mut say = |text: String| notes.push(Note { id: "evidence-missing", text, frames: Vec::new() });
        if let Some(recording) = &self.recording
            && recording.missing() > 0
        {
            let frames = text::counted(recording.missing(), "frame");
            say(format!("{frames} could not be written to the files that --write asks for."));
        }
        let (not_written, refused) = self.problems.as_ref().map_or((0, 0), Problems::missing);
        if not_written + refused > 0 {
            let problems = text::counted(not_written + refused, "problem");
            say(format!(
                "Of {problems} the frames were not kept: {not_written} could not be written, {refused} came too many at once."
            ));
        }
        notes
    }

    fn interval(&self) -> Duration {
        self.teller.interval()
    }

    fn wanted(&self) -> Option<(Endpoint, Endpoint)> {
        self.teller.wanted()
    }

    fn is_done(&self) -> bool {
        self.teller.is_done()
    }

    fn report(&mut self, report: &Report) -> Result<(), Failure> {
        self.teller.report(report)
    }
}
