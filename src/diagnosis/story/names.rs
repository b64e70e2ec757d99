//! What the ends of a session are called in a sentence, and how long it lasted.
//!
//! Invariant: of a story that nobody will read nothing is spelt out.

use crate::capture::Moment;
use crate::diagnosis::{Qualifier, words};
use crate::stream::Side;

use super::{SECOND, Story};

impl Story<'_> {
    /// The client as a name: its client id, or else its address.
    pub(crate) fn client(&self) -> String {
        if self.silent {
            return String::new();
        }
        match self.session.client_id() {
            Some(id) if !id.is_empty() => words::plain(id),
            _ => self.session.wire.peers.client.endpoint.address.to_string(),
        }
    }

    /// The client as the first word of a sentence that speaks of it as a host.
    pub(crate) fn client_host(&self) -> String {
        self.spelt(&self.session.wire.peers.client.endpoint.address)
    }

    /// The server's address and port.
    pub(crate) fn server(&self) -> String {
        self.spelt(&self.session.wire.peers.server.endpoint)
    }

    fn spelt(&self, name: &impl ToString) -> String {
        if self.silent { String::new() } else { name.to_string() }
    }

    /// The server's port.
    pub(crate) fn port(&self) -> u16 {
        self.session.wire.peers.server.endpoint.port
    }

    /// `side` as a subject.
    pub(crate) fn subject(&self, side: Side) -> String {
        match side {
            Side::Client => self.client(),
            Side::Server => "the broker".to_owned(),
        }
    }

    /// `side` as the first word of a sentence.
    pub(crate) fn opener(&self, side: Side) -> String {
        match side {
            Side::Client => self.client(),
            Side::Server => "The broker".to_owned(),
        }
    }

    /// From the session's start to `end`: `4.2 s`, or `at least 4.2 s` when the start is missing.
    pub(crate) fn age(&self, end: Moment) -> String {
        if self.silent {
            return String::new();
        }
        let session = self.session;
        let start = match &session.connect {
            Some(connect) => connect.at.time,
            None => session.wire.first.time,
        };
        let length = end.time.nanoseconds_since(start);
        let span = words::duration(length);
        match self.is(Qualifier::PartialStart) {
            true if length < SECOND / 1000 => "an unknown time".to_owned(),
            true => format!("at least {span}"),
            false => span,
        }
    }
}
