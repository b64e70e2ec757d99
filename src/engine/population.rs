//! What sessions have to do with each other: who speaks MQTT, who uses which client id, who was
//! closed together.
//!
//! Invariant: bounded. Of every close the last seconds are remembered; of client ids see [`presences`].

mod presences;
mod together;

use std::collections::VecDeque;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::capture::{FrameNumber, Moment, Timestamp};
use crate::limits::{Limits, forget_older_half};
use crate::net::{Endpoint, MacAddress};
use crate::session::{Close, Namesake, Neighbours, Rare, TextFact, Traffic, Ways};
use crate::stream::{End, Side};
use crate::tcp::Facts;

use super::dialogue::{Answered, News};
use super::namesakes::Namesakes;
use super::notice::Talk;
use super::post::Post;
use presences::{Presence, Presences};
use together::Together;
pub(super) use together::begun;

/// Sessions that a server closed within this many nanoseconds were closed together.
const TOGETHER: i64 = 1_000_000_000;
/// Closes older than this are forgotten: sessions are handed out well before.
const FORGET: i64 = 10_000_000_000;
/// Closes by one server remembered.
const CLOSES: usize = 4096;

#[derive(Debug)]
pub(super) struct Population {
    limit: usize,
    servers: Arc<HashSet<Endpoint>>,
    /// Those with which it was spoken inside a WebSocket: what else comes to their port may be for a web server.
    websockets: HashSet<Endpoint>,
    /// Those that answered a CONNECT behind a PROXY header, and when first.
    headed: HashMap<Endpoint, Moment>,
    /// Servers that answered a CONNECT.
    brokers: HashMap<Endpoint, Broker>,
    presences: Presences,
    namesakes: Namesakes,
    /// Of each host its newest SYN-ACK.
    answers: HashMap<IpAddr, Answer>,
    /// Servers that answered TLS with TLS, and the first frame that shows it.
    tls: HashMap<Endpoint, Moment>,
    /// Closes by each server that were not announced by a packet, in capture order.
    closes: HashMap<Endpoint, VecDeque<ServerClose>>,
    /// Of servers in `closes`: the first connection that its host refused after the newest close before it.
    refusals: HashMap<Endpoint, Moment>,
    /// The messages that pass the brokers.
    post: Post,
}

/// A SYN-ACK, among all of its host.
#[derive(Clone, Copy, Debug)]
struct Answer {
    /// Time to Live or Hop Limit, if that of all was the same.
    hop_limit: Option<u8>,
    /// Whether the capture holds it twice.
    twice: bool,
    port: u16,
    /// Link-layer address from which it came first.
    mac: Option<MacAddress>,
}

#[derive(Clone, Copy, Debug)]
struct Broker {
    /// Its first CONNACK.
    first: Moment,
    /// The newest Maximum Packet Size that it announced, in bytes, and where.
    maximum_packet_size: Option<(u32, Moment)>,
}

#[derive(Clone, Copy, Debug)]
struct ServerClose {
    at: Moment,
    stream: Option<u32>,
    /// Stands for the client id, if it is known.
    client: Option<u64>,
    /// Nanoseconds without data before it.
    quiet: i64,
    /// Where the connection began, if the capture shows it.
    begun: Option<FrameNumber>,
}

impl Population {
    pub(super) fn new(limits: &Limits) -> Population {
        Population {
            limit: limits.connections,
            servers: Arc::default(),
            websockets: HashSet::new(),
            headed: HashMap::new(),
            brokers: HashMap::new(),
            presences: Presences::new(limits.connections),
            namesakes: Namesakes::new(limits.connections),
            answers: HashMap::new(),
            tls: HashMap::new(),
            closes: HashMap::new(),
            refusals: HashMap::new(),
            post: Post::new(limits),
        }
    }

    /// Whether MQTT was spoken inside a WebSocket with this server.
    pub(super) fn speaks_websocket(&self, server: Endpoint) -> bool {
        self.websockets.contains(&server)
    }

    /// Whether this server answered a CONNECT that was not encrypted.
    pub(super) fn answers_plainly(&self, server: Endpoint) -> bool {
        self.brokers.contains_key(&server)
    }

    /// Whether this server answered TLS with TLS.
    pub(super) fn speaks_tls(&self, server: Endpoint) -> bool {
        self.tls.contains_key(&server)
    }

    /// Servers with which MQTT was spoken.
    pub(super) fn servers(&self) -> &Arc<HashSet<Endpoint>> {
        &self.servers
    }

    /// Whether messages are followed through the broker.
    pub(super) fn follows_messages(&self) -> bool {
        self.post.is_open()
    }

    /// A server's SYN-ACK had so many hops left; whether the capture holds it twice, and from which link-layer address it came
    /// first.
    pub(super) fn hop_limit(&mut self, server: Endpoint, hop_limit: u8, twice: bool, mac: Option<MacAddress>) {
        if has_room(&self.answers, &server.address, self.limit) {
            // Several ways lead to it, or the capture was made on several of its hops.
            let known = self.answers.get(&server.address).map(|known| known.hop_limit);
            let hop_limit = Some(hop_limit).filter(|_| known.is_none_or(|known| known == Some(hop_limit)));
            self.answers.insert(server.address, Answer { hop_limit, twice, port: server.port, mac });
        }
    }

    /// A server answered TLS with TLS.
    pub(super) fn answered_tls(&mut self, server: Endpoint, at: Moment) {
        if has_room(&self.tls, &server, self.limit) {
            self.tls.entry(server).or_insert(at);
        }
    }

    /// A FIN or RST on a connection of MQTT.
    pub(super) fn closing(&mut self, stream: u32, at: Moment) {
        self.post.closed(stream, at);
        self.namesakes.closing(stream, at);
    }

    /// Takes what happened on the connection of `talk`.
    pub(super) fn hear(&mut self, talk: Talk, news: News) {
        let Talk { stream, client, server, websocket } = talk;
        match news {
            News::Message { from: Side::Client, passing } => self.post.collect(stream, server, passing),
            News::Message { from: Side::Server, passing } => self.post.deliver(stream, server.address, &passing),
            News::Taken { packet_identifier } => self.post.taken(stream, packet_identifier),
            News::Subscribed(subscriptions) => self.post.subscribed(stream, server, &subscriptions),
            News::Connect { client_id, at, will } => {
                if let Some(fingerprint) = will {
                    self.post.will(stream, server.address, fingerprint);
                }
                let (accepted, refused, told) = (None, None, false);
                self.presences
                    .connect(client_id, Presence { stream, client, server, connect: at, accepted, refused, told });
            }
            News::Answered(answered) => {
                let Answered { client_id, username, connect, accepted, maximum_packet_size, at } = *answered;
                self.presences.answered(&client_id, stream, accepted, at);
                if let Some(username) = username.filter(|_| accepted) {
                    let told = Namesake { client, client_id, stream, connect, accepted: at };
                    self.namesakes.accepted(server, username, told);
                }
                if has_room(&self.brokers, &server, self.limit) {
                    let unknown = Broker { first: at, maximum_packet_size: None };
                    let broker = self.brokers.entry(server).or_insert(unknown);
                    let announced = maximum_packet_size.map(|size| (size, at));
                    broker.maximum_packet_size = announced.or(broker.maximum_packet_size);
                }
            }
            News::Headed { at } => {
                if has_room(&self.headed, &server, self.limit) {
                    self.headed.entry(server).or_insert(at);
                }
            }
            News::Mqtt => {
                if websocket {
                    if self.websockets.len() < self.limit {
                        self.websockets.insert(server);
                    }
                } else if self.servers.len() < self.limit && !self.servers.contains(&server) {
                    Arc::make_mut(&mut self.servers).insert(server);
                }
            }
        }
    }

    /// The capture ended at `now`: what was seen to pass the brokers.
    pub(super) fn finish(self, now: Timestamp) -> Traffic {
        self.post.finish(now)
    }

    /// The session with this client id over `stream` is told of.
    pub(super) fn told(&mut self, client_id: &TextFact, stream: u32) {
        self.presences.told(client_id, stream);
    }

    /// A server closed a connection of its own accord, unless a newer one with its client id pushed it out.
    pub(super) fn closed(
        &mut self,
        server: Endpoint,
        stream: u32,
        client_id: Option<&TextFact>,
        quiet: i64,
        begun: Option<FrameNumber>,
        at: Moment,
    ) {
        if client_id.is_some_and(|client_id| self.presences.is_pushed_out(client_id, stream, server, at)) {
            return;
        }
        if !has_room(&self.closes, &server, self.limit) {
            self.closes.retain(|_, closes| closes.back().is_some_and(|newest| is_recent(newest.at, at)));
            forget_older_half(&mut self.closes, |closes| closes.back().map(|newest| newest.at.frame));
        }
        let closes = self.closes.entry(server).or_default();
        while closes.len() >= CLOSES || closes.front().is_some_and(|old| !is_recent(old.at, at)) {
            closes.pop_front();
        }
        closes.push_back(ServerClose { at, stream: Some(stream), client: client_id.map(stand_in), quiet, begun });
    }

    /// When `server` closed the connection over `stream` of its own accord.
    fn closed_at(&self, server: Endpoint, stream: u32) -> Option<Moment> {
        let mut closes = self.closes.get(&server)?.iter();
        closes.find(|close| close.stream == Some(stream)).map(|close| close.at)
    }

    /// The host of a server refused a new connection.
    pub(super) fn refused(&mut self, server: Endpoint, at: Moment) {
        let Some(close) = self.closes.get(&server).and_then(|closes| closes.back()) else { return };
        let known = self.refusals.get(&server).is_some_and(|known| close.at.is_before(*known));
        if !known && is_recent(close.at, at) && has_room(&self.refusals, &server, self.limit) {
            self.refusals.insert(server, at);
        }
    }

    /// The connection that may have pushed out the one over the connection of `facts`, by its user name, as known at `now`.
    pub(super) fn namesake(
        &self,
        facts: &Facts,
        client: End,
        username: &TextFact,
        now: Timestamp,
    ) -> Option<Box<Namesake>> {
        let end = Close::of(facts, client)?.at;
        let server = facts.endpoint(client.other());
        self.namesakes.of(server, username, (facts.stream, end), now).map(Box::new)
    }

    /// What other sessions had to do with the one over the connection of `facts`, with this client id and CONNECT.
    pub(super) fn neighbours(&self, facts: &Facts, client: End, connect: Option<(&TextFact, Moment)>) -> Neighbours {
        let server = facts.endpoint(client.other());
        let close = Close::of(facts, client);
        let end = close.map_or_else(|| facts.last(), |close| close.at);
        let rival = connect.and_then(|(client_id, connect)| {
            self.presences
                .rival(client_id, (facts.stream, server), (connect, end), |stream| self.closed_at(server, stream))
        });
        let by_server = close.is_some_and(|close| close.by == Side::Server);
        let mut together = Together::default();
        if by_server && let Some(closes) = self.closes.get(&server) {
            together = Together::of(closes, end, facts, connect.map(|(client_id, _)| stand_in(client_id)));
        }
        let returned =
            connect.filter(|_| by_server).and_then(|(client_id, _)| self.presences.returned(client_id, server, end));
        let broker = self.brokers.get(&server);
        let answer = self.answers.get(&server.address);
        // What comes from where the server's answers come from was not made up on the way.
        let mac = facts.mac(client.other());
        let elsewhere = |answer: &Answer| mac.is_none() || mac != answer.mac;
        let mut ways = Rare::<Ways>::default();
        if let Some(at) = self.headed.get(&server) {
            ways.takes_header = Some(*at);
        }
        Neighbours {
            rival,
            closed_together: together.frames,
            closed_together_count: together.count,
            closed_after_same_silence: u16::try_from(together.alike).unwrap_or(u16::MAX),
            returned,
            refused_after: self.refusals.get(&server).copied().filter(|refused| by_server && end.is_before(*refused)),
            server_hop_limit: answer.and_then(|answer| answer.hop_limit),
            server_seen_twice: answer.is_some_and(|answer| answer.twice && elsewhere(answer)),
            port_answers: answer.is_some_and(|answer| answer.port == server.port),
            websocket_on_port: self.websockets.contains(&server),
            tls_on_port: self.tls.get(&server).copied(),
            connack_before: broker.map(|broker| broker.first).filter(|at| at.frame < facts.first.frame),
            maximum_packet_size: broker.and_then(|broker| broker.maximum_packet_size),
            ways,
            ..Neighbours::default()
        }
    }
}

/// What stands for a client id among others.
fn stand_in(client_id: &TextFact) -> u64 {
    FixedState::default().hash_one(&client_id.0)
}

/// Whether `then` is not yet to be forgotten at `now`.
fn is_recent(then: Moment, now: Moment) -> bool {
    now.time.nanoseconds_since(then.time) <= FORGET
}

/// Whether `map` may take a value for `key`: it has one, or is not full.
pub(super) fn has_room<K: Eq + std::hash::Hash, V>(map: &HashMap<K, V>, key: &K, limit: usize) -> bool {
    map.len() < limit || map.contains_key(key)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_refusal_counts_after_a_close_by_the_same_server() {
        let server = |port| Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), port };
        let at = |second: i64| {
            let frame = FrameNumber::new(second.unsigned_abs());
            Moment { frame, time: Timestamp(second * 1_000_000_000) }
        };
        let mut population = Population::new(&Limits::default());
        population.refused(server(1883), at(1));
        population.closed(server(1883), 0, None, 0, None, at(2));
        population.refused(server(8883), at(3));
        assert!(population.refusals.is_empty());
        population.refused(server(1883), at(4));
        population.refused(server(1883), at(5));
        assert_eq!(population.refusals.get(&server(1883)), Some(&at(4)));
        population.closed(server(1883), 1, None, 0, None, at(6));
        population.refused(server(1883), at(7));
        assert_eq!(population.refusals.get(&server(1883)), Some(&at(7)));
        population.closed(server(1883), 2, None, 0, None, at(8));
        population.refused(server(1883), at(30));
        assert_eq!(population.refusals.get(&server(1883)), Some(&at(7)));
    }

    #[test]
    fn a_host_that_is_seen_from_several_places_has_no_hop_limit_of_its_own() {
        let server = Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), port: 1883 };
        let mut population = Population::new(&Limits::default());
        let known = |population: &Population| population.answers.get(&server.address).and_then(|known| known.hop_limit);
        for (hop_limit, told) in [(64, Some(64)), (64, Some(64)), (63, None), (63, None)] {
            population.hop_limit(server, hop_limit, false, None);
            assert_eq!(known(&population), told);
        }
    }

    #[test]
    fn a_connection_that_was_pushed_out_is_no_close_of_the_servers_own_accord() {
        let server = Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), port: 1883 };
        let at = |tenths: i64| {
            let frame = FrameNumber::new(tenths.unsigned_abs());
            Moment { frame, time: Timestamp(tenths * 100_000_000) }
        };
        let id = |text: &str| TextFact::new(text.as_bytes());
        let mut population = Population::new(&Limits::default());
        for (stream, connect) in [(0, 10), (1, 20)] {
            let (client, connect) = (server, at(connect));
            let presence = Presence { stream, client, server, connect, accepted: None, refused: None, told: false };
            population.presences.connect(id("a"), presence);
        }
        population.closed(server, 0, Some(&id("a")), 0, None, at(21));
        assert!(population.closes.is_empty());
        // The newer one gave way to nobody, nor does another client.
        population.closed(server, 1, Some(&id("a")), 0, None, at(22));
        population.closed(server, 2, Some(&id("b")), 0, None, at(22));
        assert_eq!(population.closes.get(&server).map(VecDeque::len), Some(2));
    }

    #[test]
    fn what_a_broker_let_be_for_long_is_not_pushed_out() {
        let server = Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), port: 1883 };
        let at = |second: i64| {
            let frame = FrameNumber::new(second.unsigned_abs());
            Moment { frame, time: Timestamp(second * 1_000_000_000) }
        };
        let id = TextFact::new(b"a");
        let closes = |second: i64, port: u16| {
            let mut population = Population::new(&Limits::default());
            for (stream, begun, port) in [(0, 1, 1883), (1, second, port), (2, 20, 1883)] {
                let (client, server, connect) = (server, Endpoint { port, ..server }, at(begun));
                let (accepted, told) = (Some(connect), false);
                population
                    .presences
                    .connect(id.clone(), Presence { stream, client, server, connect, accepted, refused: None, told });
            }
            population.closed(server, 0, Some(&id), 0, None, at(21));
            population.closes.get(&server).map_or(0, VecDeque::len)
        };
        assert_eq!(closes(10, 1883), 1);
        // The one between came just before, or to another broker on that host.
        assert_eq!(closes(19, 1883), 0);
        assert_eq!(closes(10, 1884), 0);
    }
}
