//! `not-mqtt`: something that is no client spoke, or something that is no broker answered.

use super::{About, Judgement};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::stream::Side;
use crate::transport::Protocol;

pub(super) const ABOUT: About =
    About { id: "not-mqtt", group: "wrong-door", severity: Severity::Warning, text: include_str!("not_mqtt.md") };

/// The client's first bytes are of another protocol.
pub(super) fn opened(story: &Story<'_>) -> Option<Judgement> {
    if let Some(judgement) = upgrade_at_a_plain_port(story) {
        return Some(judgement);
    }
    // Behind a PROXY header there was MQTT, or nothing.
    let behind = story.connect_sent().or(story.header_alone());
    let known = story.session.foreign_opening.filter(|_| behind.is_none());
    let (protocol, at) = known.filter(|(protocol, _)| *protocol != Protocol::Blank)?;
    let (server, host, port) = (story.server(), story.client_host(), story.port());
    let spoken = match protocol {
        Protocol::Unknown => "something other than MQTT".to_owned(),
        Protocol::Proxy => "a PROXY header, and behind it nothing that is known for MQTT".to_owned(),
        known => format!("{}, not MQTT", known.name()),
    };
    let (web, header) = (protocol == Protocol::Http, protocol == Protocol::Proxy);
    // It may be the beginning of a CONNECT, or stand behind a header that is not whole.
    let confidence = if header { Confidence::Likely } else { Confidence::Certain };
    Some(
        Judgement::new(confidence, format!("{host} opened a connection to {server} and sent {spoken}."))
            .at([at])
            .at(story.close.map(|close| close.at))
            .cause_if(web, "The client is set to HTTP or to MQTT over WebSocket (`ws://`), and the port is for plain MQTT.")
            .cause_if(header, "A load balancer put a PROXY header before the client's own bytes. Whether the server expects it the capture does not show: no answer came.")
            .cause_if(!web && !header, "The client is no MQTT client, or its bytes were damaged before they were sent.")
            .cause(format!("Another service uses port {port}, so this is not about MQTT at all."))
            .step(format!("See which program on {host} opens this connection, and to which port it should."))
            .step(format!("On the server's host, see which program listens: `ss -ltnp | grep {port}`.")),
    )
}

/// The client asked for a WebSocket, and what listens there closed without an answer in HTTP: it does not speak WebSocket.
fn upgrade_at_a_plain_port(story: &Story<'_>) -> Option<Judgement> {
    let websocket = story.websocket().filter(|websocket| websocket.answer.is_none())?;
    let request = websocket.request.as_ref()?;
    let server_bytes = story.session.wire.sent.server.bytes;
    let (host, server, port) = (story.client_host(), story.server(), story.port());
    let broker = story.session.neighbours.connack_before.is_some() || [1883, 8883].contains(&port);
    let answered = websocket.foreign_answer;
    let close = story.close_by(Side::Server);
    let ending = match (answered, close) {
        (Some((Protocol::Unknown | Protocol::Http, _)), _) => "which did not answer in HTTP".to_owned(),
        (Some((known, _)), _) => format!("which answered with {}, not HTTP", known.name()),
        (None, Some(close)) if server_bytes == 0 => {
            let span = words::duration(close.at.time.nanoseconds_since(request.at.time));
            format!("which {} the connection after {span} without an answer", how(close.how))
        }
        _ => return None,
    };
    let asked = format!("(HTTP, GET {})", words::plain(&request.path));
    let sentence = format!("{host} asked for a WebSocket {asked} at {server}, {ending}.");
    let confidence = if broker || answered.is_some() { Confidence::Certain } else { Confidence::VeryLikely };
    let judgement = Judgement::new(confidence, sentence)
        .on(&[Ground::Absence])
        .at([request.at])
        .at(answered.map(|(_, at)| at))
        .at(story.close.map(|close| close.at));
    let known = matches!(answered, Some((Protocol::Ssh | Protocol::Amqp | Protocol::Greeting, _)));
    if known || answered.is_some() && !broker {
        return Some(
            judgement
                .cause(format!("Another program than a broker's WebSocket listener answers on port {port}."))
                .cause_if(!known, format!("The client is set to MQTT over WebSocket (`ws://`), and port {port} is for plain MQTT, without WebSocket."))
                .step(format!("On the server's host, see which program listens: `ss -ltnp | grep {port}`."))
                .step("Check the address and port in the client's settings: for WebSocket often 9001, 8083, 8080 or 15675."),
        );
    }
    let judgement = judgement
        .cause(format!("The client is set to MQTT over WebSocket (`ws://`), and port {port} is for plain MQTT, without WebSocket."))
        .cause_if(!broker, "A proxy took the connection and could not reach the broker behind it.")
        .cause_if(!broker, "The port expects TLS (`wss://`): many servers close without a word on anything else.")
        .step(format!("Set the client to plain MQTT (`mqtt://`) on port {port}, or to the broker's WebSocket port: often 9001, 8083, 8080 or 15675."))
        .step_if(!broker, "Or try `wss://` on this port.")
        .step("In a web browser only WebSocket is possible: switch on a WebSocket listener in the broker.");
    Some(if answered.is_none() { judgement.seen_as(Sight::UpgradeCut) } else { judgement })
}

/// The server's first bytes are of another protocol.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let (protocol, at) = story.session.foreign_answer?;
    let (server, client, port) = (story.server(), story.client(), story.port());
    let spoken = match protocol {
        Protocol::Unknown => "something other than MQTT".to_owned(),
        known => format!("{}, not MQTT", known.name()),
    };
    // A library that has not got the whole of what it takes for a packet goes on waiting.
    let begun = protocol == Protocol::Ssh && story.session.wire.sent.server.bytes < SSH_AS_MQTT;
    let sight = if begun && story.close_by(Side::Server).is_none() { Sight::Greeted } else { Sight::Foreign };
    // Whoever greets does not wait for the CONNECT.
    let first = story.connect_sent().is_some_and(|connect| at.is_before(connect));
    let sentence = if first {
        format!("{server} spoke first, before the CONNECT of {client}, and it spoke {spoken}.")
    } else {
        format!("{server} answered the CONNECT of {client} with {spoken}.")
    };
    Some(
        Judgement::new(Confidence::Certain, sentence)
            .at(story.connect_sent())
            .at([at])
            .cause(format!("Another program than an MQTT broker listens on port {port}."))
            .step(format!("On the server's host, see which program it is: `ss -ltnp | grep {port}`."))
            .step("Check the address and port in the client's settings.")
            .seen_as(sight),
    )
}

/// Read as MQTT, `SS` begins a packet of so many bytes.
const SSH_AS_MQTT: u64 = 85;

#[cfg(test)]
mod tests {
    use crate::diagnosis::{Confidence, diagnose};
    use crate::diagnosis::testing::{Tale, outcome, text};
    use crate::session::{Session, UpgradeRequest, WebSocketFacts};
    use crate::stream::Side;
    use crate::transport::Protocol;

    #[test]
    fn a_proxy_header_is_of_a_load_balancer() {
        let opened = |protocol: Protocol| {
            let tale = Tale::opened().with(|session| session.foreign_opening = Some((protocol, session.wire.last)));
            diagnose(&tale.close(Side::Client, 5.0).build())
        };
        let balanced = opened(Protocol::Proxy);
        assert_eq!((balanced.outcome.id, balanced.outcome.confidence), ("not-mqtt", Confidence::Likely));
        assert_eq!(opened(Protocol::Ssh).outcome.confidence, Confidence::Certain);
        assert!(balanced.causes[0].starts_with("A load balancer"), "{:?}", balanced.causes);
        assert!(opened(Protocol::Ssh).causes[0].starts_with("The client is no MQTT client"));
    }

    #[test]
    fn a_websocket_answered_by_something_else() {
        let asked = |protocol: Protocol| {
            let tale = Tale::opened().with(|session| {
                let at = session.wire.last;
                session.wire.peers.server.endpoint.port = 9001;
                session.websocket = Some(Box::new(WebSocketFacts {
                    request: Some(UpgradeRequest { at, path: text("/mqtt"), host: None, subprotocols: Some(text("mqtt")) }),
                    foreign_answer: Some((protocol, at)),
                    ..WebSocketFacts::default()
                }));
            });
            diagnose(&tale.close(Side::Server, 0.01).build())
        };
        let ssh = asked(Protocol::Ssh);
        assert_eq!((ssh.outcome.id, ssh.outcome.confidence), ("not-mqtt", Confidence::Certain));
        assert!(ssh.outcome.sentence.ends_with("at 10.0.0.5:9001, which answered with SSH, not HTTP."), "{}", ssh.outcome.sentence);
        assert!(ssh.causes.len() == 1 && ssh.causes[0].starts_with("Another program"), "{:?}", ssh.causes);
        let unknown = asked(Protocol::Unknown);
        assert!(unknown.outcome.sentence.ends_with("which did not answer in HTTP."), "{}", unknown.outcome.sentence);
        assert_eq!(unknown.causes.len(), 2, "{:?}", unknown.causes);
    }

    #[test]
    fn the_protocol_is_named_when_it_is_known() {
        let mut session = Tale::connecting().build();
        let at = session.connect.as_ref().unwrap().at;
        session.foreign_answer = Some((Protocol::Ssh, at));
        let ssh = outcome(&session);
        assert_eq!(ssh.sentence, "10.0.0.5:1883 answered the CONNECT of sensor-17 with SSH, not MQTT.");
        let reports = |session: &Session, client: &str| {
            let saw = diagnose(session).client_saw;
            saw.into_iter().find(|report| report.client == client).unwrap().reports.to_owned()
        };
        session.wire.sent.server.bytes = 32;
        assert!(reports(&session, "Paho Python").contains("Keep alive timeout"));
        session.wire.sent.server.bytes = 900;
        assert!(reports(&session, "Paho Python").contains("Protocol error"));
        session.foreign_answer = Some((Protocol::Ssh, session.wire.first));
        let first = outcome(&session).sentence;
        assert_eq!(first, "10.0.0.5:1883 spoke first, before the CONNECT of sensor-17, and it spoke SSH, not MQTT.");
        session.foreign_answer = None;
        assert_ne!(outcome(&session).id, "not-mqtt");
    }
}
