//! Connections from one address that the client's side closed at the same moment: of one program, or of a proxy.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::one_by_one;
use crate::capture::Timestamp;
use crate::net::Endpoint;
use crate::session::facts::Session;
use crate::stream::Side;

/// Closes that lie within so many nanoseconds have one reason.
const TOGETHER: i64 = 1_000_000_000;

/// Tells each of `sessions` that the client's side closed without a goodbye how many others it closed from the same
/// address at the same moment.
pub(super) fn compare_departures(sessions: &mut [Box<Session>]) {
    let mut closes: HashMap<(Endpoint, IpAddr), Vec<(Timestamp, usize)>> = HashMap::new();
    for (place, session) in one_by_one(sessions) {
        if let Some(at) = session.left_without_a_word() {
            let peers = &session.wire.peers;
            closes.entry((peers.server.endpoint, peers.client.endpoint.address)).or_default().push((at, place));
        }
    }
    for mut all in closes.into_values().filter(|all| all.len() > 1) {
        all.sort_unstable();
        for (at, place) in &all {
            let from = all.partition_point(|(other, _)| at.nanoseconds_since(*other) > TOGETHER);
            let to = all.partition_point(|(other, _)| other.nanoseconds_since(*at) <= TOGETHER);
            if let Some(session) = sessions.get_mut(*place) {
                session.neighbours.left_together = (to - from - 1) as u64;
            }
        }
    }
}

impl Session {
    /// When the client's side closed a session that was running, without a goodbye.
    fn left_without_a_word(&self) -> Option<Timestamp> {
        let close = self.wire.close().filter(|close| close.by == Side::Client)?;
        let said = self.disconnect.client.is_some() || self.disconnect.server.is_some();
        let admitted = self.connack.as_ref().is_some_and(|connack| connack.code.0 == 0);
        (admitted && !said).then_some(close.at.time)
    }
}
