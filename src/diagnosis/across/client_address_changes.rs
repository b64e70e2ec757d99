//! `client-address-changes`: one client id comes from changing addresses, one connection after the other.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::{Confidence, Severity, words};

use super::chain::Returning;
use super::client_id_fight::TAKEN_OVER;
use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "client-address-changes", severity: Severity::Info, text: include_str!("client_address_changes.md") };

/// Changes that are more than a move.
const CHANGES: usize = 2;
/// Addresses named; further ones are counted.
const NAMED: usize = 4;

pub(super) fn find(returning: &Returning<'_, '_>) -> Vec<Spanning> {
    returning.let_in.iter().filter_map(|same_id| changes(same_id)).collect()
}

fn changes(same_id: &[&Judged<'_>]) -> Option<Spanning> {
    let pairs = || same_id.iter().zip(same_id.iter().skip(1));
    // Connections at the same time push one another out: that is a matter of its own.
    let overlap = pairs().any(|(one, next)| !one.session.wire.last.is_before(next.session.wire.first))
        || same_id.iter().any(|judged| judged.outcome == TAKEN_OVER);
    let changed = pairs().filter(|(one, next)| one.host != next.host).count();
    if overlap || changed < CHANGES {
        return None;
    }
    let client_id = words::quoted(&same_id.first()?.session.connect.as_ref()?.client_id);
    let addresses: BTreeSet<IpAddr> = same_id.iter().map(|judged| judged.host).collect();
    let named = addresses.iter().take(NAMED).map(ToString::to_string);
    let more = (addresses.len() - addresses.len().min(NAMED)) as u64;
    let more = (more > 0).then(|| format!("{} more", words::number(more)));
    let headline = format!(
        "The client id {client_id} came from changing addresses in {}, one after another: {} ({}).",
        words::counted(same_id.len() as u64, "connection"),
        words::list(&named.chain(more).collect::<Vec<_>>()),
        words::counted(changed as u64, "change")
    );
    let found = Found::new(&ABOUT, headline, same_id.iter().map(|judged| judged.session.wire.first))
        .only(Confidence::Likely)
        .detail("Either one device moves between networks (Wi-Fi and mobile, two access points, a changing address), or several devices that are not connected at the same time share the client id.");
    Some(Spanning::new(found, same_id.iter().copied()))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::across::testing::{Several, find};

    #[test]
    fn a_client_that_moves_to_and_fro() {
        let several = Several::default().healthy_from(21).healthy_from(22).healthy_from(21);
        let found = find(&several, "client-address-changes").unwrap();
        assert_eq!(found.sessions, [1, 2, 3]);
        assert_eq!(
            found.finding.headline,
            "The client id “sensor-17” came from changing addresses in 3 connections, one after another: 10.0.0.21 and 10.0.0.22 (2 changes)."
        );
    }

    #[test]
    fn one_move_or_a_fight_is_something_else() {
        let moved = Several::default().healthy_from(21).healthy_from(22).healthy_from(22);
        assert!(find(&moved, "client-address-changes").is_none());
        let fight = Several::default().taken_over(21).taken_over(22).taken_over(21).still_there(22);
        assert!(find(&fight, "client-address-changes").is_none());
    }
}
