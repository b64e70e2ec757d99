//! What names and neighbours have to do with sessions: which connections follow a question, and the
//! attempts that came to none.

use crate::attempt::{self, Attempt, Contact, Question, Surroundings};
use crate::capture::Moment;
use crate::net::{Decoded, Neighbour};
use crate::session::{CaptureEdge, Neighbours, Session, TextFact, Tracker, Wire};
use crate::stream::End;
use crate::tcp::Facts;

use super::Rest;
use super::dialogue::Ended;
use super::ended::Finished;

impl Rest {
    /// Counts what is from or to a host that was asked for.
    pub(super) fn note_wanted(&mut self, decoded: &Decoded<'_>, at: Moment) {
        let ends = match decoded {
            Decoded::Segment(segment) => [segment.source.address, segment.destination.address],
            Decoded::Dns(message) => [message.source.address, message.destination.address],
            Decoded::Neighbour(Neighbour::Question { asker, target, .. }) => [*asker, *target],
            Decoded::Neighbour(Neighbour::Answer { target }) => [*target, *target],
            _ => return,
        };
        if ends.iter().any(|end| self.hosts.contains(end)) {
            self.facts.wanted.add(at.frame);
        }
    }

    /// Remembers who opened the connection, and to whom.
    pub(super) fn note_contact(&mut self, ended: &Ended, facts: &Facts) {
        let (client, mqtt) = match ended {
            Ended::Mqtt { client, .. } => (Some(*client), true),
            _ => (facts.initiator, false),
        };
        let Some(client) = client else { return };
        let server = facts.endpoint(client.other());
        let mqtt = mqtt || self.is_hinted(server);
        self.mqtt_connections += u64::from(mqtt);
        self.watch.connection(&Contact {
            client: facts.endpoint(client).address,
            server: server.address,
            port: server.port,
            first: facts.first,
            last: facts.last(),
            mqtt,
            heard: facts.from(client.other()).segments > 0,
        });
    }

    /// What other sessions, and questions, had to do with the one over the connection of `facts`.
    pub(super) fn neighbours(&self, facts: &Facts, client: End, connect: Option<(&TextFact, Moment)>) -> Neighbours {
        let (asker, server) = (facts.endpoint(client).address, facts.endpoint(client.other()).address);
        let unheard = facts.syn.count > 0 && facts.from(client.other()).segments == 0;
        Neighbours {
            resolution: self.watch.resolution(asker, server, facts.first).map(Box::new),
            searched: unheard.then(|| self.watch.unanswered(server, facts.first)).flatten().map(Box::new),
            ..self.population.neighbours(facts, client, connect)
        }
    }

    /// The capture is over: questions that were to lead to a broker, and led nowhere, are sessions too.
    pub(super) fn end_questions(&mut self) {
        let watch = std::mem::replace(&mut self.watch, attempt::Watch::new(&self.limits));
        self.facts.questions_let_go = watch.let_go();
        for attempt in watch.finish(&self.surroundings()) {
            self.ended.push(self.question(attempt));
        }
    }

    /// What [`Rest::end_questions`] would hand out if the capture ended now.
    pub(super) fn questions(&self, out: &mut impl FnMut(Box<Session>)) {
        let attempts = self.watch.clone().finish(&self.surroundings());
        for attempt in attempts {
            out(self.question(attempt).into_session());
        }
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            packets: self.facts.packets,
            connections: self.facts.connections,
            others: self.facts.connections.saturating_sub(self.mqtt_connections),
            ended: self.latest(),
            wanted: &self.hosts,
        }
    }

    fn question(&self, attempt: Attempt) -> Finished {
        let wire = Wire::of_attempt(&attempt);
        let neighbours = Neighbours {
            resolution: match &attempt.what {
                Question::Host(search) => search.name.clone().map(Box::new),
                Question::Name(_) => None,
            },
            ..Neighbours::default()
        };
        let edge = CaptureEdge {
            began: self.facts.first.unwrap_or_default(),
            ended: self.latest(),
            clock_jumped: self.jumped_since(wire.first),
            evicted: false,
            goes_on: false,
        };
        let mut tracker = Tracker::new(&self.limits, self.detail);
        tracker.attempt(attempt);
        Finished::of_attempt(wire, tracker, neighbours, edge)
    }
}
