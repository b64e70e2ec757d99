//! Of each attempt that opened no connection: under which other address the same host got through to the same port
//! meanwhile or right after, as clients do that know several addresses of one name.

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use super::facts::{Detour, Session};
use crate::net::MacAddress;

/// How long, in nanoseconds, after an attempt its client may wait before it tries the next address: beside the pause that
/// its next knock would have come after.
const PAUSE: i64 = 2_000_000_000;
/// Sessions behind an attempt that are looked at.
const NEXT: usize = 64;

/// Tells each of `sessions`, which stand in the order of their first frames, where its client got through instead.
pub fn find_detours(sessions: &mut [Box<Session>]) {
    if !sessions.iter().any(|session| session.got_nowhere()) {
        return;
    }
    let shared = shared(sessions);
    let found: Vec<(usize, Detour)> = (0..sessions.len())
        .filter_map(|place| {
            let (attempt, later) = sessions.get(place..)?.split_first()?;
            Some((place, detour(attempt, later, &shared)?))
        })
        .collect();
    for (place, detour) in found {
        if let Some(session) = sessions.get_mut(place) {
            session.neighbours.detour = Some(Box::new(detour));
        }
    }
}

fn detour(attempt: &Session, later: &[Box<Session>], shared: &HashSet<MacAddress>) -> Option<Detour> {
    if !attempt.got_nowhere() {
        return None;
    }
    let wire = &attempt.wire;
    let (began, ended) = (wire.first.time, wire.last.time);
    let patience = ended.nanoseconds_since(began) + PAUSE;
    let prompt = |one: &Session| one.wire.first.time.nanoseconds_since(ended) <= patience;
    let mut next = later.iter().take(NEXT).take_while(|one| prompt(one));
    let through =
        next.find(|one| one.got_through() && goes_elsewhere(attempt, one) && same_host(attempt, one, shared))?;
    Some(Detour { server: through.wire.peers.server.endpoint, at: through.wire.first })
}

fn goes_elsewhere(attempt: &Session, other: &Session) -> bool {
    let (tried, reached) = (attempt.wire.peers.server.endpoint, other.wire.peers.server.endpoint);
    tried.port == reached.port && tried.address != reached.address
}

/// Whether both are of one host: by its address, or from IPv6 to IPv4 and back by its link-layer address.
fn same_host(attempt: &Session, other: &Session, shared: &HashSet<MacAddress>) -> bool {
    let (one, two) = (attempt.wire.peers.client, other.wire.peers.client);
    let (first, second) = (one.endpoint.address, two.endpoint.address);
    let family = first.is_ipv4() == second.is_ipv4();
    let card = one.mac.filter(|mac| Some(*mac) == two.mac && !shared.contains(mac));
    first == second || !family && card.is_some()
}

/// Link-layer addresses from which clients of several addresses of one kind come: those of routers.
fn shared(sessions: &[Box<Session>]) -> HashSet<MacAddress> {
    let mut seen: HashMap<(MacAddress, bool), IpAddr> = HashMap::new();
    let mut shared = HashSet::new();
    for client in sessions.iter().map(|session| session.wire.peers.client) {
        let Some(mac) = client.mac else { continue };
        let address = client.endpoint.address;
        if *seen.entry((mac, address.is_ipv4())).or_insert(address) != address {
            shared.insert(mac);
        }
    }
    shared
}

impl Session {
    /// Whether it is an attempt that the capture shows from its first knock on, and that opened no connection.
    fn got_nowhere(&self) -> bool {
        self.wire.syn.count > 0 && self.wire.syn_ack.count == 0 && self.wire.established.is_none()
    }

    /// Whether the client was let in, as far as that can be read.
    fn got_through(&self) -> bool {
        let admitted = self.connack.as_ref().is_some_and(|connack| connack.code.0 == 0);
        admitted || self.tls.as_ref().is_some_and(|tls| tls.carried_data())
    }
}
