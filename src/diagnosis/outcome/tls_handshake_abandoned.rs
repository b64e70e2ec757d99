//! `tls-handshake-abandoned`: the handshake stopped half-way, and nobody said why.

use super::{About, Judgement};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::secured::{self, Secured};
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::session::{Close, Step};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "tls-handshake-abandoned",
    group: "tls",
    severity: Severity::Error,
    text: include_str!("tls_handshake_abandoned.md"),
};

/// How long a silence must last that the capture does not see the end of.
const LONG: i64 = 5 * SECOND;
/// A close within this time is an answer.
const AT_ONCE: i64 = SECOND;

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let tls = secured.tls;
    let begun = tls.client_hello.is_some() || story.session.wire.start_captured();
    if !begun || tls.is_complete() || tls.data.client.records > 0 || story.session.capture.evicted {
        return None;
    }
    let wire = &story.session.wire;
    let (at, side, step) = tls.last.or_else(|| Some((wire.sent.client.first_data?, Side::Client, Step::Other)))?;
    let (client, server) = (secured.client(), secured.server());
    if let Some(judgement) = answered_too_late(secured) {
        return Some(judgement);
    }
    let last = in_words(side, step, tls.last.is_none());
    let strange = story.close_by(Side::Server).is_some() && story.reset_is_foreign();
    let ending = match story.close {
        Some(close) => {
            let span = words::duration(close.at.time.nanoseconds_since(at.time));
            if strange {
                format!("{span} after {last} a reset in the server's name ended the connection, but its TTL does not fit the server's other packets")
            } else {
                format!("{span} after {last} {} {} the connection", secured::end(close.by), how(close.how))
            }
        }
        None if story.until_capture_end(at) >= LONG => {
            let span = words::duration(story.until_capture_end(at));
            format!("nothing followed {last} in the {span} {}", story.until_when())
        }
        None => return None,
    };
    let sentence = format!("The TLS handshake of {client} with {server} stopped half-way: {ending}.");
    let judgement = Judgement::new(Confidence::Certain, sentence)
        .on(&[Ground::Absence])
        .at([at])
        .at(story.close.map(|close| close.at))
        .seen_as(Sight::TlsCut);
    Some(explain(secured, judgement, at, side))
}

/// The server answered the client's hello when the client had closed.
fn answered_too_late(secured: Secured<'_>) -> Option<Judgement> {
    let (story, tls) = (secured.story, secured.tls);
    let close = story.close_by(Side::Client)?;
    let asked = tls.client_hello.as_ref()?.at;
    let answer = tls.server_hello.as_ref()?.at;
    if !close.at.is_before(answer) {
        return None;
    }
    let (waited, late) =
        (close.at.time.nanoseconds_since(asked.time), answer.time.nanoseconds_since(close.at.time));
    let sentence = format!(
        "{} did not answer the TLS hello of {} for {}; the client {} the connection, and the answer came {} too late.",
        secured.server(),
        secured.client(),
        words::duration(waited),
        how(close.how),
        words::duration(late)
    );
    Some(
        Judgement::new(story.certain_of_silence(), sentence)
            .on(&[Ground::Absence])
            .at([asked, close.at, answer])
            .cause("The broker was frozen or overloaded for a while: it answered in the end.")
            .cause("A load balancer or proxy held the connection until the broker behind it answered.")
            .step("Look into the logs and at the load of the broker, and of the proxy before it, at this time.")
            .step("Give the client a longer time limit for connecting.")
            .seen_as(Sight::TlsCut),
    )
}

/// Somebody closed, and the hello was cut short when it was captured: nobody can tell the handshake from data.
pub(super) fn cut(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let close = story.close.filter(|_| secured.is_unsettled() && !story.session.capture.evicted)?;
    let sentence = format!(
        "The TLS handshake of {} with {} seems to have stopped half-way: {} {} the connection after {}, and the capture shows no encrypted answer of the server that is longer than an alert. The hello was cut short when it was captured, so nobody can tell for sure.",
        secured.client(),
        secured.server(),
        secured::end(close.by),
        how(close.how),
        story.age(close.at)
    );
    Some(
        Judgement::new(Confidence::Possible, sentence)
            .on(&[Ground::Absence])
            .at(secured.tls.data.client.first)
            .at(secured.tls.data.server.last)
            .at([close.at])
            .seen_as(Sight::TlsCut)
            .cause("One side did not accept the other's certificate, and said so in an encrypted alert.")
            .step("Capture whole packets: `tcpdump -s 0`.")
            .step(format!("Try it without the client's program: `openssl s_client {} </dev/null`.", secured.connect_arguments())),
    )
}

fn in_words(side: Side, step: Step, partial: bool) -> &'static str {
    match (side, step) {
        _ if partial => "a part of the client's hello",
        (_, Step::ClientHello) => "the client's hello",
        (_, Step::Retry) => "the server's request for another hello",
        (_, Step::ServerHello) => "the server's hello",
        (Side::Server, Step::Certificate | Step::ServerDone) => "the server's certificate",
        (Side::Client, _) => "the client's part of the handshake",
        (Side::Server, _) => "a part of the server's handshake",
    }
}

fn explain(secured: Secured<'_>, judgement: Judgement, at: Moment, side: Side) -> Judgement {
    let story = secured.story;
    let port = story.port();
    let close = story.close;
    let prompt = |close: Close| close.at.time.nanoseconds_since(at.time) < AT_ONCE;
    let by_server = story.close_by(Side::Server).is_some();
    let strange = by_server && story.reset_is_foreign();
    if strange {
        return judgement
            .cause("A firewall or filter on the way looked into the TLS hello and does not let it pass: the name in it, or TLS on this port.")
            .step("Look into the rules and logs of the firewalls and proxies between client and broker at this time.")
            .step(format!("Try it from another network, past the firewall: `openssl s_client {} </dev/null`.", secured.connect_arguments()));
    }
    // After the client's hello it is the server's turn.
    let unanswered = !secured.tls.answered();
    let refused = unanswered && close.is_some_and(|close| close.by == Side::Server && prompt(close));
    let silent = unanswered && !refused;
    let begun = secured.tls.last.is_none();
    let lost = begun && story.session.wire.sent.client.is_incomplete();
    let nameless = secured.tls.client_hello.as_ref().is_some_and(|hello| hello.server_name.is_none());
    let look = secured.connect_arguments();
    judgement
        .cause_if(refused, format!("What listens on port {port} does not speak TLS: its certificate is not configured, or the port is for plain MQTT."))
        .cause_if(refused && nameless, "The server wants to be asked by a name (SNI), and the client named none: cloud brokers do.")
        .cause_if(refused, "A load balancer took the connection and has no broker behind it, or an access list turns this client away.")
        .cause_if(refused && !nameless && !begun, "The server knows nothing of the name that the client asked for (SNI), and closes instead of saying so.")
        .cause_if(silent && lost, "The rest of the hello got lost on the way, or was not captured: hellos with post-quantum keys fill two packets, and one of them, or all large ones, may not get through.")
        .cause_if(begun && !lost, "The client sent only the beginning of its hello: its program or TLS library stopped within it.")
        .cause_if(silent && !begun, "A load balancer or proxy took the connection, and the broker behind it does not answer.")
        .cause_if(silent && !begun, "The broker is overloaded or hangs.")
        .cause_if(silent && !begun, format!("What listens on port {port} does not speak TLS, and waits for more bytes."))
        .cause_if(silent && !begun && close.is_none_or(|close| !prompt(close)), "The server's answer, with its certificate, fills large packets, and only small ones get through (MTU): typical of VPNs, PPPoE and mobile links.")
        .cause_if(!unanswered && side == Side::Server && !by_server, "The client could not go on: its program hung or ran out of memory, or its own time limit for the handshake ran out (small devices need seconds).")
        .cause_if(!unanswered && side == Side::Server && by_server, "The server, or a proxy before it, was stopped or gave up in the middle.")
        .cause_if(!unanswered && side == Side::Client, "The server could not go on, or did not accept the client's part, and does not say so.")
        .step(format!("Try it without the client's program: `openssl s_client {look} </dev/null`."))
        .step_if(refused, format!("On the broker's host, see which listener port {port} is, and whether it has a certificate (mosquitto: `certfile`, `keyfile`)."))
        .step_if(!refused, "Look into the logs of the broker, and of the proxy before it, at this time.")
        .step_if(!unanswered && !by_server, "Give the client a longer time limit for connecting, or a certificate with an elliptic-curve key, which small devices check faster.")
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::stream::Side;
    use crate::transport::tls::Version;

    #[test]
    fn silence_and_a_close() {
        let silent = outcome(&Tale::greeted(Version::V1_2).close(Side::Client, 6.0).build());
        assert_eq!(silent.id, "tls-handshake-abandoned");
        assert_eq!(
            silent.sentence,
            "The TLS handshake of 10.0.0.21 with broker.lan (10.0.0.5:8883) stopped half-way: 6 s after the client's hello the client closed the connection."
        );
        assert_eq!(outcome(&Tale::greeted(Version::V1_2).ended_after(8.0).build()).id, "tls-handshake-abandoned");
        assert_eq!(outcome(&Tale::greeted(Version::V1_2).ended_after(1.0).build()).id, "unclassified");
    }

    #[test]
    fn a_hello_of_which_only_the_beginning_is_there() {
        let causes = |missing| {
            let tale = Tale::greeted(Version::V1_3).with(|session| {
                let tls = session.tls.as_mut().unwrap();
                (tls.client_hello, tls.last) = (None, None);
                let client = &mut session.wire.sent.client;
                client.missing_bytes = missing;
                client.first_data = Some(session.wire.last);
            });
            let verdict = diagnose(&tale.close(Side::Client, 10.0).build());
            assert!(verdict.outcome.sentence.contains("10 s after a part of the client's hello"), "{}", verdict.outcome.sentence);
            verdict.causes.concat()
        };
        assert!(causes(400).starts_with("The rest of the hello got lost on the way"), "{}", causes(400));
        assert!(causes(0).starts_with("The client sent only the beginning of its hello"), "{}", causes(0));
    }

    #[test]
    fn what_a_cut_hello_leaves_open() {
        let hello_cut = |tale: Tale| {
            let tale = tale.with(|session| {
                let tls = session.tls.as_mut().unwrap();
                (tls.client_hello, tls.server_hello, tls.finished) = Default::default();
            });
            outcome(&tale.close(Side::Client, 0.001).build())
        };
        let talk = || Tale::secured(Version::V1_3).data(Side::Client, 60, 0.1);
        let refused = hello_cut(talk().data(Side::Server, 19, 0.001));
        assert_eq!((refused.id, refused.confidence), ("tls-handshake-abandoned", Confidence::Possible));
        assert!(refused.sentence.contains("seems to have stopped half-way: the client closed"), "{}", refused.sentence);
        // An answer longer than an alert, and one after another.
        for near in [talk().data(Side::Server, 21, 0.001), talk().data(Side::Server, 21, 0.1).data(Side::Server, 19, 0.1)] {
            assert_eq!(hello_cut(near).id, "encrypted-session-ended");
        }
        // A capture that began later than the connection never had a hello.
        let late = talk().data(Side::Server, 19, 0.001).with(|session| {
            session.tls.as_mut().unwrap().client_hello = None;
            session.wire.syn.count = 0;
            session.wire.syn_ack.count = 0;
        });
        assert_eq!(outcome(&late.close(Side::Client, 0.001).build()).id, "encrypted-session-ended");
    }

    #[test]
    fn an_answer_to_a_client_that_has_closed() {
        let told = |left: f64| {
            let tale = Tale::greeted(Version::V1_2).close(Side::Client, left).server_hello(Version::V1_2, false);
            let mut session = tale.build();
            let answer = session.wire.last;
            session.tls.as_mut().unwrap().server_hello.as_mut().unwrap().at = answer;
            outcome(&session)
        };
        let late = told(5.0);
        assert_eq!((late.id, late.confidence), ("tls-handshake-abandoned", Confidence::Certain));
        assert!(late.sentence.contains("did not answer the TLS hello of 10.0.0.21 for 5 s; the client closed the connection, and the answer came 1 ms too late."), "{}", late.sentence);
        let in_time = Tale::greeted(Version::V1_2).server_hello(Version::V1_2, false).close(Side::Client, 5.0);
        assert!(!outcome(&in_time.build()).sentence.contains("too late"));
    }

    #[test]
    fn a_reset_with_the_hello_unread_is_a_wrong_door() {
        let reset = || Tale::greeted(Version::V1_2).reset(Side::Server, 0.001);
        assert_eq!(outcome(&reset().build()).id, "tls-to-plain-port");
        let known = reset().with(|session| session.neighbours.tls_on_port = Some(session.wire.first));
        assert_eq!(outcome(&known.build()).id, "tls-handshake-abandoned");
        assert_eq!(outcome(&Tale::greeted(Version::V1_2).close(Side::Server, 0.001).build()).id, "tls-handshake-abandoned");
    }

    #[test]
    fn a_reset_with_another_ttl_is_that_of_a_filter() {
        let told = |hops| {
            let tale = Tale::greeted(Version::V1_2).reset(Side::Server, 0.001).with(|session| {
                session.wire.sent.server.hop_limit = Some(57);
                session.wire.reset.as_mut().unwrap().hop_limit = hops;
                session.neighbours.tls_on_port = Some(session.wire.first);
            });
            diagnose(&tale.build())
        };
        let strange = told(64);
        assert_eq!(strange.outcome.id, "tls-handshake-abandoned");
        assert!(strange.outcome.sentence.contains("a reset in the server's name"), "{}", strange.outcome.sentence);
        assert!(strange.causes[0].starts_with("A firewall or filter"), "{:?}", strange.causes);
        let own = told(57);
        assert!(own.outcome.sentence.contains("the server reset the connection"), "{}", own.outcome.sentence);
        assert!(!own.causes.concat().contains("filter"), "{:?}", own.causes);
    }

    #[test]
    fn bytes_that_no_longer_arrive_are_the_path() {
        let tale = Tale::greeted(Version::V1_2).retries(Side::Client, 5, 12.0).reset(Side::Client, 10.0);
        assert_eq!(outcome(&tale.build()).id, "path-failed");
    }
}
