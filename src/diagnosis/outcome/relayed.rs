//! A close on one leg of a proxy, where the capture holds the other leg too: it shows whether the proxy closed of its own
//! accord, or passed a close on.

use super::{Judgement, server_closed};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SHORTEST_IDLE, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, words};
use crate::session::{Close, Leg};
use crate::stream::Side;

const LONGER: &str = "Set a longer idle limit in the proxy (HAProxy: `timeout client`, `timeout server` and `timeout tunnel`; nginx: `proxy_read_timeout` and `proxy_timeout`), or a shorter Keep Alive in the client.";

/// The server's side, which is a proxy, closed; `ending` ends the sentence.
pub(super) fn by_server(story: &Story<'_>, close: Close, ending: &str) -> Option<Judgement> {
    let inner = story.session.neighbours.ways.legs.inner?;
    let (client, server, age) = (story.client(), story.server(), story.age(close.at));
    let sentence = format!("The proxy at {server} {} the connection of {client} after {age}{ending}", how(close.how));
    let behind = inner.server;
    let stopped = server_closed::gone(story, close).map(|refused| {
        let after = words::duration(refused.time.nanoseconds_since(close.at.time));
        format!(
            " It was stopped or has crashed: {after} later its host refused a new connection (frame {}).",
            refused.frame
        )
    });
    let cause = match before(&inner, Side::Server, close) {
        Some((at, span)) => format!(
            "The server behind the proxy, {behind}, had closed its connection {span} before (frame {}): that one shows why.",
            at.frame
        ),
        None => format!(
            "The proxy ended it of its own accord: it passes this session on to {behind} (from frame {} on), and the broker there had not closed.{}",
            inner.began.frame,
            stopped.unwrap_or_else(|| idle(story, close))
        ),
    };
    Some(told(story, close, &inner, sentence, cause).seen_as(Sight::Lost))
}

/// The client's side, which is a proxy, closed.
pub(super) fn by_client(story: &Story<'_>, close: Close) -> Option<Judgement> {
    let outer = story.session.neighbours.ways.legs.outer?;
    let (client, host, age) = (story.client(), story.client_host(), story.age(close.at));
    let sentence =
        format!("The proxy at {host} {} the connection of {client} after {age} without a goodbye.", how(close.how));
    let cause = match before(&outer, Side::Client, close) {
        Some((at, span)) => format!(
            "The client, {}, had closed its own connection to the proxy {span} before (frame {}).",
            outer.client, at.frame
        ),
        None => format!(
            "The proxy ended it of its own accord: it passes on the session of {} (from frame {} on), and the client had not closed.{}",
            outer.client,
            outer.began.frame,
            idle(story, close)
        ),
    };
    Some(told(story, close, &outer, sentence, cause))
}

/// When `side` closed `leg`, and how long before `close`, if it did.
fn before(leg: &Leg, side: Side, close: Close) -> Option<(Moment, String)> {
    let other = leg.close.filter(|other| other.by == side && other.at.is_before(close.at))?;
    Some((other.at, words::duration(close.at.time.nanoseconds_since(other.at.time))))
}

/// For how long nothing had been said, if that is long.
fn silence(story: &Story<'_>, close: Close) -> Option<i64> {
    let last = story.packet_before(close.at)?;
    Some(close.at.time.nanoseconds_since(last.time)).filter(|silence| *silence >= SHORTEST_IDLE)
}

fn idle(story: &Story<'_>, close: Close) -> String {
    let span = silence(story, close).map(words::duration);
    span.map_or_else(String::new, |span| format!(" Nothing had been said for {span}: probably its idle limit."))
}

fn told(story: &Story<'_>, close: Close, other: &Leg, sentence: String, cause: String) -> Judgement {
    let side = close.by.other();
    let passed_on = before(other, close.by, close).is_some();
    let idle = !passed_on && silence(story, close).is_some();
    let (log, whose) = match side {
        Side::Client => ("broker", other.server),
        Side::Server => ("client", other.client),
    };
    // Who closed is certain; that it is a proxy is as sure as that both connections carry one session.
    Judgement::new(Confidence::VeryLikely, sentence)
        .on(&[Ground::Absence])
        .at(story.packet_before(close.at))
        .at(other.close.map(|other| other.at))
        .at([close.at])
        .cause(cause)
        .step_if(passed_on, format!("Look at the other connection of the proxy, that of {whose}, in this capture, and into the {log}'s log at this time."))
        .step_if(idle, LONGER)
        .step_if(!passed_on, "Look into the proxy's log at this time.")
}
