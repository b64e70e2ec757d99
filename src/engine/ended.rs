//! Connections that are over: which of them are sessions, and what is told of the others.

use crate::capture::{Moment, Timestamp};
use crate::net::{Endpoint, Undeliverable};
use crate::session::{CaptureEdge, ClientEvidence, Session, TlsFacts, Tracker, Wire};
use crate::tcp::{Ending, Facts};
use crate::transport::Protocol;

use super::dialogue::Ended;
use super::notice::Gone;
use super::{OTHER_PROTOCOLS, Rest, SECURE_PORT};

/// What is to be said of a connection.
pub(super) enum Turned {
    /// It is a session.
    Session(Box<Session>),
    /// It carries something else.
    Other { protocol: Protocol, server_port: u16 },
    /// It carries nothing, and its server is not known to speak MQTT.
    Nothing { undeliverable: Word },
}

/// The first word of a router that a segment could not be delivered. Boxed: few connections have it.
pub(super) type Word = Option<Box<(Moment, Undeliverable)>>;

impl Rest {
    /// A connection is over.
    pub(super) fn end(&mut self, gone: Gone) {
        let Gone { facts, ended } = gone;
        self.facts.connections += 1;
        if facts.ending == Some(Ending::LetGo) {
            self.facts.evicted.add(facts.last.frame);
        }
        self.note_contact(&ended, &facts);
        match self.turned_out(ended, &facts) {
            Turned::Session(session) => self.ended.push(session),
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
    pub(super) fn turned_out(&self, ended: Ended, facts: &Facts) -> Turned {
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
    pub(super) fn end_attempts(&mut self) {
        for (facts, undeliverable) in std::mem::take(&mut self.attempts) {
            self.ended.extend(self.attempt_at_mqtt(&facts, undeliverable.as_deref()).map(Box::new));
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
    pub(super) fn latest(&self) -> Timestamp {
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
