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
/// Length of a CONNACK of MQTT 3.x.
const CONNACK: u16 = 4;

/// Data went through, and then somebody closed.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let tls = secured.tls;
    let close = story.close?;
    let one_way = story.is(Qualifier::OneWay) && (tls.data.client.records > 0 || tls.data.server.records > 0);
    let late = tls.client_hello.is_none() && tls.is_complete();
    if !(tls.carried_data() || one_way || late) || story.session.capture.evicted {
        return None;
    }
    let (client, server) = (secured.client(), secured.server());
    let by = secured::end(close.by);
    let sentence = format!(
        "The encrypted session of {client} with {server} ended after {}: {by} {} the connection; what was said inside cannot be read.",
        story.age(close.at),
        how(close.how)
    );
    let answer = refusal(secured, close);
    let aws = story.service() == Some(Service::AwsIotCore);
    let turned_away = aws && close.by == Side::Server && tls.data.client.last.is_some_and(|last| story.soon(last, close.at, SECOND));
    let reset = close.how == CloseHow::Reset;
    Some(
        Judgement::new(Confidence::Certain, sentence)
            .at(tls.data.client.first)
            .at(tls.data.server.last)
            .at([close.at])
            .at(answer)
            .cause_if(answer.is_some(), "Possibly the broker refused the client: its only encrypted answer is as long as a CONNACK, and it closed right after.")
            .cause_if(turned_away, "Possibly the policy of the device's certificate does not allow what it asked for, or another device connected with the same client id: AWS IoT Core then closes without a packet.")
            .cause_if(reset && close.by == Side::Server, "The broker was stopped by force, or a device on the way no longer knew the connection.")
            .step_if(answer.is_some(), "Look into the broker's log at this time: it names the reason, a wrong password for instance.")
            .step_if(turned_away, "Look at `disconnectReason` in the lifecycle events and logs of AWS IoT (CloudWatch): AUTH_ERROR, FORBIDDEN_ACCESS, DUPLICATE_CLIENTID.")
            .step_if(answer.is_none() && !turned_away, "If it should not have ended: the broker's log at this time names the reason.")
            .seen_as(if answer.is_some() { Sight::Lost } else { Sight::Nothing }),
    )
}

/// The server's only answer, if it can be a CONNACK that refuses: it is as long, and the server closed at once.
fn refusal(secured: Secured<'_>, close: Close) -> Option<Moment> {
    let (client, server) = (&secured.tls.data.client, &secured.tls.data.server);
    let first = server.first?;
    let content = content(secured, server.first_length)?;
    // What follows the answer in TLS 1.3 may be the goodbye of TLS.
    let only = server.records == 1 || secured.is_hidden() && server.records == 2;
    let alone = only && client.records == 1 && content == CONNACK;
    (alone && close.by == Side::Server && secured.story.soon(first, close.at, AT_ONCE)).then_some(first)
}

/// Bytes of content in a record of this length: what the cipher adds taken away (RFC 8446 §5.2, RFC 5288, RFC 7905).
fn content(secured: Secured<'_>, length: u16) -> Option<u16> {
    let cipher = secured.tls.server_hello.as_ref()?.cipher_name?;
    let added = match () {
        () if secured.is_hidden() => 17,
        () if cipher.contains("CHACHA20") => 16,
        () if cipher.contains("GCM") => 24,
        () => return None,
    };
    length.checked_sub(added)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{self, Tale, outcome};
    use crate::diagnosis::{Confidence, Qualifier, diagnose};
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
    fn one_short_answer_and_a_close_may_be_a_refusal() {
        let causes = |length, after| {
            let tale = Tale::secured(Version::V1_3).data(Side::Client, 60, 0.1).data(Side::Server, length, 0.1);
            diagnose(&tale.close(Side::Server, after).build()).causes.concat()
        };
        assert!(causes(21, 0.01).starts_with("Possibly the broker refused"));
        assert!(causes(21, 60.0).is_empty());
        assert!(causes(90, 0.01).is_empty());
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
    fn without_an_answer_it_is_not_a_session() {
        let sent = || Tale::secured(Version::V1_3).data(Side::Client, 60, 0.1);
        assert_eq!(outcome(&sent().close(Side::Server, 0.1).build()).id, "connect-closed");
        assert_eq!(outcome(&sent().close(Side::Client, 15.0).build()).id, "connect-unanswered");
        assert_eq!(outcome(&Tale::secured(Version::V1_3).close(Side::Server, 15.0).build()).id, "tcp-open-no-connect");
    }
}
