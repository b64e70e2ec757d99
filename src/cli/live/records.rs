//! News for programs: a JSON object a line, flushed at once.

use std::io::Write;

use crate::report::{Case, Report, json};

use super::super::destination::Destination;
use super::super::failure::Failure;
use super::news::{News, Status, Teller};

/// Writes lines of JSON.
pub(super) struct Records {
    out: Destination,
    only_problems: bool,
}

impl Records {
    /// Lines to `out`.
    pub(super) fn new(out: Destination, only_problems: bool) -> Records {
        Records { out, only_problems }
    }
}

impl Teller for Records {
    fn tell(&mut self, case: &Case, news: News<'_>) -> Result<(), Failure> {
        match news {
            News::Finding(finding) => json::write_finding(case, finding, &mut self.out)?,
            News::Judged { .. } if !self.only_problems || case.is_problem() => json::write_line(case, &mut self.out)?,
            // What may still turn out otherwise is not for a log.
            News::Seen | News::Over | News::Corrected | News::Judged { .. } => return Ok(()),
        }
        Ok(self.out.flush()?)
    }

    fn left(&mut self, case: &Case) -> Result<(), Failure> {
        self.tell(case, News::Judged { told: false })
    }

    fn status(&mut self, _status: &Status) -> Result<(), Failure> {
        self.out.is_read()
    }

    fn reopen(&mut self) -> Result<(), Failure> {
        self.out.reopen()
    }

    fn report(&mut self, report: &Report) -> Result<(), Failure> {
        json::write_summary(report, &mut self.out)?;
        Ok(self.out.flush()?)
    }
}
