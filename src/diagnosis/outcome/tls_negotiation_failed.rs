//! `tls-negotiation-failed`: client and server found no way to encrypt on which both agree.

use std::net::IpAddr;

use super::{About, Judgement};
use crate::diagnosis::secured::Secured;
use crate::diagnosis::story::Story;
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
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

/// Alerts that can only be about what the hellos say: versions, strength, extensions, names, identities.
const ABOUT_HELLOS: [u8; 8] = [70, 71, 86, 109, 110, 112, 115, 120];

/// Alerts with which a server may refuse an address in place of its name.
const ABOUT_NAMES: [u8; 3] = [47, DECODE_ERROR, 112];

/// The cause of last resort.
const DAMAGED: &str = "One side's TLS library is faulty or very old, or a device on the way changed what was sent.";

/// What OpenSSL sends when the server closed in the middle of the handshake.
const DECODE_ERROR: u8 = 50;

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
    let agreed = may_have_agreed(secured, fact.alert.0);
    let (confidence, sentence) = if agreed {
        let ended = format!("{sender} ended the TLS handshake with {receiver}: it sent {alert}");
        (Confidence::Possible, format!("{ended}, and what was said before could not all be read."))
    } else {
        let failed = format!("{sender} could not agree with {receiver} on how to encrypt: it sent {alert}.");
        (Confidence::Certain, failed)
    };
    let mut judgement = Judgement::new(confidence, sentence)
        .at(hello)
        .at([fact.at])
        .cause_if(agreed && side == Side::Server, "The server asks clients for a certificate, and this one sent none that it accepts: what was said before the alert could not be read.")
        .cause_if(agreed && side == Side::Client, "The client did not accept the server's certificate: what was said before the alert could not be read.");
    for cause in causes(secured, side, fact.alert.0) {
        judgement = judgement.cause(cause);
    }
    Some(advise(secured, judgement, fact.alert.0).seen_as(Sight::TlsRefused))
}

/// Whether the two may have agreed before the alert: it is one that may be about a certificate, and what the server said
/// before it could not be read.
fn may_have_agreed(secured: Secured<'_>, alert: u8) -> bool {
    let (story, session) = (secured.story, secured.story.session);
    let server = &session.wire.sent.server;
    let more_than_hello = server.sent.0.max(server.acknowledged.0) > HELLO;
    let lacks = story.is(Qualifier::CaptureGaps) || story.is(Qualifier::CutPackets);
    let unseen = story.is(Qualifier::OneWay) || !session.wire.start_captured();
    let unread = more_than_hello && (lacks || secured.tls.server_hello.is_none());
    !ABOUT_HELLOS.contains(&alert) && (unseen || unread || lacks && alert == DECODE_ERROR)
}

/// The address that the client gave for the server's name.
fn address_as_name(secured: Secured<'_>) -> Option<IpAddr> {
    std::str::from_utf8(&secured.tls.server_name()?.0).ok()?.parse().ok()
}

fn causes(secured: Secured<'_>, side: Side, alert: u8) -> Vec<String> {
    let tls = secured.tls;
    let hello = tls.client_hello.as_ref();
    let highest = hello.and_then(ClientHelloFacts::highest);
    let offered = highest.map_or_else(|| "an unknown version".to_owned(), |version| version.to_string());
    let old = highest.is_some_and(|version| version < Version::V1_2);
    let keyed = hello.is_some_and(|hello| hello.only_psk || hello.resumes);
    let nameless = side == Side::Server && hello.is_some_and(|hello| hello.server_name.is_none());
    let newest_only = !keyed
        && hello.is_some_and(|hello| {
            !hello.versions.is_empty() && hello.versions.iter().all(|version| version.hides_handshake())
        });
    let alpn = || {
        let names = hello.map(|hello| hello.alpn.iter().map(words::plain).collect::<Vec<_>>()).unwrap_or_default();
        words::list(&names)
    };
    let suites = "They have no cipher suite, curve or kind of signature in common: old devices offer few, and a broker's list may be short.".to_owned();
    let mut causes: Vec<String> = Vec::new();
    match (side, alert) {
        (Side::Server, 40 | 70) if newest_only => {
            causes.push("The client offers no version below TLS 1.3, and the server seems to know older ones only.".to_owned());
            causes.extend((alert == 40).then_some(suites));
        }
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
        _ => causes.push(DAMAGED.to_owned()),
    }
    if let Some(address) = address_as_name(secured).filter(|_| side == Side::Server && ABOUT_NAMES.contains(&alert)) {
        causes.retain(|cause| cause != DAMAGED);
        causes.insert(0, format!("The client asked for {address} (SNI), an address, where only a name may stand (RFC 6066 §3): servers that use rustls, rumqttd for one, refuse that."));
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
    let address = address_as_name(secured).is_some() && ABOUT_NAMES.contains(&alert);
    judgement
        .step_if(address, "Connect to the broker by its name, or switch the server name off in the client's TLS settings.")
        .step_if(version, "Update the TLS library or the firmware of the client; or allow its version at the broker (mosquitto: `tls_version`), inside a network that you trust.")
        .step_if(keyed && !version, "Compare identity and key with those of the broker (mosquitto: `psk_file`).")
        .step_if(alert == 120, "Ask for the name that the broker expects: `mqtt`, or `x-amzn-mqtt-ca` for AWS IoT on port 443.")
        .step(format!("See what the server agrees to: `openssl s_client {look} </dev/null`, and the same with `-tls1_2`."))
        .step("Look into the broker's log at this time: it names the reason (mosquitto: a line with “SSL routines”).")
}

#[cfg(test)]
mod tests {
    use super::DECODE_ERROR;
    use crate::diagnosis::{Confidence, diagnose};
    use crate::diagnosis::testing::{Tale, outcome, text};
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
    fn a_client_that_knows_the_newest_version_only() {
        let first = |versions: &[Version], alert| {
            let tale = Tale::greeted(Version::V1_3).with(|session| {
                session.tls.as_mut().unwrap().client_hello.as_mut().unwrap().versions = versions.to_vec();
            });
            diagnose(&tale.alert(Side::Server, alert, 0.001).build()).causes[0].clone()
        };
        for alert in [40, 70] {
            assert!(first(&[Version::V1_3], alert).starts_with("The client offers no version below TLS 1.3"));
        }
        assert!(first(&[Version::V1_3, Version::V1_2], 40).starts_with("They have no cipher suite"));
    }

    #[test]
    fn an_alert_after_a_handshake_that_the_capture_cut() {
        let alerted = |side, said, alert| {
            let tale = Tale::greeted(Version::V1_2).with(|session| {
                // What came, or what the client acknowledged and the capture lacks.
                let server = &mut session.wire.sent.server;
                *(if side == Side::Server { &mut server.sent.0 } else { &mut server.acknowledged.0 }) += said;
            });
            diagnose(&tale.alert(side, alert, 0.01).build())
        };
        let told = |side, said| alerted(side, said, 40);
        let (late, at_once) = (told(Side::Server, 1041), told(Side::Server, 0));
        assert_eq!((late.outcome.id, late.outcome.confidence), ("tls-negotiation-failed", Confidence::Possible));
        assert!(!late.outcome.sentence.contains("could not agree"), "{}", late.outcome.sentence);
        assert_eq!(alerted(Side::Server, 1041, 70).outcome.confidence, Confidence::Certain);
        let holed = |missing| {
            let tale = Tale::greeted(Version::V1_2).with(|session| session.wire.sent.server.missing_bytes = missing);
            outcome(&tale.alert(Side::Client, DECODE_ERROR, 0.01).build()).confidence
        };
        assert_eq!((holed(1), holed(0)), (Confidence::Possible, Confidence::Certain));
        assert!(late.causes[0].starts_with("The server asks clients for a certificate"), "{:?}", late.causes);
        assert!(told(Side::Client, 1041).causes[0].starts_with("The client did not accept the server's certificate"));
        assert_eq!(at_once.outcome.confidence, Confidence::Certain);
        assert!(at_once.causes[0].starts_with("They have no cipher suite"), "{:?}", at_once.causes);
    }

    #[test]
    fn an_address_in_place_of_a_name() {
        let first = |name: &str, alert| {
            let tale = Tale::greeted(Version::V1_2).with(|session| {
                session.tls.as_mut().unwrap().client_hello.as_mut().unwrap().server_name = Some(text(name));
            });
            diagnose(&tale.alert(Side::Server, alert, 0.001).build()).causes[0].clone()
        };
        assert!(first("10.0.0.5", 50).starts_with("The client asked for 10.0.0.5 (SNI), an address"));
        assert!(first("broker.lan", 50).starts_with("One side's TLS library is faulty"));
        assert!(first("10.0.0.5", 40).starts_with("They have no cipher suite"));
    }

    #[test]
    fn a_goodbye_or_a_remark_is_not_it() {
        let with = |alert| outcome(&Tale::greeted(Version::V1_2).alert(Side::Server, alert, 0.01).close(Side::Server, 0.01).build());
        assert_eq!(with(120).id, "tls-negotiation-failed");
        assert_eq!(with(0).id, "tls-handshake-abandoned");
    }
}
