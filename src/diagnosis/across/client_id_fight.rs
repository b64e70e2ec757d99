//! `client-id-fight`: connections with one client id push each other out again and again.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::{Confidence, Severity, words};
use crate::session::Session;

use super::chain::{Returning, pauses, rhythm};
use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "client-id-fight", severity: Severity::Warning, text: include_str!("client_id_fight.md") };

/// The outcome of which fights are made.
pub(super) const TAKEN_OVER: &str = "session-taken-over";
/// Takeovers in a row that make a fight: two may be one client that came back twice.
const TAKEOVERS: usize = 3;
/// Addresses named; further ones are counted.
const NAMED: usize = 4;

/// How often they do is told only where frames have times (`paced`).
pub(super) fn find(returning: &Returning<'_, '_>, paced: bool) -> Vec<Spanning> {
    returning.all.iter().filter_map(|same_id| fight(same_id, paced)).collect()
}

/// The fight over a client id, of the sessions that used it.
fn fight(same_id: &[&Judged<'_>], paced: bool) -> Option<Spanning> {
    let taken = |judged: &Judged<'_>| judged.outcome == TAKEN_OVER;
    let takeovers = same_id.iter().filter(|judged| taken(judged)).count();
    if takeovers < TAKEOVERS {
        return None;
    }
    // From the first that was taken over to the one that pushed out the last.
    let first = same_id.iter().position(|judged| taken(judged))?;
    let last = same_id.iter().rposition(|judged| taken(judged))?;
    let part = same_id.get(first..=last + 1).or_else(|| same_id.get(first..))?;
    let connects: Vec<_> = part.iter().filter_map(|judged| Some(judged.session.connect.as_ref()?.at)).collect();
    let client_id = words::quoted(&part.first()?.session.connect.as_ref()?.client_id);
    let addresses: BTreeSet<IpAddr> = part.iter().map(|judged| address(judged.session)).collect();
    let changes =
        part.iter().zip(part.iter().skip(1)).filter(|(one, next)| address(one.session) != address(next.session));
    let alternate = changes.count() >= TAKEOVERS;
    let times: Vec<i64> = connects.iter().map(|at| at.time.0).collect();
    let rhythm = if paced { format!(", {}", rhythm(&pauses(&times))) } else { String::new() };
    let often = format!("{} times{rhythm}", words::number(takeovers as u64));
    let found = if addresses.len() > 1 && alternate {
        let named = addresses.iter().take(NAMED).map(ToString::to_string);
        let more = (addresses.len() - addresses.len().min(NAMED)) as u64;
        let more = (more > 0).then(|| format!("{} more", words::number(more)));
        let who = words::list(&named.chain(more).collect::<Vec<_>>());
        let headline = format!("{who} use the same client id {client_id} and push each other out: {often}.");
        Found::new(&ABOUT, headline, connects)
            .only(Confidence::VeryLikely)
            .detail("A broker allows a client id only once: each of them comes back, and so throws out the other. Give every device a client id of its own.")
    } else if part.iter().filter(|judged| taken(judged)).all(|judged| judged.session.wire.client_was_gone()) {
        let host = address(part.first()?.session);
        let headline = format!(
            "The client {client_id} on {host} came back again and again while the broker still held its older connection, which its host no longer knew: {often}."
        );
        Found::new(&ABOUT, headline, connects)
            .only(Confidence::Likely)
            .detail("A device that restarts, sleeps or loses its network without a goodbye leaves its connections open. If it does so on purpose, let it send DISCONNECT first; if not, look at its power and its signal.")
    } else {
        let host = address(part.first()?.session);
        let headline = format!("Connections from {host} with the client id {client_id} push each other out: {often}.");
        Found::new(&ABOUT, headline, connects)
            .only(Confidence::Likely)
            .detail("Two programs on this host use the same client id, or two devices behind it (NAT), or one program connects again while it is still connected.")
    };
    Some(Spanning::new(found, part.iter().copied()))
}

fn address(session: &Session) -> IpAddr {
    session.wire.peers.client.endpoint.address
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::across::testing::{Several, find};

    #[test]
    fn two_devices_with_one_id() {
        let several = Several::default().taken_over(21).taken_over(22).taken_over(21).still_there(22);
        let found = find(&several, "client-id-fight").unwrap();
        assert_eq!(found.sessions, [1, 2, 3, 4]);
        assert_eq!(found.finding.confidence, Confidence::VeryLikely);
        assert_eq!(
            found.finding.headline,
            "10.0.0.21 and 10.0.0.22 use the same client id “sensor-17” and push each other out: 3 times, about every 2 s."
        );
    }

    #[test]
    fn one_host_is_less_clear() {
        let several = Several::default().taken_over(21).taken_over(21).taken_over(21).still_there(21);
        let found = find(&several, "client-id-fight").unwrap();
        assert_eq!(found.finding.confidence, Confidence::Likely);
        assert!(found.finding.headline.starts_with("Connections from 10.0.0.21 "), "{}", found.finding.headline);
    }

    #[test]
    fn a_device_that_restarts_fights_with_nobody() {
        let several = Several::default().left_behind(21).left_behind(21).left_behind(21).still_there(21);
        let headline = find(&several, "client-id-fight").unwrap().finding.headline;
        assert_eq!(
            headline,
            "The client “sensor-17” on 10.0.0.21 came back again and again while the broker still held its older connection, which its host no longer knew: 3 times, about every 2 s."
        );
        let once_alive = Several::default().left_behind(21).taken_over(21).left_behind(21).still_there(21);
        let headline = find(&once_alive, "client-id-fight").unwrap().finding.headline;
        assert!(headline.contains("push each other out"), "{headline}");
    }

    #[test]
    fn two_takeovers_are_no_fight() {
        let several = Several::default().taken_over(21).taken_over(22).still_there(21);
        assert!(find(&several, "client-id-fight").is_none());
    }
}
