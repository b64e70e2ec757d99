//! What only several sessions together show: one rule for each such finding.
//!
//! Invariant: rests on judged sessions and changes none of their outcomes. Sessions come in order of
//! their first frame; all but the grouping is linear in their number.

mod bridge_loop;
mod broker_refuses_all;
mod broker_restarted;
mod broker_silent;
mod broker_unreachable;
mod chain;
mod client_address_changes;
mod client_id_fight;
mod closed_after_silence;
mod message_not_delivered;
mod messages_carried_over;
mod proxied;
mod reconnect_loop;
mod session_lost;
mod will_published;

use std::cmp::Ordering;
use std::hash::{BuildHasher as _, Hash, Hasher};
use std::net::IpAddr;

use foldhash::fast::FixedState;

use crate::net::Endpoint;
use crate::session::{Close, Session, Traffic};

use chain::{Returning, Streams};

use super::finding::{About, Found};
use super::{Counted, Finding, Qualifier, Severity, Verdict};

/// A session and what was said of it; beside them what most questions are about, so that most sessions need not be looked
/// at again: they lie far apart.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Its number in the report.
    pub number: u64,
    /// Its facts.
    pub session: &'a Session,
    /// Its verdict.
    pub verdict: &'a Verdict,
    /// The client's address.
    pub host: IpAddr,
    /// The server's address and port.
    pub server: Endpoint,
    /// The client id that was sent, or that the server assigned.
    pub client_id: Option<ClientId<'a>>,
    /// Whether the client id was sent.
    names_itself: bool,
    /// Whether the client was let in.
    accepted: bool,
    stream: Option<u32>,
    /// The id of its outcome.
    outcome: &'static str,
    severity: Severity,
    close: Option<Close>,
    /// Whether the client may wait for an answer.
    asks: bool,
}

/// A client id among many: most are told from others by their hash.
#[derive(Clone, Copy, Debug, Eq)]
pub struct ClientId<'a> {
    hash: u64,
    bytes: &'a [u8],
}

/// A finding that spans sessions.
#[derive(Clone, Debug)]
pub struct Spanning {
    /// What was found.
    pub finding: Finding,
    /// The numbers of the sessions, in order.
    pub sessions: Vec<u64>,
}

/// What each of these findings is about, by id.
pub(crate) const ABOUT: &[&About] = &[
    &client_id_fight::ABOUT,
    &reconnect_loop::ABOUT,
    &session_lost::ABOUT,
    &will_published::ABOUT,
    &bridge_loop::ABOUT,
    &message_not_delivered::ABOUT,
    &messages_carried_over::ABOUT,
    &broker_unreachable::ABOUT,
    &broker_silent::ABOUT,
    &broker_refuses_all::ABOUT,
    &broker_restarted::ABOUT,
    &broker_restarted::STORM,
    &closed_after_silence::ABOUT,
    &client_address_changes::ABOUT,
    &proxied::ABOUT,
];

/// What `sessions`, in order of their first frame, and the messages between them show together: worst first, then by first session.
/// `counted` are sessions beyond those: where there are some, how often something happened is told as the least.
pub fn across(sessions: &[Judged<'_>], traffic: &Traffic, counted: &[Counted]) -> Vec<Spanning> {
    let (returning, servers) = (Returning::new(sessions), chain::by_server(sessions));
    let paced = !sessions.iter().any(|judged| judged.verdict.qualifiers.contains(&Qualifier::NoTimes));
    let fights = client_id_fight::find(&returning, paced);
    let fighting = fights.iter().flat_map(|fight| fight.sessions.iter().copied()).collect();
    let mut all = fights;
    let loops = reconnect_loop::find(sessions, &fighting, counted, paced);
    all.extend(closed_after_silence::find(&servers, &loops));
    all.extend(loops);
    all.extend(session_lost::find(&returning));
    all.extend(messages_carried_over::find(&returning));
    all.extend(broker_unreachable::find(&servers, counted, paced));
    all.extend(broker_silent::find(&servers, counted));
    all.extend(broker_refuses_all::find(&servers));
    if paced {
        all.extend(broker_restarted::find(&servers));
    }
    all.extend(client_address_changes::find(&returning));
    all.extend(proxied::find(sessions));
    let streams = Streams::new(sessions);
    all.extend(will_published::find(&streams, traffic));
    all.extend(message_not_delivered::find(&streams, traffic));
    all.extend(bridge_loop::find(&streams, traffic));
    all.sort_by_key(|spanning| (std::cmp::Reverse(spanning.finding.severity), spanning.sessions.first().copied()));
    all
}

impl<'a> Judged<'a> {
    /// A session with its number in the report and its verdict.
    pub fn new(number: u64, session: &'a Session, verdict: &'a Verdict) -> Judged<'a> {
        let (peers, connack) = (&session.wire.peers, session.connack.as_ref());
        let close = session.wire.close();
        Judged {
            number,
            session,
            verdict,
            host: peers.client.endpoint.address,
            server: peers.server.endpoint,
            client_id: session.client_id().map(|id| ClientId::new(&id.0)),
            names_itself: session.sent_client_id().is_some(),
            accepted: connack.is_some_and(|connack| connack.code.0 == 0),
            stream: session.wire.stream,
            outcome: verdict.outcome.id,
            severity: verdict.outcome.severity,
            close,
            asks: broker_silent::asks(session, close),
        }
    }
}

impl<'a> ClientId<'a> {
    fn new(bytes: &'a [u8]) -> ClientId<'a> {
        ClientId { hash: FixedState::default().hash_one(bytes), bytes }
    }
}

impl Hash for ClientId<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for ClientId<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.bytes == other.bytes
    }
}

impl PartialOrd for ClientId<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ClientId<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(other.bytes)
    }
}

impl Spanning {
    /// What it adds to the verdict of `session`, one of its own.
    pub fn qualifies(&self, session: &Verdict) -> Option<Qualifier> {
        let chained = self.finding.id == client_id_fight::ABOUT.id && session.outcome.id == client_id_fight::TAKEN_OVER;
        chained.then_some(Qualifier::TakeoverChain)
    }

    fn new<'a>(found: Found, sessions: impl IntoIterator<Item = &'a Judged<'a>>) -> Spanning {
        let confidence = found.confidence;
        let sessions = sessions.into_iter().map(|session| session.number).collect();
        Spanning { finding: found.into_finding(confidence), sessions }
    }
}

#[cfg(test)]
mod testing;
