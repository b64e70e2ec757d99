//! `tls-to-plain-port`: TLS was sent to a port that speaks plain MQTT.

use super::{About, Judgement};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::secured::Secured;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::session::CloseHow;
use crate::stream::Side;
use crate::transport::Protocol;

pub(super) const ABOUT: About = About {
    id: "tls-to-plain-port",
    group: "wrong-door",
    severity: Severity::Error,
    text: include_str!("tls_to_plain_port.md"),
};

/// The client began with TLS, and no TLS came back.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let (protocol, at) = story.session.foreign_opening?;
    if protocol != Protocol::Tls || story.session.neighbours.tls_on_port.is_some() {
        return None;
    }
    let (host, server) = (story.client_host(), story.server());
    let close = story.close_by(Side::Server);
    let (confidence, ending) = match close {
        Some(close) => {
            let span = words::duration(close.at.time.nanoseconds_since(at.time));
            (Confidence::VeryLikely, format!("which {} the connection after {span}", how(close.how)))
        }
        None => (Confidence::Likely, "which did not answer in TLS".to_owned()),
    };
    let sentence = format!("{host} started TLS with {server}, a port for plain MQTT, {ending}.");
    let port = story.port();
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Absence])
            .at([at])
            .at(story.close.map(|close| close.at))
            .cause(format!("The client is set to TLS (`mqtts://`, WiFiClientSecure) while port {port} speaks plain MQTT."))
            .cause("The broker's TLS listener has no certificate configured, so it speaks plain MQTT on this port.")
            .step("Use the broker's port for TLS, usually 8883.")
            .step("Or switch TLS off in the client, inside a network that you trust.")
            .seen_as(Sight::TlsCut),
    )
}

/// On a port for TLS: the server did not even read the client's hello. A program that closes with bytes unread makes the
/// connection end by a reset; a server of TLS has read them, and answers with an alert.
pub(super) fn unread(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let hello = secured.tls.client_hello.as_ref()?;
    let close = story.close_by(Side::Server).filter(|close| close.how == CloseHow::Reset)?;
    let known = story.session.neighbours.tls_on_port.is_some() || secured.tls.answered();
    let prompt = story.soon(story.reached(hello.at, close.at), close.at, SECOND);
    if known || story.reset_is_foreign() || !story.server_silent() || !prompt {
        return None;
    }
    let (host, server, port) = (secured.client(), secured.server(), story.port());
    let span = words::duration(close.at.time.nanoseconds_since(hello.at.time));
    let sentence = format!("{host} started TLS with {server}, which reset the connection after {span} without an answer in TLS: it most likely speaks plain MQTT there.");
    let look = secured.connect_arguments();
    Some(
        Judgement::new(Confidence::Likely, sentence)
            .on(&[Ground::Absence])
            .at([hello.at, close.at])
            .cause(format!("The broker's listener on port {port} has no certificate configured, so it speaks plain MQTT there (mosquitto: `certfile`, `keyfile`)."))
            .cause("A load balancer took the connection and has no broker behind it, or an access list turns this client away.")
            .step(format!("Try it without the client's program: `openssl s_client {look} </dev/null`."))
            .step(format!("On the broker's host, see which listener port {port} is, and whether it has a certificate."))
            .seen_as(Sight::TlsCut),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;
    use crate::transport::Protocol;

    #[test]
    fn a_greeting_in_tls_that_is_not_answered_in_tls() {
        let tale = |protocol| {
            Tale::opened().with(move |session| {
                session.foreign_opening = Some((protocol, session.wire.last));
                session.wire.sent.client.bytes = 300;
            })
        };
        let closed = outcome(&tale(Protocol::Tls).reset(Side::Server, 0.01).build());
        assert_eq!((closed.id, closed.confidence), ("tls-to-plain-port", Confidence::VeryLikely));
        let silent = outcome(&tale(Protocol::Tls).close(Side::Client, 9.0).build());
        assert_eq!((silent.id, silent.confidence), ("tls-to-plain-port", Confidence::Likely));
        assert_eq!(outcome(&tale(Protocol::Ssh).reset(Side::Server, 0.01).build()).id, "not-mqtt");
        assert_eq!(outcome(&tale(Protocol::Proxy).reset(Side::Server, 0.01).build()).id, "proxy-header-mismatch");
        assert_eq!(outcome(&tale(Protocol::Proxy).close(Side::Client, 0.01).build()).id, "not-mqtt");
    }
}
