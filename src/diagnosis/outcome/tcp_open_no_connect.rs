//! `tcp-open-no-connect`: the connection opened and the client said nothing.

use super::{About, Judgement};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::secured::{self, Secured};
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::session::Close;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "tcp-open-no-connect",
    group: "connect",
    severity: Severity::Warning,
    text: include_str!("tcp_open_no_connect.md"),
};

/// How long an open connection may be quiet before that is worth a sentence.
const PATIENCE: i64 = 5 * SECOND;

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let wire = &story.session.wire;
    let inside = story.opened_for_nothing();
    let mut opened = inside.or(wire.established)?;
    // Of a handshake whose last segment was not captured, only the answer is known.
    if inside.is_none() && wire.syn_ack.count > 0 && story.close.is_some_and(|close| close.at.frame == opened.frame) {
        opened = wire.syn_ack.last;
    }
    let client = &wire.sent.client;
    let spoke = client.bytes > 0 || client.sent.0 > 0 || client.missing_bytes > 0 || client.acknowledged.0 > 1;
    let headed = story.header_alone().is_some();
    if (spoke && inside.is_none() && !headed) || !wire.start_captured() {
        return None;
    }
    let host = story.client_host();
    let server = story.server();
    let thing = if inside.is_some() { "WebSocket" } else { "connection" };
    let nothing = match inside {
        Some(_) => "no MQTT",
        None if headed => "nothing but a PROXY header",
        None => "nothing",
    };
    let alone = inside.is_none() && !headed;
    let sentence = if let Some(close) = story.close {
        let (how, span) = (how(close.how), since(opened.time.0, close));
        let end = match close.by {
            Side::Client => format!("and {how} it again after {span}{}", story.close_code_aside(close.by)),
            Side::Server => format!("and the server {how} it after {span}{}", story.close_code_aside(close.by)),
        };
        format!("The {thing} of {host} to {server} opened, but {host} sent {nothing}, {end}.")
    } else {
        let quiet = story.until_capture_end(opened);
        if quiet < PATIENCE {
            return None;
        }
        let (span, until) = (words::duration(quiet), story.until_when());
        format!(
            "The {thing} of {host} to {server} opened, but {host} sent {nothing} in the {span} {until}."
        )
    };
    // Without the client's SYN it is not known where its bytes begin.
    let confidence = if wire.syn.count > 0 { Confidence::Certain } else { Confidence::Likely };
    let by_client = story.close_by(Side::Client);
    let at_once = by_client.is_some_and(|close| close.at.time.nanoseconds_since(opened.time) < SECOND);
    // The server did not even wait for a CONNECT.
    let turned_away = inside.is_none() && story.close_by(Side::Server).is_some_and(|close| story.soon(opened, close.at, SECOND));
    let waits = by_client.is_none() && !turned_away && !headed;
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Absence])
            .at([opened])
            .at(story.close.map(|close| close.at))
            .cause_if(inside.is_some(), "The page or program opened the WebSocket without MQTT: it failed in between, or serves for something else as well.")
            .cause_if(at_once && inside.is_some() && story.close_frame(Side::Client).is_none(), "The client's WebSocket library did not accept the server's answer, for a wrong Sec-WebSocket-Accept for instance: whether that is right is not looked at here.")
            .cause_if(at_once && alone, "The client could not build its CONNECT: with PubSubClient, client id, user name, password and will must fit its buffer of 256 bytes.")
            .cause_if(headed, "A load balancer sends the header before the client's own bytes, and its client sent none.")
            .cause_if(headed, "The health check of a load balancer sends the header, and no more.")
            .cause_if(by_client.is_some() && !headed, "A health check or a scanner only looked whether the port is open.")
            .cause_if(by_client.is_some() && !at_once && !headed, "The client's program failed, or was ended, before it sent its CONNECT.")
            .cause_if(turned_away, "The broker takes no more connections on this port: mosquitto with `max_connections`, and EMQX, then close at once, as does a broker that has no file descriptors left.")
            .cause_if(turned_away, "The broker, or a proxy in front of it, has banned this address.")
            .cause_if(turned_away, "A load balancer or port forwarding took the connection and has no broker behind it.")
            .cause_if(waits, "The client waits for the server to speak first, as it would with another protocol.")
            .cause_if(waits, "The client program hung, or its host lost power or network, just after connecting.")
            .step_if(at_once && alone, "With PubSubClient, call `client.setBufferSize(512)` before `connect()`.")
            .step_if(turned_away, "Look into the broker's log at this time, and compare the number of connected clients with the limit of its listener.")
            .step_if(!turned_away, format!("See which program on {host} opens this connection, and whether it is an MQTT client at all."))
            .seen_as(if at_once && alone { Sight::NothingSent } else if turned_away { Sight::ClosedBeforeConnack } else { Sight::Nothing }),
    )
}

/// The TLS handshake succeeded, and the client sent nothing in it.
pub(super) fn encrypted(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let tls = secured.tls;
    let silent = tls.data.client.records == 0 && tls.data.server.records == 0;
    if !silent || tls.client_hello.is_none() || !tls.is_complete() {
        return None;
    }
    let opened = tls.finished.client?;
    let left = secured.ended_by_server().filter(|left| opened.is_before(*left));
    let (host, server) = (secured.client(), secured.server());
    let ending = if let Some(close) = story.close {
        let end = left.unwrap_or(close.at);
        let span = words::duration(end.time.nanoseconds_since(opened.time));
        let closed = format!("{} {} the connection", secured::end(close.by), how(close.how));
        if left.is_some() { format!("the server ended TLS {span} later, and then {closed}") } else { format!("{closed} {span} later") }
    } else {
        let quiet = story.until_capture_end(opened);
        if quiet < PATIENCE {
            return None;
        }
        format!("nothing followed in the {} {}", words::duration(quiet), story.until_when())
    };
    let by_client = story.close_by(Side::Client).is_some() && left.is_none();
    let by_server = left.or(story.close_by(Side::Server).map(|close| close.at));
    let turned_away = by_server.is_some_and(|at| story.soon(opened, at, SECOND));
    let sentence = format!("{host} made a TLS connection to {server} and sent nothing in it; {ending}.");
    Some(
        Judgement::new(Confidence::Certain, sentence)
            .on(&[Ground::Absence])
            .at([opened])
            .at(story.close.map(|close| close.at))
            .cause_if(by_client, "A health check or a scanner only looked whether the port answers in TLS.")
            .cause_if(by_client, "The client's program looked at the certificate itself (its fingerprint, for instance), and did not like it.")
            .cause_if(turned_away, "A proxy that ends TLS (stunnel, HAProxy, nginx) took the connection and has no broker behind it.")
            .cause_if(turned_away, "The broker takes no more connections, or has banned this address.")
            .cause_if(!by_client && !turned_away, "The client program hung, or its host lost power or network, just after connecting.")
            .step_if(turned_away, "Look into the log of the broker, and of the proxy in front of it, at this time.")
            .step_if(!turned_away, format!("See which program on {host} opens this connection, and whether it is an MQTT client at all."))
            .seen_as(if turned_away { Sight::ClosedBeforeConnack } else { Sight::Nothing }),
    )
}

fn since(start: i64, close: Close) -> String {
    words::duration(close.at.time.0.saturating_sub(start))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;
    use crate::transport::tls::Version;

    #[test]
    fn the_client_closes_without_a_word() {
        let outcome = outcome(&Tale::opened().close(Side::Client, 0.2).build());
        assert_eq!(outcome.id, "tcp-open-no-connect");
        assert_eq!(
            outcome.sentence,
            "The connection of 10.0.0.21 to 10.0.0.5:1883 opened, but 10.0.0.21 sent nothing, and closed it again after 200 ms."
        );
    }

    #[test]
    fn the_close_that_completes_the_handshake_does_not_say_when_it_opened() {
        let tale = Tale::opened().close(Side::Client, 2.0).with(|session| {
            session.wire.established = session.wire.sent.client.fin_at();
        });
        let verdict = diagnose(&tale.build());
        assert!(verdict.outcome.sentence.ends_with("and closed it again after 2 s."), "{}", verdict.outcome.sentence);
        assert!(!verdict.causes.concat().contains("PubSubClient"));
    }

    #[test]
    fn a_client_that_closes_late_had_no_small_buffer() {
        let causes = |after| diagnose(&Tale::opened().close(Side::Client, after).build()).causes.concat();
        assert!(causes(0.01).contains("PubSubClient"));
        assert!(!causes(2.0).contains("PubSubClient"));
    }

    #[test]
    fn a_server_that_closes_at_once_takes_nobody() {
        let causes = |after| diagnose(&Tale::opened().close(Side::Server, after).build()).causes.concat();
        let at_once = causes(0.0001);
        assert!(at_once.contains("max_connections") && !at_once.contains("hung"), "{at_once}");
        let patient = causes(10.0);
        assert!(patient.contains("hung") && !patient.contains("max_connections"), "{patient}");
    }

    #[test]
    fn a_proxy_that_ends_tls_and_reaches_no_broker() {
        let causes = |after| {
            let verdict = diagnose(&Tale::secured(Version::V1_3).close(Side::Server, after).build());
            assert_eq!(verdict.outcome.id, "tcp-open-no-connect");
            verdict.causes.concat()
        };
        let at_once = causes(0.004);
        assert!(at_once.starts_with("A proxy that ends TLS") && !at_once.contains("hung"), "{at_once}");
        assert!(causes(20.0).contains("hung"));
    }

    #[test]
    fn the_server_loses_patience_or_the_capture_ends() {
        let server = outcome(&Tale::opened().close(Side::Server, 10.0).build());
        assert!(server.sentence.ends_with("and the server closed it after 10 s."));
        let open = outcome(&Tale::opened().ended_after(60.0).build());
        assert_eq!(open.id, "tcp-open-no-connect");
    }

    #[test]
    fn a_capture_that_ends_at_once_or_bytes_of_the_client_are_not_it() {
        assert_eq!(outcome(&Tale::opened().build()).id, "unclassified");
        let spoke = Tale::connecting().close(Side::Client, 20.0).build();
        assert_ne!(outcome(&spoke).id, "tcp-open-no-connect");
    }
}
