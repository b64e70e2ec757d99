//! A page of text: inks, wrapping, ASCII. Everything that is printed as prose goes through here.
//!
//! Invariant: no line is wider than the page, except a single name that the caller did not bound.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};
use jiff::tz::TimeZone;
use textwrap::{Options, WordSplitter};
use unicode_width::UnicodeWidthStr;

use crate::capture::Timestamp;

use super::model::Style;

/// How a stretch of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Strong,
    Faint,
    Good,
    Notice,
    Bad,
    Accent,
}

impl Ink {
    fn ansi(self) -> Ansi {
        let fg = |color: AnsiColor| Ansi::new().fg_color(Some(color.into()));
        match self {
            Ink::Plain => Ansi::new(),
            Ink::Strong => Ansi::new().bold(),
            Ink::Faint => Ansi::new().dimmed(),
            Ink::Good => fg(AnsiColor::Green),
            Ink::Notice => fg(AnsiColor::Yellow),
            Ink::Bad => fg(AnsiColor::Red).bold(),
            Ink::Accent => fg(AnsiColor::Cyan),
        }
    }
}

/// Widest line of prose: longer ones are hard to read.
const PROSE: usize = 100;

/// Where text is set.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
    pub(super) style: &'a Style,
}

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut dyn Write, style: &'a Style) -> Page<'a> {
        Page { out, style }
    }

    /// An empty line.
    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// One line as it is, not wrapped.
    pub(super) fn line(&mut self, spans: &[(Ink, &str)]) -> io::Result<()> {
        let last = spans.len().saturating_sub(1);
        for (place, (ink, text)) in spans.iter().enumerate() {
            let text = self.style.characters(text);
            let text = if place == last { text.trim_end() } else { &text };
            if self.style.color && *ink != Ink::Plain && !text.is_empty() {
                let ansi = ink.ansi();
                write!(self.out, "{ansi}{text}{ansi:#}")?;
            } else {
                self.out.write_all(text.as_bytes())?;
            }
        }
        writeln!(self.out)
    }

    /// A wrapped paragraph: `lead` stands before its first line, the others are set in as far.
    pub(super) fn paragraph(&mut self, lead: (Ink, &str), ink: Ink, text: &str) -> io::Result<()> {
        let indent = " ".repeat(self.style.width_of(lead.1));
        let room = self.style.width.min(PROSE).saturating_sub(indent.len()).max(20);
        for (place, line) in self.style.wrap(text, room).iter().enumerate() {
            let before = if place == 0 { lead } else { (Ink::Plain, indent.as_str()) };
            self.line(&[before, (ink, line)])?;
        }
        Ok(())
    }
}

impl Style {
    /// `text` in the characters that may be used, for where no page is.
    pub fn set(&self, text: &str) -> String {
        self.characters(text).into_owned()
    }

    /// `text` in the characters that may be used.
    pub(super) fn characters<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.ascii && !text.is_ascii() { Cow::Owned(to_ascii(text)) } else { Cow::Borrowed(text) }
    }

    /// Columns that `text` takes.
    pub(super) fn width_of(&self, text: &str) -> usize {
        self.characters(text).width()
    }

    /// `text` in lines of at most `room` columns.
    pub(super) fn wrap(&self, text: &str, room: usize) -> Vec<String> {
        let options = Options::new(room).word_splitter(WordSplitter::NoHyphenation);
        let text = self.characters(text);
        let lines = textwrap::wrap(&text, options);
        lines.into_iter().map(Cow::into_owned).collect()
    }

    /// `text` cut to `room` columns, with a mark if it was longer.
    pub(super) fn cut(&self, text: &str, room: usize) -> String {
        let text = self.characters(text);
        if text.width() <= room {
            return text.into_owned();
        }
        let mark = if self.ascii { "..." } else { "…" };
        let mut cut = String::new();
        for character in text.chars() {
            cut.push(character);
            if cut.width() + mark.width() > room {
                cut.pop();
                break;
            }
        }
        cut + mark
    }
}

fn to_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '“' | '”' => ascii.push('"'),
            '‘' | '’' => ascii.push('\''),
            '–' | '—' | '─' | '·' | '‑' => ascii.push('-'),
            '…' => ascii.push_str("..."),
            '✓' => ascii.push('+'),
            '│' => ascii.push('|'),
            '▶' => ascii.push('>'),
            '◀' => ascii.push('<'),
            '→' => ascii.push_str("->"),
            '←' => ascii.push_str("<-"),
            '✗' | '×' => ascii.push('x'),
            '≥' => ascii.push_str(">="),
            '≤' => ascii.push_str("<="),
            'µ' => ascii.push('u'),
            '§' => ascii.push_str("section "),
            _ if character.is_ascii() => ascii.push(character),
            _ => ascii.extend(character.escape_unicode()),
        }
    }
    ascii
}

/// `time` in `zone`, as `pattern` says (strftime).
pub(super) fn told(time: Timestamp, zone: &TimeZone, pattern: &str) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(time.0)) {
        Ok(time) => time.to_zoned(zone.clone()).strftime(pattern).to_string(),
        Err(_) => format!("{} ns", time.0),
    }
}
