//! `proxy-header-mismatch`: a PROXY header where none is expected.

use super::{About, Judgement};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::stream::Side;
use crate::transport::Protocol;

pub(super) const ABOUT: About = About {
    id: "proxy-header-mismatch",
    group: "wrong-door",
    severity: Severity::Error,
    text: include_str!("proxy_header_mismatch.md"),
};

/// The connection began with a PROXY header, and the server closed without a word.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let (protocol, at) = story.session.foreign_opening?;
    let close = story.close_by(Side::Server)?;
    if protocol != Protocol::Proxy || !story.server_silent() {
        return None;
    }
    // A broker also closes a connection on which no CONNECT follows.
    if story.header_alone().is_some() && !story.soon(at, close.at, SECOND) {
        return None;
    }
    let (host, server) = (story.client_host(), story.server());
    let span = words::duration(close.at.time.nanoseconds_since(at.time));
    let sentence = format!(
        "The connection of {host} to {server} began with a PROXY header, and the server {} it after {span}.",
        how(close.how)
    );
    // Whoever takes the header for the beginning of a packet has no reason to wait before it closes.
    let slow = !story.soon(at, close.at, SECOND);
    Some(
        Judgement::new(if slow { Confidence::Likely } else { Confidence::VeryLikely }, sentence)
            .at([at, close.at])
            .cause("The load balancer adds a PROXY header, and the broker's listener does not expect one.")
            .cause_if(slow, "The server takes the header, and is a proxy itself that reached no broker behind it.")
            .step("Switch the PROXY protocol on at the broker's listener, or off at the load balancer."),
    )
}

/// The server took CONNECT behind a PROXY header, and stayed silent.
pub(super) fn unanswered(story: &Story<'_>) -> Option<Judgement> {
    let (protocol, at) = story.session.foreign_opening?;
    let connect = story.connect_sent().filter(|_| protocol == Protocol::Proxy)?;
    let (end, patience) = match story.close {
        Some(close) => (close.at.time, SECOND),
        None => (story.capture_end(), 5 * SECOND),
    };
    let waited = end.nanoseconds_since(connect.time);
    if !story.server_silent() || !story.acknowledged(Side::Client) || waited < patience {
        return None;
    }
    let (client, server, span) = (story.client(), story.server(), words::duration(waited));
    let sentence = format!("{server} received a PROXY header and the CONNECT of {client} behind it, and stayed silent for {span}.");
    Some(
        Judgement::new(Confidence::Likely, sentence)
            .on(&[Ground::Absence])
            .at([at, connect])
            .at(story.close.map(|close| close.at))
            .cause("The load balancer adds a PROXY header, and the broker's listener does not expect one: it takes the header for the beginning of a packet and waits for the rest.")
            .cause("The broker hangs or is overloaded, or the database that checks its users is slow.")
            .step("Switch the PROXY protocol on at the broker's listener, or off at the load balancer.")
            .step("Connect from the broker's own host, without the load balancer: `mosquitto_sub -h localhost -t test -d`.")
            .seen_as(Sight::ConnackMissing),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;
    use crate::transport::Protocol;

    #[test]
    fn a_connect_behind_a_header_that_nobody_answers() {
        let behind = |tale: Tale| {
            let headed = |session: &mut crate::session::Session| {
                session.foreign_opening = Some((Protocol::Proxy, session.wire.first));
            };
            outcome(&tale.with(headed).build())
        };
        let silent = behind(Tale::connecting().close(Side::Client, 20.0));
        assert_eq!((silent.id, silent.confidence), ("proxy-header-mismatch", Confidence::Likely));
        assert_eq!(
            silent.sentence,
            "10.0.0.5:1883 received a PROXY header and the CONNECT of sensor-17 behind it, and stayed silent for 20 s."
        );
        let closed = behind(Tale::connecting().close(Side::Server, 0.1));
        assert_eq!((closed.id, closed.confidence), ("proxy-header-mismatch", Confidence::VeryLikely));
        let late = behind(Tale::connecting().close(Side::Server, 3.0));
        assert_eq!((late.id, late.confidence), ("proxy-header-mismatch", Confidence::Likely));
        assert_eq!(behind(Tale::connecting().close(Side::Client, 0.1)).id, "client-closed");
        let half = Tale::connecting().close(Side::Client, 20.0);
        assert_ne!(behind(half.with(|session| session.wire.sent.server.segments = 0)).id, "proxy-header-mismatch");
    }

    #[test]
    fn a_server_that_takes_headers_closes_for_another_reason() {
        let tale = |takes_header| {
            Tale::connecting().close(Side::Server, 0.1).with(move |session| {
                session.foreign_opening = Some((Protocol::Proxy, session.wire.first));
                session.neighbours.ways.takes_header = Some(session.wire.first).filter(|_| takes_header);
            })
        };
        assert_eq!(outcome(&tale(true).build()).id, "connect-closed");
        assert_eq!(outcome(&tale(false).build()).id, "proxy-header-mismatch");
    }
}
