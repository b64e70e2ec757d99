//! TLS in words: its events in a timeline, and what was agreed on in one line.

use crate::session::{ClientHelloFacts, TextFact, TlsEvent, TlsFacts};
use crate::text;

/// One event in words.
pub(super) fn event(event: &TlsEvent) -> String {
    match event {
        TlsEvent::ClientHello { version, server_name, alpn } => {
            let version = version.map_or_else(|| "TLS".to_owned(), |version| format!("up to {version}"));
            let asked = server_name
                .as_ref()
                .map_or_else(|| ", without a server name".to_owned(), |it| format!(" for {}", name(it)));
            format!("ClientHello: {version}{asked}{}", protocols(alpn))
        }
        TlsEvent::Retry => "HelloRetryRequest: asks for another ClientHello".to_owned(),
        TlsEvent::ServerHello { version, cipher, alpn, resumed } => {
            let cipher = cipher.map(|cipher| format!(", {cipher}")).unwrap_or_default();
            let resumed = if *resumed { ", goes on with an earlier session or key" } else { "" };
            format!("ServerHello: {version}{cipher}{}{resumed}", protocols(alpn.as_slice()))
        }
        TlsEvent::Certificate { own: _, count: 0 } => "Certificate: none".to_owned(),
        TlsEvent::Certificate { own: Some((subject, issuer)), .. } => {
            format!("Certificate of {}, issued by {}", name(subject), name(issuer))
        }
        TlsEvent::Certificate { own: None, .. } => "Certificate that cannot be read".to_owned(),
        TlsEvent::CertificateRequest => "CertificateRequest: asks for the client's certificate".to_owned(),
        TlsEvent::HiddenCertificate(true) => "Certificate, encrypted (as its length tells)".to_owned(),
        TlsEvent::HiddenCertificate(false) => "Certificate: none, encrypted (as its length tells)".to_owned(),
        TlsEvent::HiddenFlight => "the rest of its handshake, encrypted".to_owned(),
        TlsEvent::Finished => "Finished, encrypted".to_owned(),
        TlsEvent::Alert(alert) => format!("TLS alert {alert}"),
        TlsEvent::SealedAlert => "TLS alert, encrypted".to_owned(),
        TlsEvent::Data { bytes } => format!("{} of encrypted data", text::counted(*bytes, "byte")),
        TlsEvent::Foreign(protocol) => format!("bytes that are not TLS: {}", protocol.name()),
    }
}

/// A stable id of the kind of event.
pub(super) fn kind(event: &TlsEvent) -> &'static str {
    match event {
        TlsEvent::ClientHello { .. } => "tls-client-hello",
        TlsEvent::Retry => "tls-hello-retry-request",
        TlsEvent::ServerHello { .. } => "tls-server-hello",
        TlsEvent::Certificate { .. } | TlsEvent::HiddenCertificate(_) => "tls-certificate",
        TlsEvent::CertificateRequest => "tls-certificate-request",
        TlsEvent::HiddenFlight => "tls-encrypted-handshake",
        TlsEvent::Finished => "tls-finished",
        TlsEvent::Alert(_) | TlsEvent::SealedAlert => "tls-alert",
        TlsEvent::Data { .. } => "tls-data",
        TlsEvent::Foreign(_) => "not-tls",
    }
}

/// What was agreed on: `TLS 1.3, TLS_AES_256_GCM_SHA384, for broker.lan`.
pub(super) fn agreed(tls: &TlsFacts) -> String {
    let hello = tls.client_hello.as_ref();
    let mut parts = Vec::new();
    match &tls.server_hello {
        Some(server) => {
            parts.push(server.version.to_string());
            parts.extend(server.cipher_name.map(str::to_owned));
        }
        None => match hello.and_then(ClientHelloFacts::highest) {
            Some(version) => parts.push(format!("up to {version} offered, nothing agreed on")),
            None => parts.push("its handshake was not captured".to_owned()),
        },
    }
    parts.extend(tls.server_name().map(|it| format!("for {}", name(it))));
    let alpn = hello.map(|hello| protocols(&hello.alpn)).unwrap_or_default();
    format!("{}{alpn}", parts.join(", "))
}

fn protocols(names: &[TextFact]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names.iter().map(name).collect();
    format!(", ALPN {}", names.join(" "))
}

fn name(fact: &TextFact) -> String {
    text::escape(&fact.0, text::NAME)
}
