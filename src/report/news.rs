//! `mqttcap live`: one line for each session as it ends.

use std::io::{self, Write};

use crate::diagnosis::{Confidence, Verdict};
use crate::session::Session;

use super::model::Style;
use super::page::{Ink, Page, told};
use super::words;

/// Writes how a session ended, at the time at which it did.
pub fn write(session: &Session, verdict: &Verdict, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (ink, mark) = words::mark(verdict.outcome.severity);
    let time = told(session.wire.last.time, &style.zone, "%H:%M:%S");
    let stream = session.wire.stream;
    let sure = match verdict.outcome.confidence {
        Confidence::Certain => String::new(),
        confidence => format!("{}; ", words::confidence(confidence).replace('-', " ")),
    };
    let text = format!("{} [{sure}tcp.stream {stream}]", verdict.outcome.sentence);
    Page::new(out, style).paragraph((ink, &format!("{time} {mark} ")), Ink::Plain, &text)
}
