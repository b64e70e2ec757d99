//! What a rule says when it matches.

use std::borrow::Cow;

use crate::capture::{FrameNumber, Moment};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity};
use crate::mqtt::{PacketType, ReasonCode};
use crate::session::TextFact;

/// Most frames that an outcome points at.
const MOST_FRAMES: usize = 8;

/// What a rule says when it matches.
#[derive(Debug)]
pub(crate) struct Judgement {
    /// How sure, before the session's qualifiers.
    pub(crate) confidence: Confidence,
    /// How grave it is, where that differs from others of its kind.
    pub(crate) severity: Option<Severity>,
    /// What it rests on.
    pub(crate) grounds: &'static [Ground],
    /// The headline.
    pub(crate) sentence: String,
    /// The packet that says it.
    pub(crate) said: Option<SaidCode>,
    /// Frames that show it, in order.
    pub(crate) frames: Vec<FrameNumber>,
    /// Why, most likely first.
    pub(crate) causes: Vec<Cow<'static, str>>,
    /// What to try.
    pub(crate) next_steps: Vec<Cow<'static, str>>,
    /// What the client's end saw.
    pub(crate) sight: Sight,
}

/// A code and the packet that carried it.
#[derive(Debug)]
pub(crate) struct SaidCode {
    /// The code.
    pub(crate) code: ReasonCode,
    /// The packet.
    pub(crate) packet: PacketType,
    /// The sender's own words.
    pub(crate) reason_string: Option<TextFact>,
}

impl Judgement {
    /// A judgement with its headline.
    pub(crate) fn new(confidence: Confidence, sentence: impl Into<String>) -> Judgement {
        Judgement {
            confidence,
            severity: None,
            grounds: &[],
            sentence: sentence.into(),
            said: None,
            frames: Vec::new(),
            causes: Vec::new(),
            next_steps: Vec::new(),
            sight: Sight::Nothing,
        }
    }

    /// What the judgement rests on.
    pub(crate) fn on(mut self, grounds: &'static [Ground]) -> Judgement {
        self.grounds = grounds;
        self
    }

    /// It has gone wrong, though most of its kind have not.
    pub(crate) fn warning_if(mut self, wrong: bool) -> Judgement {
        self.severity = wrong.then_some(Severity::Warning);
        self
    }

    /// The code that says it.
    pub(crate) fn code(mut self, code: ReasonCode, packet: PacketType, reason_string: Option<&TextFact>) -> Judgement {
        self.said = Some(SaidCode { code, packet, reason_string: reason_string.cloned() });
        self
    }

    /// Frames that show it.
    pub(crate) fn at(mut self, moments: impl IntoIterator<Item = Moment>) -> Judgement {
        self.frames.extend(moments.into_iter().map(|moment| moment.frame));
        self.frames.sort_unstable();
        self.frames.dedup();
        self.frames.truncate(MOST_FRAMES);
        self
    }

    /// The next likely cause.
    pub(crate) fn cause(mut self, cause: impl Into<Cow<'static, str>>) -> Judgement {
        self.causes.push(cause.into());
        self
    }

    /// The next likely cause, if the facts allow it.
    pub(crate) fn cause_if(self, allowed: bool, cause: impl Into<Cow<'static, str>>) -> Judgement {
        if allowed { self.cause(cause) } else { self }
    }

    /// The next thing to try.
    pub(crate) fn step(mut self, step: impl Into<Cow<'static, str>>) -> Judgement {
        self.next_steps.push(step.into());
        self
    }

    /// The next thing to try, if it fits the facts.
    pub(crate) fn step_if(self, fits: bool, step: impl Into<Cow<'static, str>>) -> Judgement {
        if fits { self.step(step) } else { self }
    }

    /// What the client's end saw.
    pub(crate) fn seen_as(mut self, sight: Sight) -> Judgement {
        self.sight = sight;
        self
    }
}
