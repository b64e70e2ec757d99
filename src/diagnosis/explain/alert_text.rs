//! What TLS alerts mean when a client connects to a broker (RFC 8446 §6.2, RFC 5246 §7.2.2, and what libraries do).

use crate::transport::tls::Alert;

use super::Kind;
use super::entry::Entry;

const SERVER_CERT: &str = "tls-server-cert-rejected";
const CLIENT_CERT: &str = "tls-client-cert-rejected";
const NEGOTIATION: &str = "tls-negotiation-failed";

/// Number; text; outcomes it leads to.
const ALL: &[(u8, &str, &[&str])] = &[
    (0, "The sender will send nothing more: the orderly end of TLS, no fault.", &["encrypted-session-ended"]),
    (
        10,
        "A message came that does not belong there. A fault of a library, or a device on the way changed what was sent.",
        &[NEGOTIATION],
    ),
    (
        20,
        "A record could not be decrypted: the keys differ (a wrong pre-shared key), or the bytes were damaged.",
        &[NEGOTIATION],
    ),
    (22, "A record is too long. Plain text taken for TLS looks like that.", &[NEGOTIATION, "plain-to-tls-port"]),
    (
        40,
        "Nothing acceptable was offered: no cipher suite, curve or signature in common. Up to TLS 1.2 also the answer of a server that requires a certificate and got none.",
        &[NEGOTIATION, CLIENT_CERT],
    ),
    (
        42,
        "The certificate is not acceptable, without saying why. OpenSSL and rustls use it for a name that does not fit, OpenSSL for a certificate that is not valid yet (a device whose clock stands at 1970), Go for most reasons.",
        &[SERVER_CERT, CLIENT_CERT],
    ),
    (
        43,
        "The certificate is of a kind that is not supported, or is not meant for this use.",
        &[SERVER_CERT, CLIENT_CERT],
    ),
    (44, "The authority has taken the certificate back.", &[SERVER_CERT, CLIENT_CERT]),
    (45, "The certificate has expired, by the clock of whoever sends this.", &[SERVER_CERT, CLIENT_CERT]),
    (
        46,
        "The certificate is not acceptable for some other reason. Java sends it for nearly all of them, mbedTLS for a certificate that is not valid yet.",
        &[SERVER_CERT, CLIENT_CERT],
    ),
    (
        47,
        "A field has a value that makes no sense. With TLS 1.3 also the answer to a wrong pre-shared key.",
        &[NEGOTIATION],
    ),
    (
        48,
        "The authority that issued the certificate is not known to the sender: its CA file is missing or is another, or the certificate is self-signed.",
        &[SERVER_CERT, CLIENT_CERT],
    ),
    (
        49,
        "The certificate is valid, and access is denied all the same. mbedTLS also uses it for other faults of a certificate.",
        &[CLIENT_CERT],
    ),
    (
        50,
        "A message could not be read. OpenSSL also sends it when the other side has closed in the middle of the handshake.",
        &[NEGOTIATION, "tls-handshake-abandoned"],
    ),
    (
        51,
        "A signature or the end of the handshake does not fit: a key that does not belong to its certificate, or a wrong pre-shared key.",
        &[NEGOTIATION, CLIENT_CERT],
    ),
    (70, "The version of TLS is not supported: an old device and a modern broker, for instance.", &[NEGOTIATION]),
    (71, "The cipher suites are too weak for the server.", &[NEGOTIATION]),
    (
        80,
        "A fault of the sender's own. mosquitto clients send it when the name does not fit the server's certificate.",
        &[SERVER_CERT, NEGOTIATION],
    ),
    (86, "The client fell back to an older version although both know a newer one.", &[NEGOTIATION]),
    (90, "The user gave the handshake up.", &["tls-handshake-abandoned"]),
    (109, "An extension is missing that TLS 1.3 requires.", &[NEGOTIATION]),
    (110, "The server sent an extension that nobody had asked for.", &[NEGOTIATION]),
    (112, "The server does not know the name that the client asked for (SNI), or wants one.", &[NEGOTIATION, "no-sni"]),
    (113, "The proof of validity that the server sent along (OCSP) is not good.", &[SERVER_CERT]),
    (115, "The server does not know the identity of the client's pre-shared key.", &[NEGOTIATION]),
    (
        116,
        "The server requires a certificate of the client, and got none (TLS 1.3; always encrypted on the wire).",
        &[CLIENT_CERT],
    ),
    (120, "The server has no application protocol (ALPN) of those that the client asked for.", &[NEGOTIATION]),
];

/// One entry for each alert that a client of a broker may meet.
pub(super) fn entries() -> impl Iterator<Item = Entry> {
    ALL.iter().map(|(number, what, outcomes)| {
        let name = Alert(*number).name().unwrap_or("alert");
        Entry {
            name: name.to_owned(),
            aliases: vec![
                format!("alert {number}"),
                format!("TLS alert {number}"),
                format!("SSL alert number {number}"),
            ],
            kind: Kind::TlsAlert,
            title: format!("{name}, TLS alert {number}"),
            body: (*what).to_owned(),
            see_also: outcomes.iter().map(|id| (*id).to_owned()).collect(),
        }
    })
}
