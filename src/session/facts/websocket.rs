//! The WebSocket around a session: its upgrade, how it was closed, what was wrong with it.

use crate::capture::Moment;
use crate::mqtt::PacketType;
use crate::stream::Side;
use crate::transport::Protocol;
use crate::transport::websocket::{Flaw, names_mqtt};

use super::TextFact;
use crate::session::capture::Tally;
use crate::session::wire::PerSide;

/// The WebSocket that carries, or was to carry, a session.
#[derive(Clone, Debug, Default)]
pub struct WebSocketFacts {
    /// The client's request, if it was captured.
    pub request: Option<UpgradeRequest>,
    /// The answer to it, if one was captured.
    pub answer: Option<HttpAnswer>,
    /// How much came of an answer that never was whole, and does not say yet that it refuses; and when the newest of it came.
    pub begun_answer: Option<(usize, Moment)>,
    /// The server's first bytes are no HTTP answer: what they are instead.
    pub foreign_answer: Option<(Protocol, Moment)>,
    /// Each side's first Close frame.
    pub close: PerSide<Option<CloseFrame>>,
    /// Each side's text messages.
    pub text: PerSide<Option<TextMessages>>,
    /// Each side's Pings and Pongs.
    pub pings: PerSide<Tally>,
    /// The first frame of each side that was masked or not, as it should not have been.
    pub wrongly_masked: PerSide<Option<Moment>>,
    /// From where on each side's stream could not be read: compressed data with a hole, or no frames at all.
    pub unreadable: PerSide<Option<Moment>>,
}

/// Text messages that carry MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextMessages {
    /// The first.
    pub at: Moment,
    /// Type of the control packet that it begins with.
    pub packet: PacketType,
    /// How many.
    pub count: u64,
}

/// A request for a WebSocket.
#[derive(Clone, Debug)]
pub struct UpgradeRequest {
    /// When it was complete.
    pub at: Moment,
    /// The path. The query is left out: it may hold a token.
    pub path: TextFact,
    /// Host, as sent.
    pub host: Option<TextFact>,
    /// The subprotocols that it offers, as sent.
    pub subprotocols: Option<TextFact>,
}

/// An answer in HTTP.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// When it was complete, or its first part.
    pub at: Moment,
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub phrase: TextFact,
    /// The subprotocol that it chose.
    pub subprotocol: Option<TextFact>,
    /// Where it points, without the query.
    pub location: Option<TextFact>,
    /// What the server's program calls itself.
    pub server: Option<TextFact>,
    /// What a client may not accept in it, if it agrees to a WebSocket.
    pub flaw: Option<Flaw>,
}

/// A Close frame.
#[derive(Clone, Debug)]
pub struct CloseFrame {
    /// When.
    pub at: Moment,
    /// Its status code (RFC 6455 §7.4), if it has one.
    pub code: Option<u16>,
    /// What its sender says.
    pub reason: TextFact,
    /// Its sender had received more than the capture holds before it, perhaps the other side's Close frame.
    pub ahead: bool,
}

impl WebSocketFacts {
    /// Whether the server agreed to the upgrade, as far as the capture tells.
    pub fn is_open(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.status == 101)
    }

    /// Whether the client offered MQTT as the subprotocol.
    pub fn offers_mqtt(&self) -> bool {
        let offered = self.request.as_ref().and_then(|request| request.subprotocols.as_ref());
        offered.is_some_and(|offered| names_mqtt(&offered.0))
    }

    /// Whether the server chose MQTT as the subprotocol.
    pub fn agrees_to_mqtt(&self) -> bool {
        let chosen = self.answer.as_ref().and_then(|answer| answer.subprotocol.as_ref());
        chosen.is_some_and(|chosen| names_mqtt(&chosen.0))
    }

    /// The first Close frame and who sent it. A capture may hold the answer to it before it.
    pub fn first_close(&self) -> Option<(Side, &CloseFrame)> {
        match (&self.close.client, &self.close.server) {
            (Some(client), Some(server)) if client.ahead != server.ahead => {
                Some(if client.ahead { (Side::Server, server) } else { (Side::Client, client) })
            }
            (Some(client), Some(server)) if server.at.is_before(client.at) => Some((Side::Server, server)),
            (Some(client), _) => Some((Side::Client, client)),
            (None, server) => server.as_ref().map(|server| (Side::Server, server)),
        }
    }
}

/// A name of a close code (RFC 6455 §7.4.1, and the IANA registry).
pub fn close_code_name(code: u16) -> Option<&'static str> {
    Some(match code {
        1000 => "Normal Closure",
        1001 => "Going Away",
        1002 => "Protocol Error",
        1003 => "Unsupported Data",
        1007 => "Invalid Payload Data",
        1008 => "Policy Violation",
        1009 => "Message Too Big",
        1010 => "Mandatory Extension",
        1011 => "Internal Error",
        1012 => "Service Restart",
        1013 => "Try Again Later",
        1014 => "Bad Gateway",
        _ => return None,
    })
}
