//! Whose a reset is, and what its sender still knew of the connection.

use super::{SECOND, Story};
use crate::capture::Moment;
use crate::session::{CloseHow, Session};
use crate::stream::Side;

impl Story<'_> {
    /// Whether the connection ended by a reset with which the server's host answered the client's data as of a
    /// connection that it did not know (any more).
    pub(crate) fn server_forgot(&self) -> bool {
        let answer = self.session.wire.reset.filter(|reset| !reset.acknowledges && reset.by == Side::Server);
        let first = self.close.is_some_and(|close| close.how == CloseHow::Reset && close.by == Side::Server);
        answer.is_some() && first && self.connected() && !self.acknowledged(Side::Client)
    }

    /// The same for the client's host, which answered the server.
    pub(crate) fn client_forgot(&self) -> bool {
        let wire = &self.session.wire;
        let unknown = wire.reset.is_some_and(|reset| !reset.acknowledges && reset.by == Side::Client);
        unknown && wire.sent.client.fin.is_none() && self.close.is_some_and(|close| close.how == CloseHow::Reset)
    }

    /// What the client still sent well after the reset in its name, which therefore was not its own.
    pub(crate) fn client_outlived_its_reset(&self) -> Option<Moment> {
        let reset = self.close_by(Side::Client).filter(|close| close.how == CloseHow::Reset)?;
        let client = &self.session.wire.sent.client;
        let repeated = Some(client.retries.last).filter(|_| client.retries.count > 0);
        let latest = [client.last_data, repeated].into_iter().flatten().max_by_key(|at| at.frame)?;
        let after = latest.time.nanoseconds_since(reset.at.time);
        (after > SECOND / 10 + 2 * self.round_trip()).then_some(latest)
    }

    /// Whether a reset in the server's name has another TTL than the server's other segments, by
    /// more than an asymmetric route explains.
    pub(crate) fn reset_is_foreign(&self) -> bool {
        reset_is_foreign(self.session)
    }

    /// The same for a reset in the client's name.
    pub(crate) fn client_reset_is_foreign(&self) -> bool {
        reset_differs(self.session, Side::Client, self.session.wire.sent.client.hop_limit)
    }
}

/// Whether a reset in the server's name has another TTL than the server's other segments.
pub(crate) fn reset_is_foreign(session: &Session) -> bool {
    let own = session.wire.sent.server.hop_limit.or(session.neighbours.server_hop_limit);
    reset_differs(session, Side::Server, own)
}

fn reset_differs(session: &Session, by: Side, own: Option<u8>) -> bool {
    let reset = session.wire.reset.filter(|reset| reset.by == by);
    reset.zip(own).is_some_and(|(reset, own)| hops(reset.hop_limit) != hops(own))
}

/// How many routers a packet has passed, from what is left of its Time to Live: hosts begin with 64,
/// 128 or 255, and not always with the same for a RST.
fn hops(hop_limit: u8) -> u8 {
    let begun = [64, 128, 255].into_iter().find(|begun| *begun >= hop_limit);
    begun.unwrap_or(u8::MAX) - hop_limit
}
