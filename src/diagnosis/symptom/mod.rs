//! What client libraries print, and what they saw on the wire when they did.
//!
//! Invariant: one table serves both ways, from the wire to the print ([`reports`]) and from the
//! print back to its meaning (`explain rc=-2`). A number never stands without its library, since
//! the same number means different things in different libraries.

mod aiomqtt;
mod arduino;
mod broker_log;
mod library;
mod micropython;
mod mosquitto;
mod others;
mod paho;
mod paho_go;
mod pubsubclient;
mod tls;
mod version5;
mod websocket;

pub(crate) use broker_log::LogLine;
pub(crate) use library::Library;

use std::sync::LazyLock;

use hashbrown::HashMap;

use super::ClientReport;
use super::story::Story;
use crate::transport::websocket::Flaw;

/// What the client's end of the connection saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sight {
    /// The name was not found: NXDOMAIN.
    NameNotFound,
    /// The name has no address of the kind that was asked for.
    NameWithoutAddress,
    /// The lookup of the name failed or was not answered.
    NameUnanswered,
    /// Its SYNs were not answered.
    KnockUnanswered,
    /// Its SYN was answered by a RST.
    KnockRefused,
    /// A router said that there is no route to the network.
    NetworkUnreachable,
    /// A router or firewall said that the host cannot be reached.
    HostUnreachable,
    /// The connection opened and it closed it again without sending CONNECT.
    NothingSent,
    /// CONNECT was not answered, and nobody closed before the client did.
    ConnackMissing,
    /// The server closed or reset after CONNECT, without a CONNACK.
    ClosedBeforeConnack,
    /// A CONNACK with this code.
    Refused(u8),
    /// The server answered in HTTP.
    Http,
    /// The request for a WebSocket was answered with this HTTP status; 0 stands for any.
    UpgradeRefused(u16),
    /// The server closed or reset instead of answering the request for a WebSocket.
    UpgradeCut,
    /// The WebSocket was opened without the subprotocol that the client asked for.
    SubprotocolMissing,
    /// The answer that agreed to the WebSocket has this flaw.
    UpgradeFlawed(Flaw),
    /// The server answered in another protocol.
    Foreign,
    /// The server spoke another protocol, and less of it than what MQTT would take for one packet.
    Greeted,
    /// The server closed or reset the running session.
    Lost,
    /// The running session fell silent.
    Silent,
    /// PINGREQ was not answered.
    PingUnanswered,
    /// The server sent DISCONNECT with this code and closed.
    Disconnected(u8),
    /// The client refused the server's certificate.
    ServerCertificateRefused,
    /// The server refused the client's certificate within the handshake.
    ClientCertificateRefused,
    /// The server refused the client's certificate when the client took the handshake for complete.
    ClientCertificateRefusedLate,
    /// TLS was ended by an alert.
    TlsRefused,
    /// The TLS handshake was cut off, or fell silent.
    TlsCut,
    /// What came back in the TLS handshake was no TLS.
    TlsForeign,
    /// The client said goodbye itself.
    Goodbye,
    /// A DISCONNECT of the server, whatever its code.
    Dismissed,
    /// A subscription was refused (SUBACK).
    SubscriptionRefused,
    /// A message was never acknowledged.
    Unacknowledged,
    /// A packet of the server was larger than the library takes.
    TooLarge,
    /// Nothing that a library reports.
    Nothing,
}

/// One thing that a library prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symptom {
    /// The library.
    pub(crate) library: Library,
    /// The number it prints, if it prints one.
    pub(crate) code: Option<i32>,
    /// What is printed.
    pub(crate) prints: &'static str,
    /// What it stands for, as a sentence.
    pub(crate) means: &'static str,
    /// What the library saw on the wire; empty for what a capture does not show.
    pub(crate) sees: &'static [Sight],
}

/// The TCP connection could not be opened, for whatever reason.
const KNOCKS: &[Sight] =
    &[Sight::KnockUnanswered, Sight::KnockRefused, Sight::NetworkUnreachable, Sight::HostUnreachable];

/// The name could not be looked up, for whatever reason.
const LOOKUPS: &[Sight] = &[Sight::NameNotFound, Sight::NameWithoutAddress, Sight::NameUnanswered];

/// There was no TCP connection, whatever failed.
const NETWORK: &[Sight] = &[
    Sight::KnockUnanswered,
    Sight::KnockRefused,
    Sight::NetworkUnreachable,
    Sight::HostUnreachable,
    Sight::NameNotFound,
    Sight::NameWithoutAddress,
    Sight::NameUnanswered,
];

/// TLS could not be set up, for whatever reason.
const TLS: &[Sight] = &[
    Sight::ServerCertificateRefused,
    Sight::ClientCertificateRefused,
    Sight::TlsRefused,
    Sight::TlsCut,
    Sight::TlsForeign,
];

/// The name led to an address, but the connection could not be opened: TCP or TLS.
const CONNECTING: &[Sight] = &[
    Sight::KnockUnanswered,
    Sight::KnockRefused,
    Sight::NetworkUnreachable,
    Sight::HostUnreachable,
    Sight::ServerCertificateRefused,
    Sight::ClientCertificateRefused,
    Sight::TlsRefused,
    Sight::TlsCut,
    Sight::TlsForeign,
];

/// The connection could not be opened: name, TCP or TLS.
const OPENING: &[Sight] = &[
    Sight::KnockUnanswered,
    Sight::KnockRefused,
    Sight::NetworkUnreachable,
    Sight::HostUnreachable,
    Sight::NameNotFound,
    Sight::NameWithoutAddress,
    Sight::NameUnanswered,
    Sight::ServerCertificateRefused,
    Sight::ClientCertificateRefused,
    Sight::TlsRefused,
    Sight::TlsCut,
    Sight::TlsForeign,
];

/// Shorthand for a row of the table.
const fn row(
    library: Library,
    code: Option<i32>,
    prints: &'static str,
    means: &'static str,
    sees: &'static [Sight],
) -> Symptom {
    Symptom { library, code, prints, means, sees }
}

/// All symptoms, by library.
pub(crate) fn all() -> impl Iterator<Item = &'static Symptom> {
    [
        pubsubclient::SYMPTOMS,
        paho::PYTHON,
        mosquitto::SYMPTOMS,
        tls::SYMPTOMS,
        others::ESP_MQTT,
        others::MQTT_JS,
        paho::JAVA,
        paho::C,
        arduino::ARDUINO_MQTT,
        arduino::ASYNC_MQTT_CLIENT,
        arduino::ARDUINO_MQTT_CLIENT,
        others::RUMQTTC,
        others::HIVEMQ,
        others::AWS,
        others::AZURE,
        others::NODE_RED,
        others::ZEPHYR,
        micropython::UMQTT,
        aiomqtt::SYMPTOMS,
        paho_go::SYMPTOMS,
        websocket::UNEXPECTED,
        websocket::SYMPTOMS,
    ]
    .into_iter()
    .flatten()
}

/// The symptoms of each sight, in their order.
static BY_SIGHT: LazyLock<HashMap<Sight, Vec<&'static Symptom>>> = LazyLock::new(|| {
    let mut by_sight: HashMap<Sight, Vec<&'static Symptom>> = HashMap::new();
    for symptom in all() {
        for sight in symptom.sees {
            by_sight.entry(*sight).or_default().push(symptom);
        }
    }
    by_sight
});

/// What brokers log.
pub(crate) fn log_lines() -> &'static [LogLine] {
    broker_log::LINES
}

/// What the client's library printed, as far as the facts do not rule the library out.
pub(crate) fn reports(story: &Story<'_>, sight: Sight) -> Vec<ClientReport> {
    let v5 = story.version().is_some_and(crate::mqtt::Version::is_v5);
    let sight = match sight {
        // Before 5.0 no library expects a DISCONNECT of the broker: it sees the close.
        Sight::Disconnected(_) if !v5 => Sight::Lost,
        seen => seen,
    };
    let of = |sight| BY_SIGHT.get(&sight).map_or(&[][..], Vec::as_slice);
    let known = !(v5 && matches!(sight, Sight::Refused(_)));
    let own = if known { of(sight) } else { &[] };
    let any = matches!(sight, Sight::UpgradeRefused(_)).then_some(websocket::ANY_STATUS).filter(|any| *any != sight);
    let any = any.map_or(&[][..], of);
    let named = if v5 { version5::reports(sight) } else { Vec::new() };
    let mut reports: Vec<(Library, &'static str)> = Vec::with_capacity(own.len() + any.len() + named.len());
    let all = own.iter().chain(any).map(|symptom| (symptom.library, symptom.prints)).chain(named);
    reports.extend(all.filter(|(library, _)| library.fits(story)));
    let hint = library::hinted(story);
    reports.sort_by_key(|(library, _)| (Some(*library) != hint, *library));
    reports.into_iter().map(|(library, reports)| ClientReport { client: library.name(), reports }).collect()
}

#[cfg(test)]
mod tests;
