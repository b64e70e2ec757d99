//! Many frames at once, by several threads: side by side in [`Lanes`] where frames are small and much is to be done for
//! each, one after another [in turns](Engine::push_in_turns) where most of the time goes into reading them.
//!
//! Invariant: what is told does not depend on the number of threads. Each part's connections are followed by one thread, in
//! the order of the capture; what the parts notice is heard in that order too, once all of them are done. What a part
//! knows of the others is as old as the last frames that were pushed together.

mod foresight;
mod hearing;
mod lanes;
mod turns;

use std::fmt;
use std::hint;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Duration;

use crate::capture::{Batch, Frame, FrameNumber, Moment, Timestamp};
use crate::net::{self, Decoded};
use crate::tcp::{Hashing, Remaining, Sought};

use super::ended::Finished;
use super::notice::Queues;
use super::part::{Hints, Part};
use super::{Engine, ends_of};
use foresight::Foresight;
pub use lanes::{Lanes, OutOfStep};

/// The first frames of a capture are taken one by one: most captures have no more, and which servers speak MQTT is known
/// for all that follows.
pub(super) const ONE_BY_ONE: u64 = 20_000;
/// Where frames have so many bytes on average, to read them takes longer than to follow them.
const LARGE: u64 = 400;
/// So many connections of each part come to their end at once when the capture does.
const ENDED_AT_ONCE: usize = 64;
/// Numbers of streams that are not yet counted begin here.
const UNCOUNTED: u32 = 1 << 31;
/// So often a thread asks for what comes next before it sleeps: waking takes longer than most waits last.
const PATIENCE: u32 = 20_000;
/// Between so many questions it lets another thread have its processor: the one it waits for, maybe.
const YIELDS: u32 = 64;
/// So long it sleeps before it looks for something else to do.
const NAP: Duration = Duration::from_millis(1);

/// Puts the next frames into a batch; `false` when there are none.
pub type Next<'r> = Box<dyn FnMut(&mut Batch) -> bool + Send + 'r>;

/// Hears what comes of frames, on whichever thread it is found out.
pub trait Hearer: Send {
    /// A session ended.
    fn ended(&mut self, session: Finished);

    /// All that the frames so far brought was told. Answers whether more is wanted.
    fn caught_up(&mut self) -> bool {
        true
    }
}

impl<F: FnMut(Finished) + Send> Hearer for F {
    fn ended(&mut self, session: Finished) {
        self(session);
    }
}

/// Does some of what else there is to do; `false` if there is nothing.
type Meanwhile<'m> = dyn Fn() -> bool + Sync + 'm;

/// How threads wait for one another.
#[derive(Clone, Copy)]
pub struct Waiting<'m> {
    /// How often they ask again before they sleep.
    patience: u32,
    meanwhile: &'m Meanwhile<'m>,
}

/// How connections are divided among the parts of an engine, and by what their tables know them.
#[derive(Clone, Debug)]
pub struct Division {
    parts: usize,
    hashing: Hashing,
}

/// Where a frame belongs: the number of a part, or none; and whether it also says something aside.
#[derive(Clone, Copy, Debug, Default)]
struct Place(u8);

impl Place {
    /// No part's.
    const NONE: u8 = 0x0f;
    /// It says something aside.
    const ASIDE: u8 = 0x10;
    /// It is a fragment of an IP packet.
    const FRAGMENT: u8 = 0x20;

    #[inline]
    fn of_usual(frame: &Frame<'_>, division: &Division) -> Option<(Place, Sought)> {
        let (source, destination) = net::usual_ends(frame.link, frame.data)?;
        // A DNS message is worth a closer look.
        if source.port == net::DNS_PORT || destination.port == net::DNS_PORT {
            return None;
        }
        let (part, sought) = division.hashing.spread(source, destination, division.parts);
        Some((Place::of_part(part), sought))
    }

    #[inline(never)]
    fn of_any(frame: &Frame<'_>, division: &Division) -> (Place, Sought) {
        let decoded = &net::decode(frame.link, frame.data, frame.original_length);
        let (part, sought) = match ends_of(decoded) {
            Some((one, other)) => division.hashing.spread(one, other, division.parts),
            None => (usize::from(Place::NONE), Sought::default()),
        };
        let aside = match decoded {
            Decoded::Segment(segment) => net::dns_of_segment(segment).is_some(),
            Decoded::Other => false,
            _ => true,
        };
        let fragment = matches!(decoded, Decoded::Fragment(_));
        let Place(part) = Place::of_part(part);
        (Place(part | if aside { Place::ASIDE } else { 0 } | if fragment { Place::FRAGMENT } else { 0 }), sought)
    }

    fn of_part(part: usize) -> Place {
        Place(u8::try_from(part).unwrap_or(Place::NONE))
    }

    fn part(self) -> usize {
        usize::from(self.0 & 0x0f)
    }

    /// Whether there is more to it than its part.
    fn is_odd(self) -> bool {
        self.0 > Place::NONE
    }

    fn says_aside(self) -> bool {
        self.0 & Place::ASIDE != 0
    }

    fn is_fragment(self) -> bool {
        self.0 & Place::FRAGMENT != 0
    }
}

/// Frames, and in which parts their connections are.
#[derive(Debug, Default)]
pub struct Sorted {
    frames: Batch,
    /// Of each frame the latest time up to it.
    latest: Vec<Timestamp>,
    /// For each part its frames.
    own: Vec<Vec<Own>>,
    /// The indices of the frames that say something aside.
    asides: Vec<u32>,
    /// Bytes of all frames.
    bytes: u64,
    /// Some frame was cut, or is earlier than one before it.
    uneven: bool,
    fragments: bool,
}

/// A frame of a part: where it is among all, and which connection it is for.
#[derive(Clone, Copy, Debug)]
struct Own {
    index: u32,
    sought: Sought,
}

impl Own {
    #[inline]
    fn index(self) -> usize {
        self.index as usize
    }
}

impl Sorted {
    /// Holds no frame; `batch` fills it.
    pub fn frames_mut(&mut self) -> &mut Batch {
        &mut self.frames
    }

    /// Finds out where the frames belong.
    pub fn sort(&mut self, division: &Division) {
        let Sorted { frames, latest, own, asides, bytes, uneven, fragments } = self;
        own.resize_with(division.parts, Vec::new);
        latest.reserve(frames.len());
        let mut until = Timestamp(i64::MIN);
        for (index, frame) in (0..).zip(frames.iter()) {
            *uneven |= frame.at.time < until || frame.is_cut();
            until = until.max(frame.at.time);
            latest.push(until);
            *bytes += frame.data.len() as u64;
            let (place, sought) = match Place::of_usual(&frame, division) {
                Some(usual) => usual,
                None => Place::of_any(&frame, division),
            };
            if place.is_odd() {
                *fragments |= place.is_fragment();
                if place.says_aside() {
                    asides.push(index);
                }
            }
            if let Some(own) = own.get_mut(place.part()) {
                own.push(Own { index, sought });
            }
        }
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.latest.clear();
        self.own.iter_mut().for_each(Vec::clear);
        self.asides.clear();
        self.bytes = 0;
        (self.uneven, self.fragments) = (false, false);
    }

    /// When the first frame was captured, and the latest.
    fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.frames.get(0)?.at.time, *self.latest.last()?))
    }

    /// Whether all frames are whole, and none is earlier than one before it or than `last`.
    fn is_even(&self, last: Option<Timestamp>) -> bool {
        !self.uneven && self.span().is_none_or(|(first, _)| last <= Some(first))
    }

    /// The first frame from `first` on and before `end` that was captured at `time` or later.
    fn first_since(&self, time: Timestamp, first: usize, end: usize) -> Option<Moment> {
        let latest = self.latest.get(end.checked_sub(1)?)?;
        if *latest < time {
            return None;
        }
        (first..end).filter_map(|index| self.frames.get(index)).map(|frame| frame.at).find(|at| at.time >= time)
    }
}

impl Engine {
    /// How many parts there are.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// How connections are divided among the parts, for [`Sorted::sort`].
    pub fn division(&self) -> Division {
        Division { parts: self.parts.len(), hashing: self.hashing.clone() }
    }

    /// Takes the next frames, which were [sorted](Sorted::sort); hands out the sessions that ended.
    pub fn push_batch(&mut self, sorted: &Sorted, out: &mut impl FnMut(Finished)) {
        if self.is_divided() && !sorted.fragments {
            let Engine { parts, rest, .. } = self;
            let hints = rest.hints();
            for (part, own) in parts.iter_mut().zip(&sorted.own) {
                part.table.count_streams_from(UNCOUNTED);
                follow(part, own, sorted, hints);
            }
            self.count_streams();
            self.hear_of(sorted);
        } else {
            self.take_one_by_one(sorted);
        }
        self.rest.ended.drain(..).for_each(out);
    }

    /// Takes frames one after another.
    fn take_one_by_one(&mut self, sorted: &Sorted) {
        let mut own: &[Own] = &[];
        let mut foresight = None;
        if let ([part], [all]) = (self.parts.as_slice(), sorted.own.as_slice()) {
            own = all;
            foresight = Foresight::new(&part.table, sorted, all);
        }
        for (index, frame) in (0..).zip(sorted.frames.iter()) {
            if let Some(foresight) = &mut foresight
                && let Some((_, others)) = own.split_first().filter(|(next, _)| next.index == index)
                && let [part] = self.parts.as_mut_slice()
            {
                own = others;
                foresight.go_on(&mut part.table);
            }
            self.take(&frame);
        }
    }

    /// Whether the next frames are taken one by one, however many threads there are, and others may be divided.
    pub fn is_beginning(&self) -> bool {
        self.rest.facts.packets < self.one_by_one
    }

    /// Whether frames were so large on average that threads had better take [turns](Engine::push_in_turns).
    pub fn has_large_frames(&self) -> bool {
        self.rest.facts.bytes >= self.rest.facts.packets * LARGE
    }

    /// Takes the next frames that `lanes` read. Returns whether there were any; hands out the sessions that ended.
    ///
    /// # Errors
    ///
    /// Where not all of them read the same. The engine is of no use any more.
    pub fn push_together(&mut self, lanes: &mut Lanes<'_>, out: &mut impl FnMut(Finished)) -> Result<bool, OutOfStep> {
        let divided = self.is_divided();
        let hints = divided.then(|| self.rest.hints().kept());
        if divided {
            self.parts.iter_mut().for_each(|part| part.table.count_streams_from(UNCOUNTED));
        }
        lanes.follow(&mut self.parts, hints)?;
        let sorted = lanes.sorted();
        if divided && !sorted.fragments {
            self.count_streams();
            self.hear_of(sorted);
        } else {
            self.take_one_by_one(sorted);
        }
        self.rest.ended.drain(..).for_each(out);
        Ok(!sorted.frames.is_empty())
    }

    /// Whether frames are given to the parts once it has begun: where hosts are asked for they are taken one by one.
    pub fn is_divisible(&self) -> bool {
        self.parts.len() > 1 && !self.rest.changes.is_watched() && self.rest.hosts.is_empty()
    }

    /// Whether the next frames are given to the parts, and not taken one by one.
    fn is_divided(&self) -> bool {
        self.is_divisible() && !self.is_beginning()
    }

    /// The capture is over: ends the connections that are left, by at most so many threads; hands out their sessions.
    pub(super) fn finish_connections(&mut self, threads: usize, out: &mut impl FnMut(Finished)) {
        let Engine { parts, rest, .. } = self;
        let mut parts: Vec<(Remaining, &mut Part)> =
            parts.iter_mut().map(|part| (part.table.remaining(), part)).collect();
        let share = parts.len().div_ceil(threads.max(1));
        // Not all at once: what ends is kept until it is heard.
        while let Some(last) = parts.iter().filter_map(|(remaining, _)| remaining.last_of(ENDED_AT_ONCE)).min() {
            let finish = |parts: &mut [(Remaining, &mut Part)]| {
                for (remaining, part) in parts {
                    part.finish_up_to(last, remaining);
                }
            };
            thread::scope(|scope| {
                let mut shares = parts.chunks_mut(share);
                let own = shares.next();
                for parts in shares {
                    scope.spawn(|| finish(parts));
                }
                own.into_iter().for_each(finish);
            });
            // One by one: a session takes more room than the connection that it was.
            for what in Queues::of(parts.iter_mut().map(|(_, part)| &mut part.notices)) {
                rest.hear(what);
                rest.ended.drain(..).for_each(&mut *out);
            }
        }
    }

    /// Numbers the streams that the parts opened, in the order of their first frames.
    fn count_streams(&mut self) {
        let Engine { parts, rest, .. } = self;
        let opened =
            |(number, part): (usize, &Part)| part.table.opened().map(|first| (first, number)).collect::<Vec<_>>();
        let mut opened: Vec<(FrameNumber, usize)> = parts.iter().enumerate().flat_map(opened).collect();
        opened.sort_unstable();
        let mut counted: Vec<Vec<u32>> = vec![Vec::new(); parts.len()];
        for (_, part) in opened {
            if let Some(counted) = counted.get_mut(part) {
                counted.push(rest.streams);
                rest.streams = rest.streams.wrapping_add(1);
            }
        }
        for (part, counted) in parts.iter_mut().zip(&counted) {
            let number = |stream: u32| {
                let place = stream.checked_sub(UNCOUNTED).and_then(|place| usize::try_from(place).ok());
                place.and_then(|place| counted.get(place).copied()).unwrap_or(stream)
            };
            part.table.renumber(number);
            for notice in &mut part.notices {
                notice.what.renumber(number);
            }
        }
    }
}

/// Follows the connections of a part through its `own` frames.
fn follow(part: &mut Part, own: &[Own], sorted: &Sorted, hints: Hints<'_>) {
    let mut passed = 0;
    let mut foresight = Foresight::new(&part.table, sorted, own);
    for own in own {
        let index = own.index();
        let Some(frame) = sorted.frames.get(index) else { continue };
        if let Some(foresight) = &mut foresight {
            foresight.go_on(&mut part.table);
        }
        let_pass(part, sorted, passed, index);
        passed = index;
        let table = &mut part.table;
        let is_passed_by = table.passes_by()
            && net::usual_segment(frame.link, frame.data)
                .is_some_and(|segment| table.pass_by_sought(&segment, own.sought, frame.at));
        if is_passed_by {
            continue;
        }
        if let Some(segment) = net::usual_segment(frame.link, frame.data) {
            part.segment(&segment, own.sought, frame.at, hints);
        } else {
            part.take(&net::decode(frame.link, frame.data, frame.original_length), frame.at, hints);
        }
    }
    let_pass(part, sorted, passed, sorted.frames.len());
}

/// Lets the time of the frames from `first` on and before `end` pass.
#[inline]
fn let_pass(part: &mut Part, sorted: &Sorted, first: usize, end: usize) {
    if sorted.latest.last().is_none_or(|latest| *latest < part.table.due_at()) {
        return;
    }
    while let Some(at) = sorted.first_since(part.table.due_at(), first, end) {
        part.advance(at);
    }
}

impl<'m> Waiting<'m> {
    /// So many threads wait, doing `meanwhile` what else there is to do, and wait awake for a while if there are
    /// `processors` enough.
    pub fn of(threads: usize, processors: usize, meanwhile: &'m Meanwhile<'m>) -> Waiting<'m> {
        Waiting { patience: if threads <= processors { PATIENCE } else { 0 }, meanwhile }
    }

    /// What comes next; `None` when nothing will.
    fn receive<T>(&self, from: &Receiver<T>) -> Option<T> {
        for asked in 1..=self.patience {
            match from.try_recv() {
                Ok(received) => return Some(received),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) if (self.meanwhile)() => {}
                Err(TryRecvError::Empty) if asked % YIELDS == 0 => thread::yield_now(),
                Err(TryRecvError::Empty) => hint::spin_loop(),
            }
        }
        loop {
            match from.recv_timeout(NAP) {
                Ok(received) => return Some(received),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => while (self.meanwhile)() {},
            }
        }
    }
}

impl fmt::Debug for Waiting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("patience", &self.patience).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
