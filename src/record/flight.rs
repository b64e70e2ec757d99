//! The flight recorder: of each problem the frames of its client before it, and what follows.
//!
//! Of the connection that went wrong its beginning and the last frames before are kept, too, however old, as far as the
//! ring reaches: a client that fell silent is found out long after its last packet.
//!
//! Invariant: one flight for each session at a time, and a bounded number of flights; the frames that they hold take
//! no more bytes than the ring. What is left out is counted.

use std::net::IpAddr;
use std::time::Duration;

use super::ring::{Hosts, Ring};
use crate::capture::{Frame, FrameNumber, LinkType, Moment, Timestamp};
use crate::net::Endpoint;

/// Flights at once.
const FLIGHTS: usize = 64;
/// Frames of the connection that are kept from its beginning, and from its end, however old they are.
const FIRST: usize = 16;
const LAST: usize = 64;

/// What is kept before and after a problem.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Bytes of the ring, and of all frames held for problems.
    pub bytes: usize,
    /// How long before the problem was seen.
    pub before: Duration,
    /// How long after.
    pub after: Duration,
}

/// Whose frames belong to a problem.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The session's `tcp.stream`, if it has one.
    pub stream: Option<u32>,
    /// Its ends, client first.
    pub ends: (Endpoint, Endpoint),
    /// Its client, and others whose doing it was.
    pub clients: Vec<IpAddr>,
    /// Frames of other clients that show what happened to all of them.
    pub others: Vec<FrameNumber>,
}

impl Subject {
    fn concerns(&self, hosts: &Hosts) -> bool {
        hosts.pair.is_some_and(|(one, other)| {
            let is = |address: IpAddr| self.clients.contains(&address);
            is(one.address) || is(other.address) || hosts.looks && other.address == self.ends.1.address
        })
    }

    /// Whether it is of the session's own connection.
    fn owns(&self, hosts: &Hosts) -> bool {
        let (client, server) = self.ends;
        client.port != 0 && hosts.pair.is_some_and(|pair| pair == (client, server) || pair == (server, client))
    }

    /// Adds the clients of the frames of `others`.
    fn add_others(&mut self, ring: &Ring) {
        let (_, server) = self.ends;
        for (at, hosts) in ring.hosts() {
            if self.others.contains(&at.frame)
                && let Some((one, other)) = hosts.pair
            {
                self.clients.extend([one, other].iter().filter(|end| **end != server).map(|end| end.address));
            }
        }
    }
}

/// A frame that is held.
#[derive(Clone, Debug)]
pub struct Kept {
    at: Moment,
    link: LinkType,
    original_length: u32,
    data: Box<[u8]>,
}

impl Kept {
    /// As it was captured.
    pub fn frame(&self) -> Frame<'_> {
        Frame { at: self.at, link: self.link, data: &self.data, original_length: self.original_length }
    }
}

/// A problem and its frames.
#[derive(Debug)]
pub struct Flown<V> {
    /// Whose they are.
    pub subject: Subject,
    /// When the problem was seen.
    pub seen: Timestamp,
    /// What was said of it last.
    pub verdict: V,
    /// In the order of the capture.
    pub frames: Vec<Kept>,
    /// Frames for which there was no room.
    pub left_out: u64,
}

/// Frames before problems, and problems that go on; `V` is what is said of a problem.
#[derive(Debug)]
pub struct Flight<V> {
    window: Window,
    ring: Ring,
    open: Vec<Flown<V>>,
    /// Bytes of frames held in `open`.
    held: usize,
    refused: u64,
}

impl<V> Flight<V> {
    /// Nothing was captured yet.
    pub fn new(window: Window) -> Flight<V> {
        Flight { window, ring: Ring::new(window.bytes), open: Vec::new(), held: 0, refused: 0 }
    }

    /// Takes a frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        let hosts = Hosts::of(frame);
        for flown in &mut self.open {
            let end = until(flown.seen, self.window.after);
            if frame.at.time <= end && flown.subject.concerns(&hosts) {
                hold(flown, frame, &mut self.held, self.window.bytes);
            }
        }
        self.ring.push(frame, hosts);
    }

    /// What is said of the problem of this session, if its frames are being gathered.
    pub fn of(&mut self, stream: u32) -> Option<&mut V> {
        self.open.iter_mut().find(|flown| flown.subject.stream == Some(stream)).map(|flown| &mut flown.verdict)
    }

    /// A problem was seen at this time of the capture.
    pub fn begin(&mut self, mut subject: Subject, seen: Timestamp, verdict: V) {
        if self.open.len() >= FLIGHTS {
            self.refused += 1;
            return;
        }
        if !subject.others.is_empty() {
            subject.add_others(&self.ring);
        }
        let before = i64::try_from(self.window.before.as_nanos()).unwrap_or(i64::MAX);
        let is_old = |at: Moment| seen.nanoseconds_since(at.time) > before;
        let old = self.ring.hosts().filter(|(at, hosts)| is_old(*at) && subject.owns(hosts)).count();
        let mut place = 0;
        let wanted = |at: Moment, hosts: &Hosts| {
            if !is_old(at) {
                return subject.concerns(hosts);
            }
            let owns = subject.owns(hosts);
            place += usize::from(owns);
            owns && (place <= FIRST || place + LAST > old)
        };
        let mut flown = Flown { subject: subject.clone(), seen, verdict, frames: Vec::new(), left_out: 0 };
        let (held, most) = (&mut self.held, self.window.bytes);
        self.ring.each(wanted, &mut |frame| hold(&mut flown, frame, held, most));
        self.open.push(flown);
    }

    /// It was none after all.
    pub fn forget(&mut self, stream: u32) {
        let place = self.open.iter().position(|flown| flown.subject.stream == Some(stream));
        if let Some(flown) = place.map(|place| self.open.remove(place)) {
            self.let_go(&flown);
        }
    }

    /// The next problem of which all is gathered; `None` for the time at the end of the capture.
    pub fn done(&mut self, now: Option<Timestamp>) -> Option<Flown<V>> {
        let after = self.window.after;
        let is_done = |flown: &Flown<V>| now.is_none_or(|now| now > until(flown.seen, after));
        let place = self.open.iter().position(is_done)?;
        let flown = self.open.remove(place);
        self.let_go(&flown);
        Some(flown)
    }

    /// Problems of which nothing is kept because there were too many at once.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn let_go(&mut self, flown: &Flown<V>) {
        self.held -= flown.frames.iter().map(|kept| size(&kept.data)).sum::<usize>().min(self.held);
    }
}

fn hold<V>(flown: &mut Flown<V>, frame: &Frame<'_>, held: &mut usize, most: usize) {
    if *held + size(frame.data) > most {
        flown.left_out += 1;
        return;
    }
    *held += size(frame.data);
    let Frame { at, link, original_length, data } = *frame;
    flown.frames.push(Kept { at, link, original_length, data: data.into() });
}

fn size(data: &[u8]) -> usize {
    data.len() + size_of::<Kept>()
}

fn until(seen: Timestamp, after: Duration) -> Timestamp {
    Timestamp(seen.0.saturating_add(i64::try_from(after.as_nanos()).unwrap_or(i64::MAX)))
}
