//! Connections of one client that one side closed one after the other, each after the same silence, as a timer does.
//!
//! Invariant: what ended within one second counts once. Connections that began together and end together were silent for
//! the same time too, whatever ended them.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::one_by_one;
use crate::capture::Timestamp;
use crate::net::Endpoint;
use crate::session::facts::{Session, TextFact};
use crate::stream::Side;

/// Silences that one timer ends differ by so many nanoseconds at most.
pub const SILENCE_SPREAD: i64 = 100_000_000;
/// A shorter silence, in nanoseconds, is none that a timer ends.
const SHORTEST: i64 = 1_000_000_000;
/// Closes with less than this between them, in nanoseconds, are one event.
const AT_ONCE: i64 = 1_000_000_000;
/// Two that are shorter, in nanoseconds, may be equal by chance.
const TWICE: i64 = 5_000_000_000;

/// A server, a client by its address and client id, and who closed.
type Pair = (Endpoint, IpAddr, Option<TextFact>, Side);

/// In which a session was closed.
struct Silence {
    /// Where the session stands.
    place: usize,
    /// In nanoseconds.
    length: i64,
    end: Timestamp,
}

/// Tells each of `sessions` that one side closed how many others of the same client it closed after the same silence.
pub(super) fn compare_silences(sessions: &mut [Box<Session>]) {
    let mut silences: HashMap<Pair, Vec<Silence>> = HashMap::new();
    for (place, session) in one_by_one(sessions) {
        if let Some((by, length, end)) = session.closed_in_silence() {
            let peers = &session.wire.peers;
            let pair = (peers.server.endpoint, peers.client.endpoint.address, session.sent_client_id().cloned(), by);
            silences.entry(pair).or_default().push(Silence { place, length, end });
        }
    }
    for mut all in silences.into_values().filter(|all| all.len() > 1) {
        all.sort_unstable_by_key(|silence| silence.length);
        let mut rest = all.as_slice();
        while let Some(Silence { length: least, .. }) = rest.first() {
            let spread = (least / 50).min(SILENCE_SPREAD);
            let (alike, others) = rest.split_at(rest.partition_point(|silence| silence.length - least <= spread));
            rest = others;
            let times = times(alike);
            if times < 2 || times == 2 && *least < TWICE {
                continue;
            }
            for Silence { place, .. } in alike {
                let Some(session) = sessions.get_mut(*place) else { continue };
                session.neighbours.closed_again_alike = times - 1;
            }
        }
    }
}

/// How often `silences` were ended, each time at another moment.
fn times(silences: &[Silence]) -> u64 {
    let mut ends: Vec<Timestamp> = silences.iter().map(|silence| silence.end).collect();
    ends.sort_unstable();
    let apart = ends.windows(2).filter(|two| matches!(two, [one, next] if next.nanoseconds_since(*one) >= AT_ONCE));
    1 + apart.count() as u64
}

impl Session {
    /// Who closed without a word, in which silence, in nanoseconds, and when.
    fn closed_in_silence(&self) -> Option<(Side, i64, Timestamp)> {
        let close = self.wire.close()?;
        let said = self.disconnect.client.is_some() || self.disconnect.server.is_some();
        let last = self.last_packet().filter(|at| at.is_before(close.at))?;
        let length = close.at.time.nanoseconds_since(last.time);
        (!said && length >= SHORTEST).then_some((close.by, length, close.at.time))
    }
}
