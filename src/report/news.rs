//! `mqttcap live`: one line for each session as it ends.

use std::io::{self, Write};

use crate::diagnosis::{Confidence, Verdict};
use crate::session::Session;
use crate::text;

use super::model::{Style, client_id};
use super::page::{Ink, Page, told};
use super::words;

/// Writes how a session ended, at the time at which it did.
pub fn write(session: &Session, verdict: &Verdict, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (ink, mark) = words::mark(verdict.outcome.severity);
    let time = told(session.wire.last.time, &style.zone, "%H:%M:%S");
    let stream = session.wire.stream.map_or_else(|| "no TCP".to_owned(), |stream| format!("tcp.stream {stream}"));
    let sure = match verdict.outcome.confidence {
        Confidence::Certain => String::new(),
        confidence => format!("{}; ", words::confidence(confidence).replace('-', " ")),
    };
    let sentence = &verdict.outcome.sentence;
    // A sentence that many sessions share names no client.
    let name = client_id(session).map(|id| text::escape(&id.0, text::NAME));
    let name = name.filter(|name| !sentence.contains(name)).map_or_else(String::new, |name| format!("{name}: "));
    let text = format!("{name}{sentence} [{sure}{stream}]");
    Page::new(out, style).paragraph((ink, &format!("{time} {mark} ")), Ink::Plain, &text)
}
