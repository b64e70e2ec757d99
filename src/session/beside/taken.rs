//! What the server took on other connections of what it answered with a close, or not at all: a CONNECT that came in the
//! same way, one of the same version, and the same request of the same client.

use hashbrown::{HashMap, HashSet};

use super::one_by_one;
use crate::capture::Moment;
use crate::mqtt::{PacketType, QoS, Version};
use crate::net::Endpoint;
use crate::session::facts::{LastPacket, Session, Subscription, Taken, TakenRequest, TextFact};
use crate::stream::Side;
use crate::transport::Protocol;

/// A close that comes later, in nanoseconds, after a request is no answer to it.
const PROMPT: i64 = 2_000_000_000;

/// How a CONNECT comes to a server: in a WebSocket, behind a PROXY header; and of which version, where that counts.
type Way = (Endpoint, bool, bool, Option<Version>);

/// A client by its id, and its server.
type Who = (Endpoint, TextFact);

/// PUBLISH or SUBSCRIBE, its topic or filter, and its `QoS`.
type Request = (PacketType, TextFact, QoS);

#[derive(Default)]
struct Asked {
    ways: HashMap<Way, Option<Moment>>,
    clients: HashSet<Who>,
    requests: HashMap<(Who, Request), Answers>,
}

/// What became of one request of one client.
#[derive(Clone, Copy, Default)]
struct Answers {
    /// On how many connections the server closed upon it.
    closed: u64,
    /// The newest that it took.
    taken: Option<TakenRequest>,
}

/// Tells each of `sessions` that the server closed upon a CONNECT or a request, or left without an answer, what it took
/// elsewhere.
pub(super) fn compare_taken(sessions: &mut [Box<Session>]) {
    let mut asked = Asked::default();
    let wondering = |(_, session): &(usize, &Session)| session.was_ignored() || session.closed_upon().is_some();
    let places: Vec<usize> = one_by_one(sessions).filter(wondering).map(|(place, _)| place).collect();
    if places.is_empty() {
        return;
    }
    places.iter().filter_map(|place| sessions.get(*place)).for_each(|session| asked.ask(session));
    one_by_one(sessions).for_each(|(_, session)| asked.look_at(session));
    for place in places {
        if let Some(session) = sessions.get_mut(place)
            && let Some(taken) = asked.answer(session)
        {
            session.neighbours.taken = Some(Box::new(taken));
        }
    }
}

impl Asked {
    fn ask(&mut self, session: &Session) {
        if session.was_ignored() {
            for version in [None, session.version] {
                self.ways.insert(session.way(version), None);
            }
        }
        if let Some((who, request)) = session.who().zip(session.closed_upon()) {
            self.clients.insert(who.clone());
            self.requests.entry((who, request)).or_default().closed += 1;
        }
    }

    fn look_at(&mut self, session: &Session) {
        let admitted = session.connack.as_ref().filter(|connack| connack.code.0 == 0);
        if let Some(connack) = admitted.filter(|_| !self.ways.is_empty()) {
            for version in [None, session.version] {
                if let Some(first) = self.ways.get_mut(&session.way(version)) {
                    first.get_or_insert(connack.at);
                }
            }
        }
        if self.clients.is_empty() {
            return;
        }
        let Some(who) = session.who().filter(|who| self.clients.contains(who)) else { return };
        let published = session.last_packets.client.iter().filter(|packet| session.published_in_peace(packet));
        let published = published.filter_map(|packet| {
            let taken = TakenRequest { at: packet.at, length: packet.length };
            Some(((packet.packet, packet.topic.clone()?, packet.qos), taken))
        });
        let granted = session.subscriptions.iter().filter_map(|subscription| {
            let (at, _) = subscription.answer.filter(|(_, code)| !code.is_failure())?;
            Some((subscription.request(), TakenRequest { at, length: 0 }))
        });
        for (request, taken) in published.chain(granted) {
            if let Some(answers) = self.requests.get_mut(&(who.clone(), request))
                && answers.taken.is_none_or(|known| known.at.is_before(taken.at))
            {
                answers.taken = Some(taken);
            }
        }
    }

    fn answer(&self, session: &Session) -> Option<Taken> {
        let way = |version| self.ways.get(&session.way(version)).copied().flatten();
        let ignored = session.was_ignored();
        let connect = way(None).filter(|_| ignored);
        let version = session.version.filter(|_| ignored).and_then(|version| way(Some(version)));
        let answers = session.who().zip(session.closed_upon()).and_then(|key| self.requests.get(&key));
        let Answers { closed, taken } = answers.copied().unwrap_or_default();
        let found = Taken { connect, version, request: taken, closed_too: closed.saturating_sub(1), crowd: None };
        (found != Taken::default()).then_some(found)
    }
}

impl Session {
    /// Whether its CONNECT got no answer.
    fn was_ignored(&self) -> bool {
        self.connect.is_some() && self.connack.is_none()
    }

    fn way(&self, version: Option<Version>) -> Way {
        let header = matches!(self.foreign_opening, Some((Protocol::Proxy, _)));
        (self.wire.peers.server.endpoint, self.websocket.is_some(), header, version)
    }

    fn who(&self) -> Option<Who> {
        Some((self.wire.peers.server.endpoint, self.sent_client_id()?.clone()))
    }

    /// The request that the client sent last, if the server closed promptly upon it.
    fn closed_upon(&self) -> Option<Request> {
        let last = self.last_packets.client.last()?;
        if ![PacketType::PUBLISH, PacketType::SUBSCRIBE].contains(&last.packet) {
            return None;
        }
        let close = self.wire.close().filter(|close| close.by == Side::Server)?;
        let span = close.at.time.nanoseconds_since(last.at.time);
        if !(0..=PROMPT).contains(&span) || self.disconnect.server.is_some() {
            return None;
        }
        if last.packet == PacketType::SUBSCRIBE {
            let mut asked = self.subscriptions.iter();
            return Some(asked.find(|one| one.asked == last.at && one.answer.is_none())?.request());
        }
        Some((last.packet, last.topic.clone()?, last.qos))
    }

    /// Whether the server took `packet`, a PUBLISH: it acknowledged it, or sent something and let the client be for a while.
    fn published_in_peace(&self, packet: &LastPacket) -> bool {
        if packet.packet != PacketType::PUBLISH {
            return false;
        }
        if packet.qos > QoS(0) {
            let open = self.open_exchanges.iter().any(|one| one.sender == Side::Client && one.last == packet.at);
            let refused = self.refusals.iter().any(|refusal| refusal.request == Some(packet.at));
            return !open && !refused && self.last_packets.server.iter().any(|answer| packet.at.is_before(answer.at));
        }
        let later = |at: Moment| at.time.nanoseconds_since(packet.at.time) > PROMPT;
        self.last_packets.server.last().is_some_and(|answer| later(answer.at))
    }
}

impl Subscription {
    fn request(&self) -> Request {
        (PacketType::SUBSCRIBE, self.filter.clone(), self.requested_qos())
    }
}
