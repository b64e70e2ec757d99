//! What sessions have to do with each other: who speaks MQTT, who uses which client id, who was
//! closed together.
//!
//! Invariant: bounded. Of every client id the last two connections are remembered, and of every
//! close the last seconds.

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use crate::capture::Moment;
use crate::limits::Limits;
use crate::net::{Endpoint, TcpFlags};
use crate::session::{Neighbours, Rival, TextFact, Wire};
use crate::stream::Side;
use crate::tcp::Connection;

use super::dialogue::{Dialogue, News};

/// Sessions that a server closed within this many nanoseconds were closed together.
const TOGETHER: i64 = 1_000_000_000;
/// Closes older than this are forgotten: sessions are handed out well before.
const FORGET: i64 = 10_000_000_000;
/// Closes by one server remembered.
const CLOSES: usize = 4096;
/// Of the sessions closed together, this many are named.
const NAMED: usize = 16;

#[derive(Debug)]
pub(super) struct Population {
    limit: usize,
    servers: HashSet<Endpoint>,
    presences: HashMap<TextFact, SmallVec<[Presence; 2]>>,
    /// Closes by each server that were not announced by a packet, in capture order.
    closes: HashMap<Endpoint, VecDeque<ServerClose>>,
}

#[derive(Clone, Copy, Debug)]
struct Presence {
    stream: u32,
    client: Endpoint,
    server: IpAddr,
    connect: Moment,
    accepted: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct ServerClose {
    at: Moment,
    stream: u32,
}

impl Population {
    pub(super) fn new(limits: &Limits) -> Population {
        Population {
            limit: limits.connections,
            servers: HashSet::new(),
            presences: HashMap::new(),
            closes: HashMap::new(),
        }
    }

    /// Whether MQTT was spoken with this server.
    pub(super) fn speaks_mqtt(&self, server: Endpoint) -> bool {
        self.servers.contains(&server)
    }

    /// Takes what the segment at `at` changed in its connection.
    pub(super) fn hear(&mut self, connection: &mut Connection<Dialogue>, flags: TcpFlags, at: Moment) {
        let facts = &connection.facts;
        let news = connection.reader.take_news();
        if let Some(client) = connection.reader.client() {
            let server = facts.endpoint(client.other());
            for news in news {
                match news {
                    News::Connect { client_id, at } => self.connect(
                        client_id,
                        Presence {
                            stream: facts.stream,
                            client: facts.endpoint(client),
                            server: server.address,
                            connect: at,
                            accepted: None,
                        },
                    ),
                    News::Accepted { client_id, at } => self.accepted(&client_id, facts.stream, at),
                    News::Mqtt => {
                        if self.servers.len() < self.limit {
                            self.servers.insert(server);
                        }
                    }
                }
            }
            if flags.fin() || flags.rst() {
                self.close(connection, at);
            }
        }
    }

    fn connect(&mut self, client_id: TextFact, presence: Presence) {
        if client_id.is_empty() {
            return;
        }
        if self.presences.len() >= self.limit && !self.presences.contains_key(&client_id) {
            self.presences.clear();
        }
        let presences = self.presences.entry(client_id).or_default();
        if presences.len() == 2 {
            presences.remove(0);
        }
        presences.push(presence);
    }

    fn accepted(&mut self, client_id: &TextFact, stream: u32, at: Moment) {
        let presences = self.presences.get_mut(client_id);
        if let Some(presence) = presences.and_then(|all| all.iter_mut().find(|presence| presence.stream == stream)) {
            presence.accepted = Some(at);
        }
    }

    fn close(&mut self, connection: &Connection<Dialogue>, at: Moment) {
        let Some(client) = connection.reader.client() else { return };
        let wire = Wire::new(&connection.facts, client);
        let Some(close) = wire.close() else { return };
        if close.by != Side::Server || close.at != at || connection.reader.end_was_announced() {
            return;
        }
        let server = wire.peers.server.endpoint;
        if self.closes.len() >= self.limit && !self.closes.contains_key(&server) {
            self.closes.clear();
        }
        let closes = self.closes.entry(server).or_default();
        while closes.len() >= CLOSES
            || closes.front().is_some_and(|old| at.time.nanoseconds_since(old.at.time) > FORGET)
        {
            closes.pop_front();
        }
        closes.push_back(ServerClose { at, stream: wire.stream });
    }

    /// What other sessions had to do with the one over `wire`.
    pub(super) fn neighbours(&self, wire: &Wire, client_id: Option<&TextFact>, connect: Option<Moment>) -> Neighbours {
        let close = wire.close();
        let end = close.map_or(wire.last, |close| close.at);
        let rival = client_id.zip(connect).and_then(|(client_id, connect)| {
            let presences = self.presences.get(client_id)?;
            presences
                .iter()
                .rev()
                .find(|other| {
                    other.stream != wire.stream
                        && other.server == wire.peers.server.endpoint.address
                        && other.connect.frame > connect.frame
                        && other.connect.frame < end.frame
                })
                .map(|other| Rival {
                    client: other.client,
                    stream: other.stream,
                    connect: other.connect,
                    accepted: other.accepted,
                })
        });
        let mut closed_together = Vec::new();
        if close.is_some_and(|close| close.by == Side::Server)
            && let Some(closes) = self.closes.get(&wire.peers.server.endpoint)
        {
            let early = closes.partition_point(|other| end.time.nanoseconds_since(other.at.time) > TOGETHER);
            closed_together.extend(
                closes
                    .range(early..)
                    .take_while(|other| other.at.time.nanoseconds_since(end.time) <= TOGETHER)
                    .filter(|other| other.stream != wire.stream)
                    .map(|other| other.at.frame)
                    .take(NAMED),
            );
        }
        Neighbours { rival, closed_together }
    }
}
