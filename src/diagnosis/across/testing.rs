//! Several sessions made by hand, one after the other, for the tests of rules.

use std::net::{IpAddr, Ipv4Addr};

use crate::capture::Moment;
use crate::diagnosis::testing::{Tale, text};
use crate::diagnosis::{Verdict, diagnose};
use crate::mqtt::QoS;
use crate::session::{Missed, Rounds, Session, Traffic, WillFacts, WillSighting};
use crate::stream::Side;

use super::{Judged, Spanning, across};

/// Frames between the first frames of two sessions.
const FRAMES: u64 = 100;

/// The sessions so far, and when the next one begins.
#[derive(Default)]
pub(super) struct Several {
    sessions: Vec<(Session, Verdict)>,
    seconds: f64,
    traffic: Traffic,
}

/// The finding `id` over `several`, if it is raised.
pub(super) fn find(several: &Several, id: &str) -> Option<Spanning> {
    let judged: Vec<Judged<'_>> = (1..)
        .zip(&several.sessions)
        .map(|(number, (session, verdict))| Judged::new(number, session, verdict))
        .collect();
    across(&judged, &several.traffic, &[]).into_iter().find(|spanning| spanning.finding.id == id)
}

impl Several {
    /// The next session, `pause` seconds before the one after it.
    fn then(mut self, mut session: Session, pause: f64) -> Several {
        let verdict = diagnose(&session);
        #[allow(clippy::cast_possible_truncation)] // seconds of a test
        let later = (self.seconds * 1e9) as i64;
        let frames = FRAMES * self.sessions.len() as u64;
        let shift = |at: &mut Moment| {
            at.frame = at.frame.after(frames);
            at.time.0 += later;
        };
        shift(&mut session.wire.first);
        shift(&mut session.wire.last);
        session.connect.iter_mut().for_each(|connect| shift(&mut connect.at));
        session.connack.iter_mut().for_each(|connack| shift(&mut connack.at));
        for side in [Side::Client, Side::Server] {
            let sent = session.wire.sent.of_mut(side);
            sent.fin.iter_mut().for_each(|fin| shift(&mut fin.at));
            [&mut sent.last_data, &mut sent.last_segment].into_iter().flatten().for_each(shift);
            session.last_packets.of_mut(side).iter_mut().for_each(|packet| shift(&mut packet.at));
            session.disconnect.of_mut(side).iter_mut().for_each(|disconnect| shift(&mut disconnect.at));
        }
        session.wire.stream = u32::try_from(self.sessions.len()).ok();
        self.sessions.push((session, verdict));
        self.seconds += pause;
        self
    }

    /// A session of 10.0.0.`host` that another one pushes out; 2 s to the next.
    pub(super) fn taken_over(self, host: u8) -> Several {
        let session = Tale::connected().rival(1.0).close(Side::Server, 0.001).build();
        self.then(of(host, session), 2.0)
    }

    /// The same, where the client's host answers the broker's close as that of a connection that it does not know.
    pub(super) fn left_behind(self, host: u8) -> Several {
        let tale = Tale::connected().rival(1.0).close(Side::Server, 0.001).reset(Side::Client, 0.001);
        let forgot = |session: &mut Session| session.wire.reset.iter_mut().for_each(|reset| reset.acknowledges = false);
        self.then(of(host, tale.with(forgot).build()), 2.0)
    }

    /// A session of 10.0.0.`host` that is open when the capture ends.
    pub(super) fn still_there(self, host: u8) -> Several {
        self.then(of(host, Tale::connected().build()), 2.0)
    }

    /// A session that is refused; `pause` seconds to the next.
    pub(super) fn refused(self, pause: f64) -> Several {
        self.then(Tale::connecting().connack(5).close(Side::Server, 0.001).build(), pause)
    }

    /// A CONNECT with which the capture ends.
    pub(super) fn asked(self) -> Several {
        self.then(Tale::connecting().build(), 2.0)
    }

    /// An attempt that is refused at once by the server's host; `pause` seconds to the next.
    pub(super) fn knocked(self, pause: f64) -> Several {
        self.then(Tale::knocking(1).reset(Side::Server, 0.001).build(), pause)
    }

    /// A session that ends with a reset in the server's name, which another device sent if it is `foreign`; `pause` seconds
    /// to the next.
    pub(super) fn reset_from_outside(self, foreign: bool, pause: f64) -> Several {
        let tale = Tale::connected().reset(Side::Server, 1.0);
        self.then(tale.with(|session| from_outside(session, foreign)).build(), pause)
    }

    /// The same of an attempt.
    pub(super) fn knocked_from_outside(self, foreign: bool, pause: f64) -> Several {
        let tale = Tale::knocking(1).reset(Side::Server, 0.001);
        self.then(tale.with(|session| from_outside(session, foreign)).build(), pause)
    }

    /// A connection in which the client sends nothing and which it closes at once; `pause` seconds to the next.
    pub(super) fn looked(self, pause: f64) -> Several {
        self.then(Tale::opened().close(Side::Client, 0.001).build(), pause)
    }

    /// A session that the server closes without a word; `pause` seconds to the next.
    pub(super) fn dropped(self, pause: f64) -> Several {
        self.then(Tale::connected().close(Side::Server, 1.0).build(), pause)
    }

    /// A session that the client closes without DISCONNECT after a second.
    pub(super) fn left(self, pause: f64) -> Several {
        self.then(Tale::connected().close(Side::Client, 1.0).build(), pause)
    }

    /// The same after `quiet` seconds.
    pub(super) fn left_after(self, quiet: f64, pause: f64) -> Several {
        self.then(Tale::connected().close(Side::Client, quiet).build(), pause)
    }

    /// A session that the client resets as soon as it is let in; 5 s to the next.
    pub(super) fn checked(self) -> Several {
        self.then(Tale::connected().reset(Side::Client, 0.001).build(), 5.0)
    }

    /// A session that the server closes after a silence of `quiet` seconds.
    pub(super) fn silenced(self, quiet: f64, pause: f64) -> Several {
        self.then(Tale::connected().close(Side::Server, quiet).build(), pause)
    }

    /// The same of another client.
    pub(super) fn silenced_as(self, client_id: &str, quiet: f64, pause: f64) -> Several {
        self.then(named(client_id, Tale::connected().close(Side::Server, quiet).build()), pause)
    }

    /// A session of some 12 s that ends well, 20 s before the next.
    pub(super) fn healthy(self) -> Several {
        self.then(Tale::healthy().build(), 20.0)
    }

    /// The same of another client.
    pub(super) fn healthy_as(self, client_id: &str, pause: f64) -> Several {
        self.then(named(client_id, Tale::healthy().build()), pause)
    }

    /// The same from 10.0.0.`host`, 20 s before the next.
    pub(super) fn healthy_from(self, host: u8) -> Several {
        self.then(of(host, Tale::healthy().build()), 20.0)
    }

    /// A session of another client that is refused with `code`; 2 s to the next.
    pub(super) fn refused_as(self, client_id: &str, code: u8) -> Several {
        let session = Tale::connecting().connack(code).close(Side::Server, 0.001).build();
        self.then(named(client_id, session), 2.0)
    }

    /// A session of another client that the server closes without a word.
    pub(super) fn dropped_as(self, client_id: &str, pause: f64) -> Several {
        self.then(named(client_id, Tale::connected().close(Side::Server, 1.0).build()), pause)
    }

    /// An attempt of 10.0.0.`host` that is refused at once; `pause` seconds to the next.
    pub(super) fn knocked_from(self, host: u8, pause: f64) -> Several {
        self.then(of(host, Tale::knocking(1).reset(Side::Server, 0.001).build()), pause)
    }

    /// Nothing for a while.
    pub(super) fn pause(mut self, seconds: f64) -> Several {
        self.seconds += seconds;
        self
    }

    /// A session with a will that ends by a FIN of the client, after a DISCONNECT with `goodbye` if there is one; 20 s
    /// to the next.
    pub(super) fn with_will(self, goodbye: Option<u8>) -> Several {
        let tale = Tale::connected().with(|session| {
            let topic = text("plant/7/state");
            let will = WillFacts { topic, qos: QoS(1), retain: false, delay_interval: None, fingerprint: Some(1) };
            session.connect.as_mut().unwrap().will = Some(Box::new(will));
        });
        let tale = match goodbye {
            Some(code) => tale.disconnect(Side::Client, code, 5.0),
            None => tale,
        };
        self.then(tale.close(Side::Client, 5.0).build(), 20.0)
    }

    /// Session `subscriber` gets the will of the session before it, `after` seconds after that one's end.
    #[allow(clippy::cast_possible_truncation)] // seconds of a test
    pub(super) fn sees_will(mut self, subscriber: u32, author: u32, after: f64) -> Several {
        let mut at = self.sessions[author as usize].0.wire.last;
        at.time.0 += (after * 1e9) as i64;
        self.traffic.wills.push(WillSighting { authors: vec![author], subscriber, at, retained: false });
        self
    }

    /// Session `subscriber` does not get a message of session `publisher`.
    pub(super) fn misses(mut self, publisher: u32, subscriber: u32) -> Several {
        let at = Moment::default();
        let (topic, filter) = (text("office/light"), text("office/#"));
        let missed = Missed {
            publisher,
            subscriber,
            messages: 1,
            topic,
            filter,
            granted: at,
            published: at,
            last: at,
            reached: 0,
            smallest: 1000,
        };
        self.traffic.missed.push(missed);
        self
    }

    /// A session of 10.0.0.`client` with 10.0.0.`server`.
    pub(super) fn between(self, client: u8, server: u8) -> Several {
        let mut session = of(client, Tale::healthy().build());
        session.wire.peers.server.endpoint.address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, server));
        self.then(session, 20.0)
    }

    /// Messages go round `count` times by the first two sessions, each in 100 ms.
    pub(super) fn goes_round(mut self, count: u64) -> Several {
        let (first, mut last) = (Moment::default(), Moment::default());
        last.time.0 += i64::try_from(count).unwrap() * 100_000_000;
        self.traffic.rounds.push(Rounds { streams: (0, 1), count, topic: text("plant/x"), span: (first, last) });
        self
    }

    /// Changes session `place`.
    pub(super) fn change(mut self, place: usize, change: impl FnOnce(&mut Session)) -> Several {
        let (session, verdict) = &mut self.sessions[place];
        change(session);
        *verdict = diagnose(session);
        self
    }

    /// A session that the broker is to keep, with a subscription, and whether the broker had one.
    pub(super) fn kept(self, filter: Option<&str>, session_present: bool) -> Several {
        let tale = Tale::connected().with(|session| {
            session.connect.as_mut().unwrap().clean_start = false;
            session.connack.as_mut().unwrap().session_present = session_present;
        });
        let tale = match filter {
            Some(filter) => tale.subscribe(filter, Some(1), 0.5),
            None => tale,
        };
        let session = tale.disconnect(Side::Client, 0, 1.0).close(Side::Client, 0.001).build();
        self.then(session, 20.0)
    }
}

/// `session` of another client.
fn named(client_id: &str, mut session: Session) -> Session {
    session.connect.as_mut().unwrap().client_id = text(client_id);
    session
}

/// `session` from another address.
fn of(host: u8, mut session: Session) -> Session {
    session.wire.peers.client.endpoint.address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, host));
    session
}

/// Has the reset of `session` come from another device than the server, if it is `foreign`.
fn from_outside(session: &mut Session, foreign: bool) {
    let own = session.wire.reset.map(|reset| reset.hop_limit);
    session.neighbours.server_hop_limit = own.map(|own| own - u8::from(foreign) * 3);
    session.wire.sent.server.hop_limit = session.neighbours.server_hop_limit;
}
