//! Connections of one client that one side closed one after the other, each after the same silence, as a timer does.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::one_by_one;
use crate::net::Endpoint;
use crate::session::facts::{Session, TextFact};
use crate::stream::Side;

/// Silences that one timer ends differ by so many nanoseconds at most.
pub const SILENCE_SPREAD: i64 = 100_000_000;
/// A shorter silence, in nanoseconds, is none that a timer ends.
const SHORTEST: i64 = 1_000_000_000;
/// Two that are shorter, in nanoseconds, may be equal by chance.
const TWICE: i64 = 5_000_000_000;

/// A server, a client by its address and client id, and who closed.
type Pair = (Endpoint, IpAddr, Option<TextFact>, Side);

/// Tells each of `sessions` that one side closed how many others of the same client it closed after the same silence.
pub(super) fn compare_silences(sessions: &mut [Box<Session>]) {
    let mut silences: HashMap<Pair, Vec<(usize, i64)>> = HashMap::new();
    for (place, session) in one_by_one(sessions) {
        if let Some((by, length)) = session.closed_in_silence() {
            let peers = &session.wire.peers;
            let pair = (peers.server.endpoint, peers.client.endpoint.address, session.sent_client_id().cloned(), by);
            silences.entry(pair).or_default().push((place, length));
        }
    }
    for mut all in silences.into_values().filter(|all| all.len() > 1) {
        all.sort_unstable_by_key(|(_, length)| *length);
        let mut rest = all.as_slice();
        while let Some((_, least)) = rest.first() {
            let spread = (least / 50).min(SILENCE_SPREAD);
            let (alike, others) = rest.split_at(rest.partition_point(|(_, length)| length - least <= spread));
            rest = others;
            if alike.len() < 2 || alike.len() == 2 && *least < TWICE {
                continue;
            }
            for (place, _) in alike {
                let Some(session) = sessions.get_mut(*place) else { continue };
                session.neighbours.closed_again_alike = alike.len() as u64 - 1;
            }
        }
    }
}

impl Session {
    /// Who closed without a word, and in which silence, in nanoseconds.
    fn closed_in_silence(&self) -> Option<(Side, i64)> {
        let close = self.wire.close()?;
        let said = self.disconnect.client.is_some() || self.disconnect.server.is_some();
        let last = self.last_packet().filter(|at| at.is_before(close.at))?;
        let length = close.at.time.nanoseconds_since(last.time);
        (!said && length >= SHORTEST).then_some((close.by, length))
    }
}
