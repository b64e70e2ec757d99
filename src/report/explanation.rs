//! What went wrong, in prose: under the table of `read`, alike sessions together, and in `show`.

use std::collections::BTreeMap;
use std::io;

use crate::capture::FrameNumber;
use crate::diagnosis::{Confidence, Finding, Severity, Verdict};
use crate::net::Endpoint;
use crate::text;

use super::model::Case;
use super::page::{Ink, Page};
use super::table::Extent;
use super::words;

/// Explanations under one table.
const SHOWN: usize = 30;
/// Sentences told one by one where sessions are alike but for their names and numbers.
const SENTENCES: usize = 3;

/// Explains the sessions, alike ones together, then what else is worth a look.
pub(super) fn all(cases: &[Case], extent: Extent, page: &mut Page<'_>) -> io::Result<()> {
    let groups = groups(cases, extent);
    let shown = if extent == Extent::Everything { groups.len() } else { SHOWN };
    for group in groups.iter().take(shown) {
        page.blank()?;
        self::group(group, page)?;
    }
    if let Some(rest) = groups.get(shown..).filter(|rest| !rest.is_empty()) {
        let sessions: usize = rest.iter().map(|group| group.cases.len()).sum();
        let text = format!(
            "{} more are not explained here; `mqttcap show FILE -s NUMBER` explains one.",
            text::number(sessions as u64)
        );
        page.blank()?;
        page.paragraph((Ink::Faint, "… "), Ink::Faint, &text)?;
    }
    match extent {
        Extent::Problems => worth_a_look(cases, page),
        Extent::Everything => Ok(()),
    }
}

/// Sessions of one server that ended the same way.
struct Group<'r> {
    first: &'r Case,
    cases: Vec<&'r Case>,
}

/// What makes sessions alike.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike<'r> {
    outcome: &'static str,
    code: Option<u8>,
    server: Endpoint,
    causes: &'r [String],
    next_steps: &'r [String],
}

/// The sessions to explain, grouped, in order of each group's first session.
fn groups(cases: &[Case], extent: Extent) -> Vec<Group<'_>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    let explained = |case: &&Case| case.is_problem() || extent == Extent::Everything;
    for case in cases.iter().filter(explained) {
        let verdict = &case.verdict;
        let alike = Alike {
            outcome: verdict.outcome.id,
            code: verdict.outcome.code.map(|code| code.0),
            server: case.session.wire.peers.server.endpoint,
            causes: &verdict.causes,
            next_steps: &verdict.next_steps,
        };
        let place = *places.entry(alike).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.cases.push(case),
            None => groups.push(Group { first: case, cases: vec![case] }),
        }
    }
    groups
}

fn group(group: &Group<'_>, page: &mut Page<'_>) -> io::Result<()> {
    title(group, page)?;
    let sentences = sentences(&group.cases);
    for (case, frames) in sentences.iter().take(SENTENCES) {
        headline(&case.verdict, frames, page)?;
    }
    if sentences.len() > SENTENCES {
        let more = text::number((sentences.len() - SENTENCES) as u64);
        page.paragraph((Ink::Plain, "  "), Ink::Faint, &format!("… and {more} more like these."))?;
    }
    body(&group.first.verdict, page)?;
    let findings = group.cases.iter().flat_map(|case| &case.verdict.findings);
    also(&by_id(findings), page)?;
    page.paragraph((Ink::Faint, "  In Wireshark: "), Ink::Accent, &filter(&group.cases))
}

/// The sentences of these cases, each once, with the frames of all that share it.
fn sentences<'r>(cases: &[&'r Case]) -> Vec<(&'r Case, Vec<FrameNumber>)> {
    let mut places = BTreeMap::new();
    let mut sentences: Vec<(&Case, Vec<FrameNumber>)> = Vec::new();
    for case in cases {
        let outcome = &case.verdict.outcome;
        let place = *places.entry((&outcome.sentence, outcome.confidence)).or_insert(sentences.len());
        match sentences.get_mut(place) {
            Some((_, frames)) => frames.extend(&outcome.frames),
            None => sentences.push((case, outcome.frames.clone())),
        }
    }
    sentences
}

fn title(group: &Group<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let numbers: Vec<u64> = group.cases.iter().map(|case| case.number).collect();
    let sessions = if numbers.len() == 1 { "Session" } else { "Sessions" };
    let mut clients: Vec<String> = group.cases.iter().map(|case| case.client_name()).collect();
    clients.sort();
    clients.dedup();
    let client = match clients.as_slice() {
        [one] => one.clone(),
        many => text::counted(many.len() as u64, "client"),
    };
    let server = group.first.session.wire.peers.server.endpoint;
    let title = format!("{sessions} {} · {client} → {server}", words::ranges(&numbers));
    page.paragraph((Ink::Plain, ""), Ink::Strong, &title)
}

/// The sentence of an outcome, how sure it is and the frames that show it.
pub(super) fn headline(verdict: &Verdict, frames: &[FrameNumber], page: &mut Page<'_>) -> io::Result<()> {
    let outcome = &verdict.outcome;
    let (ink, mark) = words::mark(outcome.severity);
    page.paragraph((ink, &format!("  {mark} ")), Ink::Plain, &outcome.sentence)?;
    if let Some(evidence) = evidence(outcome.confidence, frames) {
        page.paragraph((Ink::Plain, "    "), Ink::Faint, &evidence)?;
    }
    Ok(())
}

/// What limits the verdict, what the client printed, causes and next steps.
pub(super) fn body(verdict: &Verdict, page: &mut Page<'_>) -> io::Result<()> {
    if !verdict.qualifiers.is_empty() {
        let cautions: Vec<_> = verdict.qualifiers.iter().map(|qualifier| words::caution(*qualifier)).collect();
        page.paragraph((Ink::Plain, "    "), Ink::Faint, &format!("Bear in mind: {}.", cautions.join("; ")))?;
    }
    if !verdict.client_saw.is_empty() {
        heading("The client's program may have said", page)?;
        let widest = verdict.client_saw.iter().map(|saw| saw.client.len()).max().unwrap_or(0);
        for saw in &verdict.client_saw {
            let lead = format!("    {:widest$}  ", saw.client);
            page.paragraph((Ink::Faint, &lead), Ink::Plain, saw.reports)?;
        }
    }
    list("Likely causes", &verdict.causes, page)?;
    list("What to try", &verdict.next_steps, page)
}

fn heading(text: &str, page: &mut Page<'_>) -> io::Result<()> {
    page.line(&[(Ink::Faint, "  "), (Ink::Accent, text)])
}

fn list(name: &str, items: &[String], page: &mut Page<'_>) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    heading(name, page)?;
    for (number, item) in (1..).zip(items) {
        let lead = if items.len() == 1 { "    ".to_owned() } else { format!("    {number}. ") };
        page.paragraph((Ink::Faint, &lead), Ink::Plain, item)?;
    }
    Ok(())
}

/// `Shown by frames 34 and 36.` – hedged as far as it is unsure.
fn evidence(confidence: Confidence, frames: &[FrameNumber]) -> Option<String> {
    let frames = words::frames(frames);
    let hedge = match confidence {
        Confidence::Certain => return frames.map(|frames| format!("Shown by {frames}.")),
        Confidence::VeryLikely => "Very likely",
        Confidence::Likely => "Likely",
        Confidence::Possible => "Possible",
    };
    Some(match frames {
        Some(frames) => format!("{hedge}, judging by {frames}."),
        None => format!("{hedge}."),
    })
}

/// Findings of several sessions, one for each id, with how many sessions have it.
fn by_id<'r>(findings: impl Iterator<Item = &'r Finding>) -> Vec<(&'r Finding, u64)> {
    let mut kinds: Vec<(&Finding, u64)> = Vec::new();
    for finding in findings {
        match kinds.iter_mut().find(|(first, _)| first.id == finding.id) {
            Some((_, count)) => *count += 1,
            None => kinds.push((finding, 1)),
        }
    }
    kinds.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.severity));
    kinds
}

/// Findings beside the outcome, one for each id.
fn also(findings: &[(&Finding, u64)], page: &mut Page<'_>) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    heading("Also seen", page)?;
    for (finding, count) in findings {
        self::finding(finding, *count, page)?;
    }
    Ok(())
}

/// A finding, with its frames and, where several sessions have it, how often.
fn finding(finding: &Finding, count: u64, page: &mut Page<'_>) -> io::Result<()> {
    let (ink, mark) = words::mark(finding.severity);
    let frames = words::frames(&finding.frames);
    let shown = match (frames, count) {
        (Some(frames), 0 | 1) => format!(" ({frames})"),
        (None, 0 | 1) => String::new(),
        (Some(frames), count) => format!(" ({} times, first in {frames})", text::number(count)),
        (None, count) => format!(" ({} times)", text::number(count)),
    };
    let text = format!("{}{shown}", finding.headline);
    page.paragraph((ink, &format!("    {mark} ")), Ink::Plain, &text)
}

/// All findings of one session, with their details.
pub(super) fn findings(findings: &[Finding], page: &mut Page<'_>) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    heading("Also seen", page)?;
    for one in findings {
        finding(one, 1, page)?;
        if let Some(detail) = &one.detail {
            page.paragraph((Ink::Plain, "      "), Ink::Faint, detail)?;
        }
        if let Some(clause) = one.clause {
            page.paragraph((Ink::Plain, "      "), Ink::Faint, &format!("Rule: {clause}"))?;
        }
    }
    Ok(())
}

/// Warnings of sessions that ended well: one line for each kind.
fn worth_a_look(cases: &[Case], page: &mut Page<'_>) -> io::Result<()> {
    let healthy = || cases.iter().filter(|case| !case.is_problem());
    let grave = |finding: &&Finding| finding.severity >= Severity::Warning;
    let kinds = by_id(healthy().flat_map(|case| &case.verdict.findings).filter(grave));
    if kinds.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.line(&[(Ink::Strong, "Also worth a look, in sessions that did not go wrong")])?;
    for (finding, _) in kinds {
        let has = |case: &&Case| case.verdict.findings.iter().any(|other| other.id == finding.id);
        let numbers: Vec<u64> = healthy().filter(has).map(|case| case.number).collect();
        let sessions = if numbers.len() == 1 { "session" } else { "sessions" };
        let (ink, mark) = words::mark(finding.severity);
        let text = format!("{} ({sessions} {})", finding.headline, words::ranges(&numbers));
        page.paragraph((ink, &format!("  {mark} ")), Ink::Plain, &text)?;
    }
    Ok(())
}

/// A Wireshark display filter for these sessions, the first of them.
fn filter(cases: &[&Case]) -> String {
    const SHOWN: usize = 12;
    match cases {
        [one] => one.filter(),
        many => {
            let streams = many.iter().take(SHOWN).map(|case| case.session.wire.stream.to_string());
            format!("tcp.stream in {{{}}}", streams.collect::<Vec<_>>().join(", "))
        }
    }
}
