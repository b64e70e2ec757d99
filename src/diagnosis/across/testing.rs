//! Several sessions made by hand, one after the other, for the tests of rules.

use std::net::{IpAddr, Ipv4Addr};

use crate::capture::Moment;
use crate::diagnosis::testing::Tale;
use crate::diagnosis::{Verdict, diagnose};
use crate::session::Session;
use crate::stream::Side;

use super::{Judged, Spanning, across};

/// Frames between the first frames of two sessions.
const FRAMES: u64 = 100;

/// The sessions so far, and when the next one begins.
#[derive(Default)]
pub(super) struct Several {
    sessions: Vec<(Session, Verdict)>,
    seconds: f64,
}

/// The finding `id` over `several`, if it is raised.
pub(super) fn find(several: &Several, id: &str) -> Option<Spanning> {
    let judged: Vec<Judged<'_>> =
        (1..).zip(&several.sessions).map(|(number, (session, verdict))| Judged { number, session, verdict }).collect();
    across(&judged).into_iter().find(|spanning| spanning.finding.id == id)
}

impl Several {
    /// The next session, `pause` seconds before the one after it.
    fn then(mut self, mut session: Session, pause: f64) -> Several {
        let verdict = diagnose(&session);
        #[allow(clippy::cast_possible_truncation)] // seconds of a test
        let later = (self.seconds * 1e9) as i64;
        let frames = FRAMES * self.sessions.len() as u64;
        let shift = |at: &mut Moment| {
            at.frame.0 += frames;
            at.time.0 += later;
        };
        shift(&mut session.wire.first);
        shift(&mut session.wire.last);
        session.connect.iter_mut().for_each(|connect| shift(&mut connect.at));
        session.connack.iter_mut().for_each(|connack| shift(&mut connack.at));
        self.sessions.push((session, verdict));
        self.seconds += pause;
        self
    }

    /// A session of 10.0.0.`host` that another one pushes out; 2 s to the next.
    pub(super) fn taken_over(self, host: u8) -> Several {
        let session = Tale::connected().rival(1.0).close(Side::Server, 0.001).build();
        self.then(of(host, session), 2.0)
    }

    /// A session of 10.0.0.`host` that is open when the capture ends.
    pub(super) fn still_there(self, host: u8) -> Several {
        self.then(of(host, Tale::connected().build()), 2.0)
    }

    /// A session that is refused; `pause` seconds to the next.
    pub(super) fn refused(self, pause: f64) -> Several {
        self.then(Tale::connecting().connack(5).close(Side::Server, 0.001).build(), pause)
    }

    /// An attempt that is refused at once by the server's host; `pause` seconds to the next.
    pub(super) fn knocked(self, pause: f64) -> Several {
        self.then(Tale::knocking(1).reset(Side::Server, 0.001).build(), pause)
    }

    /// A session that the server closes without a word; `pause` seconds to the next.
    pub(super) fn dropped(self, pause: f64) -> Several {
        self.then(Tale::connected().close(Side::Server, 1.0).build(), pause)
    }

    /// A session of some 12 s that ends well, 20 s before the next.
    pub(super) fn healthy(self) -> Several {
        self.then(Tale::healthy().build(), 20.0)
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

/// `session` from another address.
fn of(host: u8, mut session: Session) -> Session {
    session.wire.peers.client.endpoint.address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, host));
    session
}
