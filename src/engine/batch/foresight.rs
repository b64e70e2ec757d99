//! Which connections the next frames of a part belong to, so that their memory is asked for before they are taken.
//!
//! Invariant: of no consequence but for time.

use crate::fetch::Depth;
use crate::net::{self, Endpoint};
use crate::tcp::{FlowTable, Place};

use super::super::dialogue::Dialogue;
use super::Sorted;

/// So many frames before it is taken the connection of a frame is looked up.
const AHEAD: usize = 4;
/// So many frames before, what the connection points to is asked for.
const NEAR: usize = 2;
/// So few connections stay in the cache; tests look ahead always.
const FEW: usize = if cfg!(test) { 0 } else { 128 };

/// The connections of the next frames, whose `indices` come one by one.
#[derive(Debug)]
pub(super) struct Foresight<'s, I> {
    sorted: &'s Sorted,
    indices: I,
    /// That of the frame taken next is at `next`; the others follow, round about.
    places: [Option<Place>; AHEAD],
    next: usize,
    /// What was looked up last, and where it is.
    last: Option<(Endpoint, Endpoint)>,
    found: Option<Place>,
    /// For which connections the rest was asked for last.
    session: Option<Place>,
    details: Option<Place>,
}

impl<'s, I: Iterator<Item = usize>> Foresight<'s, I> {
    /// Nothing where there are so few connections that it is of no use.
    pub(super) fn new(table: &FlowTable<Dialogue>, sorted: &'s Sorted, indices: I) -> Option<Foresight<'s, I>> {
        let (last, found, session, details) = (None, None, None, None);
        let mut foresight =
            Foresight { sorted, indices, places: [None; AHEAD], next: 0, last, found, session, details };
        let useful = table.len() > FEW;
        useful.then(|| {
            (0..AHEAD).for_each(|_| foresight.look(table));
            foresight
        })
    }

    /// The next frame is about to be taken.
    #[inline]
    pub(super) fn go_on(&mut self, table: &mut FlowTable<Dialogue>) {
        if let Some(place) = self.at(0) {
            table.expect(place);
        }
        self.look(table);
        let (session, details) = (self.at(NEAR), self.at(0));
        fetch(table, session, &mut self.session, Depth::Session);
        fetch(table, details, &mut self.details, Depth::Details);
    }

    fn at(&self, ahead: usize) -> Option<Place> {
        self.places.get((self.next + ahead) % AHEAD).copied().flatten()
    }

    /// Looks up one more frame, in the place of that which is taken.
    fn look(&mut self, table: &FlowTable<Dialogue>) {
        let frame = self.indices.next().and_then(|index| self.sorted.frames.get(index));
        let ends = frame.and_then(|frame| net::usual_ends(frame.link, frame.data));
        if let Some((one, other)) = ends
            && self.last != ends
            && self.last != Some((other, one))
        {
            self.last = ends;
            self.found = table.foresee(one, other);
        }
        if let Some(place) = self.places.get_mut(self.next) {
            *place = self.found.filter(|_| ends.is_some());
        }
        self.next = (self.next + 1) % AHEAD;
    }
}

/// Asks for what is at `place`, unless it was asked for last.
fn fetch(table: &FlowTable<Dialogue>, place: Option<Place>, last: &mut Option<Place>, depth: Depth) {
    if let Some(place) = place.filter(|_| place != *last) {
        table.fetch(place, depth);
    }
    *last = place;
}
