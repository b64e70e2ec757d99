//! Which connections use the same client id, and which of them gave way to another.
//!
//! Invariant: bounded. Of every client id the connections are remembered until all are told of that began before them:
//! the last two, and those of the last seconds; when there are too many client ids, those that connected last.

use std::net::IpAddr;

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use thin_vec::ThinVec;

use crate::capture::{FrameNumber, Moment};
use crate::limits::forget_older_half;
use crate::net::Endpoint;
use crate::session::{Rival, TextFact};

use super::{FORGET, TOGETHER, has_room};

/// A broker that lets two connections with one client id be for so many nanoseconds pushes none of them out.
const LET_BE: i64 = 5_000_000_000;
/// A broker that lets one connection in and another go does both within so many nanoseconds.
const AT_ONCE: i64 = 50_000_000;
/// Connections with one client id remembered, when they follow one another that fast, whatever others there are.
const FEW: usize = 32;
/// The same, while there is room: two clients that come back at once push each other out hundreds of times before the
/// first of them is told of.
const MANY: usize = 2048;

/// The connections of all client ids.
#[derive(Debug)]
pub(super) struct Presences {
    limit: usize,
    /// How many there are.
    held: usize,
    /// Of each client id, most often one, oldest first.
    by_id: HashMap<TextFact, ThinVec<Presence>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Presence {
    pub(super) stream: u32,
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) connect: Moment,
    pub(super) accepted: Option<Moment>,
    pub(super) refused: Option<Moment>,
    /// Whether its session was told of: only those before it still ask for it.
    pub(super) told: bool,
}

impl Presences {
    pub(super) fn new(limit: usize) -> Presences {
        Presences { limit, held: 0, by_id: HashMap::new() }
    }

    /// A client introduced itself.
    pub(super) fn connect(&mut self, client_id: TextFact, presence: Presence) {
        if client_id.is_empty() {
            return;
        }
        if !has_room(&self.by_id, &client_id, self.limit) {
            forget_older_half(&mut self.by_id, |all| all.last().map(|presence| presence.connect.frame));
            self.held = self.by_id.values().map(ThinVec::len).sum();
        }
        let most = if self.held < self.limit { MANY } else { FEW };
        let all = self.by_id.entry(client_id).or_default();
        let old = |first: &Presence| presence.connect.time.nanoseconds_since(first.connect.time) > FORGET;
        while all.len() >= 2 && (all.len() >= most || all.first().is_some_and(old)) {
            all.remove(0);
            self.held -= 1;
        }
        if all.is_empty() {
            // Most client ids have one connection.
            all.reserve_exact(1);
        }
        all.push(presence);
        self.held += 1;
    }

    /// Its CONNECT was answered.
    pub(super) fn answered(&mut self, client_id: &TextFact, stream: u32, accepted: bool, at: Moment) {
        let all = self.by_id.get_mut(client_id);
        if let Some(presence) = all.and_then(|all| all.iter_mut().rfind(|presence| presence.stream == stream)) {
            *(if accepted { &mut presence.accepted } else { &mut presence.refused }) = Some(at);
        }
    }

    /// The session with this client id over `stream` is told of.
    pub(super) fn told(&mut self, client_id: &TextFact, stream: u32) {
        let EntryRef::Occupied(mut entry) = self.by_id.entry_ref(client_id) else { return };
        let all = entry.get_mut();
        if let Some(presence) = all.iter_mut().find(|presence| presence.stream == stream) {
            presence.told = true;
        }
        let done = all.iter().take_while(|presence| presence.told).count();
        all.drain(..done);
        self.held -= done;
        if all.is_empty() {
            entry.remove();
        }
    }

    /// Whether the connection over `stream`, which `server` closed `at` this moment, gave way to a newer one.
    pub(super) fn is_pushed_out(&self, client_id: &TextFact, stream: u32, server: Endpoint, at: Moment) -> bool {
        let mut rivals = self.rivals(client_id, stream, server.address, at);
        rivals.any(|other| at.time.nanoseconds_since(other.connect.time) <= TOGETHER)
            && !self.bore_a_rival(client_id, stream, server, at)
    }

    /// Whether the connection over `stream` was open beside a newer one with its client id, which had long been let in when
    /// `server` closed it `at` this moment: what lets both be pushes nobody out.
    fn bore_a_rival(&self, client_id: &TextFact, stream: u32, server: Endpoint, at: Moment) -> bool {
        let mut rivals = self.rivals(client_id, stream, server.address, at).filter(|other| other.server == server);
        rivals.any(|other| other.accepted.is_some_and(|accepted| at.time.nanoseconds_since(accepted.time) >= LET_BE))
    }

    /// The connections with this client id that came to `server` after the one over `stream` and before `end`.
    fn rivals(
        &self,
        client_id: &TextFact,
        stream: u32,
        server: IpAddr,
        end: Moment,
    ) -> impl DoubleEndedIterator<Item = &Presence> + Clone {
        let all = self.of(client_id);
        let own = all.iter().find(|presence| presence.stream == stream);
        let accepted = own.and_then(|own| own.accepted);
        all.iter().filter(move |other| {
            // One that was let in first is what a proxy made of this one.
            let onward = accepted.zip(other.accepted).is_some_and(|(own, other)| other.is_before(own));
            other.stream != stream
                && other.server.address == server
                && own.is_none_or(|own| own.connect.is_before(other.connect))
                && other.connect.is_before(end)
                && !onward
        })
    }

    /// The connection that may have pushed out the one over `stream` to `server`, which introduced itself at `connect` and
    /// ended at `end`. `closed` tells when the server closed a connection of its own accord.
    pub(super) fn rival(
        &self,
        client_id: &TextFact,
        (stream, server): (u32, Endpoint),
        (connect, end): (Moment, Moment),
        closed: impl Fn(u32) -> Option<Moment>,
    ) -> Option<Box<Rival>> {
        let rivals = self.rivals(client_id, stream, server.address, end);
        let mut rivals = rivals.rev().filter(|other| connect.is_before(other.connect));
        let same_port = rivals.clone().find(|other| other.server == server);
        let other = same_port.or_else(|| rivals.next())?;
        // One that was let in a while before both were closed pushed nobody out.
        let fell_too = other.accepted.is_some_and(|accepted| end.time.nanoseconds_since(accepted.time) > AT_ONCE)
            && closed(other.stream).is_some_and(|closed| closed.time.nanoseconds_since(end.time).abs() <= TOGETHER);
        // Of a connection that is not remembered itself, those between are not known.
        let forgotten = self.of(client_id).iter().all(|presence| presence.stream != stream);
        let earlier = self.rivals(client_id, stream, server.address, other.connect);
        let earlier = earlier.filter(|earlier| earlier.server == server && earlier.accepted.is_some());
        Some(Box::new(Rival {
            borne: fell_too || self.bore_a_rival(client_id, stream, server, end),
            doubtful: forgotten && earlier.count() > 0,
            client: other.client,
            stream: other.stream,
            connect: other.connect,
            accepted: other.accepted,
            refused: other.refused,
        }))
    }

    /// The first connection with this client id that `server` let in after `end`.
    pub(super) fn returned(&self, client_id: &TextFact, server: Endpoint, end: Moment) -> Option<FrameNumber> {
        let mut later = self.of(client_id).iter().filter(|other| end.is_before(other.connect));
        later.find(|other| other.server == server && other.accepted.is_some()).map(|other| other.connect.frame)
    }

    fn of(&self, client_id: &TextFact) -> &[Presence] {
        self.by_id.get(client_id).map_or(&[], |all| all)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::capture::Timestamp;

    const MILLISECOND: i64 = 1_000_000;

    fn at(milliseconds: i64) -> Moment {
        let frame = FrameNumber::new(milliseconds.unsigned_abs());
        Moment { frame, time: Timestamp(milliseconds * MILLISECOND) }
    }

    fn server() -> Endpoint {
        Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), port: 1883 }
    }

    fn id() -> TextFact {
        TextFact::new(b"a")
    }

    /// Connections with one client id, let in `milliseconds` after the capture began.
    fn let_in(presences: &mut Presences, connects: impl IntoIterator<Item = i64>) {
        for (stream, connect) in (0..).zip(connects) {
            let (client, server, connect) = (server(), server(), at(connect));
            let accepted = Some(connect);
            presences.connect(id(), Presence { stream, client, server, connect, accepted, refused: None, told: false });
        }
    }

    #[test]
    fn a_client_id_is_forgotten_once_all_its_sessions_are_told_of() {
        let (mut presences, id) = (Presences::new(100), id());
        let_in(&mut presences, [1000, 2000]);
        // The newer one is over first: the older one, when it ends, still knows of it.
        presences.told(&id, 1);
        let rivals = presences.rivals(&id, 0, server().address, at(9000));
        assert_eq!(rivals.map(|other| other.stream).collect::<Vec<_>>(), [1]);
        presences.told(&id, 0);
        assert!(presences.by_id.is_empty());
        assert_eq!(presences.held, 0);
        presences.told(&id, 0);
    }

    #[test]
    fn two_that_push_each_other_out_without_a_pause() {
        let mut presences = Presences::new(100_000);
        let_in(&mut presences, (0..500).map(|count| 1000 + 4 * count));
        let rival = |stream: u32| {
            let connect = 1000 + 4 * i64::from(stream);
            let ended = (at(connect), at(connect + 5));
            presences.rival(&id(), (stream, server()), ended, |_| None).map(|rival| (rival.stream, rival.doubtful))
        };
        assert_eq!(rival(0), Some((1, false)));
        assert_eq!(rival(200), Some((201, false)));
    }

    #[test]
    fn where_there_is_no_room_the_newest_stay() {
        let mut presences = Presences::new(40);
        let_in(&mut presences, (0..500).map(|count| 1000 + 4 * count));
        assert_eq!(presences.held, FEW);
        let ended = |end| (at(1000), at(end));
        // Those between are not known any more.
        let rival = presences.rival(&id(), (0, server()), ended(4000), |_| None).unwrap();
        assert_eq!((rival.stream, rival.doubtful), (499, true));
        assert!(presences.rival(&id(), (0, server()), ended(1005), |_| None).is_none());
    }

    #[test]
    fn a_rival_that_was_closed_too_pushed_nobody_out() {
        let mut presences = Presences::new(100);
        let_in(&mut presences, [1000, 2000]);
        let borne = |end: i64, closed: Option<i64>| {
            let ended = (at(1000), at(end));
            presences.rival(&id(), (0, server()), ended, |stream| closed.filter(|_| stream == 1).map(at)).unwrap().borne
        };
        assert!(borne(2400, Some(2401)));
        assert!(borne(2400, Some(2399)));
        assert!(!borne(2400, None));
        assert!(!borne(2400, Some(9000)));
        // What was closed as the other was let in made way for it, whatever became of that.
        assert!(!borne(2004, Some(2500)));
    }
}
