//! Which connections the next frames of a part belong to, so that their memory is asked for before they are taken.
//!
//! Invariant: of no consequence but for time.

use crate::fetch::Depth;
use crate::net::{self, Endpoint};
use crate::tcp::{FlowTable, Place};

use super::super::dialogue::Dialogue;
use super::Sorted;

/// So many frames before it is taken it is asked where a frame lies, for its first bytes, and for the place of its
/// connection.
const LISTED: usize = 12;
const BYTES: usize = 9;
const AHEAD: usize = 6;
/// So many frames before, what the place of its connection leads to is asked for.
const DEPTHS: [(usize, Depth); 3] = [(4, Depth::Connection), (2, Depth::Session), (0, Depth::Details)];
/// So many places are remembered.
const PLACES: usize = 8;
/// So few connections stay in the cache; tests look ahead always.
const FEW: usize = if cfg!(test) { 0 } else { 128 };

/// The connections of the next frames.
#[derive(Debug)]
pub(super) struct Foresight<'s> {
    sorted: &'s Sorted,
    /// The indices of the frames.
    own: &'s [u32],
    /// How many of them were taken.
    taken: usize,
    /// Where the connections of the next frames are, round about.
    places: [Option<Place>; PLACES],
    /// What was looked up last, and where it is.
    last: Option<(Endpoint, Endpoint)>,
    found: Option<Place>,
    /// For which connection each depth was asked for last.
    fetched: [Option<Place>; DEPTHS.len()],
}

impl<'s> Foresight<'s> {
    /// Nothing where there are so few connections that it is of no use.
    pub(super) fn new(table: &FlowTable<Dialogue>, sorted: &'s Sorted, own: &'s [u32]) -> Option<Foresight<'s>> {
        let (places, fetched) = ([None; PLACES], [None; DEPTHS.len()]);
        let mut foresight = Foresight { sorted, own, taken: 0, places, last: None, found: None, fetched };
        let useful = table.len() > FEW;
        useful.then(|| {
            (0..AHEAD).for_each(|number| foresight.look(table, number));
            foresight
        })
    }

    /// The next frame is about to be taken.
    #[inline]
    pub(super) fn go_on(&mut self, table: &mut FlowTable<Dialogue>) {
        if let Some(index) = self.index(self.taken + LISTED) {
            self.sorted.frames.fetch(index);
        }
        if let Some(index) = self.index(self.taken + BYTES) {
            self.sorted.frames.fetch_bytes(index);
        }
        self.look(table, self.taken + AHEAD);
        if let Some(place) = self.place(self.taken) {
            table.expect(place);
        }
        for (stage, (ahead, depth)) in DEPTHS.into_iter().enumerate() {
            let place = self.place(self.taken + ahead);
            let Some(fetched) = self.fetched.get_mut(stage) else { continue };
            // Not again what was asked for last.
            if let Some(place) = place.filter(|_| place != *fetched) {
                table.fetch(place, depth);
            }
            *fetched = place;
        }
        self.taken += 1;
    }

    /// The index of the frame that is taken after so many others.
    fn index(&self, number: usize) -> Option<usize> {
        usize::try_from(*self.own.get(number)?).ok()
    }

    fn place(&self, number: usize) -> Option<Place> {
        self.places.get(number % PLACES).copied().flatten()
    }

    /// Looks up the connection of a frame.
    fn look(&mut self, table: &FlowTable<Dialogue>, number: usize) {
        let frame = self.index(number).and_then(|index| self.sorted.frames.get(index));
        let ends = frame.and_then(|frame| net::usual_ends(frame.link, frame.data));
        if let Some((one, other)) = ends
            && self.last != ends
            && self.last != Some((other, one))
        {
            self.last = ends;
            self.found = table.foresee(one, other);
        }
        if let Some(place) = self.places.get_mut(number % PLACES) {
            *place = self.found.filter(|_| ends.is_some());
        }
    }
}
