//! Wires the layers: frames in, finished sessions out.
//!
//! Invariant: no I/O and no clock; time is the capture's. Live and offline use the same engine. What
//! a session needs to know of others is put into its [`Neighbours`](crate::session::Neighbours)
//! when it ends.

mod asked;
mod changes;
mod dialogue;
mod population;
mod post;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use crate::attempt;
use crate::capture::{Frame, FrameNumber, Moment, Timestamp};
use crate::fragments::{Fragments, GivenUp};
use crate::limits::{Limits, Room};
use crate::net::{self, Decoded, Endpoint, Fragment, Segment, Undeliverable};
use crate::session::{
    CaptureEdge, CaptureFacts, ClientEvidence, Detail, FragmentFacts, PacketObserver, Session, TlsFacts, Tracker, Wire,
};
use crate::tcp::{Connection, Ending, Facts, FlowTable};
use crate::transport::Protocol;
use crate::transport::websocket::Windows;

use changes::Changes;
use dialogue::{Dialogue, Ended, Watch};
use population::Population;

/// Ports registered for MQTT: `mqtt` and `secure-mqtt` (IANA). They are a hint for connections that
/// never carried data, and never evidence that data is MQTT.
pub const MQTT_PORTS: [u16; 2] = [1883, SECURE_PORT];

/// Where encrypted bytes are as they should be.
const SECURE_PORT: u16 = 8883;

/// Backward steps of the clock below this are reordering, in nanoseconds.
const CLOCK_JUMP: i64 = 1_000_000_000;
/// Protocols and ports told apart in the facts of the capture.
const OTHER_PROTOCOLS: usize = 64;

/// What the engine is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bounds on memory.
    pub limits: Limits,
    /// Ports to take for MQTT beside [`MQTT_PORTS`].
    pub ports: Vec<u16>,
    /// How much of each session's timeline is kept.
    pub detail: Detail,
    /// Hosts that were asked for: what they look up in vain is more readily taken for an attempt to reach a broker.
    pub hosts: Vec<IpAddr>,
}

/// Who is shown every control packet. It is shared with whoever drains what it made of them.
pub type SharedObserver = Arc<Mutex<dyn PacketObserver>>;

/// Follows every connection of a capture.
#[derive(Debug)]
pub struct Engine {
    fragments: Fragments,
    table: FlowTable<Dialogue>,
    rest: Rest,
}

fn note_given_up(facts: &mut FragmentFacts, why: GivenUp, first: FrameNumber) {
    let tally = match why {
        GivenUp::Incomplete => &mut facts.incomplete,
        GivenUp::Overlapping => &mut facts.overlapping,
        GivenUp::Cut => &mut facts.cut,
        GivenUp::Evicted => &mut facts.evicted,
    };
    tally.add(first);
}

/// What is to be said of a connection.
enum Turned {
    /// It is a session.
    Session(Box<Session>),
    /// It carries something else.
    Other { protocol: Protocol, server_port: u16 },
    /// It carries nothing, and its server is not known to speak MQTT.
    Nothing { undeliverable: Word },
}

/// The first word of a router that a segment could not be delivered. Boxed: few connections have it.
type Word = Option<Box<(Moment, Undeliverable)>>;

/// All of the engine but the flow table, which calls back into it.
#[derive(Debug)]
struct Rest {
    limits: Arc<Limits>,
    detail: Detail,
    ports: Vec<u16>,
    observer: Option<SharedObserver>,
    windows: Windows,
    /// For what is not whole, over all connections.
    room: Room,
    facts: CaptureFacts,
    population: Population,
    hosts: Vec<IpAddr>,
    /// Connections that carried MQTT, or were to carry it.
    mqtt_connections: u64,
    /// What happens before there is a connection.
    watch: attempt::Watch,
    /// Connections without data to a server of which it is not known if it speaks MQTT.
    attempts: Vec<(Facts, Word)>,
    /// Sessions that ended, not yet handed out.
    ended: Vec<Session>,
    last_clock_jump: Option<Timestamp>,
    /// What time it is in the capture, which may go on without frames.
    now: Timestamp,
    changes: Changes,
}

impl Engine {
    /// An engine that has seen nothing.
    pub fn new(config: Config) -> Engine {
        Engine::with_observer(config, None)
    }

    /// An engine that shows every control packet to `observer` as it passes.
    pub fn observed(config: Config, observer: SharedObserver) -> Engine {
        Engine::with_observer(config, Some(observer))
    }

    fn with_observer(config: Config, observer: Option<SharedObserver>) -> Engine {
        Engine {
            fragments: Fragments::new(&config.limits),
            table: FlowTable::new(&config.limits),
            rest: Rest {
                limits: Arc::new(config.limits),
                detail: config.detail,
                ports: config.ports,
                observer,
                hosts: config.hosts,
                mqtt_connections: 0,
                watch: attempt::Watch::new(&config.limits),
                windows: Windows::new(config.limits.inflaters),
                room: Room::new(config.limits.held_bytes_total),
                facts: CaptureFacts::default(),
                population: Population::new(&config.limits),
                attempts: Vec::new(),
                ended: Vec::new(),
                last_clock_jump: None,
                now: Timestamp::default(),
                changes: Changes::default(),
            },
        }
    }

    /// Takes the next frame; hands out the sessions that ended.
    pub fn push(&mut self, frame: &Frame<'_>, out: &mut impl FnMut(Session)) {
        self.rest.note_frame(frame);
        match net::decode(frame.link, frame.data, frame.original_length) {
            Decoded::Fragment(fragment) => self.fragment(&fragment, frame.at),
            whole => self.whole(&whole, frame.at),
        }
        self.advance(frame.at.time, out);
    }

    #[inline]
    fn whole(&mut self, decoded: &Decoded<'_>, at: Moment) {
        if !self.rest.hosts.is_empty() {
            self.rest.note_wanted(decoded, at);
        }
        match decoded {
            Decoded::Segment(segment) => self.segment(segment, at),
            Decoded::Undeliverable(error) => {
                self.rest.watch.undeliverable(error, at);
                if let Some(connection) = self.table.get_mut(error.source, error.destination) {
                    connection.reader.undeliverable(at, *error);
                    self.rest.changes.note(connection);
                }
            }
            Decoded::Dns(message) => self.rest.watch.dns(message, at),
            Decoded::Neighbour(word) => self.rest.watch.neighbour(*word, at),
            Decoded::Other => {}
            // A tunnel's fragments within the fragments of a packet are not followed further.
            Decoded::Fragment(_) => self.rest.facts.fragments.incomplete.add(at.frame),
            Decoded::Undecodable(undecodable) => {
                self.rest.facts.undecodable.entry(*undecodable).or_default().add(at.frame);
            }
        }
    }

    #[cold]
    fn fragment(&mut self, fragment: &Fragment<'_>, at: Moment) {
        let facts = &mut self.rest.facts.fragments;
        if let Some(whole) = self.fragments.push(fragment, at, &mut |why, first| note_given_up(facts, why, first)) {
            self.whole(&net::decode_reassembled(&whole.header, &whole.payload), at);
        }
    }

    /// Tells the engine what time it is in the capture; hands out the sessions that ended.
    pub fn advance(&mut self, now: Timestamp, out: &mut impl FnMut(Session)) {
        let rest = &mut self.rest;
        rest.now = rest.now.max(now);
        self.table.advance(now, &mut |connection| rest.end(connection));
        rest.ended.drain(..).for_each(out);
    }

    /// The capture is over: hands out all sessions that are left and the facts of the capture.
    pub fn finish(mut self, out: &mut impl FnMut(Session)) -> CaptureFacts {
        let rest = &mut self.rest;
        let holes_given_up = self.table.given_up();
        self.fragments.finish(&mut |why, first| note_given_up(&mut rest.facts.fragments, why, first));
        self.table.finish(&mut |connection| rest.end(connection));
        rest.end_attempts();
        rest.end_questions();
        rest.ended.drain(..).for_each(out);
        let Rest { mut facts, population, room, .. } = self.rest;
        facts.packets_let_go = room.refused();
        facts.holes_given_up = holes_given_up;
        facts.traffic = population.finish(facts.last.unwrap_or_default());
        facts
    }

    fn segment(&mut self, segment: &Segment<'_>, at: Moment) {
        let Engine { table, rest, .. } = self;
        if let Some(message) = net::dns_of_segment(segment) {
            rest.watch.dns(&message, at);
        }
        let hinted = |facts: &Facts| rest.is_hinted(facts.a) || rest.is_hinted(facts.b);
        let mut ended = Vec::new();
        let reader = |facts: &Facts| {
            let watch = rest.observer.as_ref().map(|observer| Watch::new(observer, facts));
            Dialogue::new(&rest.limits, rest.detail, hinted(facts), watch, &rest.windows, &rest.room)
        };
        table.push(segment, at, reader, &mut |connection| ended.push(connection));
        if let Some(connection) = table.latest_mut() {
            rest.population.hear(connection, segment, at);
            rest.changes.note(connection);
        }
        for connection in ended {
            rest.end(connection);
        }
    }
}

impl Rest {
    fn note_frame(&mut self, frame: &Frame<'_>) {
        let facts = &mut self.facts;
        let time = frame.at.time;
        facts.packets += 1;
        facts.bytes += frame.data.len() as u64;
        facts.first.get_or_insert(time);
        if u64::from(frame.original_length) > frame.data.len() as u64 {
            facts.cut_frames.add(frame.at.frame);
        }
        match facts.last {
            Some(last) if time < last => {
                if last.nanoseconds_since(time) > CLOCK_JUMP {
                    facts.clock_jumps.add(frame.at.frame);
                    self.last_clock_jump = Some(last);
                }
            }
            _ => facts.last = Some(time),
        }
    }

    fn is_hinted(&self, endpoint: Endpoint) -> bool {
        MQTT_PORTS.contains(&endpoint.port)
            || self.ports.contains(&endpoint.port)
            || self.population.speaks_mqtt(endpoint)
    }

    /// Whether a connection to `endpoint` that carried nothing was meant for MQTT.
    fn expects_mqtt(&self, endpoint: Endpoint) -> bool {
        self.is_hinted(endpoint) || self.population.speaks_websocket(endpoint)
    }

    fn end(&mut self, connection: Connection<Dialogue>) {
        self.facts.connections += 1;
        if connection.facts.ending == Some(Ending::LetGo) {
            self.facts.evicted.add(connection.facts.last.frame);
        }
        let Connection { facts, reader, .. } = connection;
        let ended = reader.end(&facts);
        self.note_contact(&ended, &facts);
        match self.turned_out(ended, &facts) {
            Turned::Session(session) => self.ended.push(*session),
            Turned::Other { protocol, server_port } => self.note_other(protocol, server_port, &facts),
            Turned::Nothing { undeliverable } if self.attempts.len() < self.limits.attempts => {
                self.attempts.push((facts, undeliverable));
            }
            // One that was let go is counted already.
            Turned::Nothing { .. } if facts.ending == Some(Ending::LetGo) => {}
            Turned::Nothing { .. } => self.facts.evicted.add(facts.last.frame),
        }
    }

    /// What is to be said of a connection.
    fn turned_out(&self, ended: Ended, facts: &Facts) -> Turned {
        let edge = self.edge(facts);
        let session = |session| Turned::Session(Box::new(session));
        match ended {
            Ended::Mqtt { client, evidence, tracker } => {
                let wire = Wire::new(facts, client);
                let client_id = tracker.connect().map(|connect| connect.client_id.clone());
                let neighbours = self.neighbours(&wire, client_id.as_ref(), tracker.connect().map(|c| c.at));
                session(tracker.finish(wire, evidence, neighbours, edge))
            }
            Ended::Tls { client, evidence, tracker, named } => {
                let server = facts.endpoint(client.other());
                if self.is_right_door(server, named, &tracker) {
                    let wire = Wire::new(facts, client);
                    let neighbours = self.population.neighbours(&wire, None, None);
                    return session(tracker.finish(wire, evidence, neighbours, edge));
                }
                match self.wrong_door(Protocol::Tls, facts, edge) {
                    Some(mut attempt) => {
                        let answer = tracker.tls_facts().and_then(|tls| tls.foreign.server);
                        attempt.foreign_answer = answer.map(|(at, protocol)| (protocol, at));
                        session(attempt)
                    }
                    None => Turned::Other { protocol: Protocol::Tls, server_port: server.port },
                }
            }
            Ended::Other { protocol, server_port } => match self.wrong_door(protocol, facts, edge) {
                Some(attempt) => session(attempt),
                None => Turned::Other { protocol, server_port },
            },
            Ended::NoData { undeliverable } => match self.attempt_at_mqtt(facts, undeliverable.as_deref()) {
                Some(attempt) => session(attempt),
                None => Turned::Nothing { undeliverable },
            },
        }
    }

    /// Whether TLS is what `server` speaks there: it answered in it, the port is for it and nothing tells otherwise, or
    /// the client knows the server by a name.
    fn is_right_door(&self, server: Endpoint, named: bool, tracker: &Tracker) -> bool {
        let tls = tracker.tls_facts();
        let foreign = tls.is_some_and(|tls| tls.foreign.server.is_some() && tls.server_hello.is_none());
        let plain = foreign || self.population.answers_plainly(server);
        let expected = server.port == SECURE_PORT || named || self.population.speaks_tls(server);
        tls.is_some_and(TlsFacts::answered) || expected && !plain
    }

    /// A client that spoke another protocol to a server of plain MQTT, or to a port that is taken for one, from its
    /// first byte on. A server that goes along (answers TLS with TLS, a PROXY header with MQTT) is no such door.
    fn wrong_door(&self, protocol: Protocol, facts: &Facts, edge: CaptureEdge) -> Option<Session> {
        let client = facts.initiator?;
        let server = facts.endpoint(client.other());
        let (asked, answered) = (facts.from(client), facts.from(client.other()));
        let spoke = asked.first_data?;
        let goes_along = match protocol {
            Protocol::Tls => self.population.speaks_tls(server),
            Protocol::Proxy => answered.bytes > 0,
            _ => false,
        };
        let known = facts.syn.count > 0 && !asked.is_incomplete();
        // Encrypted bytes that are no TLS hello are as they should be there.
        let at_home = server.port == SECURE_PORT && protocol != Protocol::Tls;
        if !self.is_hinted(server) || at_home || goes_along || !known {
            return None;
        }
        let wire = Wire::new(facts, client);
        let neighbours = self.neighbours(&wire, None, None);
        let mut tracker = Tracker::new(&self.limits, self.detail);
        tracker.foreign_opening(protocol, spoke);
        Some(tracker.finish(wire, ClientEvidence::Opened, neighbours, edge))
    }

    /// Connections without data whose server was found to speak MQTT after they had ended.
    fn end_attempts(&mut self) {
        for (facts, undeliverable) in std::mem::take(&mut self.attempts) {
            self.ended.extend(self.attempt_at_mqtt(&facts, undeliverable.as_deref()));
        }
    }

    /// A connection without data to a server that speaks MQTT, or to a port that is taken for it, is a session too.
    fn attempt_at_mqtt(&self, facts: &Facts, undeliverable: Option<&(Moment, Undeliverable)>) -> Option<Session> {
        let client = facts.initiator?;
        if !self.expects_mqtt(facts.endpoint(client.other())) {
            return None;
        }
        let wire = Wire::new(facts, client);
        let neighbours = self.neighbours(&wire, None, None);
        let mut tracker = Tracker::new(&self.limits, self.detail);
        if let Some(&(at, error)) = undeliverable {
            tracker.undeliverable(at, error);
        }
        Some(tracker.finish(wire, ClientEvidence::Opened, neighbours, self.edge(facts)))
    }

    fn edge(&self, facts: &Facts) -> CaptureEdge {
        CaptureEdge {
            began: self.facts.first.unwrap_or_default(),
            ended: self.latest(),
            clock_jumped: self.jumped_during(facts),
            evicted: facts.ending == Some(Ending::LetGo),
            goes_on: false,
        }
    }

    /// The latest time that is known of the capture.
    fn latest(&self) -> Timestamp {
        self.facts.last.unwrap_or_default().max(self.now)
    }

    fn jumped_during(&self, facts: &Facts) -> bool {
        self.last_clock_jump.is_some_and(|jump| jump >= facts.first.time)
    }

    fn note_other(&mut self, protocol: Protocol, server_port: u16, facts: &Facts) {
        let key = (protocol, server_port);
        if self.facts.other.len() < OTHER_PROTOCOLS || self.facts.other.contains_key(&key) {
            self.facts.other.entry(key).or_default().add(facts.first.frame);
        } else {
            self.facts.other_more += 1;
        }
    }
}
