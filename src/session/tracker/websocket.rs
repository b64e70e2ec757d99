//! What the WebSocket around the packets adds to the facts.

use crate::capture::Moment;
use crate::mqtt::PacketType;
use crate::session::facts::{
    CloseFrame, HttpAnswer, Proof, TextMessages, UpgradeRequest, ViolationFact, WebSocketFacts,
};
use crate::session::timeline::EventKind;
use crate::stream::Side;
use crate::transport::Protocol;

use super::{ODDITIES, Tracker};

impl Tracker {
    /// Payload that could not be read while looking for the next frame.
    pub fn passed(&mut self, from: Side, bytes: u64, at: Moment) {
        self.topics.forget_aliases(from);
        self.rules.doubt(at);
        *self.odd().skipped_bytes.of_mut(from) += bytes;
        self.timeline.push(at, Some(from), EventKind::Skipped { bytes, begun: false });
    }

    /// The client asked for a WebSocket.
    pub fn upgrade_request(&mut self, request: &UpgradeRequest) {
        let kind = EventKind::UpgradeRequest { path: request.path.clone(), subprotocols: request.subprotocols.clone() };
        self.timeline.push(request.at, Some(Side::Client), kind);
    }

    /// That was answered.
    pub fn upgrade_answer(&mut self, answer: &HttpAnswer) {
        let (phrase, subprotocol) = (answer.phrase.clone(), answer.subprotocol.clone());
        let kind = EventKind::UpgradeAnswer { status: answer.status, phrase, subprotocol };
        self.timeline.push(answer.at, Some(Side::Server), kind);
    }

    /// That was answered, and not in HTTP.
    pub fn upgrade_answered_in(&mut self, protocol: Protocol, at: Moment) {
        self.timeline.push(at, Some(Side::Server), EventKind::ForeignAnswer(protocol));
    }

    /// A Close frame.
    pub fn websocket_close(&mut self, from: Side, close: &CloseFrame) {
        let kind = EventKind::WebSocketClose { code: close.code, reason: close.reason.clone() };
        self.timeline.push(close.at, Some(from), kind);
    }

    /// From here on a side's stream cannot be read.
    pub fn unreadable(&mut self, from: Side, at: Moment) {
        self.rules.doubt(at);
        self.timeline.push(at, Some(from), EventKind::Unreadable);
    }

    /// The packets came inside this WebSocket.
    pub fn websocket(&mut self, facts: Box<WebSocketFacts>) {
        for side in [Side::Client, Side::Server] {
            if let Some(TextMessages { at, packet, count }) = *facts.text.of(side) {
                let what = "it came in a WebSocket text message, not in a binary one";
                self.break_of_websocket((side, packet), at, count, "MQTT-6.0.0-1", what);
            }
        }
        let spoken = self.packets() > 0;
        if let Some(request) = facts.request.as_ref().filter(|_| spoken && !facts.offers_mqtt()) {
            let what = "the request for the WebSocket does not offer the subprotocol mqtt";
            self.break_of_websocket((Side::Client, PacketType::CONNECT), request.at, 1, "MQTT-6.0.0-3", what);
        }
        let open = facts.answer.as_ref().filter(|_| spoken && facts.is_open());
        if let Some(answer) = open.filter(|_| facts.offers_mqtt() && !facts.agrees_to_mqtt()) {
            let what = "the answer to the request for the WebSocket does not choose the subprotocol mqtt";
            self.break_of_websocket((Side::Server, PacketType::CONNACK), answer.at, 1, "MQTT-6.0.0-4", what);
        }
        self.odd().websocket = Some(facts);
    }

    fn break_of_websocket(
        &mut self,
        (side, packet): (Side, PacketType),
        at: Moment,
        count: u64,
        clause: &'static str,
        what: &'static str,
    ) {
        let violations = &mut self.odd().violations;
        if violations.len() < ODDITIES {
            violations.push(ViolationFact {
                at,
                latest: at,
                earlier: None,
                count,
                side,
                packet,
                clause,
                what: what.into(),
                grave: clause == "MQTT-6.0.0-1",
                proof: Proof::Packet,
            });
        }
    }
}
