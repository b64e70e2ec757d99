//! `plain-to-tls-port`: plain MQTT was sent to a port that expects TLS.

use super::{About, Judgement};
use crate::capture::Moment;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity};
use crate::stream::Side;
use crate::transport::Protocol;

pub(super) const ABOUT: About = About {
    id: "plain-to-tls-port",
    group: "wrong-door",
    severity: Severity::Error,
    text: include_str!("plain_to_tls_port.md"),
};

/// The port that IANA gives to MQTT over TLS.
const SECURE_MQTT: u16 = 8883;

/// The server answered CONNECT, or the request for a WebSocket, with a TLS record.
pub(super) fn answered(story: &Story<'_>) -> Option<Judgement> {
    if let Some((Protocol::Tls, at)) = story.websocket().and_then(|websocket| websocket.foreign_answer) {
        let (host, server) = (story.client_host(), story.server());
        let sentence = format!("{host} asked for a WebSocket without TLS at {server}, which answered in TLS.");
        return Some(advise_on_websocket(story, sentence, at));
    }
    let (protocol, at) = story.session.foreign_answer?;
    if protocol != Protocol::Tls {
        return None;
    }
    let (client, server) = (story.client(), story.server());
    let sentence = format!("{client} spoke plain MQTT to {server}, which answered in TLS.");
    Some(advise(story, sentence, at))
}

/// The server closed at once, and the port is known for TLS.
pub(super) fn closed(story: &Story<'_>) -> Option<Judgement> {
    let connect = story.connect_sent()?;
    let close = story.close_by(Side::Server)?;
    let neighbour = story.session.neighbours.tls_on_port;
    let known = story.port() == SECURE_MQTT || neighbour.is_some();
    // What begins like MQTT is no TLS.
    let silent = story.server_silent() && story.begun_answer().is_none() && !story.connected();
    if !known || !silent || !story.soon(story.reached(connect, close.at), close.at, SECOND) {
        return None;
    }
    let (client, server, how) = (story.client(), story.server(), how(close.how));
    let sentence =
        format!("{client} spoke plain MQTT to {server}, a port for TLS, and the server {how} the connection.");
    Some(advise(story, sentence, close.at).at(neighbour))
}

/// The server closed at once on a request for a WebSocket, and the port is known for TLS.
pub(super) fn closed_on_upgrade(story: &Story<'_>) -> Option<Judgement> {
    let request = story.websocket()?.request.as_ref()?;
    let close = story.close_by(Side::Server)?;
    let neighbour = story.session.neighbours.tls_on_port?;
    let silent = story.session.wire.sent.server.bytes == 0;
    if !silent || !story.soon(story.reached(request.at, close.at), close.at, SECOND) {
        return None;
    }
    let (host, server, how) = (story.client_host(), story.server(), how(close.how));
    let sentence =
        format!("{host} asked for a WebSocket without TLS at {server}, a port for TLS, and the server {how} the connection.");
    Some(advise_on_websocket(story, sentence, close.at).at([neighbour]))
}

fn advise_on_websocket(story: &Story<'_>, sentence: String, answer: Moment) -> Judgement {
    let port = story.port();
    let request = story.websocket().and_then(|websocket| websocket.request.as_ref());
    Judgement::new(Confidence::VeryLikely, sentence)
        .at(request.map(|request| request.at))
        .at([answer])
        .cause(format!("The client is set to MQTT over WebSocket without TLS (`ws://`) while port {port} expects TLS."))
        .step("Set the client to `wss://`, with the CA certificate of the broker if it is not a public one.")
        .step("Or use the broker's port for WebSocket without TLS, inside a network that you trust.")
}

fn advise(story: &Story<'_>, sentence: String, answer: Moment) -> Judgement {
    let port = story.port();
    Judgement::new(Confidence::VeryLikely, sentence)
        .at(story.connect_sent())
        .at([answer])
        .cause(format!("The client is set to plain MQTT (`mqtt://`, a plain network client) while port {port} expects TLS."))
        .step("Switch the client to TLS: `mqtts://`, or WiFiClientSecure in place of WiFiClient for PubSubClient, with the CA certificate of the broker.")
        .step("Or use the broker's plain port, usually 1883, inside a network that you trust.")
        .seen_as(Sight::ClosedBeforeConnack)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome, text};
    use crate::session::{UpgradeRequest, WebSocketFacts};
    use crate::stream::Side;
    use crate::transport::Protocol;

    #[test]
    fn a_close_on_the_port_for_tls() {
        let mut session = Tale::connecting().close(Side::Server, 0.003).build();
        assert_eq!(outcome(&session).id, "connect-closed");
        session.wire.peers.server.endpoint.port = 8883;
        assert_eq!(outcome(&session).id, "plain-to-tls-port");
        let mut begun = session.clone();
        (begun.begun_header.server, begun.skipped_bytes.server) = (Some((1, session.wire.last)), 1);
        assert_eq!(outcome(&begun).id, "connect-closed");
        session.wire.peers.server.endpoint.port = 1884;
        session.neighbours.tls_on_port = Some(session.wire.first);
        assert_eq!(outcome(&session).id, "plain-to-tls-port");
    }

    /// A client that asked for a WebSocket, and what the server answered that is not HTTP.
    fn asked(answer: Option<Protocol>) -> Tale {
        Tale::opened().with(|session| {
            let at = session.wire.last;
            session.wire.sent.client.bytes += 150;
            session.wire.sent.server.bytes += if answer.is_some() { 7 } else { 0 };
            session.websocket = Some(Box::new(WebSocketFacts {
                request: Some(UpgradeRequest { at, path: text("/mqtt"), host: None, subprotocols: Some(text("mqtt")) }),
                foreign_answer: answer.map(|protocol| (protocol, at)),
                ..WebSocketFacts::default()
            }));
        })
    }

    #[test]
    fn a_websocket_without_tls() {
        let answered = outcome(&asked(Some(Protocol::Tls)).close(Side::Server, 0.01).build());
        assert_eq!(answered.id, "plain-to-tls-port");
        assert!(answered.sentence.ends_with("asked for a WebSocket without TLS at 10.0.0.5:1883, which answered in TLS."), "{}", answered.sentence);
        let closed = |tls_on_port: bool, after: f64| {
            let tale = asked(None).close(Side::Server, after);
            outcome(&tale.with(|session| session.neighbours.tls_on_port = tls_on_port.then_some(session.wire.first)).build()).id
        };
        assert_eq!(closed(true, 0.01), "plain-to-tls-port");
        assert_eq!(closed(false, 0.01), "not-mqtt");
        assert_eq!(closed(true, 30.0), "not-mqtt");
        assert_eq!(outcome(&asked(Some(Protocol::Ssh)).close(Side::Server, 0.01).build()).id, "not-mqtt");
    }

    #[test]
    fn a_late_close_or_an_accepted_session_is_not_it() {
        let mut late = Tale::connecting().close(Side::Server, 30.0).build();
        late.wire.peers.server.endpoint.port = 8883;
        assert_eq!(outcome(&late).id, "connect-closed");
        let mut accepted = Tale::connected().close(Side::Server, 0.5).build();
        accepted.wire.peers.server.endpoint.port = 8883;
        assert_ne!(outcome(&accepted).id, "plain-to-tls-port");
    }
}
