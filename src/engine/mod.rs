//! Wires the layers: frames in, finished sessions out.
//!
//! Invariant: no I/O and no clock; time is the capture's. Live and offline use the same engine. What
//! a session needs to know of others is put into its [`Neighbours`](crate::session::Neighbours)
//! when it ends.

mod dialogue;
mod population;
mod post;

use std::sync::{Arc, Mutex};

use crate::capture::{Frame, Moment, Timestamp};
use crate::limits::Limits;
use crate::net::{self, Decoded, Endpoint, Segment, Undeliverable};
use crate::session::{CaptureEdge, CaptureFacts, ClientEvidence, Detail, PacketObserver, Session, Tracker, Wire};
use crate::tcp::{Connection, Ending, Facts, FlowTable};
use crate::transport::Protocol;

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
}

/// Who is shown every control packet. It is shared with whoever drains what it made of them.
pub type SharedObserver = Arc<Mutex<dyn PacketObserver>>;

/// Follows every connection of a capture.
#[derive(Debug)]
pub struct Engine {
    table: FlowTable<Dialogue>,
    rest: Rest,
}

/// All of the engine but the flow table, which calls back into it.
#[derive(Debug)]
struct Rest {
    limits: Arc<Limits>,
    detail: Detail,
    ports: Vec<u16>,
    observer: Option<SharedObserver>,
    facts: CaptureFacts,
    population: Population,
    /// Connections without data to a server of which it is not known if it speaks MQTT.
    attempts: Vec<(Facts, Option<(Moment, Undeliverable)>)>,
    /// Sessions that ended, not yet handed out.
    ended: Vec<Session>,
    last_clock_jump: Option<Timestamp>,
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
            table: FlowTable::new(&config.limits),
            rest: Rest {
                limits: Arc::new(config.limits),
                detail: config.detail,
                ports: config.ports,
                observer,
                facts: CaptureFacts::default(),
                population: Population::new(&config.limits),
                attempts: Vec::new(),
                ended: Vec::new(),
                last_clock_jump: None,
            },
        }
    }

    /// Takes the next frame; hands out the sessions that ended.
    pub fn push(&mut self, frame: &Frame<'_>, out: &mut impl FnMut(Session)) {
        self.rest.note_frame(frame);
        match net::decode(frame.link, frame.data, frame.original_length) {
            Decoded::Segment(segment) => self.segment(&segment, frame.at),
            Decoded::Undeliverable(error) => {
                if let Some(connection) = self.table.get_mut(error.source, error.destination) {
                    connection.reader.undeliverable(frame.at, error);
                }
            }
            Decoded::Other => {}
            Decoded::Fragment => self.rest.facts.fragments.add(frame.at.frame),
            Decoded::Undecodable(undecodable) => {
                self.rest.facts.undecodable.entry(undecodable).or_default().add(frame.at.frame);
            }
        }
        self.advance(frame.at.time, out);
    }

    /// Tells the engine what time it is in the capture; hands out the sessions that ended.
    pub fn advance(&mut self, now: Timestamp, out: &mut impl FnMut(Session)) {
        let rest = &mut self.rest;
        self.table.advance(now, &mut |connection| rest.end(connection));
        rest.ended.drain(..).for_each(out);
    }

    /// The capture is over: hands out all sessions that are left and the facts of the capture.
    pub fn finish(mut self, out: &mut impl FnMut(Session)) -> CaptureFacts {
        let rest = &mut self.rest;
        self.table.finish(&mut |connection| rest.end(connection));
        rest.end_attempts();
        rest.ended.drain(..).for_each(out);
        let Rest { mut facts, population, .. } = self.rest;
        facts.traffic = population.finish(facts.last.unwrap_or_default());
        facts
    }

    fn segment(&mut self, segment: &Segment<'_>, at: Moment) {
        let Engine { table, rest } = self;
        let hinted = |facts: &Facts| rest.is_hinted(facts.a) || rest.is_hinted(facts.b);
        let mut ended = Vec::new();
        let reader = |facts: &Facts| {
            let watch = rest.observer.as_ref().map(|observer| Watch::new(observer, facts));
            Dialogue::new(&rest.limits, rest.detail, hinted(facts), watch)
        };
        table.push(segment, at, reader, &mut |connection| ended.push(connection));
        if let Some(connection) = table.latest_mut() {
            rest.population.hear(connection, segment, at);
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

    fn end(&mut self, connection: Connection<Dialogue>) {
        self.facts.connections += 1;
        if connection.facts.ending == Some(Ending::LetGo) {
            self.facts.evicted.add(connection.facts.last.frame);
        }
        let edge = self.edge(&connection.facts);
        let Connection { facts, reader, .. } = connection;
        match reader.end(&facts) {
            Ended::Mqtt { client, evidence, tracker } => {
                let wire = Wire::new(&facts, client);
                let client_id = tracker.connect().map(|connect| connect.client_id.clone());
                let neighbours = self.population.neighbours(&wire, client_id.as_ref(), tracker.connect().map(|c| c.at));
                self.ended.push(tracker.finish(wire, evidence, neighbours, edge));
            }
            Ended::Other { protocol, server_port } => match self.wrong_door(protocol, &facts, edge) {
                Some(session) => self.ended.push(session),
                None => self.note_other(protocol, server_port, &facts),
            },
            Ended::NoData { undeliverable } => {
                let server = facts.initiator.map(|client| facts.endpoint(client.other()));
                if server.is_some_and(|server| self.is_hinted(server)) {
                    self.end_attempt(&facts, undeliverable);
                } else if self.attempts.len() < self.limits.attempts {
                    self.attempts.push((facts, undeliverable));
                } else {
                    self.facts.evicted.add(facts.last.frame);
                }
            }
        }
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
        if !self.is_hinted(server) || server.port == SECURE_PORT || goes_along || !known {
            return None;
        }
        let wire = Wire::new(facts, client);
        let neighbours = self.population.neighbours(&wire, None, None);
        let mut tracker = Tracker::new(&self.limits, self.detail);
        tracker.foreign_opening(protocol, spoke);
        Some(tracker.finish(wire, ClientEvidence::Opened, neighbours, edge))
    }

    /// Connections without data whose server was found to speak MQTT after they had ended.
    fn end_attempts(&mut self) {
        for (facts, undeliverable) in std::mem::take(&mut self.attempts) {
            let server = facts.initiator.map(|client| facts.endpoint(client.other()));
            if server.is_some_and(|server| self.is_hinted(server)) {
                self.end_attempt(&facts, undeliverable);
            }
        }
    }

    /// A connection without data to a server that speaks MQTT, or to a port that is taken for it, is a session too.
    fn end_attempt(&mut self, facts: &Facts, undeliverable: Option<(Moment, Undeliverable)>) {
        let Some(client) = facts.initiator else { return };
        let wire = Wire::new(facts, client);
        let neighbours = self.population.neighbours(&wire, None, None);
        let mut tracker = Tracker::new(&self.limits, self.detail);
        if let Some((at, error)) = undeliverable {
            tracker.undeliverable(at, error);
        }
        self.ended.push(tracker.finish(wire, ClientEvidence::Opened, neighbours, self.edge(facts)));
    }

    fn edge(&self, facts: &Facts) -> CaptureEdge {
        CaptureEdge {
            began: self.facts.first.unwrap_or_default(),
            ended: self.facts.last.unwrap_or_default(),
            clock_jumped: self.jumped_during(facts),
            evicted: facts.ending == Some(Ending::LetGo),
        }
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
