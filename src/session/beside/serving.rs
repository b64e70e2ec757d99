//! Of each connection that a server's host refused: which other one the same port of that server went on serving meanwhile.
//! Then something does listen there.
//!
//! Invariant: what the server says after the refusal, on a connection that began before it, is what shows it. A FIN or a
//! DISCONNECT would not: a broker that goes down closes its port first.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::one_by_one;
use crate::capture::Moment;
use crate::mqtt::PacketType;
use crate::net::Endpoint;
use crate::session::facts::{Serving, Session};
use crate::stream::Side;

/// Connections that a server served, all of them or those of one host, in the order in which they began.
#[derive(Default)]
struct Served {
    began: Vec<Moment>,
    /// Of each the last packet of the server on any connection up to it, with where that connection began.
    heard: Vec<(Moment, Moment)>,
}

impl Served {
    fn add(&mut self, began: Moment, heard: Moment) {
        let latest = self.heard.last().copied().filter(|(known, _)| heard.is_before(*known));
        self.began.push(began);
        self.heard.push(latest.unwrap_or((heard, began)));
    }

    /// The one of those that had begun at `at` that was served longest, if it went on.
    fn going_on(&self, at: Moment) -> Option<(Moment, Moment)> {
        let before = self.began.partition_point(|began| began.is_before(at));
        let (heard, began) = *self.heard.get(before.checked_sub(1)?)?;
        at.is_before(heard).then_some((heard, began))
    }
}

/// Tells each of `sessions`, which stand in the order of their first frames, that was refused what was served meanwhile.
pub(super) fn find_serving(sessions: &mut [Box<Session>]) {
    let refused = |(place, session): (usize, &Session)| Some((place, session.refused_by_host()?));
    let refused: Vec<(usize, (Endpoint, Moment))> = one_by_one(sessions).filter_map(refused).collect();
    if refused.is_empty() {
        return;
    }
    let mut all: HashMap<Endpoint, Served> =
        refused.iter().map(|(_, (server, _))| (*server, Served::default())).collect();
    let host = |place: usize| sessions.get(place).map(|session| session.wire.peers.client.endpoint.address);
    let mut of_hosts: HashMap<(Endpoint, IpAddr), Served> =
        refused.iter().filter_map(|(place, (server, _))| Some(((*server, host(*place)?), Served::default()))).collect();
    for (_, session) in one_by_one(sessions) {
        let peers = &session.wire.peers;
        let server = peers.server.endpoint;
        if let Some(of_server) = all.get_mut(&server)
            && let Some(heard) = session.served_until()
        {
            of_server.add(session.wire.first, heard);
            if let Some(of_host) = of_hosts.get_mut(&(server, peers.client.endpoint.address)) {
                of_host.add(session.wire.first, heard);
            }
        }
    }
    for (place, (server, at)) in refused {
        let Some(session) = sessions.get_mut(place) else { continue };
        let Some((heard, began)) = all.get(&server).and_then(|served| served.going_on(at)) else { continue };
        let host = session.wire.peers.client.endpoint.address;
        let same_host = of_hosts.get(&(server, host)).is_some_and(|served| served.going_on(at).is_some());
        session.neighbours.ways.serving = Some(Serving { began, heard, same_host });
    }
}

impl Session {
    /// The server, and when its host refused the connection.
    fn refused_by_host(&self) -> Option<(Endpoint, Moment)> {
        let wire = &self.wire;
        let reset = wire.reset.filter(|reset| reset.by == Side::Server)?;
        let knocked = wire.syn.count > 0 && wire.syn_ack.count == 0 && wire.established.is_none();
        knocked.then_some((wire.peers.server.endpoint, reset.at))
    }

    /// When the server was last heard on a connection on which it served the client. Inside TLS its farewell looks like
    /// anything else: one that it closed shows nothing.
    fn served_until(&self) -> Option<Moment> {
        let admitted = self.connack.as_ref().is_some_and(|connack| connack.code.0 == 0);
        let sealed = self.tls.as_ref().is_some_and(|tls| tls.carried_data());
        if sealed && self.wire.close().is_none_or(|close| close.by == Side::Client) {
            return self.wire.sent.server.last_data;
        }
        let mut spoken = self.last_packets.server.iter().rev().filter(|packet| packet.packet != PacketType::DISCONNECT);
        spoken.next().filter(|_| admitted).map(|packet| packet.at)
    }
}
