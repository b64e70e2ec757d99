//! `broker-refuses-all`: a broker gives every client the same answer, and it is a refusal.

use std::collections::BTreeSet;

use crate::diagnosis::{Severity, words};
use crate::net::Endpoint;

use super::chain::{Servers, client};
use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "broker-refuses-all", severity: Severity::Error, text: include_str!("broker_refuses_all.md") };

/// Different clients that make it everyone.
const CLIENTS: usize = 3;

pub(super) fn find(servers: &Servers<'_, '_>) -> Vec<Spanning> {
    servers.iter().filter_map(|(server, tries)| refused(*server, tries)).collect()
}

fn refused(server: Endpoint, tries: &[&Judged<'_>]) -> Option<Spanning> {
    let first = tries.iter().find(|judged| judged.session.connect.is_some())?;
    let outcome = &first.verdict.outcome;
    let same = |judged: &&&Judged<'_>| {
        let other = &judged.verdict.outcome;
        (other.id, other.code) == (outcome.id, outcome.code)
    };
    // An attempt that came to no CONNECT says nothing either way; any other answer says that not all are refused.
    let asked = || tries.iter().filter(|judged| judged.session.connect.is_some() || judged.session.connack.is_some());
    if outcome.group != "refused" || !asked().all(|judged| same(&judged)) {
        return None;
    }
    let clients: BTreeSet<String> = asked().map(|judged| client(judged)).collect();
    if clients.len() < CLIENTS {
        return None;
    }
    let attempts = asked().count() as u64;
    let name = outcome.code_name.map_or_else(String::new, |name| format!(": {name}"));
    let code = outcome.code.map_or_else(String::new, |code| format!(" (0x{:02X})", code.0));
    let headline = format!(
        "{server} refused everyone: {} tried {}, none was accepted, and all got the same answer{name}{code}.",
        words::counted(clients.len() as u64, "client"),
        words::counted(attempts, "time")
    );
    let moments = asked().filter_map(|judged| judged.session.connack.as_ref().map(|connack| connack.at));
    let found = Found::new(&ABOUT, headline, moments)
        .by(crate::stream::Side::Server)
        .detail("Look at the broker before the clients: what they have in common is its configuration, its user store or its licence.");
    Some(Spanning::new(found, asked().copied()))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::across::testing::{Several, find};

    #[test]
    fn everyone_is_refused_alike() {
        let several = Several::default().refused_as("a", 5).refused_as("b", 5).refused_as("c", 5).refused_as("a", 5);
        let found = find(&several, "broker-refuses-all").unwrap();
        assert_eq!(found.sessions, [1, 2, 3, 4]);
        assert!(
            found.finding.headline.starts_with("10.0.0.5:1883 refused everyone: 3 clients tried 4 times"),
            "{}",
            found.finding.headline
        );
    }

    #[test]
    fn two_clients_different_answers_or_one_success() {
        let two = Several::default().refused_as("a", 5).refused_as("b", 5).refused_as("a", 5);
        assert!(find(&two, "broker-refuses-all").is_none());
        let different = Several::default().refused_as("a", 5).refused_as("b", 5).refused_as("c", 4);
        assert!(find(&different, "broker-refuses-all").is_none());
        let success = Several::default().refused_as("a", 5).refused_as("b", 5).refused_as("c", 5).healthy();
        assert!(find(&success, "broker-refuses-all").is_none());
    }
}
