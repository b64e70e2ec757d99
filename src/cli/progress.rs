//! How far reading has come, in a line on standard error while a long capture is read.
//!
//! Invariant: nothing is told where standard error is no terminal, nor before a second has passed; the line is gone
//! before anything else is written.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::source::Captures;

/// Shorter than this nobody wonders.
const PATIENCE: Duration = Duration::from_secs(1);

/// The line.
pub(super) struct Progress {
    line: ProgressBar,
    /// Whether it was decided if the line can be shown.
    begun: bool,
}

impl Progress {
    /// Of reading `captures`.
    pub(super) fn of(captures: &Captures) -> Progress {
        let length = captures.length();
        let line = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden());
        let words = match length {
            Some(_) => "{percent} % read: {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            None => "{bytes} read, {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(words) {
            line.set_style(style);
        }
        Progress { line, begun: false }
    }

    /// `captures` were read up to here. Asked after each batch of frames, this costs nothing that could be measured.
    pub(super) fn tell(&mut self, captures: &Captures) {
        if !self.begun && self.line.elapsed() > PATIENCE {
            self.begun = true;
            self.line.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.line.set_position(captures.bytes());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}
