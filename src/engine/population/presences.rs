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
/// Two closes belong together, and not one of them to what came before, where they lie so many times closer to each other.
const CLOSER: i64 = 8;
/// Connections with one client id that were captured in another order than they came lie fewer places apart.
const SHUFFLED: usize = 16;
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
        let crowded = if all.len() >= most { all.len() - most + most / FEW } else { 0 };
        let over =
            all.iter().take(FEW).take_while(|first| old(first)).count().max(crowded).min(all.len().saturating_sub(1));
        all.drain(..over);
        self.held -= over;
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
        // What stays has to move up: with many that is not done for each.
        let done = all.iter().take(FEW).take_while(|presence| presence.told).count();
        if done < FEW && 2 * done < all.len() {
            return;
        }
        all.drain(..done);
        self.held -= done;
        if all.is_empty() {
            entry.remove();
        }
    }

    /// Whether the connection over `stream`, which `server` closed `at` this moment, gave way to a newer one.
    pub(super) fn is_pushed_out(&self, client_id: &TextFact, stream: u32, server: Endpoint, at: Moment) -> bool {
        let sharers = Sharers::of(self.of(client_id), stream);
        let mut rivals = sharers.rivals(server.address, at);
        rivals.any(|other| at.time.nanoseconds_since(other.connect.time) <= TOGETHER)
            && !sharers.bore_a_rival(server, at)
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
        let sharers = Sharers::of(self.of(client_id), stream);
        let rivals = sharers.rivals(server.address, end);
        let mut rivals = rivals.rev().filter(|other| connect.is_before(other.connect));
        let same_port = rivals.clone().find(|other| other.server == server);
        let other = same_port.or_else(|| rivals.next())?;
        let fell_too = other.accepted.zip(closed(other.stream)).is_some_and(|(accepted, closed)| {
            fell_together(end.time.nanoseconds_since(accepted.time), closed.time.nanoseconds_since(end.time))
        });
        // Of a connection that is not remembered itself, those between are not known.
        let mut earlier = sharers.rivals(server.address, other.connect);
        let doubtful =
            sharers.own.is_none() && earlier.any(|earlier| earlier.server == server && earlier.accepted.is_some());
        Some(Box::new(Rival {
            borne: fell_too || sharers.bore_a_rival(server, end),
            doubtful,
            client: other.client,
            stream: other.stream,
            connect: other.connect,
            accepted: other.accepted,
            refused: other.refused,
        }))
    }

    /// The first connection with this client id that `server` let in after `end`.
    pub(super) fn returned(&self, client_id: &TextFact, server: Endpoint, end: Moment) -> Option<FrameNumber> {
        let all = self.of(client_id);
        let first = all.partition_point(|other| other.connect.frame < end.frame).saturating_sub(SHUFFLED);
        let mut later = all.get(first..).unwrap_or_default().iter().filter(|other| end.is_before(other.connect));
        later.find(|other| other.server == server && other.accepted.is_some()).map(|other| other.connect.frame)
    }

    fn of(&self, client_id: &TextFact) -> &[Presence] {
        self.by_id.get(client_id).map_or(&[], |all| all)
    }
}

/// The connections with one client id, as one of them sees them.
struct Sharers<'a> {
    own: Option<&'a Presence>,
    stream: u32,
    /// Those that may have come later, oldest first.
    others: &'a [Presence],
}

impl<'a> Sharers<'a> {
    fn of(all: &'a [Presence], stream: u32) -> Sharers<'a> {
        let place = all.iter().rposition(|presence| presence.stream == stream);
        let first = place.unwrap_or(0).saturating_sub(SHUFFLED);
        Sharers { own: place.and_then(|place| all.get(place)), stream, others: all.get(first..).unwrap_or_default() }
    }

    /// Those that came to `server` after this one and before `end`.
    fn rivals(&self, server: IpAddr, end: Moment) -> impl DoubleEndedIterator<Item = &'a Presence> + Clone {
        let (own, stream) = (self.own, self.stream);
        let accepted = own.and_then(|own| own.accepted);
        let over = self.others.partition_point(|other| other.connect.frame < end.frame).saturating_add(SHUFFLED);
        self.others.iter().take(over).filter(move |other| {
            // One that was let in first is what a proxy made of this one.
            let onward = accepted.zip(other.accepted).is_some_and(|(own, other)| other.is_before(own));
            other.stream != stream
                && other.server.address == server
                && own.is_none_or(|own| own.connect.is_before(other.connect))
                && other.connect.is_before(end)
                && !onward
        })
    }

    /// Whether this one was open beside a newer one, which had long been let in when `server` closed it `at` this moment:
    /// what lets both be pushes nobody out.
    fn bore_a_rival(&self, server: Endpoint, at: Moment) -> bool {
        let mut rivals = self.rivals(server.address, at).filter(|other| other.server == server);
        rivals.any(|other| other.accepted.is_some_and(|accepted| at.time.nanoseconds_since(accepted.time) >= LET_BE))
    }
}

/// Whether a connection that was closed so many nanoseconds `after` a newer one was let in, and so many before (or after)
/// that was closed too, fell together with it: because it had been let be for a while, or because both fell so much closer
/// together than the one was let in and the other closed.
fn fell_together(after: i64, apart: i64) -> bool {
    let apart = apart.abs();
    after > AT_ONCE && apart <= TOGETHER || after > apart.saturating_mul(CLOSER)
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
        let sharers = Sharers::of(presences.of(&id), 0);
        let rivals = sharers.rivals(server().address, at(9000));
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
        assert!(!borne(2004, Some(2024)));
        // The broker was stopped just after it had let the other in.
        assert!(borne(2020, Some(2021)));
        assert!(borne(2020, Some(2019)));
        assert!(!borne(2020, Some(2025)));
    }
}
