//! What only several sessions together show: one rule for each such finding.
//!
//! Invariant: rests on judged sessions and changes none of their outcomes. Sessions come in order of
//! their first frame; all but the grouping is linear in their number.

mod broker_refuses_all;
mod broker_restarted;
mod broker_unreachable;
mod chain;
mod client_address_changes;
mod client_id_fight;
mod message_not_delivered;
mod messages_carried_over;
mod reconnect_loop;
mod session_lost;
mod will_published;

use crate::session::{Session, Traffic};

use chain::{Returning, Streams};

use super::finding::{About, Found};
use super::{Counted, Finding, Qualifier, Verdict};

/// A session and what was said of it.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Its number in the report.
    pub number: u64,
    /// Its facts.
    pub session: &'a Session,
    /// Its verdict.
    pub verdict: &'a Verdict,
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
    &message_not_delivered::ABOUT,
    &messages_carried_over::ABOUT,
    &broker_unreachable::ABOUT,
    &broker_refuses_all::ABOUT,
    &broker_restarted::ABOUT,
    &broker_restarted::STORM,
    &client_address_changes::ABOUT,
];

/// What `sessions`, in order of their first frame, and the messages between them show together: worst first, then by first session.
/// `counted` are sessions beyond those: where there are some, how often something happened is told as the least.
pub fn across(sessions: &[Judged<'_>], traffic: &Traffic, counted: &[Counted]) -> Vec<Spanning> {
    let (returning, servers) = (Returning::new(sessions), chain::by_server(sessions));
    let fights = client_id_fight::find(&returning);
    let fighting = fights.iter().flat_map(|fight| fight.sessions.iter().copied()).collect();
    let mut all = fights;
    all.extend(reconnect_loop::find(sessions, &fighting, counted));
    all.extend(session_lost::find(&returning));
    all.extend(messages_carried_over::find(&returning));
    all.extend(broker_unreachable::find(&servers, counted));
    all.extend(broker_refuses_all::find(&servers));
    all.extend(broker_restarted::find(&servers));
    all.extend(client_address_changes::find(&returning));
    let streams = Streams::new(sessions);
    all.extend(will_published::find(&streams, traffic));
    all.extend(message_not_delivered::find(&streams, traffic));
    all.sort_by_key(|spanning| (std::cmp::Reverse(spanning.finding.severity), spanning.sessions.first().copied()));
    all
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
