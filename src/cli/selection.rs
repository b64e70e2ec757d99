//! Which sessions are shown, and which of them make the exit status 1.

use std::net::IpAddr;

use globset::{GlobBuilder, GlobMatcher};

use crate::diagnosis::{Severity, Verdict};
use crate::report::model::client_id;
use crate::report::{Case, Report};

use super::arguments::Only;
use super::failure::Failure;

/// Which sessions are shown.
#[derive(Debug)]
pub(super) struct Selection {
    only: Option<Only>,
    client: Option<GlobMatcher>,
    host: Option<IpAddr>,
}

impl Selection {
    /// The selection that was asked for.
    pub(super) fn of(only: Option<Only>, client: Option<&str>, host: Option<IpAddr>) -> Result<Selection, Failure> {
        let client = match client {
            None => None,
            Some(pattern) => {
                // A client id is no path: `*` matches a slash too.
                let glob = GlobBuilder::new(pattern).literal_separator(false).build();
                let glob = glob.map_err(|error| {
                    let message = format!("--client {pattern:?} is no pattern: {}", error.kind());
                    Failure::arguments(message, "`*` stands for any text, `?` for one character: --client 'sensor-*'")
                })?;
                Some(glob.compile_matcher())
            }
        };
        Ok(Selection { only, client, host })
    }

    /// Whether `case` is shown.
    pub(super) fn shows(&self, case: &Case) -> bool {
        let problem = self.only != Some(Only::Problems) || case.is_problem();
        let peers = &case.session.wire.peers;
        let host =
            self.host.is_none_or(|host| [peers.client, peers.server].iter().any(|peer| peer.endpoint.address == host));
        let client = self.client.as_ref().is_none_or(|glob| {
            let id = client_id(&case.session);
            id.is_some_and(|id| glob.is_match(String::from_utf8_lossy(&id.0).as_ref()))
        });
        problem && host && client
    }
}

/// What makes the exit status 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FailOn {
    /// An outcome of this severity or a worse one.
    Severity(Severity),
    /// This outcome or finding.
    Id(String),
}

impl FailOn {
    /// Reads one value of `--fail-on`; `is_known` says which ids exist.
    pub(super) fn parse(value: &str, is_known: impl Fn(&str) -> bool) -> Result<FailOn, Failure> {
        match value {
            "info" => Ok(FailOn::Severity(Severity::Info)),
            "warning" => Ok(FailOn::Severity(Severity::Warning)),
            "error" => Ok(FailOn::Severity(Severity::Error)),
            id if is_known(id) => Ok(FailOn::Id(id.to_owned())),
            other => Err(Failure::arguments(
                format!("--fail-on {other:?} is neither a severity nor an outcome or finding"),
                "severities are info, warning and error; `mqttcap explain` lists outcomes and findings",
            )),
        }
    }

    /// Whether what is shown of `report` makes the exit status 1.
    pub(super) fn matches(&self, report: &Report) -> bool {
        let mut verdicts = report.cases.iter().map(|case| &case.verdict);
        match self {
            FailOn::Severity(severity) => verdicts.any(|verdict| verdict.outcome.severity >= *severity),
            FailOn::Id(id) => {
                verdicts.any(|Verdict { outcome, findings, .. }| {
                    outcome.id == id || findings.iter().any(|finding| finding.is(id))
                }) || report.across.iter().any(|spanning| spanning.finding.is(id))
            }
        }
    }
}
