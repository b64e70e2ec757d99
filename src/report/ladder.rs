//! `mqttcap show -s N`: one session as a ladder of packets between client and server.

use std::io::{self, Write};

use crate::capture::Timestamp;
use crate::session::{Event, EventKind, Session, TlsEvent, Wire};
use crate::stream::Side;
use crate::text;
use crate::transport::tls::Alert;

use super::event_text::event_text;
use super::explanation;
use super::messages;
use super::model::{Case, Style};
use super::page::{Ink, Page, told};
use super::tls_text;
use super::words;

/// Columns before the ladder: time offset and frame.
const MARGIN: usize = 21;
/// Narrowest and widest ladder, rails included.
const LADDER: std::ops::RangeInclusive<usize> = 40..=100;
/// Columns of a rung that are not text: rails, spaces, and an arrow at one end.
const FRAME: usize = 12;

/// Writes one session.
pub fn write(case: &Case, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    facts(case, page)?;
    page.blank()?;
    ladder(case, page)?;
    page.blank()?;
    messages::tell(case, page)?;
    explanation::headline(&case.verdict, &case.verdict.outcome.frames, page)?;
    explanation::body(&case.verdict, page)?;
    explanation::findings(&case.verdict.findings, page)
}

fn facts(case: &Case, page: &mut Page<'_>) -> io::Result<()> {
    let session = &case.session;
    let wire = &session.wire;
    page.paragraph(
        (Ink::Plain, ""),
        Ink::Strong,
        &format!("Session {} · {}: {}", case.number, case.client_name(), words::outcome(&case.verdict.outcome)),
    )?;
    fact("Client", &case.client_address(), page)?;
    fact("Server", &case.server_name(), page)?;
    if let Some(name) = session.neighbours.resolution.as_ref() {
        let name = text::escape(name.name.as_bytes(), text::NAME);
        fact("Name", &name, page)?;
    }
    if let Some(version) = session.version {
        let how = match session.version_from {
            Some(crate::session::VersionFrom::Inferred(why)) => format!(" (inferred: {why})"),
            _ => String::new(),
        };
        let inside = if session.websocket.is_some() { ", inside WebSocket" } else { "" };
        fact("MQTT", &format!("{version}{how}{inside}"), page)?;
    }
    if let Some(tls) = &session.tls {
        fact("TLS", &tls_text::agreed(tls), page)?;
    }
    if let Some(connect) = &session.connect {
        let keep_alive = match connect.keep_alive {
            0 => "none".to_owned(),
            seconds => format!("{seconds} s"),
        };
        let server = session.connack.as_ref().and_then(|connack| connack.server_keep_alive);
        let server = server.map(|seconds| format!(", the server asks for {seconds} s")).unwrap_or_default();
        fact("Keep-alive", &format!("{keep_alive}{server}"), page)?;
        if let Some(user) = &connect.username {
            let password = if connect.has_password { ", with a password" } else { ", without password" };
            fact("User", &format!("{}{password}", text::escape(&user.0, text::NAME)), page)?;
        }
    }
    let zone = &page.style.zone;
    let when =
        format!("{}, for {}", told(wire.first.time, zone, "%Y-%m-%d %H:%M:%S%.3f %Z"), text::duration(case.lasted()));
    fact("Started", &when, page)?;
    fact("Frames", &format!("{}–{}", wire.first.frame, wire.last.frame), page)?;
    fact("Wireshark", &case.filter(), page)
}

fn fact(name: &str, value: &str, page: &mut Page<'_>) -> io::Result<()> {
    page.paragraph((Ink::Faint, &format!("  {name:<10}  ")), Ink::Plain, value)
}

fn ladder(case: &Case, page: &mut Page<'_>) -> io::Result<()> {
    let width = page.style.width.saturating_sub(MARGIN).clamp(*LADDER.start(), *LADDER.end());
    let room = width - "client".len() - "server".len();
    let head = format!("{:>11} {:>7}  client{}server", "time", "frame", " ".repeat(room));
    page.line(&[(Ink::Faint, &head)])?;
    let session = &case.session;
    let mut empty = true;
    for event in session.timeline.events() {
        empty = false;
        rung(event, session, width, page)?;
    }
    if empty {
        page.line(&[(Ink::Faint, "  (the timeline of this session was not kept)")])?;
    }
    if session.timeline.left_out() > 0 {
        let left_out = text::counted(session.timeline.left_out(), "packet");
        let text = format!("{left_out} before the last of these not shown: there were too many.");
        page.paragraph((Ink::Faint, "  … "), Ink::Faint, &text)?;
    }
    Ok(())
}

/// One event: `0.003      36  │ ◀── CONNACK Not authorized (0x87) ─────── │`.
fn rung(event: &Event, session: &Session, width: usize, page: &mut Page<'_>) -> io::Result<()> {
    let style = page.style;
    let mut text = event_text(event, session.version);
    if event.count > 1 {
        let until = told(event.until.time, &style.zone, "%H:%M:%S");
        text = format!("{text}, until {until} (frame {})", event.until.frame);
    }
    let room = width - FRAME;
    let lines = style.wrap(&text, room);
    let margin = format!("{:>11} {:>7}  ", offset(event.at.time, &session.wire), event.at.frame);
    let ink = ink(&event.kind);
    let (rail, line, right, left) = ("│", "─", "▶", "◀");
    for (place, words) in lines.iter().enumerate() {
        let fill = room - style.width_of(words).min(room);
        let (before, after) = if place > 0 {
            ("    ".to_owned(), " ".repeat(fill + 4))
        } else {
            match event.side {
                Some(Side::Client) => (line.repeat(3) + " ", format!(" {}{right}", line.repeat(fill + 2))),
                Some(Side::Server) => (format!("{left}{} ", line.repeat(2)), format!(" {}", line.repeat(fill + 3))),
                None => ("    ".to_owned(), " ".repeat(fill + 4)),
            }
        };
        let blank = " ".repeat(MARGIN);
        let margin = if place == 0 { &margin } else { &blank };
        page.line(&[
            (Ink::Faint, margin),
            (Ink::Faint, rail),
            (Ink::Faint, " "),
            (Ink::Faint, &before),
            (ink, words),
            (Ink::Faint, &after),
            (Ink::Faint, " "),
            (Ink::Faint, rail),
        ])?;
    }
    Ok(())
}

/// Packets of MQTT stand out, those of TCP and of the capture stand back, bad ends are red.
pub(super) fn ink(kind: &EventKind) -> Ink {
    use EventKind as Kind;
    match kind {
        Kind::Connack { code, .. } if code.0 != 0 => Ink::Bad,
        Kind::Acknowledgment { code, .. } | Kind::Disconnect { code, .. } if code.0 >= 0x80 => Ink::Bad,
        Kind::Answer { codes, .. } if codes.iter().any(|code| code.0 >= 0x80) => Ink::Bad,
        Kind::Reset
        | Kind::NameAnswer { .. }
        | Kind::Malformed { .. }
        | Kind::Reserved { .. }
        | Kind::ForeignOpening(_)
        | Kind::ForeignAnswer(_)
        | Kind::Tls(TlsEvent::Foreign(_)) => Ink::Bad,
        Kind::Tls(TlsEvent::Alert(alert)) if *alert != Alert::CLOSE_NOTIFY => Ink::Bad,
        Kind::Partial { .. } | Kind::Gap { .. } | Kind::Skipped { .. } => Ink::Notice,
        Kind::Syn | Kind::SynAck | Kind::Established | Kind::Fin => Ink::Faint,
        _ => Ink::Plain,
    }
}

/// Seconds since the session's first frame: `+0.003121`, `-0.001000` when the clock went back. A
/// long session is told in milliseconds.
fn offset(time: Timestamp, wire: &Wire) -> String {
    const LONG: i64 = 100_000_000_000;
    let nanoseconds = time.nanoseconds_since(wire.first.time);
    let sign = if nanoseconds < 0 { '-' } else { '+' };
    let (span, seconds) = (nanoseconds.unsigned_abs(), nanoseconds.unsigned_abs() / 1_000_000_000);
    if wire.last.time.nanoseconds_since(wire.first.time) < LONG {
        format!("{sign}{seconds}.{:06}", span / 1_000 % 1_000_000)
    } else {
        format!("{sign}{}.{:03}", text::number(seconds), span / 1_000_000 % 1_000)
    }
}
