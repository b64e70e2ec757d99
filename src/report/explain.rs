//! `mqttcap explain`: the long text of a code or id, set to the width of the terminal.
//!
//! Texts are Markdown of the plainest kind: a title, paragraphs, lists, indented examples.

use std::io::{self, Write};

use super::model::Style;
use super::page::{Ink, Page};

/// Sets one text under its title, and names what to read next.
pub fn write<'t>(
    title: &str,
    markdown: &str,
    see_also: impl IntoIterator<Item = (&'t str, &'t str)>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    page.paragraph((Ink::Plain, ""), Ink::Strong, title)?;
    page.blank()?;
    let mut paragraph = Vec::new();
    for line in markdown.lines().chain([""]) {
        let starts_anew = line.starts_with("    ") || list_mark(line).is_some() || line.starts_with('#');
        if line.trim().is_empty() || starts_anew {
            put(&paragraph.join(" "), page)?;
            paragraph.clear();
        }
        if line.trim().is_empty() {
            page.blank()?;
        } else if line.starts_with("    ") {
            page.line(&[(Ink::Accent, line)])?;
        } else if let Some(title) = line.strip_prefix('#') {
            page.paragraph((Ink::Plain, ""), Ink::Strong, title.trim_start_matches('#').trim())?;
        } else {
            paragraph.push(line.trim_end());
        }
    }
    let see_also: Vec<_> = see_also.into_iter().collect();
    if see_also.is_empty() {
        return Ok(());
    }
    page.line(&[(Ink::Faint, "See also, with `mqttcap explain`:")])?;
    list(&see_also, page)
}

/// Sets ids with their titles, one a line, under a heading.
pub fn write_list<'t>(
    heading: &str,
    entries: impl IntoIterator<Item = (&'t str, &'t str)>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    page.line(&[(Ink::Strong, heading)])?;
    list(&entries.into_iter().collect::<Vec<_>>(), page)
}

fn list(entries: &[(&str, &str)], page: &mut Page<'_>) -> io::Result<()> {
    let widest = entries.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
    for (id, title) in entries {
        page.paragraph((Ink::Accent, &format!("  {id:widest$}  ")), Ink::Plain, title)?;
    }
    Ok(())
}

fn put(paragraph: &str, page: &mut Page<'_>) -> io::Result<()> {
    match list_mark(paragraph) {
        _ if paragraph.is_empty() => Ok(()),
        Some((mark, rest)) => page.paragraph((Ink::Faint, &format!("  {mark} ")), Ink::Plain, &rest.replace("**", "")),
        None => match paragraph.strip_prefix("**").and_then(|rest| rest.strip_suffix("**")) {
            Some(heading) if !heading.contains("**") => page.paragraph((Ink::Plain, ""), Ink::Strong, heading),
            _ => page.paragraph((Ink::Plain, ""), Ink::Plain, &paragraph.replace("**", "")),
        },
    }
}

/// The mark of a list item and the text after it.
fn list_mark(line: &str) -> Option<(&str, &str)> {
    let (mark, rest) = line.split_once(' ')?;
    let number = mark.strip_suffix('.').is_some_and(|digits| digits.parse::<u8>().is_ok());
    (number || mark == "-" || mark == "*").then_some((mark, rest))
}
