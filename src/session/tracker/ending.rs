//! From a tracker to the session it tells.

use crate::session::facts::{CaptureEdge, ClientEvidence, Exchange, Neighbours, Session};
use crate::session::rules::Known;
use crate::session::wire::{PerSide, Wire};
use crate::stream::Side;

use super::{Tracker, asked, known};

impl Tracker {
    /// The finished session over its connection.
    pub fn finish(
        mut self,
        wire: Wire,
        client_evidence: ClientEvidence,
        neighbours: Neighbours,
        capture: CaptureEdge,
    ) -> Session {
        let mut events = wire.events(self.undeliverable.as_deref());
        let search = neighbours.searched.iter().map(|search| asked::search(search));
        events.extend(search.chain(self.attempt.iter().flat_map(|attempt| asked::events(attempt))));
        self.timeline.finish(events);
        self.keep_largest_row();
        let known = known!(self);
        self.rules.kept_open(&known, &wire, capture.ended);
        self.violations.extend(self.rules.finish(&wire));
        for side in [Side::Client, Side::Server] {
            self.ledger.of_mut(side).close(side, &wire, capture.ended);
        }
        let mut open_exchanges = self.exchanges.close(&wire, &mut self.ledger);
        open_exchanges.extend(self.requests.into_iter().map(|request| Exchange {
            topic: request.first_filter,
            ..Exchange::new(Side::Client, request.packet, request.packet_identifier, request.at)
        }));
        open_exchanges.sort_by_key(|exchange| exchange.started);
        Session {
            wire,
            attempt: self.attempt,
            client_evidence,
            undeliverable: self.undeliverable,
            version: self.version.map(|(version, _)| version),
            version_from: self.version.map(|(_, from)| from),
            connect: self.connect.map(|connect| *connect),
            connack: self.connack.map(|connack| *connack),
            second_connect: self.second_connect,
            foreign_opening: self.foreign_opening,
            foreign_answer: self.foreign_answer,
            http_answer: self.http_answer,
            websocket: self.websocket,
            auth: self.auth,
            disconnect: self.disconnect,
            counts: self.counts,
            first_packet: self.first_packet,
            last_packets: PerSide {
                client: self.last_packets.client.into_vec(),
                server: self.last_packets.server.into_vec(),
            },
            subscriptions: self.subscriptions,
            open_exchanges,
            published: self.published,
            ledger: self.ledger,
            retained: self.retained,
            overlap: self.overlap,
            refusals: self.refusals,
            ping: self.ping,
            keep_alive: self.keep_alive,
            violations: self.violations,
            malformed: self.malformed,
            partial_packets: self.partial_packets,
            skipped_bytes: self.skipped_bytes,
            unfinished_packet: PerSide {
                client: self.unfinished_packet.client.map(|packet| *packet),
                server: self.unfinished_packet.server.map(|packet| *packet),
            },
            timeline: self.timeline,
            tls: self.tls,
            neighbours,
            capture,
        }
    }
}
