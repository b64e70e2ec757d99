//! Entries of what client libraries print and brokers log. The same number means different things in
//! different libraries, so an entry lists every library that has it.

use std::collections::BTreeMap;

use crate::diagnosis::symptom::{self, Library, LogLine, Sight, Symptom};

use super::entry::Entry;
use super::{Explanation, Kind};

/// One entry for each number.
pub(super) fn entries() -> impl Iterator<Item = Entry> {
    let mut numbers: BTreeMap<i32, Vec<&'static Symptom>> = BTreeMap::new();
    for symptom in symptom::all() {
        if let Some(code) = symptom.code {
            numbers.entry(code).or_default().push(symptom);
        }
    }
    numbers.into_iter().map(|(code, symptoms)| entry(code, &symptoms))
}

/// The entry of `code`, of one library only if `library` is given and has it.
pub(super) fn of(code: i32, library: Option<Library>) -> Option<Entry> {
    let symptoms: Vec<_> = symptom::all()
        .filter(|symptom| symptom.code == Some(code))
        .filter(|symptom| library.is_none_or(|library| symptom.library == library))
        .collect();
    (!symptoms.is_empty()).then(|| entry(code, &symptoms))
}

fn entry(code: i32, symptoms: &[&'static Symptom]) -> Entry {
    let told = symptoms.iter().filter(|symptom| !symptom.means.is_empty());
    let lines: Vec<String> = told
        .map(|symptom| format!("- **{}**, {}: {}", symptom.library.name(), symptom.prints, symptom.means))
        .collect();
    let see_also = behind(symptoms);
    let only = symptoms.first().map(|symptom| symptom.library);
    let title = match only {
        Some(library) if symptoms.iter().all(|symptom| symptom.library == library) => {
            format!("{code}, printed by {}", library.name())
        }
        _ => format!("{code}, printed by a client"),
    };
    let mut body = String::new();
    if lines.len() > 1 {
        body.push_str("What it means depends on the library:\n\n");
    }
    body.push_str(&lines.join("\n"));
    body.push_str(how_to_see(&see_also));
    Entry { name: format!("rc={code}"), aliases: Vec::new(), kind: Kind::ClientCode, title, body, see_also }
}

/// What is to be said of lines that libraries print.
pub(super) fn printed(symptoms: &[&'static Symptom]) -> Explanation {
    let line = |symptom: &&Symptom| {
        let means = if symptom.means.is_empty() { String::new() } else { format!(": {}", symptom.means) };
        format!("- **{}**, {}{means}", symptom.library.name(), symptom.prints)
    };
    let lines: Vec<String> = symptoms.iter().map(line).collect();
    let library = symptoms.first().map_or("a client", |symptom| symptom.library.name());
    let see_also = behind(symptoms);
    let body = lines.join("\n") + how_to_see(&see_also);
    Explanation { title: format!("Printed by {library}"), kind: Kind::ClientCode, body, see_also }
}

/// What is to be said of lines that brokers log.
pub(super) fn logged(lines: &[&'static LogLine]) -> Explanation {
    let line = |line: &&LogLine| format!("- **{}**, “{}”: {}", line.broker, line.phrase, line.means);
    let mut see_also: Vec<String> = Vec::new();
    for name in lines.iter().flat_map(|line| line.shows) {
        if !see_also.iter().any(|known| known == name) {
            see_also.push((*name).to_owned());
        }
    }
    let broker = lines.first().map_or("a broker", |line| line.broker);
    let body = lines.iter().map(line).collect::<Vec<_>>().join("\n") + how_to_see(&see_also);
    Explanation { title: format!("Logged by {broker}"), kind: Kind::BrokerLog, body, see_also }
}

/// The outcomes behind what libraries print, each once.
fn behind(symptoms: &[&'static Symptom]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in symptoms.iter().flat_map(|symptom| symptom.sees).flat_map(|sight| outcomes(*sight)) {
        if !names.iter().any(|known| known == name) {
            names.push((*name).to_owned());
        }
    }
    names
}

/// How to find out which of several outcomes is behind it.
fn how_to_see(outcomes: &[String]) -> &'static str {
    if outcomes.is_empty() {
        return "";
    }
    "

A capture tells which of those below it is. Take it where the device's packets pass: on its gateway or access point if the broker's log is empty, else on the broker's machine. Start it before the device does, with the device's address:

    tcpdump -i any -s 0 -w trace.pcap host ADDRESS
    mqttcap read trace.pcap --host ADDRESS"
}

/// The outcomes that look like `sight` to a client, most common first.
pub(super) fn outcomes(sight: Sight) -> &'static [&'static str] {
    match sight {
        Sight::KnockUnanswered => &["syn-unanswered", "tcp-handshake-incomplete"],
        Sight::KnockRefused => &["connection-refused"],
        Sight::NetworkUnreachable => &["icmp-unreachable"],
        Sight::HostUnreachable => &["icmp-unreachable", "arp-unanswered"],
        Sight::NameNotFound => &["dns-name-not-found"],
        Sight::NameWithoutAddress | Sight::NameUnanswered => &["dns-no-answer"],
        Sight::NothingSent => &["tcp-open-no-connect"],
        Sight::ConnackMissing => &["connect-unanswered"],
        Sight::ClosedBeforeConnack => &["connect-closed", "plain-to-tls-port"],
        Sight::Refused(1) => &["refused-protocol-version"],
        Sight::Refused(2) => &["refused-client-id"],
        Sight::Refused(3) => &["refused-server-unavailable"],
        Sight::Refused(4) => &["refused-bad-credentials"],
        Sight::Refused(5) => &["refused-not-authorized"],
        Sight::Refused(_) => &["refused-other"],
        Sight::Http => &["http-answer"],
        Sight::UpgradeRefused(_) | Sight::SubprotocolMissing | Sight::UpgradeFlawed(_) => &["ws-upgrade-refused"],
        Sight::UpgradeCut | Sight::Foreign | Sight::Greeted => &["not-mqtt"],
        Sight::Lost => &["session-taken-over", "keepalive-expired", "closed-after-request", "server-closed"],
        Sight::Silent => &["path-failed"],
        Sight::PingUnanswered => &["ping-unanswered"],
        Sight::Disconnected(_) => &["administrative-disconnect"],
        Sight::ServerCertificateRefused => &["tls-server-cert-rejected"],
        Sight::ClientCertificateRefused | Sight::ClientCertificateRefusedLate => &["tls-client-cert-rejected"],
        Sight::TlsRefused => &["tls-negotiation-failed"],
        Sight::TlsCut => &["tls-handshake-abandoned", "tls-to-plain-port"],
        Sight::TlsForeign => &["http-answer", "tls-to-plain-port"],
        Sight::Dismissed => &[
            "session-taken-over",
            "keepalive-expired",
            "not-authorized-disconnect",
            "server-shutdown",
            "administrative-disconnect",
        ],
        Sight::SubscriptionRefused => &["subscription-denied"],
        Sight::Unacknowledged => &["publish-unacknowledged"],
        Sight::TooLarge => &["client-closed", "large-payload"],
        Sight::Goodbye => &["clean-disconnect"],
        Sight::Nothing => &[],
    }
}
