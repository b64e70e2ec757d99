//! What libraries print when TLS fails, beside what they print of any connection that does not open.

use super::Library::{EspMqtt, MqttJs, PahoC, PahoJava, PahoPython, Rumqttc};
use super::{Sight, Symptom, TLS, row};

pub(super) const SYMPTOMS: &[Symptom] = &[
    row(
        PahoPython,
        None,
        "`ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: …`",
        "The client did not accept the server's certificate; the words after the colon say why.",
        &[Sight::ServerCertificateRefused],
    ),
    row(
        PahoPython,
        None,
        "`ssl.SSLError: [SSL: … ALERT …]`, with the name of the alert",
        "The server ended the TLS handshake with this alert.",
        &[Sight::ClientCertificateRefused, Sight::TlsRefused],
    ),
    row(
        PahoPython,
        None,
        "on_disconnect rc=7 (2.x: “Unspecified error”), without on_connect",
        "",
        &[Sight::ClientCertificateRefusedLate],
    ),
    row(
        PahoPython,
        None,
        "`ssl.SSLEOFError: [SSL: UNEXPECTED_EOF_WHILE_READING]` or `ConnectionResetError`",
        "The TLS handshake was cut off.",
        &[Sight::TlsCut],
    ),
    row(
        PahoPython,
        None,
        "`ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number`",
        "What came back in the TLS handshake was no TLS.",
        &[Sight::TlsForeign],
    ),
    row(
        EspMqtt,
        None,
        "mbedTLS error -0x2700 (certificate verification failed), then “Error transport connect”",
        "The client did not accept the server's certificate.",
        &[Sight::ServerCertificateRefused],
    ),
    row(
        EspMqtt,
        None,
        "mbedTLS error -0x7780 (fatal alert received), then “Error transport connect”",
        "The server ended the TLS handshake with an alert.",
        &[Sight::ClientCertificateRefused, Sight::TlsRefused],
    ),
    row(
        EspMqtt,
        None,
        "“esp-tls: Failed to open new connection”, then “Error transport connect”",
        "",
        &[Sight::TlsCut],
    ),
    row(
        MqttJs,
        None,
        "the `error` event with `UNABLE_TO_VERIFY_LEAF_SIGNATURE`, `SELF_SIGNED_CERT_IN_CHAIN`, `DEPTH_ZERO_SELF_SIGNED_CERT`, `CERT_HAS_EXPIRED` or `ERR_TLS_CERT_ALTNAME_INVALID`",
        "The client did not accept the server's certificate; the code says why.",
        &[Sight::ServerCertificateRefused],
    ),
    row(
        MqttJs,
        None,
        "the `error` event with `EPROTO` or `ERR_SSL_…_ALERT_…`, and the name of the alert",
        "The server ended TLS with this alert.",
        &[Sight::ClientCertificateRefused, Sight::ClientCertificateRefusedLate, Sight::TlsRefused],
    ),
    row(
        MqttJs,
        None,
        "“Client network socket disconnected before secure TLS connection was established” or “read ECONNRESET” (`ECONNRESET`), or “connack timeout”",
        "The TLS handshake was cut off.",
        &[Sight::TlsCut],
    ),
    row(
        MqttJs,
        None,
        "the `error` event with `ERR_SSL_WRONG_VERSION_NUMBER` or `EPROTO`: “wrong version number”",
        "What came back in the TLS handshake was no TLS.",
        &[Sight::TlsForeign],
    ),
    row(PahoJava, None, "“MqttException (0)” with the cause SSLHandshakeException", "", TLS),
    row(PahoC, None, "“TCP/TLS connect failure”", "", TLS),
    row(Rumqttc, None, "`Tls(…)`", "", TLS),
];
