//! What went wrong, in prose: under the table of `read`, alike sessions together, and in `show`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use hashbrown::{HashMap, HashSet};

use crate::capture::FrameNumber;
use crate::diagnosis::{ClientReport, Confidence, Counted, Finding, Qualifier, Severity, Verdict};
use crate::fetch;
use crate::net::Endpoint;
use crate::text;

use super::model::{Case, Client, Extent, Report};
use super::page::{Ink, Page};
use super::words;

/// Explanations under one table.
const SHOWN: usize = 30;
/// Sentences told one by one where sessions are alike but for their names and numbers.
const SENTENCES: usize = 3;
/// Libraries whose messages are told under a table; `show` tells all.
const LIBRARIES: usize = 6;

/// Explains the sessions, alike ones together, then what else is worth a look.
pub(super) fn all(report: &Report, extent: Extent, page: &mut Page<'_>) -> io::Result<()> {
    let cases = &report.cases;
    let groups = groups(cases, extent);
    let shown = if extent == Extent::Everything { groups.len() } else { SHOWN };
    for group in groups.iter().take(shown) {
        page.blank()?;
        self::group(group, &report.counted, page)?;
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
    causes: &'r [Cow<'static, str>],
    next_steps: &'r [Cow<'static, str>],
}

/// The sessions to explain, grouped, in order of each group's first session.
fn groups(cases: &[Case], extent: Extent) -> Vec<Group<'_>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    let explained = |case: &&Case| case.is_noteworthy() || extent == Extent::Everything;
    for case in fetch::ahead(cases, Case::fetch_verdict).filter(explained) {
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

fn group(group: &Group<'_>, counted: &[Counted], page: &mut Page<'_>) -> io::Result<()> {
    title(group, page)?;
    let (sentences, more) = sentences(&group.cases);
    for (case, frames) in &sentences {
        headline(&case.verdict, frames, page)?;
    }
    if more > 0 {
        let more = text::number(more as u64);
        page.paragraph((Ink::Plain, "  "), Ink::Faint, &format!("… and {more} more like these."))?;
    }
    let first = group.first;
    for kind in counted {
        let server = first.session.wire.peers.server.endpoint;
        let alike = kind.attempts == first.session.carried_nothing() && kind.outcome == first.verdict.outcome.id;
        if alike && kind.server == Some(server) {
            page.paragraph((Ink::Plain, "  "), Ink::Faint, &format!("… and {}: counted only.", kind.in_words()))?;
        }
    }
    limits(&first.verdict, page)?;
    let saw = &group.first.verdict.client_saw;
    let few = saw.len() <= LIBRARIES + 1;
    prints(saw.get(..LIBRARIES).filter(|_| !few).unwrap_or(saw), page)?;
    if !few {
        let more = text::number((saw.len() - LIBRARIES) as u64);
        let show = format!("… {more} more libraries: `mqttcap show FILE -s {}`", group.first.number);
        page.paragraph((Ink::Plain, "    "), Ink::Faint, &show)?;
    }
    advice(&group.first.verdict, page)?;
    let mut findings = Vec::new();
    for case in &group.cases {
        findings.extend(case.verdict.findings.iter().filter(|finding| is_new(finding, &case.verdict)));
    }
    also(&by_id(findings.into_iter()), page)?;
    page.paragraph((Ink::Faint, "  In Wireshark: "), Ink::Accent, &filter(&group.cases))
}

/// The first sentences of these cases, each once, with the frames of all that share it; and how many more there are.
fn sentences<'r>(cases: &[&'r Case]) -> (Vec<(&'r Case, Vec<FrameNumber>)>, usize) {
    let mut places = HashMap::new();
    let mut sentences: Vec<(&Case, Vec<FrameNumber>)> = Vec::new();
    for case in fetch::ahead(cases, |case, depth| case.fetch_verdict(depth)) {
        let outcome = &case.verdict.outcome;
        let next = places.len();
        let place = *places.entry((outcome.sentence.as_str(), outcome.confidence)).or_insert(next);
        if let Some((_, frames)) = sentences.get_mut(place) {
            frames.extend(&outcome.frames);
        } else if place < SENTENCES {
            sentences.push((case, outcome.frames.clone()));
        }
    }
    for (_, frames) in &mut sentences {
        frames.sort_unstable();
        frames.dedup();
    }
    let more = places.len() - sentences.len();
    (sentences, more)
}

fn title(group: &Group<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let numbers: Vec<u64> = group.cases.iter().map(|case| case.number).collect();
    let sessions = if numbers.len() == 1 { "Session" } else { "Sessions" };
    let client = match group.cases.as_slice() {
        [one] => one.client_name(),
        // A port tells one attempt of a host from another, not one client from another.
        many => {
            let many = fetch::ahead(many, |case, depth| case.session.fetch(depth));
            let clients: HashSet<Client<'_>> = many.map(|case| case.client_or_host()).collect();
            match (clients.iter().next(), clients.len()) {
                (Some(only), 1) => only.to_string(),
                (_, several) => text::counted(several as u64, "client"),
            }
        }
    };
    let server = group.first.server_name();
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
    limits(verdict, page)?;
    prints(&verdict.client_saw, page)?;
    advice(verdict, page)
}

fn limits(verdict: &Verdict, page: &mut Page<'_>) -> io::Result<()> {
    let said = |qualifier: &&Qualifier| {
        let sentence = verdict.outcome.sentence.to_ascii_lowercase();
        let parts: &[&str] = match qualifier {
            Qualifier::PartialStart => &["the capture began"],
            Qualifier::PartialEnd => &["the capture end", "end of the capture"],
            Qualifier::OneWay => &["only one direction"],
            Qualifier::Encrypted => &["tls", "encrypted", "certificate"],
            // Told across sessions.
            Qualifier::TakeoverChain => &[""],
            _ => &[],
        };
        parts.iter().any(|part| sentence.contains(part))
    };
    let cautions = verdict.qualifiers.iter().filter(|qualifier| !said(qualifier));
    let cautions: Vec<_> = cautions.map(|qualifier| words::caution(*qualifier)).collect();
    if !cautions.is_empty() {
        page.paragraph((Ink::Plain, "    "), Ink::Faint, &format!("Bear in mind: {}.", cautions.join("; ")))?;
    }
    Ok(())
}

fn prints(reports: &[ClientReport], page: &mut Page<'_>) -> io::Result<()> {
    if !reports.is_empty() {
        heading("The client's program may have said", page)?;
    }
    let widest = reports.iter().map(|saw| saw.client.len()).max().unwrap_or(0);
    for saw in reports {
        let lead = format!("    {:widest$}  ", saw.client);
        page.paragraph((Ink::Faint, &lead), Ink::Plain, saw.reports)?;
    }
    Ok(())
}

fn advice(verdict: &Verdict, page: &mut Page<'_>) -> io::Result<()> {
    let causes = if verdict.causes.len() == 1 { "Likely cause" } else { "Likely causes" };
    list(causes, &verdict.causes, page)?;
    list("What to try", &verdict.next_steps, page)
}

/// Whether a finding says more than the explanation above it. That a client sent no user name is
/// the usual case inside one network, and is told by `show`.
fn is_new(finding: &Finding, verdict: &Verdict) -> bool {
    let told = |clause: &str| {
        let mut texts = verdict.causes.iter().map(Cow::as_ref).chain([verdict.outcome.sentence.as_str()]);
        texts.any(|text| text.contains(clause))
    };
    // These two outcomes are about a CONNECT that breaks a rule, in plainer words.
    let about_connect = ["refused-client-id", "refused-protocol-version"].contains(&verdict.outcome.id);
    let in_evidence = || finding.frames.iter().all(|frame| verdict.outcome.frames.contains(frame));
    if finding.is("rule-violated") {
        return !(finding.clause.is_some_and(told) || about_connect && in_evidence());
    }
    finding.id != "anonymous"
}

fn heading(text: &str, page: &mut Page<'_>) -> io::Result<()> {
    page.line(&[(Ink::Faint, "  "), (Ink::Accent, text)])
}

fn list(name: &str, items: &[Cow<'static, str>], page: &mut Page<'_>) -> io::Result<()> {
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
pub(super) fn evidence(confidence: Confidence, frames: &[FrameNumber]) -> Option<String> {
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
    let healthy = || fetch::ahead(cases, Case::fetch_verdict).filter(|case| !case.is_noteworthy());
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
            let streams =
                many.iter().take(SHOWN).filter_map(|case| case.session.wire.stream).map(|stream| stream.to_string());
            let streams: Vec<String> = streams.collect();
            let attempts = many.iter().take(SHOWN).filter(|case| case.session.wire.stream.is_none());
            let mut filters: Vec<String> = attempts.map(|case| format!("({})", case.filter())).collect();
            if !streams.is_empty() {
                filters.insert(0, format!("tcp.stream in {{{}}}", streams.join(", ")));
            }
            filters.join(" || ")
        }
    }
}
