//! From facts to judgement: exactly one outcome for each session, and findings beside it.
//!
//! Invariant: pure functions of the facts. No evidence, no sentence: every outcome and finding
//! points at frames. What the capture cannot show lowers the confidence, never raises a guess.

mod across;
mod counted;
pub mod explain;
mod finding;
mod notes;
mod outcome;
mod qualifier;
mod secured;
mod story;
mod symptom;
#[cfg(test)]
mod testing;
mod words;

use std::borrow::Cow;

use crate::capture::FrameNumber;
use crate::mqtt::ReasonCode;
use crate::session::{Session, TextFact};

pub use across::{Judged, Spanning, across};
pub use counted::{Counted, Tallies, notes_on_counted};
pub use notes::notes;
use story::Story;

/// Decides on one session, without a word of why.
pub fn rule(session: &Session) -> Ruling {
    let story = Story::silent(session);
    let Outcome { id, severity, .. } = outcome::judge(&story).outcome;
    Ruling { outcome: id, severity, telling: severity >= Severity::Warning || finding::any_grave(&story) }
}

/// Judges one session without a sentence, and without anything beside its outcome.
pub fn outline(session: &Session) -> Verdict {
    let story = Story::silent(session);
    Verdict {
        outcome: Outcome { sentence: String::new(), ..outcome::judge(&story).outcome },
        qualifiers: qualifiers(&story),
        findings: Vec::new(),
        client_saw: Vec::new(),
        causes: Vec::new(),
        next_steps: Vec::new(),
    }
}

/// Judges one session, and says why.
pub fn diagnose(session: &Session) -> Verdict {
    let story = Story::new(session);
    let judged = outcome::judge(&story);
    Verdict {
        outcome: judged.outcome,
        qualifiers: qualifiers(&story),
        findings: finding::all(&story),
        client_saw: symptom::reports(&story, judged.sight),
        causes: judged.causes,
        next_steps: judged.next_steps,
    }
}

/// The qualifiers that are to be told: a session that goes on has no end that the capture lacks.
fn qualifiers(story: &Story<'_>) -> Vec<Qualifier> {
    let applies = |qualifier: &Qualifier| !story.session.capture.goes_on || *qualifier != Qualifier::PartialEnd;
    story.qualifiers.iter().copied().filter(applies).collect()
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Info,
    /// May need attention.
    Warning,
    /// The client did not get its data through.
    Error,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Fits, with several rivals.
    Possible,
    /// Fits best, one rival is common.
    Likely,
    /// A signature with no common rival.
    VeryLikely,
    /// The wire states it.
    Certain,
}

/// What limits what can be said of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qualifier {
    /// SYN or CONNECT is missing.
    PartialStart,
    /// The capture stops before the connection ends.
    PartialEnd,
    /// The snap length cut packets.
    CutPackets,
    /// The capture misses bytes that were acknowledged.
    CaptureGaps,
    /// Only one direction was captured.
    OneWay,
    /// The clock of the capture went back.
    ClockJump,
    /// The frames have no times of their own.
    NoTimes,
    /// The client is a bridge.
    Bridge,
    /// One of several takeovers of its client id.
    TakeoverChain,
    /// The packets are encrypted.
    Encrypted,
}

impl Qualifier {
    /// Every qualifier.
    pub const ALL: [Qualifier; 10] = [
        Qualifier::PartialStart,
        Qualifier::PartialEnd,
        Qualifier::CutPackets,
        Qualifier::CaptureGaps,
        Qualifier::OneWay,
        Qualifier::ClockJump,
        Qualifier::NoTimes,
        Qualifier::Bridge,
        Qualifier::TakeoverChain,
        Qualifier::Encrypted,
    ];

    /// Its stable id.
    pub fn id(self) -> &'static str {
        match self {
            Qualifier::PartialStart => "partial-start",
            Qualifier::PartialEnd => "partial-end",
            Qualifier::CutPackets => "cut-packets",
            Qualifier::CaptureGaps => "capture-gaps",
            Qualifier::OneWay => "one-way",
            Qualifier::ClockJump => "clock-jump",
            Qualifier::NoTimes => "no-times",
            Qualifier::Bridge => "bridge",
            Qualifier::TakeoverChain => "takeover-chain",
            Qualifier::Encrypted => "encrypted",
        }
    }
}

/// How a session ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which of the closed list.
    pub id: &'static str,
    /// The group it is counted in.
    pub group: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// One sentence, with the session's names and numbers.
    pub sentence: String,
    /// The reason or return code that says it.
    pub code: Option<ReasonCode>,
    /// The code's name in the packet that carried it.
    pub code_name: Option<&'static str>,
    /// The server's own words.
    pub reason_string: Option<TextFact>,
    /// Frames that show it.
    pub frames: Vec<FrameNumber>,
}

impl Outcome {
    /// Whether the session went wrong.
    pub fn is_problem(&self) -> bool {
        self.severity >= Severity::Warning
    }

    /// Whether it is worth an explanation: the session went wrong, or its end was not the client's own doing.
    pub fn is_noteworthy(&self) -> bool {
        self.is_problem() || self.group != "healthy"
    }
}

/// Something worth saying beside the outcome.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Stable id; a kind follows after a colon where findings come in kinds.
    pub id: Cow<'static, str>,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// One sentence.
    pub headline: String,
    /// More, if there is more to say.
    pub detail: Option<Cow<'static, str>>,
    /// The statement of the specification it rests on.
    pub clause: Option<&'static str>,
    /// The side at fault, if one is.
    pub side: Option<crate::stream::Side>,
    /// Frames that show it.
    pub frames: Vec<FrameNumber>,
}

/// Findings that tell of an answer which did not come: while the session goes on it may.
const MAY_PASS: [&str; 2] = ["publish-unacknowledged", "qos2-stuck"];

impl Finding {
    /// Whether what the session brings later may take it back.
    pub fn may_pass(&self) -> bool {
        MAY_PASS.iter().any(|id| self.is(id))
    }

    /// Whether `id` is its id, or that id without the kind.
    pub fn is(&self, id: &str) -> bool {
        self.id == id || self.id.strip_prefix(id).is_some_and(|kind| kind.starts_with(':'))
    }
}

/// What a client library printed when this happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientReport {
    /// The library.
    pub client: &'static str,
    /// What it reports.
    pub reports: &'static str,
}

/// What is decided of one session: enough to keep it, or to count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Which outcome of the closed list.
    pub outcome: &'static str,
    /// How bad that is.
    pub severity: Severity,
    /// Whether the outcome, or a finding beside it, is a warning or worse.
    pub telling: bool,
}

impl From<&Verdict> for Ruling {
    fn from(Verdict { outcome, findings, .. }: &Verdict) -> Ruling {
        let grave = findings.iter().any(|finding| finding.severity >= Severity::Warning);
        let telling = outcome.severity >= Severity::Warning || grave;
        Ruling { outcome: outcome.id, severity: outcome.severity, telling }
    }
}

/// All that is said of one session.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// What limits it.
    pub qualifiers: Vec<Qualifier>,
    /// What else is worth saying, worst first.
    pub findings: Vec<Finding>,
    /// What the client's library printed.
    pub client_saw: Vec<ClientReport>,
    /// Why that usually happens, most likely first; only what this capture does not rule out.
    pub causes: Vec<Cow<'static, str>>,
    /// What to try, first things first.
    pub next_steps: Vec<Cow<'static, str>>,
}

/// Something to say of the capture as a whole.
#[derive(Clone, Debug)]
pub struct Note {
    /// Stable id.
    pub id: &'static str,
    /// One or two sentences.
    pub text: String,
    /// Frames that show it.
    pub frames: Vec<FrameNumber>,
}
