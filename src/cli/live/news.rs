//! What is told while sessions go on, and to whom.

use std::io::Write;
use std::time::Duration;

use crate::capture::Frame;
use crate::diagnosis::{Finding, Note};
use crate::engine::SharedObserver;
use crate::net::Endpoint;
use crate::report::{Case, Report};
use crate::text;

use super::super::failure::Failure;

/// Something to tell of a session.
#[derive(Clone, Copy, Debug)]
pub(super) enum News<'n> {
    /// It was looked at: how it stands.
    Seen,
    /// This was found in it.
    Finding(&'n Finding),
    /// It is over, or goes wrong without anything more coming: this is what became of it, as far as can be seen at once.
    Over,
    /// What was told of its end turned out otherwise.
    Corrected,
    /// It is judged: what is said of it now is said for good. Whether its end was told before.
    Judged {
        /// [`News::Over`] was told, and still holds.
        told: bool,
    },
}

/// How the capture goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// Frames so far.
    pub(super) packets: u64,
    /// Frames in the last second.
    pub(super) rate: u64,
    /// Connections that are followed, those that are no MQTT included.
    pub(super) connections: usize,
    /// Sessions that ended.
    pub(super) ended: u64,
    /// Of those, sessions that went wrong.
    pub(super) problems: u64,
    /// Frames that were lost before they came here.
    pub(super) dropped: u64,
    /// Connections let go because there were too many.
    pub(super) let_go: u64,
}

impl Status {
    /// In one line: `1,204 packets/s, 31 connections, 12 ended, 2 went wrong`.
    pub(super) fn in_words(&self) -> String {
        let mut words = vec![
            format!("{}/s", text::counted(self.rate, "packet")),
            text::counted(self.connections as u64, "connection"),
            format!("{} ended", text::number(self.ended)),
        ];
        let counts = [
            (self.problems, format!("{} went wrong", text::number(self.problems))),
            (self.dropped, format!("{} lost by the kernel", text::counted(self.dropped, "packet"))),
            (self.let_go, format!("{} let go", text::counted(self.let_go, "connection"))),
        ];
        words.extend(counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words));
        words.join(", ")
    }
}

/// Who tells people or programs.
pub(super) trait Teller {
    /// Tells something of a session.
    fn tell(&mut self, case: &Case, news: News<'_>) -> Result<(), Failure>;

    /// Sees a frame before anything is made of it.
    fn frame(&mut self, _frame: &Frame<'_>) {}

    /// Who is shown every control packet.
    fn observer(&self) -> Option<SharedObserver> {
        None
    }

    /// Tells how the capture goes; called several times a second.
    fn status(&mut self, status: &Status) -> Result<(), Failure>;

    /// Says what else is to be known: that an interface went away, that a file could not be opened anew.
    fn note(&mut self, text: &str) {
        // If standard error is closed there is nobody to tell.
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// A session is judged because the capture is over: the report has it.
    fn left(&mut self, _case: &Case) -> Result<(), Failure> {
        Ok(())
    }

    /// Opens the file that is written to anew, as after another program moved it away.
    fn reopen(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// How often it wants to be told how the capture goes.
    fn interval(&self) -> Duration {
        Duration::from_millis(200)
    }

    /// The ends of a connection of which the session is wanted as it stands, each time.
    fn wanted(&self) -> Option<(Endpoint, Endpoint)> {
        None
    }

    /// Whether whoever is told has had enough.
    fn is_done(&self) -> bool {
        false
    }

    /// The capture is over: what is to be said of it.
    fn notes(&mut self) -> Vec<Note> {
        Vec::new()
    }

    /// The capture is over.
    fn report(&mut self, report: &Report) -> Result<(), Failure>;
}
