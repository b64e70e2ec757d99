//! `--metrics`: numbers for Prometheus, served over HTTP.
//!
//! Invariant: a scrape reads what was counted and waits for nobody who captures. Labels are closed lists; no client
//! id, address, topic or name is one. `docs/metrics.md` describes each.

mod meter;
mod numbers;
mod server;

use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use crate::capture::Frame;
use crate::diagnosis::Severity;
use crate::engine::SharedObserver;
use crate::lock::locked;
use crate::report::Case;

use super::super::failure::Failure;
use super::news::{News, Status};
use meter::Meter;
use numbers::{Ended, Numbers};

/// Open sessions counted at once.
const SESSIONS: usize = 100_000;

/// What is counted.
pub(super) struct Metrics {
    numbers: Arc<Numbers>,
    meter: Arc<Mutex<Meter>>,
    /// Streams of sessions that go on.
    open: HashSet<u32>,
    dropped: u64,
    missing: u64,
}

/// Takes the address, while that is still allowed.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| {
        Failure::arguments(
            format!("cannot serve metrics on {address}: {error}"),
            "--metrics wants an address of this host and a port that nobody uses: --metrics 9464",
        )
    })
}

impl Metrics {
    /// Counts, and serves what is counted on `listener`.
    pub(super) fn serve(listener: TcpListener) -> Result<Metrics, Failure> {
        let numbers = Arc::new(Numbers::new());
        server::serve(listener, Arc::clone(&numbers)).map_err(Failure::Write)?;
        Ok(Metrics::of(numbers))
    }

    fn of(numbers: Arc<Numbers>) -> Metrics {
        let meter = Arc::new(Mutex::new(Meter::new(Arc::clone(&numbers))));
        Metrics { numbers, meter, open: HashSet::new(), dropped: 0, missing: 0 }
    }

    /// Who counts control packets.
    pub(super) fn observer(&self) -> SharedObserver {
        Arc::<Mutex<Meter>>::clone(&self.meter)
    }

    #[inline]
    pub(super) fn frame(&self, frame: &Frame<'_>) {
        self.numbers.frames.inc();
        self.numbers.bytes.inc_by(frame.data.len() as u64);
    }

    /// Something is told of a session.
    pub(super) fn told(&mut self, case: &Case, news: News<'_>) {
        let session = &case.session;
        let is_judged = matches!(news, News::Judged { .. });
        if is_judged {
            let outcome = &case.verdict.outcome;
            let severity = match outcome.severity {
                Severity::Ok => "ok",
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            self.numbers.ended.get_or_create(&Ended { outcome: outcome.id, severity }).inc();
            self.numbers.let_go.inc_by(session.capture.evicted.into());
        }
        let Some(stream) = session.wire.stream else { return };
        if is_judged {
            let mut meter = locked(&self.meter);
            meter.ended(stream);
        }
        if is_judged || session.wire.is_over() {
            self.open.remove(&stream);
        } else if self.open.len() < SESSIONS {
            self.open.insert(stream);
        }
    }

    /// How the capture goes; `missing` frames could not be written.
    pub(super) fn status(&mut self, status: &Status, missing: u64) {
        let numbers = &self.numbers;
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        numbers.connections.set(gauge(status.connections));
        numbers.sessions.set(gauge(self.open.len()));
        numbers.dropped.inc_by(status.dropped.saturating_sub(self.dropped));
        numbers.not_written.inc_by(missing.saturating_sub(self.missing));
        (self.dropped, self.missing) = (self.dropped.max(status.dropped), missing);
    }
}
