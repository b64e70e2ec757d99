//! What rules derive from the WebSocket around a session.

use crate::capture::Moment;
use crate::diagnosis::words;
use crate::session::{Close, CloseFrame, CloseHow, Session, WebSocketFacts, close_code_name};
use crate::stream::Side;

use super::Story;

impl<'a> Story<'a> {
    /// The WebSocket that the session runs in.
    pub(crate) fn websocket(&self) -> Option<&'a WebSocketFacts> {
        self.session.websocket.as_deref()
    }

    /// The Close frame by which `side` ended the session, if it did it so.
    pub(crate) fn close_frame(&self, side: Side) -> Option<&'a CloseFrame> {
        self.websocket()?.first_close().filter(|(by, _)| *by == side).map(|(_, close)| close)
    }

    /// The code of that frame: `WebSocket close code 1008, Policy Violation, saying “token expired”`.
    pub(crate) fn close_code(&self, side: Side) -> Option<String> {
        let close = self.close_frame(side)?;
        let code = close.code?;
        let name = close_code_name(code).map(|name| format!(", {name}")).unwrap_or_default();
        let said = Some(&close.reason).filter(|reason| !reason.is_empty());
        let saying = said.map(|reason| format!(", saying {}", words::quoted_words(reason))).unwrap_or_default();
        Some(format!("WebSocket close code {code}{name}{saying}"))
    }

    /// The same in brackets, or nothing.
    pub(crate) fn close_code_aside(&self, side: Side) -> String {
        self.close_code(side).map_or_else(String::new, |code| format!(" ({code})"))
    }

    /// What the code by which `side` closed stands for, as a cause.
    pub(crate) fn close_code_cause(&self, side: Side) -> Option<&'static str> {
        let close = self.close_frame(side)?;
        let code = close.code?;
        let about_login = close.reason.as_str().is_some_and(|reason| reason.to_ascii_lowercase().contains("auth"));
        let masked = self.websocket()?.wrongly_masked;
        Some(match (side, code) {
            (Side::Server, 1001) => {
                "The broker, or a proxy in front of it, is stopping, or gave up a connection on which nothing was said: Going Away stands for both."
            }
            (Side::Server, 1002) if masked.client.is_some() => {
                "The client sent WebSocket frames without a mask, which a server must not accept: its WebSocket library has a fault."
            }
            (Side::Server, 1002 | 1008) if about_login => {
                "The broker does not accept the user name, the password or a token: RabbitMQ, for one, says “unauthenticated” by this code, and sends no CONNACK."
            }
            (Side::Server, 1002) => "The broker or a proxy found a mistake in the client's WebSocket frames.",
            (Side::Server, 1003 | 1007) => {
                "The broker does not take the kind of WebSocket message that the client sent: MQTT needs binary ones."
            }
            (Side::Server, 1008) => {
                "A rule of the broker or of a proxy forbids what the client did, or its token has expired: that is what Policy Violation stands for."
            }
            (Side::Server, 1011) => "An error inside the broker, or in the proxy in front of it.",
            (Side::Server, 1012 | 1013) => "The broker is restarting, or too busy: it asks to try again later.",
            (Side::Client, 1001) => "The web page was closed, reloaded or left: browsers then close with Going Away.",
            (Side::Client, 1002 | 1003 | 1007) => {
                "The client found a mistake in the WebSocket frames that it received."
            }
            (Side::Client, 1009) => "A message was larger than the client takes.",
            _ => return None,
        })
    }

    /// Whether the server sent nothing inside the WebSocket, or only the beginning of a packet.
    pub(super) fn server_silent_inside(&self) -> bool {
        let session = self.session;
        let server = &session.wire.sent.server;
        session.counts.server.total() == 0
            && session.skipped_bytes.server == self.begun_bytes()
            && server.missing_bytes == 0
    }

    /// When the WebSocket was open, if no MQTT came of it from the client.
    pub(crate) fn opened_for_nothing(&self) -> Option<Moment> {
        let opened = self.websocket()?.answer.as_ref().filter(|answer| answer.status == 101)?.at;
        let session = self.session;
        let client = &session.wire.sent.client;
        let spoke = session.counts.client.total() > 0 || session.skipped_bytes.client > 0;
        let unknown = session.unfinished_packet.client.is_some() || client.is_incomplete();
        (!spoke && !unknown).then_some(opened)
    }
}

/// The first sign of an end: FIN, RST, or the Close frame that came before them. The side that sends it closes, whichever
/// side's FIN comes first (RFC 6455 §7.1.1).
pub(super) fn first_close(session: &Session) -> Option<Close> {
    let tcp = session.wire.close();
    let frame = session.websocket.as_ref().and_then(|websocket| websocket.first_close());
    match (tcp, frame) {
        (Some(tcp), Some((_, frame))) if tcp.at.is_before(frame.at) && tcp.at.frame != frame.at.frame => Some(tcp),
        (_, Some((by, frame))) => Some(Close { by, how: CloseHow::Closed, at: frame.at }),
        (tcp, None) => tcp,
    }
}
