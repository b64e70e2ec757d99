//! Many frames at once, by several threads.
//!
//! Invariant: what is told does not depend on the number of threads. Each part's connections are followed by one thread, in
//! the order of the capture; what the parts notice is heard in that order too, once all of them are done. What a part
//! knows of the others is as old as the last frames that were pushed together.

use std::thread;

use crate::capture::{Batch, FrameNumber, Timestamp};
use crate::net::{self, Decoded};
use crate::session::Session;

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
struct Place {
    part: Option<u8>,
    aside: bool,
    fragment: bool,
}

impl Engine {
    /// Takes the next frames by at most so many threads; hands out the sessions that ended.
    pub fn push_all(&mut self, frames: &Batch, threads: usize, out: &mut impl FnMut(Session)) {
        let alone = self.parts.len() == 1 || self.rest.observed || self.rest.changes.is_watched();
        if alone || !self.rest.hosts.is_empty() || self.rest.facts.packets < self.one_by_one {
            return self.push_each(frames, out);
        }
        let threads = threads.clamp(1, self.parts.len());
        let places = find_places(frames, threads, self.parts.len());
        if places.iter().any(|place| place.fragment) {
            return self.push_each(frames, out);
        }
        self.follow(frames, &places, threads);
        self.count_streams();
        self.hear_of(frames, &places);
        self.rest.ended.drain(..).for_each(out);
    }

    fn push_each(&mut self, frames: &Batch, out: &mut impl FnMut(Session)) {
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
        let first = |parts: &[Part]| parts.iter().filter_map(|part| Some(part.notices.front()?.order)).min();
        let mut next = first(parts);
        for (frame, place) in frames.iter().zip(places) {
            rest.note_frame(&frame);
            if place.aside {
                rest.aside(&net::decode(frame.link, frame.data, frame.original_length), frame.at);
            }
            while next.is_some_and(|next| next.is_of(frame.at.frame)) {
                if let Some(what) = notice::next_of(parts.iter_mut().map(|part| &mut part.notices)) {
                    rest.hear(what);
                }
                next = first(parts);
            }
            rest.now = rest.now.max(frame.at.time);
        }
    }
}

fn find_places(frames: &Batch, threads: usize, parts: usize) -> Vec<Place> {
    let mut places = vec![Place::default(); frames.len()];
    let share = frames.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let mut shares = places.chunks_mut(share).enumerate();
        let own = shares.next();
        for (number, places) in shares {
            scope.spawn(move || find(frames, number * share, places, parts));
        }
        if let Some((_, places)) = own {
            find(frames, 0, places, parts);
        }
    });
    places
}

/// Finds the places of the frames from the one at `first` on.
fn find(frames: &Batch, first: usize, places: &mut [Place], parts: usize) {
    for (frame, place) in frames.iter().skip(first).zip(places) {
        let decoded = net::decode(frame.link, frame.data, frame.original_length);
        *place = Place {
            part: part_of(&decoded, parts).and_then(|part| u8::try_from(part).ok()),
            aside: match &decoded {
                Decoded::Segment(segment) => net::dns_of_segment(segment).is_some(),
                Decoded::Other => false,
                _ => true,
            },
            fragment: matches!(decoded, Decoded::Fragment(_)),
        };
    }
}

/// Follows the connections of the parts of one thread.
fn work(crew: &mut [Option<&mut Part>], frames: &Batch, places: &[Place], hints: Hints<'_>) {
    let first = |crew: &[Option<&mut Part>]| crew.iter().flatten().map(|part| part.table.due_at()).min();
    let mut due_at = first(crew);
    for (frame, place) in frames.iter().zip(places) {
        if let Some(number) = place.part
            && let Some(Some(part)) = crew.get_mut(usize::from(number))
        {
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
