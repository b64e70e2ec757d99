//! Paho for Go (paho.mqtt.golang), which speaks MQTT 3.1.1 and 3.1. Capitals differ between its versions.

use super::Library::PahoGo;
use super::{LOOKUPS, Sight, Symptom, row};

pub(super) const SYMPTOMS: &[Symptom] = &[
    row(PahoGo, None, "“network Error : dial tcp: lookup NAME: no such host”", "", LOOKUPS),
    row(PahoGo, None, "“network Error : dial tcp …: i/o timeout”", "", &[Sight::KnockUnanswered]),
    row(PahoGo, None, "“network Error : dial tcp …: connect: connection refused”", "", &[Sight::KnockRefused]),
    row(
        PahoGo,
        None,
        "“network Error : dial tcp …: connect: network is unreachable”",
        "",
        &[Sight::NetworkUnreachable],
    ),
    row(PahoGo, None, "“network Error : dial tcp …: connect: no route to host”", "", &[Sight::HostUnreachable]),
    row(
        PahoGo,
        None,
        "“network Error : EOF” (“Network Error : %!s(<nil>)” in old versions)",
        "The answer to CONNECT is missing or no CONNACK.",
        &[Sight::ClosedBeforeConnack, Sight::Http, Sight::Foreign],
    ),
    row(PahoGo, None, "“unacceptable protocol version”", "", &[Sight::Refused(1)]),
    row(PahoGo, None, "“identifier rejected”", "", &[Sight::Refused(2)]),
    row(PahoGo, None, "“server Unavailable”", "", &[Sight::Refused(3)]),
    row(PahoGo, None, "“bad user name or password”", "", &[Sight::Refused(4)]),
    row(PahoGo, None, "“not Authorized”", "", &[Sight::Refused(5)]),
    row(
        PahoGo,
        None,
        "OnConnectionLost with “EOF” (“connection reset by peer” after a reset)",
        "The broker closed the connection.",
        &[Sight::Lost],
    ),
    row(
        PahoGo,
        None,
        "OnConnectionLost with “pingresp not received, disconnecting”",
        "A PINGREQ was not answered.",
        &[Sight::PingUnanswered, Sight::Silent],
    ),
    row(
        PahoGo,
        None,
        "“network Error : x509: certificate …”",
        "The client did not accept the server's certificate; the words after “x509:” say why.",
        &[Sight::ServerCertificateRefused],
    ),
    row(
        PahoGo,
        None,
        "“remote error: tls: …”, with the name of the alert",
        "The server ended TLS with this alert.",
        &[Sight::ClientCertificateRefused, Sight::ClientCertificateRefusedLate, Sight::TlsRefused],
    ),
    row(PahoGo, None, "“network Error : EOF” or “… connection reset by peer”", "", &[Sight::TlsCut]),
];
