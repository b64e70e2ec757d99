//! Which sessions are shown, and which of them make the exit status 1.

use std::net::IpAddr;

use globset::{GlobBuilder, GlobMatcher};

use crate::diagnosis::{Note, Severity, Verdict};
use crate::report::{Case, Report};
use crate::session::CaptureFacts;

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

    /// What it means that the capture has no session of the client or host that was asked for.
    pub(super) fn unseen(&self, facts: &CaptureFacts) -> Option<Note> {
        let seen = facts.wanted;
        let text = match (self.host, &self.client) {
            (Some(host), _) if seen.count > 0 => format!(
                "{host} is in this capture, but nothing of it leads to MQTT: no connection to a broker, no vain lookup of a \
                 broker's name, no vain search for a broker's host. If its program cannot connect (PubSubClient: rc=-2), it gave up \
                 before it sent anything, or it uses another port (--port)."
            ),
            (Some(host), _) => format!(
                "Nothing of {host} is in this capture: no connection, no lookup of a name, no search for a neighbour. If this is a device that cannot connect (PubSubClient: rc=-2), \
                 then it sent nothing, because its Wi-Fi was not up, it had no address, or its program never got so far; or its \
                 packets do not pass the place of the capture. Capture on the access point or the broker's host, without a filter \
                 by port, while the device starts; if nothing of it appears there either, look at its Wi-Fi first."
            ),
            (None, Some(glob)) => format!(
                "No session has a client id like {}. A client that fails before CONNECT (PubSubClient: rc=-2) never shows its \
                 client id: look for its address, with --host. If that shows nothing either, the device sent nothing, or its \
                 packets do not pass the place of the capture.",
                glob.glob().glob()
            ),
            (None, None) => return None,
        };
        let frames = (self.host.is_some() && seen.count > 0).then_some(seen.first).into_iter().collect();
        Some(Note { id: "nothing-seen", text, frames })
    }

    /// Whether `case` is shown.
    pub(super) fn shows(&self, case: &Case) -> bool {
        let problem = self.only != Some(Only::Problems) || case.is_problem();
        problem && self.concerns(case)
    }

    /// Whether `case` is of the client and the host that were asked for.
    pub(super) fn concerns(&self, case: &Case) -> bool {
        let peers = &case.session.wire.peers;
        let host =
            self.host.is_none_or(|host| [peers.client, peers.server].iter().any(|peer| peer.endpoint.address == host));
        let client = self.client.as_ref().is_none_or(|glob| {
            let id = case.session.client_id();
            id.is_some_and(|id| glob.is_match(String::from_utf8_lossy(&id.0).as_ref()))
        });
        host && client
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

    /// Whether it may be met by a finding, and not only by an outcome.
    pub(super) fn may_be_finding(&self) -> bool {
        matches!(self, FailOn::Id(_))
    }

    /// Whether what is shown of `report` makes the exit status 1.
    pub(super) fn matches(&self, report: &Report) -> bool {
        let mut verdicts = report.cases.iter().map(|case| &case.verdict);
        match self {
            FailOn::Severity(severity) => verdicts.any(|verdict| verdict.outcome.severity >= *severity),
            FailOn::Id(id) => {
                verdicts.any(|verdict| {
                    let Verdict { outcome, findings, .. } = &**verdict;
                    outcome.id == id || findings.iter().any(|finding| finding.is(id))
                }) || report.across.iter().any(|spanning| spanning.finding.is(id))
            }
        }
    }
}
