//! From a tracker to the session it tells.

use crate::session::facts::{CaptureEdge, ClientEvidence, Exchange, Neighbours, Session, VersionFrom};
use crate::session::rules::Known;
use crate::session::wire::{PerSide, Wire};
use crate::stream::Side;

use super::{Tracker, asked, known};

impl Tracker {
    /// The finished session over its connection.
    pub fn finish(
        mut self,
        wire: Box<Wire>,
        client_evidence: ClientEvidence,
        neighbours: Neighbours,
        capture: CaptureEdge,
    ) -> Session {
        self.keep_largest_row();
        if self.timeline.is_kept() {
            let odd = self.oddities.as_deref();
            let mut events = wire.events(odd.and_then(|odd| odd.undeliverable.as_deref()));
            let search = neighbours.searched.iter().map(|search| asked::search(search));
            events.extend(search.chain(odd.and_then(|odd| odd.attempt.as_deref()).into_iter().flat_map(asked::events)));
            self.timeline.finish(events);
        }
        let known = known!(self);
        self.rules.kept_open(&known, &wire, capture.ended);
        let violations = self.rules.finish(&wire);
        if !violations.is_empty() {
            self.oddities.get_or_insert_default().violations.extend(violations);
        }
        for side in [Side::Client, Side::Server] {
            self.ledger.of_mut(side).close(side, &wire, capture.ended);
        }
        let seldom = self.seldom.take();
        let mut open_exchanges = self.exchanges.close(&self.topics, &wire, &mut self.ledger);
        open_exchanges.extend(seldom.requests.into_iter().map(|request| Exchange {
            topic: request.first_filter,
            ..Exchange::new(Side::Client, request.packet, request.packet_identifier, request.at)
        }));
        open_exchanges.sort_by_key(|exchange| exchange.started);
        Session {
            wire,
            client_evidence,
            version: self.version,
            version_from: self.version.map(|_| seldom.inferred.map_or(VersionFrom::Connect, VersionFrom::Inferred)),
            connect: self.connect,
            connack: self.connack,
            disconnect: self.disconnect,
            counts: PerSide { client: self.counts.facts(Side::Client), server: self.counts.facts(Side::Server) },
            first_packet: self.first_packet,
            last_packets: PerSide {
                client: self.last_packets.facts(Side::Client, &self.topics),
                server: self.last_packets.facts(Side::Server, &self.topics),
            },
            subscriptions: self.subscriptions,
            open_exchanges,
            published: self.published,
            ledger: self.ledger,
            ping: self.ping,
            keep_alive: self.keep_alive,
            timeline: self.timeline,
            tls: seldom.tls,
            neighbours: Box::new(neighbours),
            capture,
            oddities: self.oddities,
        }
    }
}
