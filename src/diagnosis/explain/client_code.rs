//! Entries of the numbers that client libraries print. The same number means different things in
//! different libraries, so an entry lists every library that has it.

use std::collections::BTreeMap;

use crate::diagnosis::symptom::{self, Library, Sight, Symptom};

use super::Kind;
use super::entry::Entry;

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
    let mut lines: Vec<String> = Vec::new();
    let mut see_also: Vec<String> = Vec::new();
    for symptom in symptoms {
        if !symptom.means.is_empty() {
            let library = symptom.library.name();
            lines.push(format!("- **{library}**, {}: {}", symptom.prints, symptom.means));
        }
        for id in symptom.sees.iter().flat_map(|sight| outcomes(*sight)) {
            if !see_also.iter().any(|known| known == id) {
                see_also.push((*id).to_owned());
            }
        }
    }
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
    Entry { name: format!("rc={code}"), aliases: Vec::new(), kind: Kind::ClientCode, title, body, see_also }
}

/// The outcomes that look like `sight` to a client, most common first.
pub(super) fn outcomes(sight: Sight) -> &'static [&'static str] {
    match sight {
        Sight::KnockUnanswered => &["syn-unanswered", "tcp-handshake-incomplete"],
        Sight::KnockRefused => &["connection-refused"],
        Sight::NetworkUnreachable | Sight::HostUnreachable => &["icmp-unreachable"],
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
        Sight::Foreign => &["not-mqtt"],
        Sight::Lost => &["session-taken-over", "keepalive-expired", "closed-after-request", "server-closed"],
        Sight::Silent => &["path-failed"],
        Sight::PingUnanswered => &["ping-unanswered"],
        Sight::Disconnected(_) => &["administrative-disconnect"],
        Sight::ServerCertificateRefused => &["tls-server-cert-rejected"],
        Sight::ClientCertificateRefused | Sight::ClientCertificateRefusedLate => &["tls-client-cert-rejected"],
        Sight::TlsRefused => &["tls-negotiation-failed"],
        Sight::TlsCut => &["tls-handshake-abandoned", "tls-to-plain-port"],
        Sight::Goodbye => &["clean-disconnect"],
        Sight::Nothing => &[],
    }
}
