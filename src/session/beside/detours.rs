//! Of each attempt that opened no connection: under which other address the same host got through to the same port
//! meanwhile or right after, as clients do that know several addresses.
//!
//! Invariant: a host that goes on trying while it is connected elsewhere runs two clients: that is no detour.

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use super::one_by_one;
use crate::net::{Endpoint, MacAddress};
use crate::session::facts::{Detour, Session};

/// How long, in nanoseconds, after an attempt its client may wait before it tries the next address: beside the pause that
/// its next knock would have come after.
const PAUSE: i64 = 2_000_000_000;

/// Places of sessions, by who began them.
#[derive(Default)]
struct Hosts {
    /// Those that got through, by the client's address and by its link-layer address.
    through: HashMap<IpAddr, Vec<usize>>,
    through_card: HashMap<MacAddress, Vec<usize>>,
    /// Those that got nowhere, by the client's address and the server.
    nowhere: HashMap<(IpAddr, Endpoint), Vec<usize>>,
    /// Link-layer addresses from which clients of several addresses of one kind come: those of routers.
    routers: HashSet<MacAddress>,
}

/// Tells each of `sessions`, which stand in the order of their first frames, where its client got through instead.
pub(super) fn find_detours(sessions: &mut [Box<Session>]) {
    let got_nowhere = |(_, session): &(usize, &Session)| session.got_nowhere();
    let nowhere: Vec<usize> = one_by_one(sessions).filter(got_nowhere).map(|(place, _)| place).collect();
    if nowhere.is_empty() {
        return;
    }
    let hosts = Hosts::of(sessions);
    let found: Vec<(usize, Detour)> =
        nowhere.into_iter().filter_map(|place| Some((place, hosts.detour(place, sessions)?))).collect();
    for (place, detour) in found {
        if let Some(session) = sessions.get_mut(place) {
            session.neighbours.ways.detour = Some(detour);
        }
    }
}

impl Hosts {
    fn of(sessions: &[Box<Session>]) -> Hosts {
        let mut hosts = Hosts::default();
        let mut seen: HashMap<(MacAddress, bool), IpAddr> = HashMap::new();
        for (place, session) in one_by_one(sessions) {
            let peers = &session.wire.peers;
            let address = peers.client.endpoint.address;
            if let Some(mac) = peers.client.mac
                && *seen.entry((mac, address.is_ipv4())).or_insert(address) != address
            {
                hosts.routers.insert(mac);
            }
            if session.got_through() {
                hosts.through.entry(address).or_default().push(place);
                if let Some(mac) = peers.client.mac {
                    hosts.through_card.entry(mac).or_default().push(place);
                }
            } else if session.got_nowhere() {
                hosts.nowhere.entry((address, peers.server.endpoint)).or_default().push(place);
            }
        }
        hosts
    }

    fn detour(&self, place: usize, sessions: &[Box<Session>]) -> Option<Detour> {
        let attempt = sessions.get(place)?;
        let wire = &attempt.wire;
        let (began, ended) = (wire.first.time, wire.last.time);
        let latest = ended.after(ended.nanoseconds_since(began) + PAUSE);
        let client = wire.peers.client;
        let card = client.mac.filter(|mac| !self.routers.contains(mac));
        let of_host = self.through.get(&client.endpoint.address);
        // From IPv6 to IPv4 and back a host is known by its link-layer address.
        let of_card = card.and_then(|mac| self.through_card.get(&mac));
        let through = [of_host, of_card].into_iter().flatten().find_map(|places| {
            let later = places.get(places.partition_point(|other| *other <= place)..)?;
            let later = later.iter().filter_map(|other| sessions.get(*other));
            let mut prompt = later.take_while(|other| other.wire.first.time <= latest);
            prompt.find(|other| goes_elsewhere(attempt, other))
        })?;
        let one_name = attempt.name().is_some() && attempt.name() == through.name();
        if !one_name && self.goes_on(attempt, through, sessions) {
            return None;
        }
        Some(Detour { server: through.wire.peers.server.endpoint, at: through.wire.first, one_name })
    }

    /// Whether the host tries the same server again while it is connected `through` another.
    fn goes_on(&self, attempt: &Session, through: &Session, sessions: &[Box<Session>]) -> bool {
        let peers = &attempt.wire.peers;
        let connected = through.wire.first.time..=through.wire.last.time;
        let tries = self.nowhere.get(&(peers.client.endpoint.address, peers.server.endpoint));
        let mut tries = tries.into_iter().flatten().filter_map(|place| sessions.get(*place));
        tries.any(|one| connected.contains(&one.wire.first.time))
    }
}

fn goes_elsewhere(attempt: &Session, other: &Session) -> bool {
    let (tried, reached) = (attempt.wire.peers.server.endpoint, other.wire.peers.server.endpoint);
    tried.port == reached.port && tried.address != reached.address
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

    /// The name whose lookup led the client to the server.
    fn name(&self) -> Option<&str> {
        self.neighbours.resolution.as_ref().map(|known| &*known.name)
    }
}
