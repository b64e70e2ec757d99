//! `tls-server-cert-rejected`: the client did not accept the server's certificate.

use super::{About, Judgement};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::secured::{FlawKind, Secured, is_about_certificate, quoted};
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::stream::Side;
use crate::transport::tls::Alert;

pub(super) const ABOUT: About = About {
    id: "tls-server-cert-rejected",
    group: "tls",
    severity: Severity::Error,
    text: include_str!("tls_server_cert_rejected.md"),
};

/// How soon after the server's certificate a client leaves that does not like it.
const AT_ONCE: i64 = 2 * SECOND;

/// The client's alert says it.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let fact = secured.failure_of(Side::Client)?;
    let by_kind = is_about_certificate(fact.alert);
    // Some libraries have no better word for a certificate that they refuse.
    let by_place = matches!(fact.alert.0, 49 | 80) && secured.showed_certificate();
    if !(by_kind || by_place) || secured.tls.carried_data() {
        return None;
    }
    let (client, server, alert) = (secured.client(), secured.server(), Secured::alert(fact));
    let sentence = format!("{client} did not accept the certificate of {server}: it sent {alert}.");
    let confidence = if by_kind { Confidence::Certain } else { Confidence::Likely };
    Some(explain(secured, Judgement::new(confidence, sentence).at([fact.at]), Some(fact.alert)))
}

/// The client leaves as soon as it has seen the certificate: with an encrypted alert, or without a word.
pub(super) fn seen(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let tls = secured.tls;
    let (client, server) = (secured.client(), secured.server());
    if !secured.showed_certificate() || tls.data.client.records > 0 || secured.failure().is_some() {
        return None;
    }
    let sealed = tls.sealed_alert.client;
    if let Some(at) = sealed.filter(|_| tls.finished.client.is_none()) {
        let sentence = format!("{client} did not accept the certificate of {server}: it answered it with an encrypted alert.");
        // What the capture lacks of the client may be the end of its handshake.
        let judgement = Judgement::new(Confidence::Likely, sentence).on(&[Ground::Absence]).at([at]);
        return Some(explain(secured, judgement, None));
    }
    let close = story.close_by(Side::Client)?;
    let certificate = tls.chain.server.as_ref().map(|chain| chain.at).or(tls.hidden_flight)?;
    let goodbye = sealed.is_some() || !tls.alerts.client.is_empty();
    // A host that does not know the connection any more judged no certificate: its client had left before the capture began.
    let left = story.client_forgot() && !story.session.wire.start_captured();
    if goodbye || left || !story.soon(certificate, close.at, AT_ONCE) {
        return None;
    }
    let span = words::duration(close.at.time.nanoseconds_since(certificate.time));
    let sentence = format!(
        "{client} {} the connection {span} after the certificate of {server}, without a word: it most likely did not accept it.",
        how(close.how)
    );
    let judgement = Judgement::new(Confidence::Likely, sentence).on(&[Ground::Absence]).at([certificate, close.at]);
    Some(explain(secured, judgement, None))
}

/// Why, what to try, and what the client's library printed.
fn explain(secured: Secured<'_>, judgement: Judgement, alert: Option<Alert>) -> Judgement {
    let mut judgement = judgement;
    for cause in causes(secured, alert) {
        judgement = judgement.cause(cause);
    }
    let flaws = secured.server_flaws();
    let has = |kind: FlawKind| flaws.iter().any(|flaw| flaw.kind == kind);
    let number = alert.map(|alert| alert.0);
    let named = has(FlawKind::Name) || has(FlawKind::Address);
    let dated = has(FlawKind::Expired) || has(FlawKind::NotYetValid);
    // TLS 1.3 hides the names; these alerts are what libraries send for one that does not fit.
    let unseen = secured.is_hidden() && matches!(number, Some(42 | 80));
    let trust = number == Some(48) || !matches!(number, Some(43..=45)) && flaws.is_empty() && !unseen;
    let clock = matches!(number, Some(42 | 45 | 46) | None) && !has(FlawKind::Expired) && !named;
    let look = secured.connect_arguments();
    judgement
        .step(format!("Look at the certificate: `openssl s_client {look} -showcerts </dev/null` shows its issuer, its names and its dates."))
        .step_if(has(FlawKind::Expired), "Renew the server's certificate and restart the broker.")
        .step_if(named && !dated, "Connect by a name that the certificate has, or have one issued for the name that clients use.")
        .step_if(unseen, "Compare the name or address that the client connects to with the names in the certificate (subjectAltName).")
        .step_if(trust, "Give the client the CA certificate of the broker: `--cafile`, `setCACert()`, `tls_set(ca_certs=…)`. To test without any check: `--insecure`, `setInsecure()`.")
        .step_if(clock && !trust, "Set the client's clock before it connects (`date`; on an ESP `configTime()` and wait for NTP).")
        .step_if(clock && trust, "Look at the client's clock (`date`; on an ESP wait for NTP): at 1970 no certificate is valid yet.")
        .seen_as(Sight::ServerCertificateRefused)
}

fn causes(secured: Secured<'_>, alert: Option<Alert>) -> Vec<String> {
    let flaws = secured.server_flaws();
    let proven = flaws.iter().any(|flaw| flaw.kind != FlawKind::Address);
    let flaws = flaws.into_iter().map(|flaw| flaw.sentence);
    let number = alert.map(|alert| alert.0);
    let mut causes = Vec::new();
    if number == Some(48) {
        causes.push(unknown_authority(secured));
    }
    causes.extend(flaws);
    match number {
        Some(48) => {}
        Some(45) => {
            if secured.is_hidden() {
                causes.push("The certificate has expired; TLS 1.3 hides its dates from the capture.".to_owned());
            }
            if !proven {
                causes.push(clock(secured));
            }
        }
        Some(44) => causes.push("The authority has revoked the certificate: it stands on the list that the client uses.".to_owned()),
        Some(43) => causes.push("The certificate is not meant for servers (its key usage), or its kind of key or signature is not known to the client.".to_owned()),
        Some(113 | 114) => causes.push("The proof of validity that the server sends along (OCSP) is missing, too old or wrong.".to_owned()),
        _ if proven => {}
        Some(80) => causes.push("The name that the client connects to is not in the certificate: mosquitto clients send this alert then.".to_owned()),
        _ => causes.extend(any(secured, alert)),
    }
    causes
}

/// The alert does not say why, or there is none: what is left, by what the capture does not rule out.
fn any(secured: Secured<'_>, alert: Option<Alert>) -> Vec<String> {
    let mut causes = Vec::new();
    let authority = unknown_authority(secured);
    if secured.tls.server_certificate().is_some() {
        // The certificate is in order as far as the capture shows: who issued it is not for the capture to say. Most
        // libraries have an alert of its own for that, and this one for a certificate that is not valid yet.
        let own_word = secured.tls.server_certificate().is_some_and(|own| own.self_issued);
        let dated = alert == Some(Alert(42)) && !own_word || secured.early_clock().is_some();
        let clock = clock(secured);
        causes.extend(if dated { [clock, authority] } else { [authority, clock] });
        if alert == Some(Alert(42)) && secured.server_flaws().is_empty() {
            causes.push("The certificate's key is too short, or it or one above it is signed with SHA-1: OpenSSL 3 takes neither.".to_owned());
        }
    } else {
        let name = "The name or address that the client connects to is not in the certificate.".to_owned();
        let dates = "The certificate has expired, or the client's clock is wrong.".to_owned();
        // OpenSSL and rustls have this alert for a name; who issued it has one of its own.
        causes.extend(if alert == Some(Alert(42)) { [name, dates, authority] } else { [authority, name, dates] });
    }
    if secured.tls.finished.client.is_some() {
        causes.push("The client only tried whether the server answers, and did not want to send anything.".to_owned());
    }
    causes
}

fn unknown_authority(secured: Secured<'_>) -> String {
    match secured.tls.chain.server.as_ref().and_then(|chain| Some((chain.own()?, chain.certificates.last()?))) {
        Some((own, _)) if own.self_issued => {
            "The server's certificate is self-signed, and the client was not given it as one to trust.".to_owned()
        }
        Some((own, last)) => {
            let issuer = if last.self_issued { &last.subject } else { &last.issuer };
            let missing = own.issuer == last.issuer && !last.self_issued;
            let chain = if missing { "; the server sends no certificate of it" } else { "" };
            format!("The client does not know the authority {}, which vouches for the certificate{chain}.", quoted(issuer))
        }
        None => "The client does not know the authority that issued the certificate, or the server does not send the certificates between.".to_owned(),
    }
}

/// The client's clock, where the certificate is valid by that of the capture.
fn clock(secured: Secured<'_>) -> String {
    if let Some(time) = secured.early_clock() {
        let day = words::date(time.into());
        return format!("The client's clock is wrong: its ClientHello seems to carry the date {day}, and no certificate is valid then.");
    }
    let own = secured.tls.server_certificate();
    match own {
        Some(own) => format!(
            "The client's clock is wrong (many devices begin at 1970): the certificate is valid from {} to {}, and this was captured on {}.",
            words::date(own.not_before),
            words::date(own.not_after),
            words::date(secured.now())
        ),
        None => "The client's clock is wrong: many devices begin at 1970, when no certificate is valid yet.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::stream::Side;
    use crate::transport::tls::Version;

    const DAY: i64 = 86_400;

    fn shown() -> Tale {
        let tale = Tale::greeted(Version::V1_2).server_hello(Version::V1_2, false);
        tale.certificate(Side::Server, "broker.lan", -DAY, 300 * DAY)
    }

    #[test]
    fn the_alert_is_named_with_its_number() {
        let refused = outcome(&shown().alert(Side::Client, 48, 0.01).reset(Side::Client, 0.001).build());
        assert_eq!((refused.id, refused.confidence), ("tls-server-cert-rejected", Confidence::Certain));
        assert_eq!(
            refused.sentence,
            "10.0.0.21 did not accept the certificate of broker.lan (10.0.0.5:8883): it sent the TLS alert unknown_ca (48)."
        );
    }

    #[test]
    fn what_the_certificate_proves_comes_first() {
        let first = |tale: Tale| diagnose(&tale.alert(Side::Client, 46, 0.01).build()).causes[0].clone();
        let greeted = || Tale::greeted(Version::V1_2).server_hello(Version::V1_2, false);
        let expired = first(greeted().certificate(Side::Server, "broker.lan", -9 * DAY, -3 * DAY));
        assert_eq!(expired, "The server's certificate expired on 1969-12-29, 3 days before this capture.");
        let named = first(greeted().certificate(Side::Server, "other.lan", -DAY, DAY));
        assert!(named.contains("is for other.lan, and not for broker.lan"), "{named}");
        let sound = first(shown());
        assert!(sound.contains("does not know the authority “Test CA”"), "{sound}");
    }

    #[test]
    fn a_sound_certificate_that_is_called_expired_means_a_wrong_clock() {
        let verdict = diagnose(&shown().alert(Side::Client, 45, 0.01).build());
        assert!(verdict.causes[0].starts_with("The client's clock is wrong"), "{:?}", verdict.causes);
    }

    #[test]
    fn a_hello_that_carries_a_date_of_1970_comes_before_what_nobody_can_see() {
        let told = |time| {
            let mut session = shown().alert(Side::Client, 46, 0.01).build();
            session.tls.as_mut().unwrap().client_hello.as_mut().unwrap().time = time;
            diagnose(&session)
        };
        let early = told(100_000);
        assert!(early.causes[0].starts_with("The client's clock is wrong: its ClientHello"), "{:?}", early.causes);
        assert!(early.next_steps.concat().contains("at 1970 no certificate is valid"), "{:?}", early.next_steps);
        assert!(told(u32::MAX).causes[0].contains("does not know the authority"));
    }

    #[test]
    fn a_self_signed_certificate_that_is_called_bad() {
        let tale = shown().with(|session| {
            session.tls.as_mut().unwrap().chain.server.as_mut().unwrap().certificates[0].self_issued = true;
        });
        let causes = diagnose(&tale.alert(Side::Client, 42, 0.01).build()).causes;
        assert!(causes[0].starts_with("The server's certificate is self-signed"), "{causes:?}");
    }

    #[test]
    fn a_sound_certificate_that_is_called_bad_may_have_a_weak_key() {
        let causes = |tale: Tale| diagnose(&tale.alert(Side::Client, 42, 0.01).build()).causes.concat();
        assert!(causes(shown()).contains("signed with SHA-1"));
        let greeted = Tale::greeted(Version::V1_2).server_hello(Version::V1_2, false);
        assert!(!causes(greeted.certificate(Side::Server, "other.lan", -DAY, DAY)).contains("SHA-1"));
    }

    #[test]
    fn a_client_that_leaves_at_once_without_a_word() {
        let left = outcome(&shown().close(Side::Client, 0.01).build());
        assert_eq!((left.id, left.confidence), ("tls-server-cert-rejected", Confidence::Likely));
        assert_eq!(outcome(&shown().close(Side::Client, 9.0).build()).id, "tls-handshake-abandoned");
        let goodbye = Tale::secured(Version::V1_2).sealed_alert(Side::Client, 0.01).close(Side::Client, 0.001);
        assert_eq!(outcome(&goodbye.build()).id, "tcp-open-no-connect");
    }

    #[test]
    fn a_host_that_no_longer_knows_the_connection_judged_no_certificate() {
        let reset = |late: bool| {
            let tale = Tale::greeted(Version::V1_3).server_hello(Version::V1_3, true).reset(Side::Client, 0.0001);
            let tale = tale.with(|session| {
                session.wire.reset.as_mut().unwrap().acknowledges = false;
                if late {
                    session.wire.syn.count = 0;
                    session.wire.syn_ack.count = 0;
                }
            });
            outcome(&tale.build()).id
        };
        assert_eq!(reset(false), "tls-server-cert-rejected");
        assert_ne!(reset(true), "tls-server-cert-rejected");
    }

    #[test]
    fn an_encrypted_alert_in_place_of_finished() {
        let tale = Tale::greeted(Version::V1_3).server_hello(Version::V1_3, true).sealed_alert(Side::Client, 0.01);
        let mut session = tale.reset(Side::Client, 0.001).build();
        let refused = outcome(&session);
        assert_eq!((refused.id, refused.confidence), ("tls-server-cert-rejected", Confidence::Likely));
        session.wire.sent.client.missing_bytes = 64;
        assert_eq!(outcome(&session).confidence, Confidence::Possible, "Finished may be missing");
    }

    #[test]
    fn an_alert_after_the_server_closed_says_nothing_of_its_certificate() {
        let tale = shown().close(Side::Server, 0.5).alert(Side::Client, 50, 0.001);
        assert_eq!(outcome(&tale.build()).id, "tls-handshake-abandoned");
    }
}
