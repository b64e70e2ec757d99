use crate::diagnosis::testing::{Tale, outcome, text};
use crate::diagnosis::{Confidence, Verdict, diagnose};
use crate::session::{CloseFrame, HttpAnswer, Session, UpgradeRequest, WebSocketFacts};
use crate::stream::Side;
use crate::transport::websocket::Flaw;

/// A client that asked for a WebSocket and was answered with `status`.
fn asked(tale: Tale, subprotocols: Option<&str>, status: u16, chosen: Option<&str>) -> Tale {
    tale.with(|session| {
        let at = session.wire.last;
        session.wire.sent.client.bytes += 150;
        session.wire.sent.server.bytes += 120;
        session.websocket = Some(Box::new(WebSocketFacts {
            request: Some(UpgradeRequest { at, path: text("/mqtt"), host: None, subprotocols: subprotocols.map(text) }),
            answer: Some(HttpAnswer {
                at,
                status,
                phrase: text("Told"),
                subprotocol: chosen.map(text),
                location: (status == 302).then(|| text("https://example.com/")),
                server: None,
                flaw: None,
            }),
            ..WebSocketFacts::default()
        }));
    })
}

fn verdict(status: u16) -> Verdict {
    diagnose(&asked(Tale::opened(), Some("mqtt"), status, None).close(Side::Server, 0.1).build())
}

#[test]
fn each_status_has_its_cause() {
    for (status, word) in [
        (200, "web page"),
        (302, "wss://"),
        (400, "lacks"),
        (401, "wants a login"),
        (403, "does not let this client in"),
        (404, "expects another path"),
        (426, "version 13"),
        (429, "limits how often"),
        (500, "failed"),
        (502, "the broker behind it is not"),
        (503, "the broker behind it is not"),
        (504, "the broker behind it is not"),
    ] {
        let verdict = verdict(status);
        assert_eq!((verdict.outcome.id, verdict.outcome.confidence), ("ws-upgrade-refused", Confidence::Certain));
        assert!(verdict.causes[0].contains(word), "{status}: {:?}", verdict.causes);
        assert!(verdict.outcome.sentence.contains(&format!("HTTP {status} Told")), "{}", verdict.outcome.sentence);
    }
    assert!(verdict(302).outcome.sentence.contains("to https://example.com/"));
}

#[test]
fn a_bad_request_on_a_port_for_tls_is_one_without_it() {
    let first = |port: u16| {
        let tale = asked(Tale::opened(), Some("mqtt"), 400, None);
        let tale = tale.with(|session| session.wire.peers.server.endpoint.port = port);
        diagnose(&tale.close(Side::Server, 0.1).build()).causes[0].to_string()
    };
    assert!(first(8084).starts_with("The port expects TLS"), "{}", first(8084));
    assert!(first(9001).contains("lacks"), "{}", first(9001));
}

#[test]
fn a_redirect_to_another_host_is_most_often_a_login_page() {
    let first = |host: &str| {
        let tale = asked(Tale::opened(), Some("mqtt"), 302, None);
        let tale = tale.with(|session| {
            session.websocket.as_mut().unwrap().request.as_mut().unwrap().host = Some(text(host));
        });
        diagnose(&tale.close(Side::Server, 0.1).build()).causes[0].to_string()
    };
    assert!(first("broker.lan:9001").starts_with("A login page of the network"));
    for own in ["10.0.0.2:9001", "[2001:db8::2]", "example.com", "Example.com:9001", "broker.example.com"] {
        assert!(first(own).starts_with("The server wants another address"), "{own}");
    }
}

#[test]
fn agreed_to_the_websocket_but_not_to_mqtt() {
    let browser = asked(Tale::opened(), Some("mqtt"), 101, None).close(Side::Client, 0.01);
    let browser = outcome(&browser.build());
    assert_eq!((browser.id, browser.confidence), ("ws-upgrade-refused", Confidence::Certain));
    let without = |chosen| asked(Tale::opened(), None, 101, chosen).close(Side::Server, 0.01).build();
    assert_eq!(outcome(&without(None)).confidence, Confidence::VeryLikely);
    assert!(diagnose(&without(None)).causes[0].contains("did not offer"));
    let agreed = asked(Tale::opened(), Some("mqtt"), 101, Some("mqtt")).close(Side::Client, 3.0);
    let agreed = outcome(&agreed.build());
    assert_eq!(agreed.id, "tcp-open-no-connect");
    assert!(agreed.sentence.starts_with("The WebSocket of 10.0.0.21"), "{}", agreed.sentence);
}

#[test]
fn what_runs_without_the_subprotocol_runs() {
    let tale = asked(Tale::healthy(), Some("mqtt"), 101, None);
    assert_eq!(outcome(&tale.build()).id, "clean-disconnect");
}

/// The Close frame of `side` that was the last thing on the wire.
fn closed_with(tale: Tale, side: Side, code: u16, reason: &str) -> Session {
    asked(tale.close(side, 1.0), Some("mqtt"), 101, Some("mqtt"))
        .with(|session| {
            let close = CloseFrame { at: session.wire.last, code: Some(code), reason: text(reason), ahead: false };
            *session.websocket.as_mut().unwrap().close.of_mut(side) = Some(close);
        })
        .build()
}

#[test]
fn close_codes_are_the_senders_words() {
    let verdict = diagnose(&closed_with(Tale::connected(), Side::Server, 1001, ""));
    assert_eq!(verdict.outcome.id, "server-closed");
    assert!(verdict.outcome.sentence.contains("with WebSocket close code 1001, Going Away;"), "{}", verdict.outcome.sentence);
    assert!(verdict.causes[0].contains("is stopping"));
    let verdict = diagnose(&closed_with(Tale::connecting(), Side::Server, 1008, "no"));
    assert_eq!(verdict.outcome.id, "connect-closed");
    assert!(verdict.outcome.sentence.ends_with("code 1008, Policy Violation, saying “no”."), "{}", verdict.outcome.sentence);
    let verdict = diagnose(&closed_with(Tale::connected(), Side::Client, 1001, ""));
    assert_eq!(verdict.outcome.id, "client-closed");
    assert!(verdict.causes[0].contains("web page was closed"));
    let large = closed_with(Tale::connected().publish(Side::Client, "a", 0, 70_000, 1.0), Side::Server, 1009, "");
    assert_eq!(outcome(&large).id, "packet-too-large");
}

#[test]
fn who_closes_the_websocket_closes_whoever_sends_the_first_fin() {
    let session = asked(Tale::connected(), Some("mqtt"), 101, Some("mqtt")).with(|session| {
        let close = CloseFrame { at: session.wire.last, code: Some(1000), reason: text(""), ahead: false };
        session.websocket.as_mut().unwrap().close.client = Some(close);
    });
    assert_eq!(outcome(&session.close(Side::Server, 0.01).close(Side::Client, 0.01).build()).id, "client-closed");
}

#[test]
fn an_answer_that_no_client_may_accept() {
    let told = |flaw, by, after| {
        let tale = asked(Tale::opened(), Some("mqtt"), 101, Some("mqtt")).close(by, after).with(|session| {
            session.websocket.as_mut().unwrap().answer.as_mut().unwrap().flaw = flaw;
        });
        outcome(&tale.build())
    };
    let missing = told(Some(Flaw::NoAccept), Side::Client, 0.001);
    assert_eq!((missing.id, missing.confidence), ("ws-upgrade-refused", Confidence::VeryLikely));
    assert!(missing.sentence.contains("without the header Sec-WebSocket-Accept, which no client may accept"), "{}", missing.sentence);
    // A client that stays does not mind, and a server that closes has another reason.
    assert_eq!(told(Some(Flaw::NoAccept), Side::Client, 9.0).id, "tcp-open-no-connect");
    assert_eq!(told(Some(Flaw::NoAccept), Side::Server, 0.001).id, "tcp-open-no-connect");
    assert_eq!(told(None, Side::Client, 0.001).id, "tcp-open-no-connect");
    let spoke = asked(Tale::healthy(), Some("mqtt"), 101, Some("mqtt")).with(|session| {
        session.websocket.as_mut().unwrap().answer.as_mut().unwrap().flaw = Some(Flaw::Upgrade);
    });
    assert_eq!(outcome(&spoke.build()).id, "clean-disconnect");
}

/// The end of a session whose request for a WebSocket was answered by `came` bytes of HTTP.
fn cut(came: usize, by: Side, after: f64) -> Verdict {
    let tale = asked(Tale::opened(), Some("mqtt"), 101, None).with(|session| {
        let newest = session.wire.last;
        let websocket = session.websocket.as_mut().unwrap();
        websocket.answer = None;
        websocket.begun_answer = (came > 0).then_some((came, newest));
        session.wire.sent.server.bytes = came as u64;
    });
    diagnose(&tale.close(by, after).build())
}

#[test]
fn an_answer_that_breaks_off() {
    let server = cut(47, Side::Server, 0.1);
    assert_eq!((server.outcome.id, server.outcome.confidence), ("ws-upgrade-refused", Confidence::Certain));
    assert!(server.outcome.sentence.ends_with("in the middle of its answer to the request for a WebSocket: 47 bytes came."));
    let patient = cut(47, Side::Client, 6.0);
    assert_eq!(patient.outcome.id, "connect-unanswered");
    assert!(patient.outcome.sentence.contains("the first 47 bytes of an HTTP answer"), "{}", patient.outcome.sentence);
    assert_eq!(cut(0, Side::Server, 0.1).outcome.id, "not-mqtt");
}

#[test]
fn who_never_sent_a_connect_has_no_session() {
    let words = |verdict: &Verdict| format!("{} {} {}", verdict.outcome.sentence, verdict.causes.concat(), verdict.next_steps.concat());
    for verdict in [cut(47, Side::Client, 0.1), cut(0, Side::Client, 0.1), cut(47, Side::Server, 0.1)] {
        let words = words(&verdict);
        for wrong in ["will", "MQTT 5.0", "same client id", "goodbye"] {
            assert!(!words.contains(wrong), "{words}");
        }
    }
    let prompt = cut(47, Side::Client, 0.1).outcome;
    assert_eq!(prompt.id, "client-closed");
    assert!(prompt.sentence.ends_with("in the middle of the answer to its request for a WebSocket: 47 bytes had come."), "{}", prompt.sentence);
    assert!(cut(0, Side::Client, 0.1).outcome.sentence.ends_with("before its request for a WebSocket was answered."));
    let joined_late = Tale::connected().with(|session| {
        (session.connect, session.connack) = (None, None);
        session.counts = crate::session::PerSide::default();
        (session.wire.syn.count, session.wire.syn_ack.count, session.wire.established) = (0, 0, None);
    });
    let late = joined_late.publish(Side::Client, "a", 0, 20, 2.0).close(Side::Client, 2.0).build();
    assert!(outcome(&late).sentence.ends_with("if it has a will, the broker should publish it."), "{}", outcome(&late).sentence);
}

#[test]
fn a_request_that_is_not_answered_in_http() {
    let ignored = |tale: Tale| {
        let tale = tale.with(|session| {
            session.websocket.as_mut().unwrap().answer = None;
            session.wire.sent.server.bytes = 0;
        });
        outcome(&tale.build())
    };
    let closed = ignored(asked(Tale::opened(), Some("mqtt"), 101, None).reset(Side::Server, 0.01));
    assert_eq!((closed.id, closed.confidence), ("not-mqtt", Confidence::Certain));
    assert!(closed.sentence.contains("asked for a WebSocket (HTTP, GET /mqtt)"), "{}", closed.sentence);
    let silent = ignored(asked(Tale::opened(), Some("mqtt"), 101, None).close(Side::Client, 30.0));
    assert_eq!(silent.id, "connect-unanswered");
}
