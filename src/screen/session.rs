//! The session that is shown: its ladder as lines, and the part of them that is seen.

use ansi_to_tui::IntoText;
use ratatui::text::Line;

use crate::report::{Case, Style, ladder};

use super::rows::{RowKey, key};

/// A session that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    case: Case,
    lines: Vec<Line<'static>>,
    /// Columns for which `lines` were set.
    width: usize,
    /// The first line that is seen.
    top: usize,
    /// Stays at the end while the ladder grows.
    follows: bool,
    searched: String,
    /// Lines that can be seen at once.
    height: usize,
}

impl Opened {
    /// Shows `case` from its beginning, or, while it goes on, from its end.
    pub(super) fn new(case: Case, follows: bool) -> Opened {
        Opened { case, lines: Vec::new(), width: 0, top: 0, follows, searched: String::new(), height: 0 }
    }

    pub(super) fn key(&self) -> RowKey {
        key(&self.case)
    }

    pub(super) fn is_of(&self, case: &Case) -> bool {
        self.key() == key(case)
    }

    /// The session as it stands now.
    pub(super) fn renew(&mut self, case: Case) {
        self.case = case;
        self.width = 0;
    }

    pub(super) fn scroll(&mut self, lines: isize) {
        let lowest = self.lowest();
        self.top = self.top.min(lowest).saturating_add_signed(lines).min(lowest);
        self.follows = self.follows && self.top == lowest || lines == isize::MAX;
    }

    /// Goes to the next line in which `text` stands.
    pub(super) fn find(&mut self, text: &str) {
        self.searched = text.to_lowercase();
        self.find_next(1);
    }

    /// Goes to the next line with what was searched for, or to the one before.
    pub(super) fn find_next(&mut self, direction: isize) {
        if self.searched.is_empty() {
            return;
        }
        let hit = |line: &&Line<'_>| line.to_string().to_lowercase().contains(&self.searched);
        let hits = || self.lines.iter().enumerate().filter(|(_, line)| hit(line)).map(|(place, _)| place);
        let next = if direction > 0 {
            hits().find(|place| *place > self.top).or_else(|| hits().next())
        } else {
            hits().rev().find(|place| *place < self.top).or_else(|| hits().next_back())
        };
        if let Some(place) = next {
            self.top = place;
            self.follows = false;
        }
    }

    /// What was searched for.
    pub(super) fn searched(&self) -> &str {
        &self.searched
    }

    /// The lines that are seen on `height` lines of the width of `style`, and how far down they are, in percent.
    pub(super) fn seen(&mut self, style: &Style, height: usize) -> (&[Line<'static>], usize) {
        self.height = height;
        if self.width != style.width {
            self.width = style.width;
            self.lines = set(&self.case, style);
        }
        let lowest = self.lowest();
        if self.follows {
            self.top = lowest;
        }
        // What was found stays on the first line, even near the end.
        let top = if self.searched.is_empty() { self.top.min(lowest) } else { self.top.min(self.lines.len()) };
        let end = (top + height).min(self.lines.len());
        let percent = (top * 100).checked_div(lowest).unwrap_or(100).min(100);
        (self.lines.get(top..end).unwrap_or_default(), percent)
    }

    fn lowest(&self) -> usize {
        self.lines.len().saturating_sub(self.height)
    }
}

/// The page of `show`, as lines.
fn set(case: &Case, style: &Style) -> Vec<Line<'static>> {
    let mut page = Vec::new();
    // Writing to memory cannot fail.
    let _ = ladder::write(case, style, &mut page);
    page.into_text().map(|text| text.lines).unwrap_or_default()
}
