//! The sheet that a payload is written on: indented lines, with a bound on how much of the payload
//! they show, how deep it nests and how many characters they have.
//!
//! Invariant: text from the payload comes on the sheet escaped. A dry sheet keeps nothing: it is for
//! finding out whether bytes can be read at all.

use std::fmt::Write as _;

use crate::text;

/// Deepest nesting that is followed.
const DEPTH: usize = 32;
/// Characters that may be written for each byte shown: indentation and escapes take several.
const CHARACTERS_PER_BYTE: usize = 16;

/// Why a walk over a payload ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// As much was shown as was asked for.
    Cut,
    /// The bytes end before the document does.
    Short,
    /// The bytes are not of this format, or nest too deep.
    Broken,
}

#[derive(Debug)]
pub(super) struct Sheet {
    lines: Vec<String>,
    line: String,
    depth: usize,
    /// Bytes of the payload that may be shown.
    until: usize,
    /// Bytes of the payload that are shown.
    shown: usize,
    /// Characters that may still be written.
    room: usize,
    dry: bool,
    /// Single values and containers met.
    pub(super) items: usize,
    /// Pieces of text met that can be read aloud.
    pub(super) readable: usize,
    /// Pieces of text met that hold control characters.
    pub(super) unreadable: usize,
}

impl Sheet {
    /// A sheet for at most `until` bytes of a payload.
    pub(super) fn new(until: usize) -> Sheet {
        let room = until.saturating_mul(CHARACTERS_PER_BYTE).saturating_add(256);
        Sheet { until, room, ..Sheet::dry(false) }
    }

    /// A sheet that keeps nothing.
    pub(super) fn check() -> Sheet {
        Sheet::dry(true)
    }

    fn dry(dry: bool) -> Sheet {
        Sheet {
            lines: Vec::new(),
            line: String::new(),
            depth: 0,
            until: usize::MAX,
            shown: 0,
            room: usize::MAX,
            dry,
            items: 0,
            readable: 0,
            unreadable: 0,
        }
    }

    /// The lines, and how many bytes of the payload they show.
    pub(super) fn finish(mut self) -> (Vec<String>, usize) {
        if !self.line.trim().is_empty() {
            self.lines.push(self.line);
        }
        (self.lines, self.shown)
    }

    /// The bytes from `start` to `end` are to be written next, if they may.
    pub(super) fn token(&mut self, start: usize, end: usize) -> Result<(), Stop> {
        if end > self.until || self.room == 0 {
            return Err(Stop::Cut);
        }
        debug_assert!(start <= end);
        self.shown = self.shown.max(end);
        Ok(())
    }

    /// Writes words of our own.
    pub(super) fn put(&mut self, words: &str) {
        if !self.dry {
            self.line.push_str(words);
            self.room = self.room.saturating_sub(words.len());
        }
    }

    /// Begins a new line.
    pub(super) fn line(&mut self) {
        if self.dry {
            return;
        }
        let indent = " ".repeat(2 * self.depth);
        self.room = self.room.saturating_sub(indent.len());
        let line = std::mem::replace(&mut self.line, indent);
        self.lines.push(line);
    }

    /// Opens a container.
    pub(super) fn open(&mut self, bracket: &str) -> Result<(), Stop> {
        self.put(bracket);
        self.depth += 1;
        if self.depth > DEPTH { Err(Stop::Broken) } else { Ok(()) }
    }

    /// Begins the next member of a container, on a line of its own.
    pub(super) fn member(&mut self, first: bool) {
        if !first {
            self.put(",");
        }
        self.line();
    }

    /// Closes a container.
    pub(super) fn close(&mut self, bracket: &str, empty: bool) {
        self.depth = self.depth.saturating_sub(1);
        if !empty {
            self.line();
        }
        self.put(bracket);
    }

    /// Writes text that stands at `start` in the payload, as much of it as may be shown.
    pub(super) fn text(&mut self, start: usize, bytes: &[u8]) -> Result<(), Stop> {
        if is_readable(bytes) {
            self.readable += usize::from(!bytes.is_empty());
        } else {
            self.unreadable += 1;
        }
        let (kept, cut) = self.within(start, bytes);
        // A character that is cut in the middle is not shown.
        let kept = match std::str::from_utf8(kept) {
            Err(error) if cut && error.error_len().is_none() => kept.get(..error.valid_up_to()).unwrap_or(kept),
            _ => kept,
        };
        if !self.dry {
            let room = self.room;
            self.put(&text::escape(kept, room));
        }
        self.show(start + kept.len(), cut)
    }

    /// Writes text in quotation marks, those within it escaped.
    pub(super) fn quoted(&mut self, start: usize, bytes: &[u8]) -> Result<(), Stop> {
        self.put("\"");
        let mut at = start;
        for (place, part) in bytes.split(|byte| *byte == b'"' || *byte == b'\\').enumerate() {
            if place > 0 {
                let mark = bytes.get(at - start - 1);
                self.put(if mark == Some(&b'"') { "\\\"" } else { "\\\\" });
            }
            self.text(at, part)?;
            at += part.len() + 1;
        }
        self.put("\"");
        Ok(())
    }

    /// Writes bytes as `h'0102'`, as much of them as may be shown.
    pub(super) fn bytes(&mut self, start: usize, bytes: &[u8]) -> Result<(), Stop> {
        let (kept, cut) = self.within(start, bytes);
        if !self.dry {
            let mut digits = String::with_capacity(2 * kept.len());
            for byte in kept {
                let _ = write!(digits, "{byte:02x}");
            }
            self.put(&format!("h'{digits}'"));
        }
        self.show(start + kept.len(), cut)
    }

    /// The part of `bytes` that may be shown, and whether that is not all of it.
    fn within<'p>(&self, start: usize, bytes: &'p [u8]) -> (&'p [u8], bool) {
        let most = self.until.saturating_sub(start);
        match bytes.get(..most) {
            Some(kept) if most < bytes.len() => (kept, true),
            _ => (bytes, false),
        }
    }

    fn show(&mut self, end: usize, cut: bool) -> Result<(), Stop> {
        self.shown = self.shown.max(end.min(self.until));
        if cut { Err(Stop::Cut) } else { self.token(end, end) }
    }
}

/// Whether text is UTF-8 that can be read aloud: no control characters but those that lay it out.
pub(super) fn is_readable(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| !text.chars().any(|one| one.is_control() && !matches!(one, '\t' | '\n' | '\r')))
}
