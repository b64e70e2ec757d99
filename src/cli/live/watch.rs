//! Looks at sessions while they go on, and decides what is news.
//!
//! Invariant: what is told of a session before it is judged is told once, and is taken back aloud if it turns out otherwise.
//! What is remembered is bounded by the connections that are followed.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::capture::{Moment, Timestamp};
use crate::diagnosis::{self, Confidence, Finding, Severity};
use crate::engine::Engine;
use crate::net::Endpoint;
use crate::report::Case;
use crate::session::Session;

use super::super::failure::Failure;
use super::news::{News, Teller};

/// So long after a connection is over its end is told, in nanoseconds: what others do at the same moment says why.
const BREATH: i64 = 500_000_000;
/// Part of the time between two looks that looking may take.
const SHARE: u32 = 5;
/// Connections looked at before the clock is looked at again.
const BATCH: usize = 16;
/// How often connections are looked at on which nothing came.
const ROUND: Duration = Duration::from_secs(10);
/// So long nothing must change on a connection that goes wrong and is not over before that is told, in nanoseconds.
const PATIENCE: i64 = 3_000_000_000;
/// So long after a vain question nothing must follow it before that is told, in nanoseconds.
const VAIN: i64 = 30_000_000_000;
/// Vain questions that are told; beyond, they are in the report only.
const QUESTIONS: usize = 4096;

/// What is told of sessions before they are judged.
pub(super) struct Watch {
    told: HashMap<u32, Told>,
    closing: VecDeque<Closing>,
    /// Connections that go wrong and are not over.
    stuck: VecDeque<Stuck>,
    /// Vain questions that were told: who asked, and for what.
    questions: HashSet<(IpAddr, String)>,
    last_round: Instant,
    /// Sessions that were judged.
    judged: u64,
}

#[derive(Default)]
struct Told {
    findings: Vec<Cow<'static, str>>,
    /// The connection waits in `closing`, or its end was told.
    closing: bool,
    /// The connection waits in `stuck`.
    stuck: bool,
    outcome: Option<&'static str>,
}

/// A connection whose end is to be told soon.
struct Closing {
    since: Timestamp,
    ends: (Endpoint, Endpoint),
}

/// A connection that is to be told of soon, if nothing more comes on it, or at least not from the server.
struct Stuck {
    since: Moment,
    ends: (Endpoint, Endpoint),
}

impl Watch {
    /// Nothing was told yet.
    pub(super) fn new(begun: Instant) -> Watch {
        Watch {
            told: HashMap::new(),
            closing: VecDeque::new(),
            stuck: VecDeque::new(),
            questions: HashSet::new(),
            last_round: begun,
            judged: 0,
        }
    }

    /// Looks at what changed, for a part of the time until the next look; `now` is the time in the capture. Whether all
    /// connections will be looked at next, as they are every ten seconds.
    #[allow(clippy::disallowed_methods)] // the edge: how much time looking takes is a matter of the wall clock
    pub(super) fn look(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        teller: &mut dyn Teller,
    ) -> Result<bool, Failure> {
        let interval = teller.interval();
        let begun = Instant::now();
        let mut round = false;
        loop {
            let mut seen = Vec::new();
            let waiting = engine.changed(BATCH, &mut |session| seen.push(session));
            for session in seen {
                self.seen(&case(session, self.judged + 1), teller)?;
            }
            if waiting == 0 {
                if self.last_round.elapsed() >= ROUND {
                    round = true;
                    self.last_round = Instant::now();
                    engine.look_at_all();
                    self.forget_others(engine);
                    self.questions(engine, now, teller)?;
                }
                break;
            }
            if begun.elapsed() >= interval / SHARE {
                break;
            }
        }
        if let Some((client, server)) = teller.wanted()
            && let Some(session) = engine.look_at(client, server)
        {
            teller.tell(&case(session, self.judged + 1), News::Seen)?;
        }
        while let Some(closing) = self.closing.front()
            && now.nanoseconds_since(closing.since) >= BREATH
        {
            let session = engine.look_at(closing.ends.0, closing.ends.1);
            self.closing.pop_front();
            if let Some(session) = session.filter(|session| session.wire.is_over()) {
                self.over(&case(session, self.judged + 1), teller)?;
            }
        }
        while let Some(stuck) = self.stuck.front()
            && now.nanoseconds_since(stuck.since.time) >= PATIENCE
        {
            let session = engine.look_at(stuck.ends.0, stuck.ends.1);
            let since = stuck.since;
            self.stuck.pop_front();
            if let Some(session) = session {
                self.still_stuck(&case(session, self.judged + 1), since, teller)?;
            }
        }
        Ok(round)
    }

    /// A connection that went wrong is looked at again.
    fn still_stuck(&mut self, case: &Case, since: Moment, teller: &mut dyn Teller) -> Result<(), Failure> {
        let wire = &case.session.wire;
        if let Some(told) = wire.stream.and_then(|stream| self.told.get_mut(&stream)) {
            told.stuck = false;
        }
        if wire.is_over() || !is_wrong(case) {
            return Ok(());
        }
        if since == stands_since(case) {
            return self.over(case, teller);
        }
        self.wait_for(case);
        Ok(())
    }

    /// A session that goes wrong and is not over: it is told when nothing more comes.
    fn wait_for(&mut self, case: &Case) {
        let wire = &case.session.wire;
        let Some(stream) = wire.stream else { return };
        let told = self.told.entry(stream).or_default();
        if told.outcome.is_none() && !std::mem::replace(&mut told.stuck, true) {
            let ends = (wire.peers.client.endpoint, wire.peers.server.endpoint);
            self.stuck.push_back(Stuck { since: stands_since(case), ends });
        }
    }

    /// Forgets connections that are followed no more and turned out to be no sessions.
    fn forget_others(&mut self, engine: &Engine) {
        if self.told.len() > engine.connections() {
            let followed: HashSet<u32> = engine.streams().collect();
            self.told.retain(|stream, _| followed.contains(stream));
        }
    }

    /// Tells questions for a broker, by name or by ARP, that led nowhere.
    fn questions(&mut self, engine: &Engine, now: Timestamp, teller: &mut dyn Teller) -> Result<(), Failure> {
        let mut vain = Vec::new();
        engine.attempts(&mut |session| {
            if now.nanoseconds_since(session.wire.last.time) >= VAIN {
                vain.push(session);
            }
        });
        for session in vain {
            let case = case(session, self.judged + 1);
            let asked = (case.session.wire.peers.client.endpoint.address, case.server_name());
            if self.questions.len() < QUESTIONS && self.questions.insert(asked) {
                teller.tell(&case, News::Over)?;
            }
        }
        Ok(())
    }

    fn seen(&mut self, case: &Case, teller: &mut dyn Teller) -> Result<(), Failure> {
        teller.tell(case, News::Seen)?;
        self.findings(case, |finding| !finding.may_pass(), teller)?;
        let wire = &case.session.wire;
        if let Some(stream) = wire.stream
            && wire.is_over()
        {
            let told = self.told.entry(stream).or_default();
            if !std::mem::replace(&mut told.closing, true) {
                let ends = (wire.peers.client.endpoint, wire.peers.server.endpoint);
                self.closing.push_back(Closing { since: wire.last.time, ends });
            }
        } else if is_wrong(case) {
            self.wait_for(case);
        }
        Ok(())
    }

    /// Tells findings that are `wanted` and were not told yet.
    fn findings(
        &mut self,
        case: &Case,
        wanted: impl Fn(&Finding) -> bool,
        teller: &mut dyn Teller,
    ) -> Result<(), Failure> {
        for finding in case.verdict.findings.iter().filter(|finding| is_news(finding) && wanted(finding)) {
            // Without a connection it is judged at once, and told once.
            if let Some(stream) = case.session.wire.stream {
                let told = self.told.entry(stream).or_default();
                if told.findings.contains(&finding.id) {
                    continue;
                }
                told.findings.push(finding.id.clone());
            }
            teller.tell(case, News::Finding(finding))?;
        }
        Ok(())
    }

    fn over(&mut self, case: &Case, teller: &mut dyn Teller) -> Result<(), Failure> {
        if let Some(stream) = case.session.wire.stream {
            self.told.entry(stream).or_default().outcome = Some(case.verdict.outcome.id);
        }
        teller.tell(case, News::Over)
    }

    /// A session was judged.
    pub(super) fn judged(&mut self, session: Box<Session>, teller: &mut dyn Teller) -> Result<Case, Failure> {
        self.judged += 1;
        let case = case(session, self.judged);
        self.findings(&case, |_| true, teller)?;
        let told = case.session.wire.stream.and_then(|stream| self.told.remove(&stream)).unwrap_or_default();
        let same = told.outcome == Some(case.verdict.outcome.id);
        if told.outcome.is_some() && !same {
            teller.tell(&case, News::Corrected)?;
        }
        teller.tell(&case, News::Judged { told: told.outcome.is_some() })?;
        Ok(case)
    }
}

fn case(session: Box<Session>, number: u64) -> Case {
    let verdict = diagnosis::diagnose(&session);
    Case::alone(number, session, verdict)
}

/// Whether a session goes wrong as far as can be seen.
fn is_wrong(case: &Case) -> bool {
    case.is_problem() && case.verdict.outcome.confidence >= Confidence::Likely
}

/// Since when it has stood as it does: as long as the server has not said anything, nothing changes by knocking again.
fn stands_since(case: &Case) -> Moment {
    let wire = &case.session.wire;
    if wire.sent.server.segments == 0 { wire.first } else { wire.last }
}

/// Whether a finding is worth a line of its own.
pub(super) fn is_news(finding: &Finding) -> bool {
    finding.severity >= Severity::Warning && finding.confidence >= Confidence::Likely
}
