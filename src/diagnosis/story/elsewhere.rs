//! What other connections to the same server show of this session.

use super::Story;
use crate::capture::Moment;
use crate::session::Taken;

impl Story<'_> {
    /// What the server took elsewhere of what it closed this session upon, or left unanswered in it.
    pub(crate) fn taken(&self) -> Taken {
        self.session.neighbours.taken.as_deref().copied().unwrap_or_default()
    }

    /// Whether the server answered CONNECT in plain MQTT before this connection, and nothing else is spoken on its port.
    pub(crate) fn plain_before(&self) -> bool {
        let neighbours = &self.session.neighbours;
        neighbours.connack_before.is_some() && !neighbours.websocket_on_port && neighbours.tls_on_port.is_none()
    }

    /// `before` or `later`: when `elsewhere` was, as against the end of this session.
    pub(crate) fn before_or_later(&self, elsewhere: Moment) -> &'static str {
        let end = self.close.map_or(self.session.wire.last, |close| close.at);
        if elsewhere.is_before(end) { "before" } else { "later" }
    }
}
