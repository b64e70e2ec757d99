//! TLS in the JSON document.

use schemars::JsonSchema;
use serde::Serialize;

use crate::session::{ClientHelloFacts, PerSide, TextFact, TlsFacts};
use crate::stream::Side;
use crate::transport::tls::{Alert, Certificate, Name};

use super::value::Text;
use super::words;

/// What TLS shows without its keys.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tls {
    /// The version agreed on, such as `TLS 1.3`.
    version: Option<String>,
    cipher_suite: Option<&'static str>,
    /// The highest version that the client offered.
    offered: Option<String>,
    /// Server Name Indication.
    server_name: Option<Text>,
    /// Application protocols that the client offered.
    alpn: Vec<Text>,
    /// An earlier session went on, or a pre-shared key was used.
    resumed: Option<bool>,
    /// Whether the handshake came to its end.
    complete: bool,
    /// The server's certificate, where it can be read.
    certificate: Option<Cert>,
    /// Alerts in the clear.
    alerts: Vec<AlertSent>,
    /// Encrypted application data in bytes.
    data: Sides,
}

#[derive(Serialize, JsonSchema)]
struct Sides {
    client: u64,
    server: u64,
}

#[derive(Serialize, JsonSchema)]
struct AlertSent {
    /// `client` or `server`.
    side: &'static str,
    name: Option<&'static str>,
    number: u8,
    frame: u64,
}

/// A certificate.
#[derive(Serialize, JsonSchema)]
struct Cert {
    subject: Text,
    issuer: Text,
    /// Host names and addresses that it is for.
    names: Vec<Text>,
    /// RFC 3339 in UTC, to the second.
    not_before: Option<String>,
    not_after: Option<String>,
}

impl Tls {
    pub(super) fn of(tls: &TlsFacts) -> Tls {
        let PerSide { client, server } = &tls.data;
        let hello = tls.client_hello.as_ref();
        let alerts = [Side::Client, Side::Server].into_iter().flat_map(|side| {
            tls.alerts.of(side).iter().map(move |alert| AlertSent {
                side: words::side(side),
                name: Alert::name(alert.alert),
                number: alert.alert.0,
                frame: alert.at.frame.get(),
            })
        });
        Tls {
            version: tls.version().map(|version| version.to_string()),
            cipher_suite: tls.server_hello.as_ref().and_then(|hello| hello.cipher_name),
            offered: hello.and_then(ClientHelloFacts::highest).map(|version| version.to_string()),
            server_name: tls.server_name().map(Text::of),
            alpn: hello.map(|hello| hello.alpn.iter().map(Text::of).collect()).unwrap_or_default(),
            resumed: tls.server_hello.as_ref().map(|hello| hello.resumed),
            complete: tls.is_complete(),
            certificate: tls.server_certificate().map(Cert::of),
            alerts: alerts.collect(),
            data: Sides { client: client.bytes, server: server.bytes },
        }
    }
}

impl Cert {
    fn of(certificate: &Certificate) -> Cert {
        let text = |bytes: &[u8]| Text::of(&TextFact::new(bytes));
        let time = |seconds: i64| jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string());
        Cert {
            subject: text(&certificate.subject),
            issuer: text(&certificate.issuer),
            names: certificate
                .names
                .iter()
                .map(|name| match name {
                    Name::Dns(name) => text(name),
                    Name::Address(address) => text(address.to_string().as_bytes()),
                })
                .collect(),
            not_before: time(certificate.not_before),
            not_after: time(certificate.not_after),
        }
    }
}
