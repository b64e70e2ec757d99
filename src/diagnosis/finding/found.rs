//! What a rule found.

use std::borrow::Cow;

use crate::capture::{FrameNumber, Moment};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::{Confidence, Finding, Severity, words};
use crate::stream::Side;

use super::About;

/// Most frames that a finding points at.
const MOST_FRAMES: usize = 8;

/// What a rule found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Stable id.
    pub(crate) id: Cow<'static, str>,
    /// How bad.
    pub(crate) severity: Severity,
    /// How sure, before the session's qualifiers.
    pub(crate) confidence: Confidence,
    /// What it rests on.
    pub(crate) grounds: &'static [Ground],
    /// One sentence.
    pub(crate) headline: String,
    /// More.
    pub(crate) detail: Option<Cow<'static, str>>,
    /// The statement it rests on.
    pub(crate) clause: Option<&'static str>,
    /// The side at fault.
    pub(crate) side: Option<Side>,
    /// Frames that show it.
    pub(crate) frames: Vec<FrameNumber>,
}

impl Found {
    /// Something that the wire states, with its headline and the frames that show it.
    pub(crate) fn new(about: &About, headline: impl Into<String>, moments: impl IntoIterator<Item = Moment>) -> Found {
        let mut frames: Vec<_> = moments.into_iter().map(|moment| moment.frame).take(MOST_FRAMES).collect();
        frames.sort_unstable();
        frames.dedup();
        Found {
            id: about.id.into(),
            severity: about.severity,
            confidence: Confidence::Certain,
            grounds: &[],
            headline: headline.into(),
            detail: None,
            clause: None,
            side: None,
            frames,
        }
    }

    /// Another id, for findings that come in kinds.
    pub(crate) fn named(mut self, id: impl Into<Cow<'static, str>>) -> Found {
        self.id = id.into();
        self
    }

    /// Another severity.
    pub(crate) fn severity(mut self, severity: Severity) -> Found {
        self.severity = severity;
        self
    }

    /// Less than certain.
    pub(crate) fn only(mut self, confidence: Confidence) -> Found {
        self.confidence = confidence;
        self
    }

    /// What it rests on.
    pub(crate) fn on(mut self, grounds: &'static [Ground]) -> Found {
        self.grounds = grounds;
        self
    }

    /// More to say.
    pub(crate) fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Found {
        self.detail = Some(detail.into());
        self
    }

    /// The statement it rests on.
    pub(crate) fn clause(mut self, clause: &'static str) -> Found {
        self.clause = Some(clause);
        self
    }

    /// The finding, as sure as its limits let it be.
    pub(crate) fn into_finding(self, confidence: Confidence) -> Finding {
        let Found { id, severity, headline, detail, clause, side, frames, .. } = self;
        Finding { id, severity, confidence, headline, detail, clause, side, frames }
    }

    /// The side at fault.
    pub(crate) fn by(mut self, side: Side) -> Found {
        self.side = Some(side);
        self
    }
}

/// ` (and 3 more)` when there were more than the one that was told.
pub(super) fn and_more(count: u64) -> String {
    match count {
        0 | 1 => String::new(),
        more => format!(" (and {} more)", words::number(more - 1)),
    }
}
