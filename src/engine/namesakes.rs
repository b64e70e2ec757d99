//! The connections that one user name has at one server: a broker that takes the user name for the client id lets only
//! the newest of them live.
//!
//! Invariant: bounded. Of each user name the last connections are remembered, and none once two lived side by side.

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::capture::{Moment, Timestamp};
use crate::net::Endpoint;
use crate::session::{Namesake, TextFact};

use super::population::has_room;

/// A connection that is open so many nanoseconds after a newer one was accepted lives side by side with it.
const SIDE_BY_SIDE: i64 = 250_000_000;
/// Connections of one user name remembered. More that are open at the same time live side by side.
const KEPT: usize = 4;

/// A server and a user name.
type Name = (Endpoint, TextFact);

#[derive(Debug)]
pub(super) struct Namesakes {
    limit: usize,
    names: HashMap<Name, Connections>,
    /// Of those that are remembered, the open ones by their stream.
    open: HashMap<u32, Name>,
}

#[derive(Debug, Default)]
struct Connections {
    /// Those with different client ids were open at the same time: the user name tells nothing.
    side_by_side: bool,
    newest: SmallVec<[Connection; 1]>,
}

#[derive(Debug)]
struct Connection {
    told: Namesake,
    closed: Option<Moment>,
}

impl Namesakes {
    pub(super) fn new(limit: usize) -> Namesakes {
        Namesakes { limit, names: HashMap::new(), open: HashMap::new() }
    }

    /// A connection with `username` was accepted by `server`.
    pub(super) fn accepted(&mut self, server: Endpoint, username: TextFact, told: Namesake) {
        let name = (server, username);
        if name.1.is_empty() || self.open.len() >= self.limit || !has_room(&self.names, &name, self.limit) {
            return;
        }
        let (stream, now) = (told.stream, told.accepted.time);
        let connections = self.names.entry(name.clone()).or_default();
        if connections.side_by_side {
            return;
        }
        connections.newest.push(Connection { told, closed: None });
        let full = connections.newest.len() > KEPT;
        let gone = connections.newest.iter().position(|connection| connection.closed.is_some());
        if connections.are_side_by_side(now) || full && gone.is_none() {
            for connection in &connections.newest {
                self.open.remove(&connection.told.stream);
            }
            *connections = Connections { side_by_side: true, newest: SmallVec::new() };
            return;
        }
        if let Some(oldest) = gone.filter(|_| full) {
            connections.newest.remove(oldest);
        }
        self.open.insert(stream, name);
    }

    /// A FIN or RST on a connection.
    pub(super) fn closing(&mut self, stream: u32, at: Moment) {
        let Some(connections) = self.open.remove(&stream).and_then(|name| self.names.get_mut(&name)) else { return };
        if let Some(own) = connections.newest.iter_mut().find(|own| own.told.stream == stream) {
            own.closed = Some(at);
        }
    }

    /// The newest connection that came to `server` with `username` and another client id while that over `stream` was open,
    /// which ended at `end`, if no two of them lived side by side until `now`.
    pub(super) fn of(
        &self,
        server: Endpoint,
        username: &TextFact,
        (stream, end): (u32, Moment),
        now: Timestamp,
    ) -> Option<Namesake> {
        let connections = self.names.get(&(server, username.clone()))?;
        if connections.are_side_by_side(now) {
            return None;
        }
        let mut told = connections.newest.iter().map(|connection| &connection.told);
        let own = told.clone().find(|own| own.stream == stream)?;
        told.rfind(|other| {
            other.client_id != own.client_id && own.accepted.is_before(other.connect) && other.connect.is_before(end)
        })
        .cloned()
    }
}

impl Connections {
    /// Whether two with different client ids live side by side at `now`, or did.
    fn are_side_by_side(&self, now: Timestamp) -> bool {
        let pairs = self.newest.iter().enumerate();
        let mut pairs = pairs.flat_map(|(place, old)| self.newest.iter().skip(place + 1).map(move |new| (old, new)));
        self.side_by_side
            || pairs.any(|(old, new)| {
                let end = old.closed.map_or(now, |at| at.time);
                old.told.client_id != new.told.client_id && end.nanoseconds_since(new.told.accepted.time) > SIDE_BY_SIDE
            })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use crate::capture::FrameNumber;

    use super::*;

    fn endpoint(port: u16) -> Endpoint {
        Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), port }
    }

    fn at(milliseconds: i64) -> Moment {
        let frame = FrameNumber::new(milliseconds.unsigned_abs());
        Moment { frame, time: Timestamp(milliseconds * 1_000_000) }
    }

    /// Connections of the user `fleet`: stream, client id, when accepted, when closed if ever.
    fn of(connections: &[(u32, &str, i64, Option<i64>)]) -> Namesakes {
        let mut namesakes = Namesakes::new(100);
        let mut events: Vec<(i64, bool, u32, &str)> = Vec::new();
        for &(stream, id, accepted, closed) in connections {
            events.push((accepted, true, stream, id));
            events.extend(closed.map(|closed| (closed, false, stream, id)));
        }
        events.sort_unstable();
        for (time, accepted, stream, id) in events {
            if accepted {
                let client_id = TextFact::new(id.as_bytes());
                let told =
                    Namesake { client: endpoint(50_000), client_id, stream, connect: at(time - 1), accepted: at(time) };
                namesakes.accepted(endpoint(1883), TextFact::new(b"fleet"), told);
            } else {
                namesakes.closing(stream, at(time));
            }
        }
        namesakes
    }

    /// The stream of the one that pushed out that over stream 1, which ended at 5,000 ms.
    fn found(namesakes: &Namesakes, now: i64) -> Option<u32> {
        let fleet = TextFact::new(b"fleet");
        namesakes.of(endpoint(1883), &fleet, (1, at(5_000)), at(now).time).map(|other| other.stream)
    }

    #[test]
    fn one_comes_as_the_other_goes() {
        let pair = of(&[(1, "a", 1_000, Some(5_000)), (2, "b", 5_000, None)]);
        assert_eq!(found(&pair, 9_000), Some(2));
        let third = of(&[(1, "a", 1_000, Some(5_000)), (2, "b", 5_000, Some(7_000)), (3, "c", 7_000, None)]);
        assert_eq!(found(&third, 99_000), Some(2));
        let same = of(&[(1, "a", 1_000, Some(5_000)), (2, "a", 5_000, None)]);
        assert_eq!(found(&same, 9_000), None);
        let before = of(&[(2, "b", 900, Some(950)), (1, "a", 1_000, Some(5_000))]);
        assert_eq!(found(&before, 9_000), None);
    }

    #[test]
    fn those_that_live_side_by_side_share_the_name() {
        let pair = [(1, "a", 1_000, Some(5_000)), (2, "b", 5_000, None)];
        for other in [(3, "c", 900, None), (3, "c", 900, Some(2_500)), (3, "c", 5_100, None)] {
            assert_eq!(found(&of(&[&pair[..], &[other]].concat()), 9_000), None, "{other:?}");
        }
        // Not yet known to stay; or the same device once more.
        assert_eq!(found(&of(&[&pair[..], &[(3, "c", 5_100, None)]].concat()), 5_200), Some(2));
        assert_eq!(found(&of(&[&pair[..], &[(3, "a", 900, Some(2_500))]].concat()), 9_000), Some(2));
    }

    #[test]
    fn nothing_is_kept_of_a_shared_name() {
        let devices = (0..48).zip(["a", "b", "c"].into_iter().cycle());
        let fleet: Vec<_> = devices.map(|(n, id)| (n, id, i64::from(n) * 100, None)).collect();
        let shared = of(&fleet);
        assert!(shared.open.is_empty());
        assert!(shared.names.values().all(|connections| connections.side_by_side && connections.newest.is_empty()));
        let mut small = Namesakes::new(1);
        let told = |stream| {
            let client_id = TextFact::new(b"a");
            Namesake { client: endpoint(50_000), client_id, stream, connect: at(1), accepted: at(2) }
        };
        for stream in 0..5_u32 {
            small.accepted(endpoint(1883), TextFact::new(&stream.to_be_bytes()), told(stream));
        }
        assert_eq!((small.names.len(), small.open.len()), (1, 1));
    }
}
