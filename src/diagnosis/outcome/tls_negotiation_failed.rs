//! `tls-negotiation-failed`: client and server found no way to encrypt on which both agree.

use super::{About, Judgement};
use crate::diagnosis::secured::Secured;
use crate::diagnosis::story::Story;
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::session::ClientHelloFacts;
use crate::stream::Side;
use crate::transport::tls::Version;

pub(super) const ABOUT: About = About {
    id: "tls-negotiation-failed",
    group: "tls",
    severity: Severity::Error,
    text: include_str!("tls_negotiation_failed.md"),
};

/// The most bytes that a server's hello takes with all that is usual in it.
const HELLO: u64 = 200;

/// An alert in the clear ended the handshake, and it is not about a certificate.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let tls = secured.tls;
    let (side, fact) = secured.failure()?;
    if tls.is_complete() {
        return None;
    }
    let (client, server, alert) = (secured.client(), secured.server(), Secured::alert(fact));
    let (sender, receiver) = match side {
        Side::Client => (client, server),
        Side::Server => (server, client),
    };
    let hello = tls.client_hello.as_ref().map(|hello| hello.at);
    let agreed = may_have_agreed(secured);
    let sentence = format!("{sender} could not agree with {receiver} on how to encrypt: it sent {alert}.");
    let confidence = if agreed { Confidence::Likely } else { Confidence::Certain };
    let mut judgement = Judgement::new(confidence, sentence)
        .at(hello)
        .at([fact.at])
        .cause_if(agreed && side == Side::Server, "The server asks clients for a certificate, and this one sent none that it accepts: the server had said more than a hello before, and the capture cut it short.")
        .cause_if(agreed && side == Side::Client, "The client did not accept the server's certificate: the server had said more than a hello before, and the capture cut it short.");
    for cause in causes(secured, side, fact.alert.0) {
        judgement = judgement.cause(cause);
    }
    Some(advise(secured, judgement, fact.alert.0).seen_as(Sight::TlsRefused))
}

/// Whether the two may have agreed before the alert: nothing of the handshake could be read, and the server had said more
/// than a hello.
fn may_have_agreed(secured: Secured<'_>) -> bool {
    let unread = secured.tls.client_hello.is_none() && secured.tls.server_hello.is_none();
    unread && secured.story.session.wire.sent.server.sent.0 > HELLO
}

fn causes(secured: Secured<'_>, side: Side, alert: u8) -> Vec<String> {
    let tls = secured.tls;
    let hello = tls.client_hello.as_ref();
    let highest = hello.and_then(ClientHelloFacts::highest);
    let offered = highest.map_or_else(|| "an unknown version".to_owned(), |version| version.to_string());
    let old = highest.is_some_and(|version| version < Version::V1_2);
    let keyed = hello.is_some_and(|hello| hello.only_psk || hello.resumes);
    let nameless = side == Side::Server && hello.is_some_and(|hello| hello.server_name.is_none());
    let alpn = || {
        let names = hello.map(|hello| hello.alpn.iter().map(words::plain).collect::<Vec<_>>()).unwrap_or_default();
        words::list(&names)
    };
    let suites = "They have no cipher suite, curve or kind of signature in common: old devices offer few, and a broker's list may be short.".to_owned();
    let mut causes: Vec<String> = Vec::new();
    match (side, alert) {
        (Side::Server, 70) => {
            causes.push(format!("The client offers no version above {offered}, and the server wants another."));
        }
        (Side::Client, 70) => {
            let chosen = tls.version().map_or_else(|| "an old version".to_owned(), |version| version.to_string());
            causes.push(format!("The server chose {chosen}, which is too old for the client."));
        }
        (_, 120) if alpn().is_empty() => causes.push("The server requires the client to name its application protocol (ALPN).".to_owned()),
        (_, 120) => causes.push(format!("The client asked for the application protocol {} (ALPN), and the server offers none of that name.", alpn())),
        (_, 112) => causes.push(match tls.server_name() {
            Some(name) => format!("The server does not know the name {} that the client asked for (SNI).", words::plain(name)),
            None => "The server wants to be asked by a name (SNI), and the client named none.".to_owned(),
        }),
        (_, 115) => causes.push("The server does not know the identity that goes with the client's pre-shared key.".to_owned()),
        (_, 20 | 40 | 47 | 51) if keyed => {
            causes.push("The client's pre-shared key, or the identity that goes with it, is not the one that the server knows.".to_owned());
            causes.push(suites);
        }
        (_, 40 | 71) => causes.push(suites),
        (_, 86) => causes.push("The client tried again with an older version after a failure, and the server takes that for an attack.".to_owned()),
        (Side::Server, 80) if old => {}
        (_, 80) => causes.push("The sender met a fault of its own, in its configuration for instance; its log tells.".to_owned()),
        (_, 109 | 110) => causes.push("One side's TLS library is old or incomplete: an extension is missing, or is not known.".to_owned()),
        _ => causes.push("One side's TLS library is faulty or very old, or a device on the way changed what was sent.".to_owned()),
    }
    if old && alert != 70 {
        causes.insert(0, format!("The client offers no version above {offered}, which brokers of today do not accept."));
    }
    if nameless && matches!(alert, 40 | 80) {
        causes.push("The server wants to be asked by a name (SNI), and the client named none: cloud brokers do.".to_owned());
    }
    causes
}

fn advise(secured: Secured<'_>, judgement: Judgement, alert: u8) -> Judgement {
    let look = secured.connect_arguments();
    let keyed = matches!(alert, 115) || secured.tls.client_hello.as_ref().is_some_and(|hello| hello.only_psk || hello.resumes);
    let version = matches!(alert, 70 | 86);
    judgement
        .step_if(version, "Update the TLS library or the firmware of the client; or allow its version at the broker (mosquitto: `tls_version`), inside a network that you trust.")
        .step_if(keyed && !version, "Compare identity and key with those of the broker (mosquitto: `psk_file`).")
        .step_if(alert == 120, "Ask for the name that the broker expects: `mqtt`, or `x-amzn-mqtt-ca` for AWS IoT on port 443.")
        .step(format!("See what the server agrees to: `openssl s_client {look} </dev/null`, and the same with `-tls1_2`."))
        .step("Look into the broker's log at this time: it names the reason (mosquitto: a line with “SSL routines”).")
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{Confidence, diagnose};
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;
    use crate::transport::tls::Version;

    #[test]
    fn the_versions_do_not_meet() {
        let verdict = diagnose(&Tale::greeted(Version(0x0302)).alert(Side::Server, 70, 0.001).build());
        assert_eq!(verdict.outcome.id, "tls-negotiation-failed");
        assert_eq!(
            verdict.outcome.sentence,
            "broker.lan (10.0.0.5:8883) could not agree with 10.0.0.21 on how to encrypt: it sent the TLS alert protocol_version (70)."
        );
        assert_eq!(verdict.causes[0], "The client offers no version above TLS 1.1, and the server wants another.");
    }

    #[test]
    fn an_alert_after_a_handshake_that_the_capture_cut() {
        let told = |side, said| {
            let tale = Tale::greeted(Version::V1_2).with(|session| {
                session.tls.as_mut().unwrap().client_hello = None;
                session.wire.sent.server.sent.0 += said;
            });
            diagnose(&tale.alert(side, 40, 0.01).build())
        };
        let (late, at_once) = (told(Side::Server, 1041), told(Side::Server, 0));
        assert_eq!((late.outcome.id, late.outcome.confidence), ("tls-negotiation-failed", Confidence::Likely));
        assert!(late.causes[0].starts_with("The server asks clients for a certificate"), "{:?}", late.causes);
        assert!(told(Side::Client, 1041).causes[0].starts_with("The client did not accept the server's certificate"));
        assert_eq!(at_once.outcome.confidence, Confidence::Certain);
        assert!(at_once.causes[0].starts_with("They have no cipher suite"), "{:?}", at_once.causes);
    }

    #[test]
    fn a_goodbye_or_a_remark_is_not_it() {
        let with = |alert| outcome(&Tale::greeted(Version::V1_2).alert(Side::Server, alert, 0.01).close(Side::Server, 0.01).build());
        assert_eq!(with(120).id, "tls-negotiation-failed");
        assert_eq!(with(0).id, "tls-handshake-abandoned");
    }
}
