//! What of a session reached the other side, and when, and what of it could not be read.

use super::{SECOND, Story};
use crate::capture::Moment;
use crate::session::{Close, Session};
use crate::stream::Side;

/// What was repeated for longer, in nanoseconds, was not lost now and then: the path was broken.
const LOST_AT_MOST: i64 = 5 * SECOND;

/// Who has nothing to ask for leaves within so many nanoseconds.
const AT_ONCE: i64 = SECOND / 2;

/// Whether the client closed as soon as it was let in, and had asked for nothing.
pub(crate) fn only_asked(session: &Session, close: Close) -> bool {
    let admitted = session.connack.as_ref().filter(|connack| connack.code.0 == 0);
    let at_once = |answer: Moment| close.at.time.nanoseconds_since(answer.time) <= AT_ONCE;
    let alone = session.counts.client.total() == 1 && session.connect.is_some();
    alone && close.by == Side::Client && admitted.is_some_and(|connack| at_once(connack.at))
}

impl Story<'_> {
    /// Whether the client's TCP sent data again between `first` and `later`.
    pub(crate) fn repeated_between(&self, first: Moment, later: Moment) -> bool {
        let client = &self.session.wire.sent.client;
        let (one, newest) = client.retransmissions;
        let between = |at: Moment| first.is_before(at) && at.is_before(later);
        client.retransmitted > 0 && (between(one) || between(newest))
    }

    /// When what the client sent at `sent` reached the server, which ended the connection at `end`: with its newest
    /// repetition, where TCP had to repeat it.
    pub(crate) fn reached(&self, sent: Moment, end: Moment) -> Moment {
        let (_, newest) = self.session.wire.sent.client.retransmissions;
        let soon = newest.time.nanoseconds_since(sent.time) <= LOST_AT_MOST;
        let repeated = self.repeated_between(sent, end) && newest.is_before(end) && soon;
        if repeated && self.acknowledged(Side::Client) { newest } else { sent }
    }

    /// Whether what `side` sent last could not be read as packets, so that it may have been a goodbye.
    pub(crate) fn last_unread(&self, side: Side) -> bool {
        let session = self.session;
        let newest = session.wire.sent.of(side).last_data;
        let later = |data: Moment| self.last(side).is_none_or(|packet| packet.at.is_before(data));
        *session.skipped_bytes.of(side) > *session.begun_header.of(side).as_ref().map_or(&0, |(bytes, _)| bytes)
            && newest.is_some_and(later)
    }

    /// Whether the broker may have a session of the client: CONNECT was sent, or the capture lacks what may have been one.
    pub(crate) fn may_be_introduced(&self) -> bool {
        let (session, wire) = (self.session, &self.session.wire);
        let unread = self.last_unread(Side::Client)
            || self.websocket().is_some_and(|websocket| websocket.unreadable.client.is_some());
        self.connect_sent().is_some()
            || !wire.start_captured()
            || wire.sent.client.is_incomplete()
            || session.tls.is_some()
            || unread
    }

    /// Whether `side` repeated data that was never acknowledged: it spoke and was not heard.
    pub(crate) fn unheard(&self, side: Side) -> bool {
        let retries = self.session.wire.sent.of(side).retries;
        let closed_before = self.close.is_some_and(|close| close.at.is_before(retries.first));
        retries.count >= 3 && !self.acknowledged(side) && !closed_before
    }
}
