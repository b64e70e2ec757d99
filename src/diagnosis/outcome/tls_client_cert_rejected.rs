//! `tls-client-cert-rejected`: the server did not accept, or did not get, the client's certificate.

use super::{About, Judgement};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::secured::{FlawKind, Secured, is_about_certificate, quoted};
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::session::Shown;
use crate::stream::Side;
use crate::transport::tls::{Alert, Certificate};

pub(super) const ABOUT: About = About {
    id: "tls-client-cert-rejected",
    group: "tls",
    severity: Severity::Error,
    text: include_str!("tls_client_cert_rejected.md"),
};

/// How soon after the client's answer a server ends what it does not accept.
const AT_ONCE: i64 = 2 * SECOND;
/// By how much a capture of two directions may hold the server's end before the answer that it follows.
const MISPLACED: i64 = SECOND / 50;

/// The server's alert says it.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let tls = secured.tls;
    let fact = secured.failure_of(Side::Server)?;
    let answered = tls.client_certificate.map(|answer| answer.shown);
    let asked = tls.certificate_request.is_some() || answered.is_some_and(|shown| shown != Shown::NotAsked);
    let by_kind = is_about_certificate(fact.alert) || fact.alert.0 == 116;
    let by_place = asked && answered.is_some() && matches!(fact.alert.0, 40 | 47 | 49 | 50 | 51 | 80);
    if !(by_kind || by_place) || tls.carried_data() {
        return None;
    }
    let (client, server, alert) = (secured.client(), secured.server(), Secured::alert(fact));
    let nothing = answered == Some(Shown::Nothing) || fact.alert.0 == 116;
    let sentence = if nothing {
        format!("{server} asked {client} for a certificate, got none, and ended the handshake with {alert}.")
    } else {
        format!("{server} did not accept the certificate of {client}: it sent {alert}.")
    };
    let confidence = if by_kind || nothing { Confidence::Certain } else { Confidence::Likely };
    let judgement = Judgement::new(confidence, sentence).at(tls.certificate_request).at([fact.at]);
    Some(explain(secured, judgement, Some(fact.alert), nothing).seen_as(Sight::ClientCertificateRefused))
}

/// The server ends the connection right after the client's answer, of which TLS 1.3 shows the length only.
pub(super) fn seen(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let tls = secured.tls;
    let answer = tls.client_certificate?;
    let alert = tls.sealed_alert.server;
    let close = story.close_by(Side::Server).map(|close| (close.at, how(close.how)));
    let end = alert.or(close.map(|(at, _)| at))?;
    let left = story.close_by(Side::Client).is_some_and(|close| close.at.is_before(end));
    let apart = end.time.nanoseconds_since(answer.at.time);
    let refused = answer.shown != Shown::NotAsked && tls.data.server.records == 0 && !left;
    if !refused || secured.failure().is_some() || !(-MISPLACED..=AT_ONCE + story.round_trip()).contains(&apart) {
        return None;
    }
    let nothing = answer.shown == Shown::Nothing;
    // A certificate that was shown and a close without an alert: what came after the handshake may be the reason.
    let confidence = match (nothing, alert) {
        (true, _) | (false, Some(_)) => Confidence::Likely,
        (false, None) => Confidence::Possible,
    };
    let (client, server) = (secured.client(), secured.server());
    let span = words::duration(apart.max(0));
    let ended = match (alert, close) {
        (Some(_), _) => "sent an encrypted alert".to_owned(),
        (None, Some((_, how))) => format!("{how} the connection"),
        (None, None) => return None,
    };
    let by_length = if secured.is_hidden() { " (as the length of the encrypted message tells)" } else { "" };
    let sentence = if nothing {
        format!("{server} asked {client} for a certificate, got none{by_length}, and {ended} {span} later.")
    } else {
        format!("{server} {ended} {span} after {client} had shown its certificate{by_length}: it most likely did not accept it.")
    };
    let moments: [Option<Moment>; 3] = [Some(answer.at), alert, close.map(|(at, _)| at)];
    let judgement = Judgement::new(confidence, sentence).on(&[Ground::Absence]).at(moments.into_iter().flatten());
    let judgement = explain(secured, judgement, None, nothing);
    let denied = "The broker accepted the certificate, and then the client: a policy does not allow its client id or its user (AWS IoT closes without a word).";
    let possible = confidence == Confidence::Possible;
    Some(judgement.cause_if(possible, denied).seen_as(Sight::ClientCertificateRefusedLate))
}

fn explain(secured: Secured<'_>, judgement: Judgement, alert: Option<Alert>, nothing: bool) -> Judgement {
    let look = secured.connect_arguments();
    let mut judgement = judgement;
    if nothing {
        return judgement
            .cause("No certificate and key are set in the client, and the broker requires them (mosquitto: `require_certificate true`).")
            .cause("The client has a certificate, but of none of the authorities or kinds of key that the broker asked for.")
            .step("Give the client its certificate and its key: `--cert` and `--key`, `setCertificate()` and `setPrivateKey()`, `tls_set(certfile=…, keyfile=…)`.")
            .step(format!("See which authorities the broker asks for: `openssl s_client {look} </dev/null` lists them."))
            .step("Or use a listener of the broker that requires no certificate.");
    }
    for cause in causes(secured, alert) {
        judgement = judgement.cause(cause);
    }
    let expired = secured.client_flaws().iter().any(|flaw| flaw.kind == FlawKind::Expired);
    judgement
        .step("Look into the broker's log at this time: it names the reason (mosquitto: a line with “SSL routines”).")
        .step_if(expired, "Issue a new certificate to the client.")
        .step_if(!expired, "Look at the client's certificate: `openssl x509 -in client.crt -noout -subject -issuer -dates`, and compare its issuer with the broker's `cafile`.")
        .step(format!("Try it without the client's program: `openssl s_client {look} -cert client.crt -key client.key`."))
}

fn causes(secured: Secured<'_>, alert: Option<Alert>) -> Vec<String> {
    let own = secured.tls.chain.client.as_ref().and_then(|chain| chain.own());
    let issuer = own.map_or_else(|| ",".to_owned(), |own| format!(", {},", quoted(&own.issuer)));
    let mut causes: Vec<String> = Vec::new();
    let authority = format!("The broker does not know the authority that issued the client's certificate{issuer} or the client does not send the certificates between.");
    let number = alert.map(|alert| alert.0);
    if number == Some(48) {
        causes.push(authority.clone());
    }
    let flaws = secured.client_flaws();
    let proven = !flaws.is_empty();
    causes.extend(flaws.into_iter().map(|flaw| flaw.sentence));
    match number {
        Some(45) if proven => {}
        Some(45) => causes.extend(outdated(own)),
        Some(48) => {}
        Some(44) => causes.push("The client's certificate was revoked: it stands on the broker's list (mosquitto: `crlfile`).".to_owned()),
        Some(43) => causes.push("The client's certificate is not meant for clients (its key usage), or its kind of key is not known to the broker.".to_owned()),
        Some(51) => causes.push("The client's key does not belong to its certificate.".to_owned()),
        _ if proven => {}
        _ => causes.extend([
            authority,
            "The client's certificate has expired or was revoked, or the broker's list of revoked ones is out of date.".to_owned(),
            "The certificate is not registered or not active at the broker, or its key does not belong to it.".to_owned(),
        ]),
    }
    causes
}

/// What has expired, where no certificate that can be read has.
fn outdated(own: Option<&Certificate>) -> Vec<String> {
    let list = "The broker's list of revoked certificates is out of date (mosquitto: `crlfile`): OpenSSL then refuses every client.";
    let Some(own) = own else {
        return vec!["The client's certificate has expired, or the clock of the broker is wrong.".to_owned(), list.to_owned()];
    };
    let until = words::date(own.not_after);
    vec![
        list.to_owned(),
        format!("The clock of the broker is wrong: the client's certificate is valid until {until}."),
        "The certificate of an authority above the client's own has expired (mosquitto: `cafile`).".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::session::{Shown, Shows};
    use crate::stream::Side;
    use crate::transport::tls::Version;

    fn shown(version: Version) -> Tale {
        Tale::greeted(version).server_hello(version, version.hides_handshake())
    }

    #[test]
    fn none_was_shown() {
        let tale = shown(Version::V1_2).answered(Shown::Nothing, Shows::Message).alert(Side::Server, 40, 0.001);
        let refused = outcome(&tale.reset(Side::Server, 0.001).build());
        assert_eq!((refused.id, refused.confidence), ("tls-client-cert-rejected", Confidence::Certain));
        assert_eq!(
            refused.sentence,
            "broker.lan (10.0.0.5:8883) asked 10.0.0.21 for a certificate, got none, and ended the handshake with the TLS alert handshake_failure (40)."
        );
    }

    #[test]
    fn a_sound_certificate_that_is_called_expired_points_at_the_broker() {
        let first = |until| {
            let tale = shown(Version::V1_2).certificate(Side::Client, "sensor-17", -86_400, until);
            diagnose(&tale.alert(Side::Server, 45, 0.001).build()).causes[0].clone()
        };
        assert!(first(86_400).starts_with("The broker's list of revoked certificates is out of date"));
        assert!(first(-3_600).starts_with("The client's certificate expired on"));
    }

    #[test]
    fn the_same_alert_right_after_the_hello_is_about_ciphers() {
        let tale = Tale::greeted(Version::V1_2).alert(Side::Server, 40, 0.001);
        assert_eq!(outcome(&tale.close(Side::Server, 0.001).build()).id, "tls-negotiation-failed");
    }

    #[test]
    fn what_is_hidden_is_only_likely() {
        let answered = |what| shown(Version::V1_3).answered(what, Shows::Length).finished(Side::Client);
        let none = outcome(&answered(Shown::Nothing).sealed_alert(Side::Server, 0.001).build());
        assert_eq!((none.id, none.confidence), ("tls-client-cert-rejected", Confidence::Likely));
        let silent = outcome(&answered(Shown::Certificate).reset(Side::Server, 0.001).build());
        assert_eq!((silent.id, silent.confidence), ("tls-client-cert-rejected", Confidence::Possible));
        let not_asked = outcome(&answered(Shown::NotAsked).sealed_alert(Side::Server, 0.001).build());
        assert_ne!(not_asked.id, "tls-client-cert-rejected");
        let worked = answered(Shown::Certificate).data(Side::Client, 60, 0.1).data(Side::Server, 21, 0.1);
        assert_eq!(outcome(&worked.close(Side::Server, 1.0).build()).id, "encrypted-session-ended");
    }
}
