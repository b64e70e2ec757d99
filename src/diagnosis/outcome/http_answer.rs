//! `http-answer`: a web server answered CONNECT.

use super::{About, Judgement};
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::session::HttpAnswer;
use crate::stream::Side;
use crate::text;
use crate::transport::Protocol;

pub(super) const ABOUT: About =
    About { id: "http-answer", group: "wrong-door", severity: Severity::Error, text: include_str!("http_answer.md") };

/// The ports of HTTPS and of MQTT over TLS.
const SECURE: [u16; 3] = [443, 8443, 8883];

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let (protocol, at) = story.session.foreign_answer?;
    if protocol != Protocol::Http {
        return None;
    }
    let (client, server, port) = (story.client(), story.server(), story.port());
    let gone = story.close_by(Side::Client).is_some_and(|close| close.at.frame < at.frame);
    let waited = story.connect_sent().map(|connect| at.time.nanoseconds_since(connect.time));
    let waited = waited.filter(|waited| *waited >= SECOND);
    let after = waited.map_or_else(String::new, |waited| format!(", after {}", words::duration(waited)));
    let encrypted = story.session.foreign_opening.is_some();
    let what = if encrypted { "the TLS hello" } else { "the CONNECT" };
    let late = if gone { ", when the client had given up" } else { "" };
    let answer = story.session.http_answer.as_deref();
    let status = answer.map(status_line).map_or_else(String::new, |status| format!(" ({status})"));
    let portal = answer.filter(|answer| answer.location.is_some() && (300..400).contains(&answer.status) || answer.status == 511);
    let elsewhere = portal.map(|answer| match &answer.location {
        Some(location) => format!(": it points to {}, as a login page of a Wi-Fi network does", words::plain(location)),
        None => ", as a login page of a network does".to_owned(),
    });
    // Web servers answer so where they expect TLS and are spoken to without.
    let secure = !encrypted && answer.is_some_and(|answer| answer.status == 400) && expects_tls(story);
    let inside = story.session.neighbours.websocket_on_port;
    // That it is HTTP is certain; that it is a login page is not.
    let confidence = if portal.is_some() { Confidence::Likely } else { Confidence::Certain };
    Some(
        Judgement::new(
            confidence,
            format!(
                "{server} answered {what} of {client} in HTTP instead of MQTT{status}{after}{late}{}.",
                elsewhere.unwrap_or_default()
            ),
        )
        .at(story.connect_sent())
        .at([at])
        .cause_if(portal.is_some(), "A Wi-Fi login page answers in place of the broker until somebody logs in.")
        .cause_if(encrypted, format!("Port {port} speaks plain HTTP, without TLS: it belongs to a web server or a dashboard, or to a WebSocket listener for `ws://`."))
        .cause_if(secure, format!("Port {port} belongs to a web server with TLS (HTTPS, or MQTT over `wss://`), and the client speaks without TLS: such servers answer with 400."))
        .cause_if(inside, format!("Port {port} is for MQTT inside WebSocket: other connections of this capture use it so."))
        .cause_if(!encrypted, format!(
            "Port {port} belongs to a web server, a dashboard or a WebSocket listener, not to a plain MQTT listener."
        ))
        .cause_if(portal.is_none(), "A Wi-Fi login page or a transparent web proxy answers in place of the broker.")
        .step_if(portal.is_some(), "Open a web page with a browser in the same network, and log in there if it asks for it.")
        .step_if(inside, "Set the client to MQTT over WebSocket (`ws://`), or use the broker's port for plain MQTT.")
        .step(
            "Check the port: 1883 is plain MQTT, 8883 MQTT over TLS; 8080, 8083, 9001 and 18083 usually are web ports.",
        )
        .step_if(portal.is_none(), "In a guest network, open a web page with a browser first: a login page may stand in the way.")
        .seen_as(if gone {
            Sight::ConnackMissing
        } else if encrypted {
            Sight::TlsForeign
        } else {
            Sight::Http
        }),
    )
}

/// Whether the port is known for TLS: by its number, or by what others got there.
fn expects_tls(story: &Story<'_>) -> bool {
    SECURE.contains(&story.port()) || story.session.neighbours.tls_on_port.is_some()
}

/// `HTTP 404 Not Found`.
pub(super) fn status_line(answer: &HttpAnswer) -> String {
    let phrase = text::escape(&answer.phrase.0, text::NAME);
    format!("HTTP {} {phrase}", answer.status).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use crate::capture::Moment;
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::{Tale, outcome, text};
    use crate::session::HttpAnswer;
    use crate::transport::Protocol;

    #[test]
    fn a_web_server_answers() {
        let mut session = Tale::connecting().build();
        let at = session.connect.as_ref().unwrap().at;
        session.foreign_answer = Some((Protocol::Http, at));
        assert_eq!(outcome(&session).id, "http-answer");
        session.foreign_answer = Some((Protocol::Ssh, at));
        assert_eq!(outcome(&session).id, "not-mqtt");
    }

    #[test]
    fn the_answer_to_a_tls_hello_is_told_as_such() {
        let session = Tale::opened().with(|session| {
            let at = session.wire.last;
            session.foreign_opening = Some((Protocol::Tls, at));
            session.foreign_answer = Some((Protocol::Http, at));
            session.http_answer = Some(Box::new(bad_request(at)));
        });
        let verdict = diagnose(&session.build());
        assert_eq!(
            verdict.outcome.sentence,
            "10.0.0.5:1883 answered the TLS hello of 10.0.0.21 in HTTP instead of MQTT (HTTP 400 Bad Request)."
        );
        assert!(verdict.causes[0].contains("without TLS"));
        assert!(verdict.client_saw.iter().any(|saw| saw.reports.contains("WRONG_VERSION_NUMBER")));
    }

    #[test]
    fn a_bad_request_on_a_port_for_tls_wants_tls() {
        let first_cause = |port, status| {
            let session = Tale::connecting().with(|session| {
                let at = session.wire.last;
                session.foreign_answer = Some((Protocol::Http, at));
                session.http_answer = Some(Box::new(HttpAnswer { status, ..bad_request(at) }));
                session.wire.peers.server.endpoint.port = port;
            });
            diagnose(&session.build()).causes[0].to_string()
        };
        assert!(first_cause(443, 400).starts_with("Port 443 belongs to a web server with TLS"));
        assert!(first_cause(443, 404).starts_with("Port 443 belongs to a web server, a dashboard"));
        assert!(first_cause(8080, 400).starts_with("Port 8080 belongs to a web server, a dashboard"));
    }

    fn bad_request(at: Moment) -> HttpAnswer {
        HttpAnswer { at, status: 400, phrase: text("Bad Request"), subprotocol: None, location: None, server: None, flaw: None }
    }
}
