//! `encrypted-session-ended`: a session over TLS ended, and what was said in it cannot be read.

use super::{About, Judgement};
use crate::attempt::Service;
use crate::capture::Moment;
use crate::diagnosis::secured::{self, Secured};
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Qualifier, Severity};
use crate::session::{Close, CloseHow};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "encrypted-session-ended",
    group: "healthy",
    severity: Severity::Info,
    text: include_str!("encrypted_session_ended.md"),
};

/// How soon after its only answer a server closes that has refused.
const AT_ONCE: i64 = 2 * SECOND;
/// One that closes later than this may as well have let the client go for a newer one.
const DIRECTLY: i64 = SECOND / 2;
/// Length of an alert of TLS, and of the shortest packets of MQTT.
const SHORT: u16 = 2;
/// Lengths of a CONNACK of MQTT 3.x, and of one of MQTT 5.0 without properties.
const CONNACK: [u16; 2] = [4, 5];

/// Data went through, and then somebody closed.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let tls = secured.tls;
    let close = story.close?;
    let one_way = story.is(Qualifier::OneWay) && (tls.data.client.records > 0 || tls.data.server.records > 0);
    // Of a handshake that was captured to its end, what follows it is known: nothing was said.
    let silent = tls.finished.client.is_some() && tls.data.client.records + tls.data.server.records == 0;
    let late = tls.client_hello.is_none() && tls.is_complete() && !silent;
    if !(tls.carried_data() || one_way || late) || story.session.capture.evicted {
        return None;
    }
    let (client, server) = (secured.client(), secured.server());
    let by = secured::end(close.by);
    let leave = leave_taken(secured, close);
    let first = match leave {
        Some(leave) if leave.by_length => {
            format!("{} took its leave, judging by the length of its last record, and then ", secured::end(leave.side))
        }
        Some(leave) => format!("{} ended TLS, and then ", secured::end(leave.side)),
        None => String::new(),
    };
    let sentence = format!(
        "The encrypted session of {client} with {server} ended after {}: {first}{by} {} the connection; what was said inside cannot be read.",
        story.age(close.at),
        how(close.how)
    );
    let answer = refusal(secured, close);
    let directly = answer.is_some_and(|answer| story.soon(answer, close.at, DIRECTLY));
    let aws = story.service() == Some(Service::AwsIotCore);
    let turned_away = aws && close.by == Side::Server && tls.data.client.last.is_some_and(|last| story.soon(last, close.at, SECOND));
    let reset = close.how == CloseHow::Reset;
    let foreign = story.reset_is_foreign();
    Some(
        Judgement::new(Confidence::Certain, sentence)
            .at(tls.data.client.first)
            .at(tls.data.server.last)
            .at(leave.map(|leave| leave.at))
            .at([close.at])
            .at(answer)
            // No healthy session ends so: its client says more than CONNECT, or closes itself.
            .warning_if(answer.is_some())
            .cause_if(directly, "Possibly the broker refused the client: its only encrypted answer is as long as a CONNACK, and it closed right after.")
            .cause_if(answer.is_some() && !directly, "Possibly another connection with the same client id pushed this one out, or the broker refused the client: it closed soon after its only encrypted answer, which is as long as a CONNACK.")
            .cause_if(turned_away, "Possibly the policy of the device's certificate does not allow what it asked for, or another device connected with the same client id: AWS IoT Core then closes without a packet.")
            .cause_if(foreign, "A firewall or proxy on the way reset the connection: the TTL of the reset does not fit the server's other packets.")
            .cause_if(reset && !foreign && close.by == Side::Server, "The broker was stopped by force, or a device on the way no longer knew the connection.")
            .step_if(answer.is_some(), "Look into the broker's log at this time: it names the reason, a wrong password for instance.")
            .step_if(turned_away, "Look at `disconnectReason` in the lifecycle events and logs of AWS IoT (CloudWatch): AUTH_ERROR, FORBIDDEN_ACCESS, DUPLICATE_CLIENTID.")
            .step_if(answer.is_none() && !turned_away, "If it should not have ended: the broker's log at this time names the reason.")
            .seen_as(if answer.is_some() { Sight::Lost } else { Sight::Nothing }),
    )
}

/// Who ended what was inside, where the other side then was the first to close the connection.
#[derive(Clone, Copy, Debug)]
struct Leave {
    side: Side,
    at: Moment,
    /// Only the length of a record tells it: TLS 1.3 hides what it is.
    by_length: bool,
}

/// The goodbye of the side that did not close: an alert of TLS, or a last record as short as one, or as DISCONNECT,
/// which nothing asked for.
fn leave_taken(secured: Secured<'_>, close: Close) -> Option<Leave> {
    let side = close.by.other();
    let before = |at: &Moment| !close.at.is_before(*at) && secured.story.soon(*at, close.at, SECOND);
    let closers = *secured.tls.sealed_alert.of(close.by);
    let first = |at: &Moment| closers.is_none_or(|alert| at.is_before(alert));
    if let Some(at) = secured.tls.sealed_alert.of(side).filter(before).filter(first) {
        return Some(Leave { side, at, by_length: secured.is_hidden() });
    }
    let (own, others) = (secured.tls.data.of(side), secured.tls.data.of(close.by));
    let short = |length| secured.content(length) == Some(SHORT);
    // A reset that is not the server's own answers any record: a PINGREQ is as short.
    let stranger = close.by == Side::Server && secured.story.reset_is_foreign();
    let at = own.last.filter(before).filter(first).filter(|_| short(own.last_length) && !stranger)?;
    let answered = others.last.is_some_and(|other| match side {
        // The end of TLS answers DISCONNECT, and in TLS 1.3 looks like data.
        Side::Client if short(others.last_length) => !secured.story.soon(at, close.at, SECOND / 4),
        Side::Client => at.is_before(other),
        // PINGRESP is as short, and answers a PINGREQ.
        Side::Server => at.is_before(other) || short(others.last_length) && secured.story.soon(other, at, SECOND),
    });
    (!answered).then_some(Leave { side, at, by_length: true })
}

/// The server's only answer, if it can be a CONNACK that refuses: it is as long, and the server closed at once.
fn refusal(secured: Secured<'_>, close: Close) -> Option<Moment> {
    let (client, server) = (&secured.tls.data.client, &secured.tls.data.server);
    let first = server.first?;
    let content = secured.content(server.first_length)?;
    // What follows the answer in TLS 1.3 may be the goodbye of TLS.
    let only = server.records == 1 || secured.is_hidden() && server.records == 2;
    // The client's goodbye of TLS may answer the close.
    let asked = client.records == 1 || client.records == 2 && client.last.is_some_and(|last| close.at.is_before(last));
    let alone = only && asked && CONNACK.contains(&content);
    (alone && close.by == Side::Server && secured.story.soon(first, close.at, AT_ONCE)).then_some(first)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{self, Tale, outcome};
    use crate::diagnosis::{Confidence, Qualifier, Severity, diagnose};
    use crate::stream::Side;
    use crate::transport::tls::Version;

    #[test]
    fn data_both_ways_and_a_close() {
        let tale = Tale::secured(Version::V1_3).data(Side::Client, 60, 0.1).data(Side::Server, 21, 0.1);
        let verdict = diagnose(&tale.data(Side::Client, 40, 5.0).close(Side::Client, 0.1).build());
        assert_eq!((verdict.outcome.id, verdict.outcome.confidence), ("encrypted-session-ended", Confidence::Certain));
        assert_eq!(verdict.qualifiers, [Qualifier::Encrypted]);
        assert!(verdict.outcome.sentence.contains("the client closed the connection"), "{}", verdict.outcome.sentence);
        assert!(verdict.causes.is_empty());
    }

    #[test]
    fn a_handshake_of_which_the_end_was_captured_and_nothing_behind_it() {
        let ended = |spoken: bool| {
            let tale = Tale::secured(Version::V1_2).with(|session| {
                session.wire.syn.count = 0;
                session.wire.syn_ack.count = 0;
                let tls = session.tls.as_mut().unwrap();
                (tls.client_hello, tls.server_hello) = (None, None);
            });
            let tale = if spoken { tale.data(Side::Client, 60, 0.1) } else { tale };
            outcome(&tale.close(Side::Client, 2.0).build()).id
        };
        assert_ne!(ended(false), "encrypted-session-ended");
        assert_eq!(ended(true), "encrypted-session-ended");
    }

    #[test]
    fn one_short_answer_and_a_close_may_be_a_refusal() {
        let verdict = |length, after| {
            let tale = Tale::secured(Version::V1_3).data(Side::Client, 60, 0.1).data(Side::Server, length, 0.1);
            diagnose(&tale.close(Side::Server, after).build())
        };
        let causes = |length, after| verdict(length, after).causes.concat();
        let severity = |after| verdict(21, after).outcome.severity;
        assert!(causes(21, 0.01).starts_with("Possibly the broker refused"));
        assert_eq!([0.01, 60.0].map(severity), [Severity::Warning, Severity::Info]);
        assert!(causes(21, 1.0).starts_with("Possibly another connection with the same client id"));
        assert!(causes(21, 60.0).is_empty());
        assert!(causes(22, 0.01).starts_with("Possibly the broker refused"));
        assert!(causes(60, 0.01).is_empty());
    }

    #[test]
    fn the_goodbye_that_answers_a_refusal_is_no_second_request() {
        let refused = || {
            let tale = Tale::secured(Version::V1_3).data(Side::Client, 60, 0.1).data(Side::Server, 21, 0.1);
            tale.data(Side::Server, 19, 0.001).close(Side::Server, 0.001).data(Side::Client, 19, 0.001)
        };
        let causes = |tale: Tale| diagnose(&tale.build()).causes.concat();
        assert!(causes(refused()).starts_with("Possibly the broker refused"));
        // A second request, which came before the close.
        let tale = Tale::secured(Version::V1_3).data(Side::Client, 60, 0.1).data(Side::Server, 21, 0.1);
        assert!(causes(tale.data(Side::Client, 40, 0.1).close(Side::Server, 0.1)).is_empty());
        assert!(causes(refused().data(Side::Client, 40, 0.1)).is_empty());
    }

    #[test]
    fn aws_turns_away_without_a_word() {
        let causes = |name: &str, by, after| {
            let tale = Tale::secured(Version::V1_2).data(Side::Client, 60, 0.1).data(Side::Server, 28, 0.1);
            let tale = tale.data(Side::Client, 90, 1.0).with(|session| {
                let hello = session.tls.as_mut().unwrap().client_hello.as_mut().unwrap();
                hello.server_name = Some(testing::text(name));
            });
            diagnose(&tale.close(by, after).build()).causes.concat()
        };
        let endpoint = "abc-ats.iot.eu-west-1.amazonaws.com";
        assert!(causes(endpoint, Side::Server, 0.1).contains("policy of the device's certificate"));
        assert!(causes(endpoint, Side::Server, 60.0).is_empty());
        assert!(causes(endpoint, Side::Client, 0.1).is_empty());
        assert!(causes("broker.lan", Side::Server, 0.1).is_empty());
    }

    #[test]
    fn the_side_that_left_need_not_be_the_first_to_close() {
        let told = |tale: Tale| outcome(&tale.build()).sentence;
        let talk = |version| Tale::secured(version).data(Side::Client, 60, 0.1).data(Side::Server, 21, 0.1);
        // A record of 19 bytes in TLS 1.3: two bytes and what encryption adds.
        let hidden = told(talk(Version::V1_3).data(Side::Server, 19, 5.0).close(Side::Client, 0.01));
        assert!(hidden.contains("the server took its leave, judging by the length of its last record, and then the client closed"), "{hidden}");
        let goodbye = told(talk(Version::V1_3).data(Side::Client, 19, 5.0).close(Side::Server, 0.01));
        assert!(goodbye.contains("the client took its leave"), "{goodbye}");
        let answered = talk(Version::V1_3).data(Side::Client, 19, 5.0).data(Side::Server, 19, 0.001);
        let answered = told(answered.close(Side::Server, 0.001));
        assert!(answered.contains("the client took its leave"), "{answered}");
        let answered = talk(Version::V1_2).data(Side::Client, 26, 5.0).sealed_alert(Side::Server, 0.001);
        let answered = told(answered.close(Side::Server, 0.001));
        assert!(answered.contains("the client took its leave"), "{answered}");
        let alert = told(talk(Version::V1_2).sealed_alert(Side::Server, 5.0).close(Side::Client, 0.01));
        assert!(alert.contains("the server ended TLS, and then the client closed"), "{alert}");
        // An answer to a ping, a longer record, a pause before the close, the closer's own alert.
        let pong = talk(Version::V1_3).data(Side::Client, 19, 5.0).data(Side::Server, 19, 0.001);
        for tale in [
            pong.close(Side::Client, 0.01),
            talk(Version::V1_3).data(Side::Server, 40, 5.0).close(Side::Client, 0.01),
            talk(Version::V1_3).data(Side::Server, 19, 5.0).close(Side::Client, 4.0),
            talk(Version::V1_2).sealed_alert(Side::Client, 5.0).sealed_alert(Side::Server, 0.001).close(Side::Client, 0.01),
        ] {
            let sentence = told(tale);
            assert!(sentence.contains("s: the client closed the connection"), "{sentence}");
        }
        // A ping that was answered a while before the server closed.
        let pinged = talk(Version::V1_3).data(Side::Client, 19, 5.0).data(Side::Server, 19, 0.001);
        let pinged = told(pinged.close(Side::Server, 0.6));
        assert!(pinged.contains("s: the server closed the connection"), "{pinged}");
    }

    #[test]
    fn without_an_answer_it_is_not_a_session() {
        let sent = || Tale::secured(Version::V1_3).data(Side::Client, 60, 0.1);
        assert_eq!(outcome(&sent().close(Side::Server, 0.1).build()).id, "connect-closed");
        assert_eq!(outcome(&sent().close(Side::Client, 15.0).build()).id, "connect-unanswered");
        assert_eq!(outcome(&Tale::secured(Version::V1_3).close(Side::Server, 15.0).build()).id, "tcp-open-no-connect");
    }
}
