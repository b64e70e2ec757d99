//! The rows of the list: which are kept, which are shown, in which order.
//!
//! Invariant: never more than the given number; the oldest that ended well goes first, then the oldest that ended.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::Severity;
use crate::net::Endpoint;
use crate::report::row::Row;
use crate::report::{Case, Style};
use crate::stream::Side;

/// What rows are told apart by: first frame and stream.
pub(super) type RowKey = (u64, Option<u32>);

/// The key of a session.
pub(super) fn key(case: &Case) -> RowKey {
    let wire = &case.session.wire;
    (wire.first.frame.get(), wire.stream)
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// When they began.
    Started,
    /// When they were last heard of.
    Active,
    /// How badly they ended.
    Severity,
    /// Client id or address.
    Client,
    /// Messages of both sides.
    Messages,
}

impl Sort {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Sort::Started => "start",
            Sort::Active => "activity",
            Sort::Severity => "severity",
            Sort::Client => "client",
            Sort::Messages => "messages",
        }
    }

    fn next(self) -> Sort {
        match self {
            Sort::Started => Sort::Active,
            Sort::Active => Sort::Severity,
            Sort::Severity => Sort::Client,
            Sort::Client => Sort::Messages,
            Sort::Messages => Sort::Started,
        }
    }
}

/// A row with what it is sorted and found by.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) row: Row,
    /// What stands in the first column.
    pub(super) number: String,
    pub(super) severity: Severity,
    pub(super) open: bool,
    last: i64,
    messages: u64,
    case: Box<Case>,
}

/// Which rows are shown, and in which order.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) sort: Sort,
    pub(super) reversed: bool,
    /// Only those that went wrong.
    pub(super) problems: bool,
    /// Only those in which this stands.
    pub(super) searched: String,
}

/// All rows.
#[derive(Debug)]
pub(super) struct Rows {
    most: usize,
    lines: BTreeMap<RowKey, Line>,
    /// Rows that may be let go first.
    ended_well: BTreeSet<RowKey>,
    ended: BTreeSet<RowKey>,
    let_go: u64,
    choice: Choice,
    /// Those that are shown, in order.
    shown: Vec<RowKey>,
    stale: bool,
    held: bool,
    selected: Option<RowKey>,
}

impl Rows {
    pub(super) fn new(most: usize) -> Rows {
        Rows {
            most: most.max(1),
            lines: BTreeMap::new(),
            ended_well: BTreeSet::new(),
            ended: BTreeSet::new(),
            let_go: 0,
            choice: Choice { sort: Sort::Started, reversed: false, problems: false, searched: String::new() },
            shown: Vec::new(),
            stale: false,
            held: false,
            selected: None,
        }
    }

    /// Takes a session, new or as it stands now.
    pub(super) fn take(&mut self, case: &Case, judged: bool, in_stream_numbers: bool, style: &Style) {
        let key = key(case);
        let wire = &case.session.wire;
        let number = if in_stream_numbers {
            wire.stream.map(|stream| stream.to_string())
        } else {
            Some(case.number.to_string())
        };
        let new = Line {
            row: Row::of(case, style),
            number: number.unwrap_or_else(|| style.set("–")),
            severity: case.verdict.outcome.severity.max(if judged { Severity::Ok } else { worst_finding(case) }),
            open: !judged,
            last: wire.last.time.0,
            messages: case.messages(Side::Client) + case.messages(Side::Server),
            case: Box::new(case.clone()),
        };
        if judged {
            self.ended.insert(key);
            if new.severity < Severity::Warning {
                self.ended_well.insert(key);
            }
        }
        self.lines.insert(key, new);
        while self.lines.len() > self.most {
            let first = self.ended_well.first().or(self.ended.first()).copied();
            let Some(first) = first.or_else(|| self.lines.keys().next().copied()) else { break };
            self.lines.remove(&first);
            self.ended_well.remove(&first);
            self.ended.remove(&first);
            self.let_go += 1;
        }
        self.stale = true;
    }

    /// How many rows there are, how many of them are shown, and how many were let go.
    pub(super) fn counts(&self) -> (usize, usize, u64) {
        (self.lines.len(), self.shown.len(), self.let_go)
    }

    /// Which rows are shown, and in which order.
    pub(super) fn choice(&self) -> &Choice {
        &self.choice
    }

    /// The rows that are shown, and the place of the one that is selected.
    pub(super) fn shown(&mut self) -> (Vec<&Line>, usize) {
        self.refresh();
        let place = self.place();
        (self.shown.iter().filter_map(|key| self.lines.get(key)).collect(), place)
    }

    /// The session that is selected.
    pub(super) fn selected(&mut self) -> Option<&Case> {
        self.refresh();
        let key = self.shown.get(self.place())?;
        self.lines.get(key).map(|line| line.case.as_ref())
    }

    /// The ends of a session's connection, while it goes on.
    pub(super) fn ends(&self, key: RowKey) -> Option<(Endpoint, Endpoint)> {
        let line = self.lines.get(&key).filter(|line| line.open)?;
        let peers = &line.case.session.wire.peers;
        Some((peers.client.endpoint, peers.server.endpoint))
    }

    /// Selects another row.
    pub(super) fn step(&mut self, lines: isize) {
        self.refresh();
        let place = self.place().saturating_add_signed(lines).min(self.shown.len().saturating_sub(1));
        self.selected = self.shown.get(place).copied();
    }

    pub(super) fn sort_next(&mut self) {
        self.choice.sort = self.choice.sort.next();
        self.stale = true;
    }

    pub(super) fn reverse(&mut self) {
        self.choice.reversed = !self.choice.reversed;
        self.stale = true;
    }

    /// Shows problems only, or all again.
    pub(super) fn toggle_problems(&mut self) {
        self.choice.problems = !self.choice.problems;
        self.stale = true;
    }

    /// Shows only rows in which `text` stands, whatever the case of its letters.
    pub(super) fn search(&mut self, text: &str) {
        self.choice.searched = text.to_lowercase();
        self.stale = true;
    }

    /// Whether what is shown stays as it is.
    pub(super) fn hold(&mut self, held: bool) {
        self.refresh();
        self.held = held;
    }

    fn place(&self) -> usize {
        let selected = self.selected.and_then(|key| self.shown.iter().position(|shown| *shown == key));
        selected.unwrap_or(0)
    }

    /// Brings what is shown up to date; a row that is gone hands the selection to the one in its place.
    fn refresh(&mut self) {
        if !self.stale || self.held {
            return;
        }
        let place = self.place();
        self.stale = false;
        let matches = |line: &Line| {
            (!self.choice.problems || line.severity >= Severity::Warning) && line.contains(&self.choice.searched)
        };
        let mut shown: Vec<(&RowKey, &Line)> = self.lines.iter().filter(|(_, line)| matches(line)).collect();
        match self.choice.sort {
            Sort::Started => {}
            Sort::Active => shown.sort_by_key(|(_, line)| Reverse(line.last)),
            Sort::Severity => shown.sort_by_key(|(_, line)| Reverse(line.severity)),
            Sort::Client => shown.sort_by(|(_, one), (_, other)| one.row.client.cmp(&other.row.client)),
            Sort::Messages => shown.sort_by_key(|(_, line)| Reverse(line.messages)),
        }
        if self.choice.reversed {
            shown.reverse();
        }
        let shown: Vec<RowKey> = shown.into_iter().map(|(key, _)| *key).collect();
        self.shown = shown;
        if !self.selected.is_some_and(|key| self.shown.contains(&key)) {
            self.selected = self.shown.get(place.min(self.shown.len().saturating_sub(1))).copied();
        }
    }
}

impl Line {
    fn contains(&self, text: &str) -> bool {
        let Row { client, from, server, ended, .. } = &self.row;
        let outcome = &self.case.verdict.outcome;
        let words = [client, from, server, ended, &outcome.sentence, outcome.id];
        text.is_empty() || words.iter().any(|words| words.to_lowercase().contains(text))
    }
}

fn worst_finding(case: &Case) -> Severity {
    case.verdict.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok)
}
