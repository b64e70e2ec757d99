//! What only several sessions together show, between the table and the explanations.

use std::io::{self, Write};

use crate::diagnosis::Spanning;
use crate::text;

use super::explanation::evidence;
use super::model::{Extent, Style};
use super::page::{Ink, Page};
use super::words;

/// Findings told under a table.
const SHOWN: usize = 12;

/// Writes all findings that span sessions.
pub fn write(across: &[Spanning], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    tell(across, Extent::Everything, &mut Page::new(out, style))
}

/// The same on a page, as much as `extent` says.
pub(super) fn tell(across: &[Spanning], extent: Extent, page: &mut Page<'_>) -> io::Result<()> {
    if across.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.line(&[(Ink::Strong, "Across sessions")])?;
    let shown = if extent == Extent::Everything { across.len() } else { SHOWN };
    for Spanning { finding, sessions } in across.iter().take(shown) {
        let (ink, mark) = words::mark(finding.severity);
        let text = format!("{} (sessions {})", finding.headline, words::ranges(sessions));
        page.paragraph((ink, &format!("  {mark} ")), Ink::Plain, &text)?;
        if let Some(detail) = &finding.detail {
            page.paragraph((Ink::Plain, "    "), Ink::Plain, detail)?;
        }
        if let Some(evidence) = evidence(finding.confidence, &finding.frames) {
            page.paragraph((Ink::Plain, "    "), Ink::Faint, &evidence)?;
        }
    }
    if across.len() > shown {
        let more = text::number((across.len() - shown) as u64);
        page.paragraph((Ink::Faint, "  … "), Ink::Faint, &format!("{more} more like these; --verbose tells all."))?;
    }
    Ok(())
}
