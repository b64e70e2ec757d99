//! What every renderer renders.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};
use jiff::tz::TimeZone;

use crate::attempt::{Attempt, Question, Search, Tie};
use crate::diagnosis::{self, Counted, Judged, Note, Severity, Spanning, Verdict};
use crate::fetch::{self, Depth};
use crate::session::{CaptureFacts, Empty, Peer, Rare, Route, Session, Strays, Traffic};
use crate::stream::Side;
use crate::text;

use super::kept::Kept;

/// A capture, analysed.
#[derive(Clone, Debug)]
pub struct Report {
    /// The capture as a whole.
    pub capture: CaptureSummary,
    /// All its sessions, counted, those that are not shown too.
    pub summary: Summary,
    /// The sessions that are shown, in order of their first frame.
    pub cases: Vec<Case>,
    /// What only several sessions together show.
    pub across: Vec<Spanning>,
    /// Sessions that were too many to keep, those of a kind together.
    pub counted: Vec<Counted>,
}

/// The capture as a whole.
#[derive(Clone, Debug, Default)]
pub struct CaptureSummary {
    /// Names of the files, as given.
    pub files: Vec<String>,
    /// Its facts.
    pub facts: CaptureFacts,
    /// What is worth saying of it.
    pub notes: Vec<Note>,
}

/// All sessions, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Sessions.
    pub sessions: u64,
    /// Different clients: by client id; by address where no client of that address has one.
    pub clients: u64,
    /// Sessions by outcome.
    pub by_outcome: BTreeMap<&'static str, u64>,
    /// Sessions by severity.
    pub by_severity: BTreeMap<Severity, u64>,
}

/// One session and what is said of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// From 1, in order of the first frame, before anything was filtered.
    pub number: u64,
    /// Its facts.
    pub session: Box<Session>,
    /// Its outcome and findings.
    pub verdict: Box<Verdict>,
    /// The server's name, as the file tells it beside its packets.
    pub told_name: Option<String>,
    /// With which others it had messages in common.
    pub post: Rare<Correspondence>,
}

/// What a client is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Client<'c> {
    /// Its client id.
    Id(&'c [u8]),
    /// Its address, where no client id is known.
    Host(IpAddr),
}

impl fmt::Display for Client<'_> {
    /// Harmless to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::Id(id) => f.write_str(&text::escape(id, text::NAME)),
            Client::Host(address) => address.fmt(f),
        }
    }
}

/// Messages that a session had in common with others, through the broker.
#[derive(Clone, Debug, Default)]
pub struct Correspondence {
    /// The sessions that its messages reached, those with the most first.
    pub sent_to: Vec<Way>,
    /// The sessions whose messages it received, those with the most first.
    pub received_from: Vec<Way>,
    /// Messages that it received and whose publisher the capture does not show.
    pub strays: Option<Strays>,
}

impl Empty for Correspondence {
    fn empty() -> &'static Correspondence {
        const { &Correspondence { sent_to: Vec::new(), received_from: Vec::new(), strays: None } }
    }
}

/// Messages between a session and another, through the broker.
#[derive(Clone, Debug)]
pub struct Way {
    /// Number of the other session.
    pub number: u64,
    /// What to call its client; harmless to print.
    pub client: String,
    /// What passed.
    pub route: Route,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What went wrong is explained, and long lists are folded.
    Problems,
    /// Every session is listed and explained.
    Everything,
}

/// How text is set.
#[derive(Clone, Debug)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Only ASCII characters.
    pub ascii: bool,
    /// With ANSI colours.
    pub color: bool,
    /// The zone in which times are told.
    pub zone: TimeZone,
}

impl Report {
    /// Gives servers the names that the files tell.
    pub fn name_servers<'n>(&mut self, name: impl Fn(IpAddr) -> Option<&'n str>) {
        for case in &mut self.cases {
            case.told_name = name(case.session.wire.peers.server.endpoint.address).map(ToOwned::to_owned);
        }
    }

    /// Says of the sessions of a capture what there is to say, to this extent and by at most so many threads.
    pub fn new(capture: CaptureSummary, kept: Kept, extent: Extent, threads: usize) -> Report {
        let (cases, counted) = kept.tell(extent, threads);
        Report::of(capture, cases, counted)
    }

    /// Numbers and counts the sessions, which come in order of their first frame, and notes those that were too many to keep.
    pub(super) fn of(mut capture: CaptureSummary, mut cases: Vec<Case>, counted: Vec<Counted>) -> Report {
        capture.notes.extend(diagnosis::notes_on_counted(&counted));
        let mut summary = Summary::default();
        for (number, case) in (1..).zip(&mut cases) {
            case.number = number;
            summary.count(case.verdict.outcome.id, case.verdict.outcome.severity, 1);
        }
        for kind in &counted {
            summary.count(kind.outcome, kind.severity, kind.sessions);
        }
        let judged = judged(&cases);
        summary.clients = clients(&judged, &counted);
        let across = diagnosis::across(&judged, &capture.facts.traffic, &counted);
        for spanning in &across {
            for number in &spanning.sessions {
                let place = usize::try_from(number - 1).unwrap_or(usize::MAX);
                if let Some(case) = cases.get_mut(place)
                    && let Some(qualifier) = spanning.qualifies(&case.verdict)
                {
                    case.verdict.qualifiers.push(qualifier);
                }
            }
        }
        join(&mut cases, &capture.facts.traffic);
        Report { capture, summary, cases, across, counted }
    }

    /// Keeps the cases that are shown, and of what spans sessions that which touches them.
    pub fn retain(&mut self, shows: impl Fn(&Case) -> bool) {
        self.cases.retain(|case| shows(case));
        let kept: HashSet<u64> = self.cases.iter().map(|case| case.number).collect();
        self.across.retain(|spanning| spanning.sessions.iter().any(|number| kept.contains(number)));
    }
}

/// The cases as diagnosis sees them.
fn judged(cases: &[Case]) -> Vec<Judged<'_>> {
    fetch::ahead(cases, Case::fetch).map(|case| Judged::new(case.number, &case.session, &case.verdict)).collect()
}

/// How many clients there are. An attempt that came to no CONNECT is taken for one by a client of the same host.
fn clients(judged: &[Judged<'_>], counted: &[Counted]) -> u64 {
    let (mut clients, mut named, mut nameless) = (HashSet::new(), HashSet::new(), HashSet::new());
    for judged in judged {
        match judged.client_id {
            Some(id) => {
                named.insert(judged.host);
                clients.insert(id);
            }
            None => {
                nameless.insert(judged.host);
            }
        }
    }
    for kind in counted {
        nameless.extend(&kind.addresses);
    }
    (clients.len() + nameless.difference(&named).count()) as u64
}

/// Tells each session with which others it had messages in common.
fn join(cases: &mut [Case], traffic: &Traffic) {
    if traffic.routes.is_empty() && traffic.strays.is_empty() {
        return;
    }
    let streams = cases.iter().enumerate().filter_map(|(place, case)| Some((case.session.wire.stream?, place)));
    let places: HashMap<u32, usize> = streams.collect();
    for route in &traffic.routes {
        let (Some(&publisher), Some(&subscriber)) = (places.get(&route.publisher), places.get(&route.subscriber))
        else {
            continue;
        };
        let way = |case: &Case| Way { number: case.number, client: case.client_name(), route: route.clone() };
        let (to, from) = (cases.get(subscriber).map(way), cases.get(publisher).map(way));
        if let Some(case) = cases.get_mut(publisher) {
            case.post.sent_to.extend(to);
        }
        if let Some(case) = cases.get_mut(subscriber) {
            case.post.received_from.extend(from);
        }
    }
    for strays in &traffic.strays {
        if let Some(case) = places.get(&strays.subscriber).and_then(|place| cases.get_mut(*place)) {
            case.post.strays = Some(strays.clone());
        }
    }
    for post in cases.iter_mut().filter_map(|case| case.post.as_mut()) {
        let most = |way: &Way| (std::cmp::Reverse(way.route.messages + way.route.retained), way.number);
        post.sent_to.sort_by_key(most);
        post.received_from.sort_by_key(most);
    }
}

impl Summary {
    fn count(&mut self, outcome: &'static str, severity: Severity, sessions: u64) {
        self.sessions += sessions;
        *self.by_outcome.entry(outcome).or_default() += sessions;
        *self.by_severity.entry(severity).or_default() += sessions;
    }

    /// Sessions that went wrong.
    pub fn problems(&self) -> u64 {
        let bad = self.by_severity.range(Severity::Warning..);
        bad.map(|(_, count)| count).sum()
    }

    /// Sessions with one of these outcomes.
    pub fn with(&self, outcomes: &[&str]) -> u64 {
        outcomes.iter().filter_map(|id| self.by_outcome.get(id)).sum()
    }
}

impl Case {
    /// Asks for what most that is said of it touches.
    pub(super) fn fetch(&self, depth: Depth) {
        self.fetch_verdict(depth);
        self.session.fetch(depth);
    }

    /// Asks for what is read of its verdict where many are looked through.
    pub(super) fn fetch_verdict(&self, depth: Depth) {
        if depth == Depth::Connection {
            fetch::start(&self.verdict.outcome.id);
            fetch::start(&self.verdict.outcome.severity);
            fetch::start(&self.verdict.findings);
        }
    }

    /// A session that nothing is known to have to do with others.
    pub fn alone(number: u64, session: impl Into<Box<Session>>, verdict: Verdict) -> Case {
        let (session, verdict) = (session.into(), Box::new(verdict));
        Case { number, session, verdict, told_name: None, post: Rare::default() }
    }

    /// Whether it went wrong.
    pub fn is_problem(&self) -> bool {
        self.verdict.outcome.is_problem()
    }

    /// Whether it is explained.
    pub fn is_noteworthy(&self) -> bool {
        self.verdict.outcome.is_noteworthy()
    }

    /// What the client is known by.
    pub(super) fn client_or_host(&self) -> Client<'_> {
        match self.session.client_id() {
            Some(id) => Client::Id(&id.0),
            None => Client::Host(self.session.wire.peers.client.endpoint.address),
        }
    }

    /// What to call the client: its client id, else its address and port; harmless to print.
    pub fn client_name(&self) -> String {
        match self.session.client_id() {
            Some(id) => text::escape(&id.0, text::NAME),
            None => host(&self.session.wire.peers.client),
        }
    }

    /// The client's address and port, as far as they are known.
    pub fn client_address(&self) -> String {
        host(&self.session.wire.peers.client)
    }

    /// The server's name, if the capture shows its lookup, or the file tells it.
    pub fn known_name(&self) -> Option<&str> {
        if let Some(Attempt { what: Question::Name(lookup), .. }) = self.session.attempt.as_deref() {
            return Some(&lookup.name);
        }
        let looked_up = self.session.neighbours.resolution.as_ref().map(|known| &*known.name);
        looked_up.or(self.told_name.as_deref())
    }

    /// What to call the server: its address and port; the name that was looked up where no address is known.
    pub fn server_name(&self) -> String {
        match self.session.attempt.as_deref() {
            Some(Attempt { what: Question::Name(lookup), .. }) => text::escape(lookup.name.as_bytes(), text::NAME),
            _ => host(&self.session.wire.peers.server),
        }
    }

    /// Nanoseconds from the first to the last frame.
    pub fn lasted(&self) -> i64 {
        let wire = &self.session.wire;
        wire.last.time.nanoseconds_since(wire.first.time)
    }

    /// The Wireshark display filter for exactly this session.
    pub fn filter(&self) -> String {
        match (self.session.wire.stream, &self.session.attempt) {
            (Some(stream), _) => format!("tcp.stream eq {stream}"),
            (None, Some(attempt)) => display_filter(attempt),
            (None, None) => "frame".to_owned(),
        }
    }

    /// PUBLISH messages that `side` sent.
    pub fn messages(&self, side: Side) -> u64 {
        self.session.published.of(side).by_qos.iter().sum()
    }
}

/// Address and port, as far as they are known.
fn host(peer: &Peer) -> String {
    match peer.port() {
        Some(_) => peer.endpoint.to_string(),
        None => peer.endpoint.address.to_string(),
    }
}

/// The Wireshark display filter for the frames of an attempt that came to no connection.
fn display_filter(attempt: &Attempt) -> String {
    match &attempt.what {
        Question::Name(lookup) => {
            let names = [&lookup.name].into_iter().chain(&lookup.variants);
            let field = if lookup.upper_case { "lower(dns.qry.name)" } else { "dns.qry.name" };
            let names: Vec<String> = names.map(|name| format!("{field} == \"{}\"", quoted(name))).collect();
            let names = if names.len() == 1 { names.concat() } else { format!("({})", names.join(" || ")) };
            let asker = lookup.asker;
            let field = if asker.is_ipv4() { "ip.addr" } else { "ipv6.addr" };
            let frames = if attempt.tie == Tie::Broker { range(attempt) } else { String::new() };
            format!("{names} && {field} == {asker}{frames}")
        }
        Question::Host(Search { asker, target, .. }) if target.is_ipv4() => {
            format!("arp.dst.proto_ipv4 == {target} && arp.src.proto_ipv4 == {asker}{}", range(attempt))
        }
        Question::Host(Search { asker, target, .. }) => {
            format!("icmpv6.nd.ns.target_address == {target} && ipv6.src == {asker}{}", range(attempt))
        }
    }
}

/// Leaves out the same questions at other times, when they were answered.
fn range(attempt: &Attempt) -> String {
    let (first, last) = attempt.span();
    format!(" && frame.number in {{{}..{}}}", first.frame, last.frame)
}

/// A name as a display filter takes it.
fn quoted(name: &str) -> String {
    let harmless = text::escape(name.as_bytes(), 255);
    harmless.replace('\\', "\\\\").replace('"', "\\\"")
}
