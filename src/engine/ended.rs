//! Connections that are over: which of them are sessions, and what is told of the others.

use smallvec::SmallVec;

use crate::capture::{Moment, Timestamp};
use crate::fetch::Depth;
use crate::net::{Endpoint, Undeliverable};
use crate::session::{CaptureEdge, ClientEvidence, Neighbours, PerSide, Session, TlsFacts, Tracker, Wire};
use crate::stream::End;
use crate::tcp::{Ending, Facts};
use crate::transport::Protocol;

use super::dialogue::{Ended, Followed};
use super::notice::Gone;
use super::{OTHER_PROTOCOLS, Rest, SECURE_PORT};

/// A session that ended, in the pieces that were at hand: cheap to pass on, and put together by whoever wants it.
#[derive(Debug)]
pub struct Finished {
    under: Under,
    evidence: ClientEvidence,
    followed: Followed,
    neighbours: Neighbours,
    capture: CaptureEdge,
}

/// What is under a session.
#[derive(Debug)]
pub(super) enum Under {
    Connection {
        facts: Box<Facts>,
        client: End,
    },
    /// Nothing but an attempt.
    Attempt(Box<Wire>),
}

impl Finished {
    pub(super) fn of_attempt(wire: Wire, tracker: Tracker, neighbours: Neighbours, capture: CaptureEdge) -> Finished {
        let (under, followed) = (Under::Attempt(Box::new(wire)), Followed::Alone(Box::new(tracker)));
        Finished { under, evidence: ClientEvidence::Opened, followed, neighbours, capture }
    }

    /// Asks for what putting it together will touch.
    pub fn fetch(&self, depth: Depth) {
        if let (Under::Connection { facts, .. }, Depth::Connection) = (&self.under, depth) {
            facts.fetch();
        }
        self.followed.tracker().fetch(depth);
        self.followed.tracker().fetch_opening(depth);
    }

    /// Puts it together.
    pub fn into_session(self) -> Box<Session> {
        let Finished { under, evidence, followed, neighbours, capture } = self;
        let wire = match under {
            Under::Connection { facts, client } => Box::new(Wire::new(&facts, client)),
            Under::Attempt(wire) => wire,
        };
        Box::new(followed.into_tracker().finish(wire, evidence, neighbours, capture))
    }
}

/// What is to be said of a connection.
#[expect(clippy::large_enum_variant, reason = "it is taken apart as soon as it is made")]
pub(super) enum Turned {
    /// It is a session.
    Session(Finished),
    /// It carries something else.
    Other { protocol: Protocol, facts: Box<Facts>, server_port: u16 },
    /// It carries nothing, and its server is not known to speak MQTT.
    Nothing { facts: Box<Facts>, undeliverable: Word },
}

/// The first word of a router that a segment could not be delivered. Boxed: few connections have it.
pub(super) type Word = Option<Box<(Moment, Undeliverable)>>;

impl Rest {
    /// A connection is over.
    pub(super) fn end(&mut self, gone: Gone) {
        self.facts.connections += 1;
        let mut told = SmallVec::<[Gone; 1]>::new();
        self.translations.ended(gone, &mut |gone| told.push(gone));
        for gone in told {
            self.tell(gone);
        }
    }

    /// Tells of the views of connections that nobody compares any more.
    pub(super) fn end_views(&mut self) {
        let mut told = Vec::new();
        self.translations.finish(&mut |gone| told.push(gone));
        for gone in told {
            self.tell(gone);
        }
    }

    /// Tells of a connection that is over.
    fn tell(&mut self, gone: Gone) {
        let Gone { facts, ended } = gone;
        if facts.ending == Some(Ending::LetGo) {
            self.facts.evicted.add(facts.last().frame);
        }
        self.note_contact(&ended, &facts);
        let stream = facts.stream;
        let client_id = match &ended {
            Ended::Mqtt { followed, .. } => followed.client_id().cloned(),
            _ => None,
        };
        let turned_out = self.turned_out(ended, facts);
        if let Some(client_id) = client_id {
            self.population.told(&client_id, stream);
        }
        match turned_out {
            Turned::Session(session) => self.ended.push(session),
            Turned::Other { protocol, facts, server_port } => self.note_other(protocol, server_port, &facts),
            Turned::Nothing { facts, undeliverable } if self.attempts.len() < self.limits.attempts => {
                self.attempts.push((facts, undeliverable));
            }
            // One that was let go is counted already.
            Turned::Nothing { facts, .. } if facts.ending == Some(Ending::LetGo) => {}
            Turned::Nothing { facts, .. } => self.facts.evicted.add(facts.last().frame),
        }
    }

    /// What is to be said of a connection.
    pub(super) fn turned_out(&self, ended: Ended, facts: Box<Facts>) -> Turned {
        match ended {
            Ended::Mqtt { client, evidence, followed } => {
                let tracker = followed.tracker();
                let connect = tracker.connect().zip(followed.client_id());
                let connect = connect.map(|(connect, client_id)| (client_id, connect.at));
                let mut neighbours = self.neighbours(&facts, client, connect);
                let username = tracker.connect().and_then(|connect| connect.username.as_ref());
                neighbours.namesake =
                    username.and_then(|username| self.population.namesake(&facts, client, username, self.latest()));
                Turned::Session(self.finished(facts, client, evidence, followed, neighbours))
            }
            Ended::Tls { client, evidence, tracker, named } => {
                let server = facts.endpoint(client.other());
                if self.is_right_door(server, named, &tracker) {
                    let neighbours = self.population.neighbours(&facts, client, None);
                    return Turned::Session(self.finished(
                        facts,
                        client,
                        evidence,
                        Followed::Alone(tracker),
                        neighbours,
                    ));
                }
                let answer = tracker.tls_facts().and_then(|tls| tls.foreign.server);
                let http = tracker.http_answered().cloned();
                self.wrong_door(Protocol::Tls, facts, server.port, |tracker| {
                    if let Some((at, protocol)) = answer {
                        tracker.answered_in(protocol, at);
                    }
                    if let Some(http) = http {
                        tracker.http_answer(http);
                    }
                })
            }
            Ended::Header { length, server_port } => {
                let preface = PerSide { client: length, server: 0 };
                self.wrong_door(Protocol::Proxy, facts, server_port, |tracker| tracker.preface(preface))
            }
            Ended::Other { protocol, server_port } => self.wrong_door(protocol, facts, server_port, |_| {}),
            Ended::NoData { undeliverable } => match facts.initiator {
                Some(client) if self.is_attempt_at_mqtt(&facts) => {
                    Turned::Session(self.attempt_at_mqtt(facts, client, undeliverable.as_deref()))
                }
                _ => Turned::Nothing { facts, undeliverable },
            },
        }
    }

    fn finished(
        &self,
        facts: Box<Facts>,
        client: End,
        evidence: ClientEvidence,
        followed: Followed,
        neighbours: Neighbours,
    ) -> Finished {
        let capture = self.edge(&facts);
        Finished { under: Under::Connection { facts, client }, evidence, followed, neighbours, capture }
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
    /// first byte on; `tell` tells what else is known of it. A server that goes along (answers TLS with TLS, a
    /// PROXY header with MQTT) is no such door.
    fn wrong_door(
        &self,
        protocol: Protocol,
        facts: Box<Facts>,
        server_port: u16,
        tell: impl FnOnce(&mut Tracker),
    ) -> Turned {
        let Some((client, spoke)) = self.client_at_wrong_door(protocol, &facts) else {
            return Turned::Other { protocol, facts, server_port };
        };
        let neighbours = self.neighbours(&facts, client, None);
        let mut tracker = Tracker::new(&self.limits, self.detail);
        tracker.foreign_opening(protocol, spoke);
        tell(&mut tracker);
        let followed = Followed::Alone(Box::new(tracker));
        Turned::Session(self.finished(facts, client, ClientEvidence::Opened, followed, neighbours))
    }

    /// That client, and when it spoke.
    fn client_at_wrong_door(&self, protocol: Protocol, facts: &Facts) -> Option<(End, Moment)> {
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
        let wrong = self.is_hinted(server) && !at_home && !goes_along && known;
        wrong.then_some((client, spoke))
    }

    /// Connections without data whose server was found to speak MQTT after they had ended.
    pub(super) fn end_attempts(&mut self) {
        for (facts, undeliverable) in std::mem::take(&mut self.attempts) {
            if let Some(client) = facts.initiator
                && self.is_attempt_at_mqtt(&facts)
            {
                let attempt = self.attempt_at_mqtt(facts, client, undeliverable.as_deref());
                self.ended.push(attempt);
            }
        }
    }

    /// A connection without data to a server that speaks MQTT, or to a port that is taken for it, is a session too.
    fn is_attempt_at_mqtt(&self, facts: &Facts) -> bool {
        facts.initiator.is_some_and(|client| self.expects_mqtt(facts.endpoint(client.other())))
    }

    fn attempt_at_mqtt(
        &self,
        facts: Box<Facts>,
        client: End,
        undeliverable: Option<&(Moment, Undeliverable)>,
    ) -> Finished {
        let neighbours = self.neighbours(&facts, client, None);
        let mut tracker = Tracker::new(&self.limits, self.detail);
        if let Some(&(at, error)) = undeliverable {
            tracker.undeliverable(at, error);
        }
        self.finished(facts, client, ClientEvidence::Opened, Followed::Alone(Box::new(tracker)), neighbours)
    }

    fn edge(&self, facts: &Facts) -> CaptureEdge {
        CaptureEdge {
            began: self.facts.first.unwrap_or_default(),
            ended: self.latest(),
            clock_jumped: self.jumped_since(facts.first),
            evicted: facts.ending == Some(Ending::LetGo),
            goes_on: false,
        }
    }

    /// The latest time that is known of the capture.
    pub(super) fn latest(&self) -> Timestamp {
        self.facts.last.unwrap_or_default().max(self.now)
    }

    /// Whether the clock went back after `first`.
    pub(super) fn jumped_since(&self, first: Moment) -> bool {
        self.last_clock_jump.is_some_and(|jump| jump > first.frame)
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
