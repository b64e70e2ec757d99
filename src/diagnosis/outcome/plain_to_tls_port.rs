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

/// The server answered CONNECT with a TLS record.
pub(super) fn answered(story: &Story<'_>) -> Option<Judgement> {
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
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;

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
