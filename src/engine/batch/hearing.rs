//! What the frames of a batch say beside their connections, and what the parts noticed of them, in the order of the capture.
//!
//! Invariant: what is heard of a frame knows of the frames up to that one, and of none after it.

use crate::engine::notice::Queues;
use crate::engine::part::Part;
use crate::engine::{Engine, Rest};
use crate::net;

use super::Sorted;

impl Engine {
    /// Hears in order what the frames say aside, and what the parts noticed.
    pub(super) fn hear_of(&mut self, sorted: &Sorted) {
        let Engine { parts, rest, .. } = self;
        parts.iter_mut().for_each(Part::trim_notices);
        let notices = Queues::of(parts.iter_mut().map(|part| &mut part.notices));
        let mut hearing = Hearing { sorted, asides: &sorted.asides, notices, next: 0 };
        if sorted.is_even(rest.facts.last) {
            let Some((first, last)) = sorted.span() else { return };
            rest.note_frames(sorted.frames.len() as u64, sorted.bytes, first);
            // Of most frames there is nothing to hear.
            while hearing.skip() {
                hearing.hear(rest);
            }
            rest.note_time(last);
            rest.previous = Some(last);
            rest.now = rest.now.max(last);
        } else {
            for frame in sorted.frames.iter() {
                rest.note_frame(&frame);
                hearing.hear(rest);
                rest.now = rest.now.max(frame.at.time);
            }
        }
    }
}

/// Frames on their way to be heard of.
struct Hearing<'s> {
    sorted: &'s Sorted,
    /// Those that say something aside, from `next` on.
    asides: &'s [u32],
    notices: Queues<'s>,
    /// The frame that is heard of next.
    next: usize,
}

impl Hearing<'_> {
    /// Goes on to the next frame of which there is something to hear; `false` if there is none.
    fn skip(&mut self) -> bool {
        let frames = &self.sorted.frames;
        let aside = self.asides.first().and_then(|aside| usize::try_from(*aside).ok());
        let before = self.next..aside.unwrap_or(frames.len());
        let noticed = self.notices.frame().and_then(|number| frames.place_of(number, before));
        let next = noticed.or(aside);
        self.next = next.unwrap_or(self.next);
        next.is_some()
    }

    /// Hears what the next frame says, and what was noticed of it.
    fn hear(&mut self, rest: &mut Rest) {
        let Some(frame) = self.sorted.frames.get(self.next) else { return };
        rest.note_time(frame.at.time);
        if let Some((aside, others)) = self.asides.split_first()
            && usize::try_from(*aside) == Ok(self.next)
        {
            self.asides = others;
            rest.aside(&net::decode(frame.link, frame.data, frame.original_length), frame.at);
        }
        while let Some(what) = self.notices.next_of(frame.at.frame) {
            rest.hear(what);
        }
        self.next += 1;
    }
}
