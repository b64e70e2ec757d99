//! What is read of TLS in the committed captures, against what tshark and openssl say of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::session::{Session, Shown, Shows, TlsFacts};
use mqttcap::stream::Side;
use mqttcap::transport::tls::{Name, Version};
use support::{analyse, root};

fn sessions(capture: &str) -> Vec<Session> {
    analyse(&root().join(format!("captures/{capture}.pcapng"))).0
}

fn tls(session: &Session) -> &TlsFacts {
    session.tls.as_deref().unwrap()
}

#[test]
fn versions_suites_and_server_names() {
    let sessions = sessions("tls-goodbye");
    let agreed: Vec<_> = sessions
        .iter()
        .map(|session| {
            let hello = tls(session).server_hello.as_ref().unwrap();
            (hello.version, hello.cipher_name.unwrap(), hello.resumed)
        })
        .collect();
    let old = (Version::V1_2, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", false);
    let new = (Version::V1_3, "TLS_AES_256_GCM_SHA384", false);
    assert_eq!(agreed, [old, old, new, new, new]);
    for session in &sessions {
        let tls = tls(session);
        assert_eq!(tls.server_name().unwrap().as_str(), Some("broker.lan"));
        assert!(tls.is_complete() && tls.carried_data());
    }
}

#[test]
fn certificates_up_to_tls_1_2() {
    let sessions = sessions("tls-server-expired");
    let own = tls(&sessions[0]).server_certificate().unwrap();
    assert_eq!((own.subject.as_slice(), own.issuer.as_slice()), (&b"broker.lan"[..], &b"Test CA"[..]));
    assert_eq!(own.names, [Name::Dns(b"broker.lan".to_vec())]);
    // 2024-01-01 and 2025-03-01 12:00, as given to openssl.
    assert_eq!((own.not_before, own.not_after), (1_704_067_200, 1_740_830_400));
    assert!(!own.self_issued);
    assert!(tls(&sessions[2]).server_certificate().is_none(), "TLS 1.3 hides it");
    let own = self::sessions("tls-self-signed");
    assert!(tls(&own[0]).server_certificate().unwrap().self_issued);
}

#[test]
fn alerts_by_sender() {
    let alert = |capture: &str, place: usize, side: Side| {
        let sessions = sessions(capture);
        tls(&sessions[place]).failure(side).map(|fact| fact.alert.0)
    };
    assert_eq!(alert("tls-unknown-ca", 0, Side::Client), Some(48));
    assert_eq!(alert("tls-unknown-ca", 1, Side::Client), None, "MQTT.js sends none");
    assert_eq!(alert("tls-wrong-name", 4, Side::Client), Some(80));
    assert_eq!(alert("tls-client-cert-missing", 0, Side::Server), Some(40));
    assert_eq!(alert("tls-client-cert-missing", 2, Side::Server), None, "TLS 1.3 hides it");
    assert_eq!(alert("tls-alpn", 0, Side::Server), Some(120));
    assert_eq!(alert("tls-old-client", 0, Side::Server), Some(70));
}

#[test]
fn the_answer_to_the_question_for_a_certificate() {
    let answers = |capture: &str| -> Vec<_> {
        let sessions = sessions(capture);
        let answer = |session: &Session| tls(session).client_certificate.map(|answer| (answer.shown, answer.by));
        sessions.iter().map(answer).collect()
    };
    let read = |shown| Some((shown, Shows::Message));
    let told = |shown| Some((shown, Shows::Length));
    let (none, some) = (Shown::Nothing, Shown::Certificate);
    assert_eq!(answers("tls-client-cert-missing"), [read(none), read(none), told(none), told(none), told(none)]);
    assert_eq!(answers("tls-client-cert-accepted"), [read(some), read(some), told(some), told(some), told(some)]);
    // Up to TLS 1.2 a client that is not asked sends nothing.
    assert_eq!(answers("tls-goodbye")[2..], [told(Shown::NotAsked); 3]);
}

#[test]
fn pre_shared_keys_and_alpn() {
    let keyed = sessions("tls-psk");
    assert!(tls(&keyed[0]).server_hello.as_ref().unwrap().resumed);
    let asked = sessions("tls-alpn");
    let alpn = |session: &Session| {
        let hello = tls(session).client_hello.as_ref().unwrap();
        hello.alpn.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(asked.iter().map(alpn).collect::<Vec<_>>(), [["mqtt/5"], ["mqtt/5"], ["x-amzn-mqtt-ca"], ["mqtt"]]);
}
