//! What brokers write into their logs when a session fails, and what a capture shows then.
//!
//! Invariant: phrases are those of the brokers' sources; `NAME` stands for what differs from line to line.

/// A line of a broker's log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogLine {
    /// The broker.
    pub(crate) broker: &'static str,
    /// The line.
    pub(crate) phrase: &'static str,
    /// What it stands for, as a sentence.
    pub(crate) means: &'static str,
    /// The outcomes and findings that are behind it, most common first.
    pub(crate) shows: &'static [&'static str],
}

const fn mosquitto(phrase: &'static str, means: &'static str, shows: &'static [&'static str]) -> LogLine {
    LogLine { broker: "mosquitto", phrase, means, shows }
}

pub(crate) const LINES: &[LogLine] = &[
    mosquitto(
        "Socket error on client NAME, disconnecting.",
        "mosquitto 1.x: the connection broke without a DISCONNECT. The client closed or reset it, or its network did; the broker was not the one who left.",
        &["client-closed", "path-failed", "connect-closed"],
    ),
    mosquitto(
        "Client NAME closed its connection.",
        "mosquitto 2.x: the client closed or reset the connection without a DISCONNECT.",
        &["client-closed", "ping-unanswered"],
    ),
    mosquitto(
        "Bad socket read/write on client NAME: REASON",
        "The operating system reports the connection as broken: the client reset it, or nobody acknowledged what the broker sent.",
        &["client-closed", "path-failed"],
    ),
    mosquitto(
        "Client NAME has exceeded timeout, disconnecting.",
        "The client sent nothing for longer than 1.5 times its Keep Alive.",
        &["keepalive-expired", "path-failed"],
    ),
    mosquitto(
        "Client NAME disconnected: exceeded timeout.",
        "mosquitto 2.1: the client sent nothing for longer than 1.5 times its Keep Alive.",
        &["keepalive-expired", "path-failed"],
    ),
    mosquitto(
        "Client NAME already connected, closing old connection.",
        "A second connection came with the same client id, and the first was closed for it. Line after line of it means that two devices share the id.",
        &["session-taken-over", "client-id-fight"],
    ),
    mosquitto(
        "Client NAME disconnected, not authorised.",
        "The user name or password is wrong or missing, or the client may not connect.",
        &["refused-not-authorized", "not-authorized-disconnect"],
    ),
    mosquitto(
        "Client NAME disconnected: not authorised.",
        "mosquitto 2.1: the user name or password is wrong or missing, or the client may not connect.",
        &["refused-not-authorized", "not-authorized-disconnect"],
    ),
    mosquitto(
        "Client NAME disconnected due to protocol error.",
        "The client sent something that the protocol does not allow, or something that is not MQTT.",
        &["client-broke-rules", "connect-closed", "not-mqtt", "tls-to-plain-port"],
    ),
    mosquitto(
        "Client NAME disconnected due to malformed packet.",
        "A packet of the client cannot be decoded.",
        &["client-broke-rules", "connect-closed"],
    ),
    mosquitto(
        "Client NAME disconnected due to oversize packet.",
        "A packet is larger than `message_size_limit` or `max_packet_size` allows.",
        &["packet-too-large"],
    ),
    mosquitto(
        "Denied PUBLISH from NAME",
        "The access rules do not let this client publish to the topic. Clients of MQTT 3.1.1 are not told: the message is acknowledged and dropped.",
        &["publish-denied"],
    ),
    mosquitto(
        "New connection from NAME on port",
        "A TCP connection was accepted. If no line with the client's id follows, no complete CONNECT came: nothing was sent, it was TLS, or a firewall lost it.",
        &["tcp-open-no-connect", "tls-to-plain-port", "connect-closed"],
    ),
    mosquitto(
        "alert unknown ca",
        "In a line with “SSL routines”: the client does not know the authority that issued the broker's certificate, and said so by a TLS alert.",
        &["tls-server-cert-rejected"],
    ),
    mosquitto(
        "alert bad certificate",
        "In a line with “SSL routines”: the client did not accept the broker's certificate, for its name or its dates in most cases, and said so by a TLS alert.",
        &["tls-server-cert-rejected"],
    ),
    mosquitto(
        "peer did not return a certificate",
        "In a line with “SSL routines”: the listener has `require_certificate true`, and the client has no certificate.",
        &["tls-client-cert-rejected"],
    ),
    mosquitto(
        "certificate verify failed",
        "In a line with “SSL routines”: the broker did not accept the client's certificate: its authority is not in `cafile`, or it has expired or was revoked.",
        &["tls-client-cert-rejected"],
    ),
    mosquitto(
        "no shared cipher",
        "In a line with “SSL routines”: client and broker have no cipher suite in common, or none that fits the broker's key.",
        &["tls-negotiation-failed"],
    ),
    mosquitto(
        "unsupported protocol",
        "In a line with “SSL routines”: the client speaks only versions of TLS that the broker does not take.",
        &["tls-negotiation-failed", "tls-old-version"],
    ),
    mosquitto(
        "wrong version number",
        "In a line with “SSL routines”: what came to the TLS listener is not TLS, plain MQTT for instance.",
        &["plain-to-tls-port"],
    ),
    mosquitto(
        "unexpected eof while reading",
        "In a line with “SSL routines”: the client closed without the goodbye of TLS. In the handshake it most likely refused the broker's certificate, as MQTT.js does; later it went without a goodbye.",
        &["tls-server-cert-rejected", "tls-handshake-abandoned", "encrypted-session-ended"],
    ),
];
