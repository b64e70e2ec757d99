//! `broker-silent`: the broker answered nobody for a while, though its host acknowledged what its clients asked.

use std::collections::BTreeSet;

use crate::capture::{Moment, Timestamp};
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::mqtt::PacketType;
use crate::net::Endpoint;
use crate::session::{Close, ExchangeState, Session};
use crate::stream::Side;

use super::broker_unreachable::least;
use super::chain::{Servers, client};
use super::{About, Counted, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "broker-silent", severity: Severity::Error, text: include_str!("broker_silent.md") };

/// Clients that make it more than the trouble of one.
const CLIENTS: usize = 2;
/// What waited for fewer nanoseconds may still have been answered.
const PATIENCE: i64 = 3_000_000_000;
/// What others still got so many nanoseconds after a question was under way.
const UNDER_WAY: i64 = 1_000_000_000;

/// A session in which the broker owes an answer.
struct Waiting<'s, 'a> {
    judged: &'s Judged<'a>,
    asked: Moment,
    ping: bool,
    /// What the client's host heard of the question.
    acknowledged: Moment,
    until: Timestamp,
}

pub(super) fn find(servers: &Servers<'_, '_>, counted: &[Counted]) -> Vec<Spanning> {
    let mut found = Vec::new();
    for (&server, all) in servers {
        let mut waiting: Vec<Waiting<'_, '_>> = all.iter().filter_map(|judged| waiting(judged)).collect();
        if waiting.len() < CLIENTS {
            continue;
        }
        let mut signs: Vec<Timestamp> = all.iter().flat_map(|judged| signs(judged)).collect();
        signs.sort_unstable();
        waiting.retain(|one| {
            let from = Timestamp(one.asked.time.0.saturating_add(UNDER_WAY));
            let after = signs.partition_point(|sign| *sign <= from);
            signs.get(after).is_none_or(|sign| *sign >= one.until)
        });
        waiting.sort_by_key(|one| (one.asked.time, one.judged.number));
        let mut rest = waiting.as_slice();
        while let Some(first) = rest.first() {
            let mut until = first.until;
            let overlaps = |one: &&Waiting<'_, '_>| {
                let overlaps = one.asked.time < until;
                until = until.max(if overlaps { one.until } else { until });
                overlaps
            };
            let (these, later) = rest.split_at(rest.iter().take_while(overlaps).count());
            found.extend(told(server, these, all, least(counted, server)));
            rest = later;
        }
    }
    found
}

/// When the broker showed a sign of life, as far as a session tells: its first and newest data, its FIN.
fn signs(judged: &Judged<'_>) -> impl Iterator<Item = Timestamp> {
    let server = &judged.session.wire.sent.server;
    let heard = judged.close.and_then(|close| heard_before(judged.session, close));
    [server.first_data, server.last_data, server.fin_at(), heard].into_iter().flatten().map(|at| at.time)
}

/// The broker's newest packet before `close`.
fn heard_before(session: &Session, close: Close) -> Option<Moment> {
    session.last_packets.server.iter().map(|packet| packet.at).rfind(|at| at.is_before(close.at))
}

/// The oldest question of a client that the broker never answered, and after which it said nothing.
fn waiting<'s, 'a>(judged: &'s Judged<'a>) -> Option<Waiting<'s, 'a>> {
    if !judged.asks {
        return None;
    }
    let session = judged.session;
    let limits = [Qualifier::OneWay, Qualifier::CaptureGaps, Qualifier::ClockJump, Qualifier::NoTimes];
    let limited = limits.iter().any(|limit| judged.verdict.qualifiers.contains(limit));
    let close = judged.close;
    let gone = gone(session, close);
    let (client, server) = (&session.wire.sent.client, &session.wire.sent.server);
    // A question that the host did not take says nothing of the broker.
    let taken = client.acknowledged >= client.sent;
    if limited
        || !taken
        || session.tls.is_some()
        || session.capture.evicted
        || close.is_some_and(|by| by.by == Side::Server)
    {
        return None;
    }
    let late = |at: Moment| gone.is_some_and(|gone| gone.is_before(at));
    let heard = match (server.last_data, close) {
        (Some(data), Some(close)) if late(data) => {
            let packet = heard_before(session, close);
            // What it said before is not known.
            if packet.is_none() && !server.first_data.is_some_and(late) {
                return None;
            }
            packet
        }
        (data, _) => data,
    };
    let unanswered = |at: &(Moment, bool)| heard.is_none_or(|heard| heard.is_before(at.0));
    let (asked, ping) = questions(session, gone).filter(unanswered).min_by_key(|(at, _)| at.time)?;
    let acknowledged = client.last_acknowledged.filter(|at| !at.is_before(asked))?;
    let until = gone.map_or(session.capture.ended, |gone| gone.time);
    let waited = until.nanoseconds_since(asked.time);
    (waited >= PATIENCE).then_some(Waiting { judged, asked, ping, acknowledged, until })
}

/// Whether the client asked something to which it got no answer.
pub(super) fn asks(session: &Session, close: Option<Close>) -> bool {
    questions(session, gone(session, close)).next().is_some()
}

/// When the connection was over.
fn gone(session: &Session, close: Option<Close>) -> Option<Moment> {
    close.map(|close| close.at).or(session.wire.replaced.as_deref().copied())
}

/// What the client asked and got no answer to, at least before it was `gone`; and whether it was a PINGREQ.
fn questions(session: &Session, gone: Option<Moment>) -> impl Iterator<Item = (Moment, bool)> {
    let late = move |at: Moment| gone.is_some_and(|gone| gone.is_before(at));
    let unanswered = session.connack.as_ref().is_none_or(|connack| late(connack.at));
    let connect = session.connect.as_ref().filter(|_| unanswered).map(|connect| connect.at);
    let before = session.last_packets.client.iter().rfind(|packet| !late(packet.at));
    let answered_late =
        session.last_packets.server.iter().any(|packet| packet.packet == PacketType::PINGRESP && late(packet.at));
    let ping = before.filter(|last| answered_late && last.packet == PacketType::PINGREQ).map(|last| last.at);
    // A broker may leave the messages of a client without an answer that it does not allow to publish.
    let may_publish = session.published.client.completed > 0;
    let open = session.open_exchanges.iter().filter(move |exchange| {
        exchange.sender == Side::Client
            && exchange.state != ExchangeState::Received
            && (may_publish || exchange.packet != PacketType::PUBLISH)
    });
    let pings = session.ping.unanswered.into_iter().chain(ping).map(|at| (at, true));
    pings.chain(connect.into_iter().chain(open.map(|exchange| exchange.last)).map(|at| (at, false)))
}

fn told(server: Endpoint, these: &[Waiting<'_, '_>], all: &[&Judged<'_>], at_least: &str) -> Option<Spanning> {
    let clients = these.iter().map(|one| client(one.judged)).collect::<BTreeSet<_>>().len();
    let (first, until) = (these.first()?, these.iter().map(|one| one.until).max()?);
    if clients < CLIENTS {
        return None;
    }
    let data = |judged: &Judged<'_>| {
        let server = &judged.session.wire.sent.server;
        server.first_data.zip(server.last_data)
    };
    // Somebody whom the broker spoke to before and after: meanwhile, too, for all that is known.
    let numbers: BTreeSet<u64> = these.iter().map(|one| one.judged.number).collect();
    let others = all.iter().filter(|judged| !numbers.contains(&judged.number));
    let unknown = others
        .filter_map(|judged| data(judged))
        .any(|(begin, end)| begin.time <= first.asked.time && end.time >= until);
    if unknown && these.iter().filter(|one| one.ping).count() < CLIENTS {
        return None;
    }
    let from = Timestamp(first.asked.time.0.saturating_add(UNDER_WAY));
    let before = all.iter().filter_map(|judged| judged.session.wire.sent.server.last_data);
    let heard = before.filter(|at| at.time <= from).max_by_key(|at| at.time).filter(|_| !unknown);
    let span = words::duration(until.nanoseconds_since(first.asked.time));
    let who = format!("{at_least}{}", words::counted(clients as u64, "client"));
    let left = if unknown {
        format!("{server} left {who} without an answer at the same time, for {span}")
    } else {
        let since = heard.map_or_else(String::new, |heard| format!(" after frame {}", heard.frame));
        format!("{server} answered nobody for {span}{since}, though {who} asked")
    };
    let back = all.iter().filter_map(|judged| Some((data(judged)?.0, judged))).filter(|(at, _)| at.time >= until);
    let again = back.min_by_key(|(at, _)| at.time);
    let again =
        again.map_or_else(String::new, |(_, again)| format!(" Then it answered again (session {}).", again.number));
    let headline = format!("{left}; its TCP acknowledged what they sent.{again}");
    let never = all.iter().all(|judged| data(judged).is_none());
    let more = if unknown {
        " It spoke to others before and after; whether meanwhile, too, is not known."
    } else if never {
        " Or the port belongs to another program, which waits for something else: the capture shows no byte from it."
    } else {
        ""
    };
    let shown = these.iter().take(3).flat_map(|one| [one.asked, one.acknowledged]);
    let found = Found::new(&ABOUT, headline, heard.into_iter().chain(shown))
        .only(if heard.is_some() { Confidence::VeryLikely } else { Confidence::Likely })
        .by(Side::Server)
        .detail(format!("The network and the broker's host worked; the program behind the port stood still. It was stopped, its event loop is stuck (a slow authentication service or plugin, a full or failed disk), an alarm keeps it from reading (RabbitMQ: memory, disk), or it is a proxy whose broker is gone.{more}"));
    let sessions = all.iter().filter(|judged| numbers.contains(&judged.number));
    Some(Spanning::new(found, sessions.copied()))
}
