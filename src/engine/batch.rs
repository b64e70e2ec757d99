//! Many frames at once, by several threads.
//!
//! Invariant: what is told does not depend on the number of threads. Each part's connections are followed by one thread, in
//! the order of the capture; what the parts notice is heard in that order too, once all of them are done. What a part
//! knows of the others is as old as the last frames that were pushed together.

use std::thread;

use crate::capture::{Batch, Frame, FrameNumber, Timestamp};
use crate::net::{self, Decoded};
use crate::session::{CaptureFacts, Session};
use crate::tcp;

use super::notice;
use super::part::{Hints, Part};
use super::{Engine, part_of};

/// The first frames of a capture are taken one by one: most captures have no more, and which servers speak MQTT is known
/// for all that follows.
pub(super) const ONE_BY_ONE: u64 = 20_000;
/// Numbers of streams that are not yet counted begin here.
const UNCOUNTED: u32 = 1 << 31;

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
    fn of(frame: &Frame<'_>, parts: usize) -> Place {
        // A DNS message is worth a closer look.
        if let Some((source, destination)) = net::usual_ends(frame.link, frame.data)
            && source.port != net::DNS_PORT
            && destination.port != net::DNS_PORT
        {
            return Place(u8::try_from(tcp::spread(source, destination, parts)).unwrap_or(Place::NONE));
        }
        Place::of_any(frame, parts)
    }

    fn of_any(frame: &Frame<'_>, parts: usize) -> Place {
        let decoded = &net::decode(frame.link, frame.data, frame.original_length);
        let part = part_of(decoded, parts).and_then(|part| u8::try_from(part).ok()).unwrap_or(Place::NONE);
        let aside = match decoded {
            Decoded::Segment(segment) => net::dns_of_segment(segment).is_some(),
            Decoded::Other => false,
            _ => true,
        };
        let fragment = matches!(decoded, Decoded::Fragment(_));
        Place(part | if aside { Place::ASIDE } else { 0 } | if fragment { Place::FRAGMENT } else { 0 })
    }

    fn part(self) -> usize {
        usize::from(self.0 & 0x0f)
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
    places: Vec<Place>,
}

impl Sorted {
    /// Holds no frame; `batch` fills it.
    pub fn frames_mut(&mut self) -> &mut Batch {
        &mut self.frames
    }

    /// Finds out where the frames belong.
    pub fn sort(&mut self, parts: usize) {
        self.places.clear();
        self.places.extend(self.frames.iter().map(|frame| Place::of(&frame, parts)));
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.places.clear();
    }
}

impl Engine {
    /// How many parts there are, for [`Sorted::sort`].
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Takes the next frames, which were sorted, by at most so many threads; hands out the sessions that ended.
    pub fn push_all(&mut self, sorted: &Sorted, threads: usize, out: &mut impl FnMut(Box<Session>)) {
        let Sorted { frames, places } = sorted;
        let alone = self.parts.len() == 1 || self.rest.observed || self.rest.changes.is_watched();
        let few = self.rest.facts.packets < self.one_by_one;
        if alone || few || !self.rest.hosts.is_empty() || places.iter().any(|place| place.is_fragment()) {
            return self.push_each(frames, out);
        }
        self.follow(frames, places, threads.clamp(1, self.parts.len()));
        self.count_streams();
        self.hear_of(frames, places);
        self.rest.ended.drain(..).for_each(out);
    }

    /// As [`Engine::finish`], by at most so many threads.
    pub fn finish_all(mut self, threads: usize, out: &mut impl FnMut(Box<Session>)) -> CaptureFacts {
        let share = self.parts.len().div_ceil(threads.max(1));
        thread::scope(|scope| {
            let mut shares = self.parts.chunks_mut(share);
            let own = shares.next();
            for parts in shares {
                scope.spawn(|| parts.iter_mut().for_each(Part::finish));
            }
            own.into_iter().flatten().for_each(Part::finish);
        });
        self.conclude(out)
    }

    fn push_each(&mut self, frames: &Batch, out: &mut impl FnMut(Box<Session>)) {
        for frame in frames.iter() {
            self.push(&frame, out);
        }
    }

    /// Gives each part its frames.
    fn follow(&mut self, frames: &Batch, places: &[Place], threads: usize) {
        let Engine { parts, rest, .. } = self;
        let hints = rest.hints();
        let mut crews: Vec<Vec<Option<&mut Part>>> = Vec::new();
        crews.resize_with(threads, || (0..parts.len()).map(|_| None).collect());
        for (number, part) in parts.iter_mut().enumerate() {
            part.table.count_streams_from(UNCOUNTED);
            if let Some(seat) = crews.get_mut(number % threads).and_then(|crew| crew.get_mut(number)) {
                *seat = Some(part);
            }
        }
        let mut crews = crews.into_iter();
        let own = crews.next();
        thread::scope(|scope| {
            for mut crew in crews {
                scope.spawn(move || work(&mut crew, frames, places, hints));
            }
            if let Some(mut crew) = own {
                work(&mut crew, frames, places, hints);
            }
        });
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

    /// Hears in order what the frames say aside, and what the parts noticed.
    fn hear_of(&mut self, frames: &Batch, places: &[Place]) {
        let Engine { parts, rest, .. } = self;
        let notices = notice::all_of(parts.iter_mut().map(|part| &mut part.notices));
        let mut notices = notices.into_iter().peekable();
        for (frame, place) in frames.iter().zip(places) {
            rest.note_frame(&frame);
            if place.says_aside() {
                rest.aside(&net::decode(frame.link, frame.data, frame.original_length), frame.at);
            }
            while let Some(notice) = notices.next_if(|notice| notice.order.is_of(frame.at.frame)) {
                rest.hear(notice.what);
            }
            rest.now = rest.now.max(frame.at.time);
        }
    }
}

/// Follows the connections of the parts of one thread.
fn work(crew: &mut [Option<&mut Part>], frames: &Batch, places: &[Place], hints: Hints<'_>) {
    let first = |crew: &[Option<&mut Part>]| crew.iter().flatten().map(|part| part.table.due_at()).min();
    let mut due_at = first(crew);
    for (frame, place) in frames.iter().zip(places) {
        if let Some(Some(part)) = crew.get_mut(place.part()) {
            part.take(&net::decode(frame.link, frame.data, frame.original_length), frame.at, hints);
            due_at = due_at.min(Some(part.table.due_at()));
        }
        if is_past(due_at, frame.at.time) {
            crew.iter_mut().flatten().for_each(|part| part.advance(frame.at));
            due_at = first(crew);
        }
    }
}

fn is_past(due_at: Option<Timestamp>, now: Timestamp) -> bool {
    due_at.is_some_and(|due_at| due_at <= now)
}

#[cfg(test)]
mod tests;
