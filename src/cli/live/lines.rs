//! News for people: a line each, over a status line where standard error is a terminal.

use std::io::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::{Case, Extent, Report, Style, news, table};

use super::super::destination::Destination;
use super::super::failure::Failure;
use super::news::{News, Status, Teller};

/// Writes lines.
pub(super) struct Lines {
    out: Destination,
    style: Style,
    name: String,
    only_problems: bool,
    status: ProgressBar,
}

impl Lines {
    /// Lines about `name`, set in `style`; a status line below them if standard error is a terminal.
    pub(super) fn new(out: Destination, style: Style, name: String, only_problems: bool) -> Lines {
        let status = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            status.set_style(style);
        }
        Lines { out, style, name, only_problems, status }
    }
}

impl Teller for Lines {
    fn tell(&mut self, case: &Case, news: News<'_>) -> Result<(), Failure> {
        let Lines { out, style, status, .. } = self;
        if self.only_problems && !case.is_problem() && !matches!(news, News::Finding(_)) {
            return Ok(());
        }
        status.suspend(|| {
            match news {
                News::Seen | News::Judged { told: true } => return Ok(()),
                News::Finding(finding) => news::finding(case, finding, style, out)?,
                News::Over | News::Judged { told: false } => news::ended(case, style, out)?,
                News::Corrected => news::corrected(case, style, out)?,
            }
            Ok(out.flush()?)
        })
    }

    fn status(&mut self, status: &Status) -> Result<(), Failure> {
        self.out.is_read()?;
        if self.status.is_hidden() {
            return Ok(());
        }
        let line = format!("{}: {}", self.name, status.in_words());
        self.status.set_message(self.style.set(&line));
        self.status.tick();
        Ok(())
    }

    fn note(&mut self, text: &str) {
        // If standard error is closed there is nobody to tell.
        self.status.suspend(|| {
            let _ = writeln!(anstream::stderr(), "{text}");
        });
    }

    fn reopen(&mut self) -> Result<(), Failure> {
        self.out.reopen()
    }

    fn report(&mut self, report: &Report) -> Result<(), Failure> {
        self.status.finish_and_clear();
        writeln!(self.out)?;
        table::write(report, Extent::Problems, &self.style, &mut self.out)?;
        Ok(self.out.flush()?)
    }
}
