//! Attempts that came to no connection: a name looked up in vain, a host looked for in vain.

use crate::attempt::{Attempt, Lookup, LookupFailure, Question, Search, Seen, Tie};
use crate::capture::{FrameNumber, Moment, Timestamp};
use crate::session::{Session, Wire};

use super::Tale;

fn at(frame: u64, seconds: i64) -> Moment {
    Moment { frame: FrameNumber::new(frame), time: Timestamp(seconds * 1_000_000_000) }
}

fn asked() -> Seen {
    Seen { count: 4, first: at(1, 0), last: at(7, 15) }
}

fn session(what: Question, tie: Tie) -> Session {
    let attempt = Attempt { what, port: None, tie };
    let mut session = Tale::knocking(1).build();
    *session.wire = Wire::of_attempt(&attempt);
    session.attempt = Some(Box::new(attempt));
    session
}

/// A lookup of `mqtt.lan` that failed four times in this way.
pub(crate) fn vain(failure: LookupFailure, tie: Tie) -> Session {
    let lookup = Lookup {
        asker: [10, 0, 0, 21].into(),
        mac: None,
        name: "mqtt.lan".into(),
        variants: Vec::new(),
        servers: vec![[10, 0, 0, 1].into()],
        asked: asked(),
        upper_case: false,
        answered: Seen {
            count: if failure == LookupFailure::Silence { 0 } else { 4 },
            first: at(2, 0),
            last: at(8, 15),
        },
        failure,
        multicast: false,
        kinds: (true, false),
    };
    session(Question::Name(lookup), tie)
}

/// A search of 10.0.0.`last` for the broker's host.
pub(crate) fn search(last: u8) -> Search {
    Search { asker: [10, 0, 0, last].into(), mac: None, target: [10, 0, 0, 5].into(), asked: asked(), name: None }
}

/// The client's search for the broker's host.
pub(crate) fn missing(tie: Tie) -> Session {
    session(Question::Host(search(21)), tie)
}
