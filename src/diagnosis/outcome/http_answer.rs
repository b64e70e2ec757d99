//! `http-answer`: a web server answered CONNECT.

use super::{About, Judgement};
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::stream::Side;
use crate::transport::Protocol;

pub(super) const ABOUT: About =
    About { id: "http-answer", group: "wrong-door", severity: Severity::Error, text: include_str!("http_answer.md") };

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
    let what = if story.session.foreign_opening.is_some() { "the TLS hello" } else { "the CONNECT" };
    let late = if gone { ", when the client had given up" } else { "" };
    Some(
        Judgement::new(
            Confidence::Certain,
            format!("{server} answered {what} of {client} in HTTP instead of MQTT{after}{late}."),
        )
        .at(story.connect_sent())
        .at([at])
        .cause(format!(
            "Port {port} belongs to a web server, a dashboard or a WebSocket listener, not to a plain MQTT listener."
        ))
        .cause("A Wi-Fi login page or a transparent web proxy answers in place of the broker.")
        .step(
            "Check the port: 1883 is plain MQTT, 8883 MQTT over TLS; 8080, 8083, 9001 and 18083 usually are web ports.",
        )
        .step("In a guest network, open a web page with a browser first: a login page may stand in the way.")
        .seen_as(if gone { Sight::ConnackMissing } else { Sight::Http }),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
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
}
