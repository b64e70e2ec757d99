//! Which connections the next frames of a part belong to, so that their memory is asked for before they are taken.
//!
//! Invariant: of no consequence but for time.

use crate::fetch::Depth;
use crate::tcp::{FlowTable, Place};

use super::super::dialogue::Dialogue;
use super::{Own, Sorted};

/// So many frames before it is taken it is asked where a frame lies.
const LISTED: usize = 16;
/// The same for its first bytes.
const BYTES: usize = 13;
/// For the entry of its connection in the table.
const SOUGHT: usize = 10;
/// For the place that this entry names.
const FOUND: usize = 7;
/// For what that place leads to.
const DEPTHS: [(usize, Depth); 3] = [(4, Depth::Connection), (2, Depth::Session), (0, Depth::Details)];
/// What is known of so many frames is remembered.
const KNOWN: usize = 16;
/// So few connections stay in the cache; tests look ahead always.
const FEW: usize = if cfg!(test) { 0 } else { 128 };

/// The connections of the next frames.
#[derive(Debug)]
pub(super) struct Foresight<'s> {
    sorted: &'s Sorted,
    own: &'s [Own],
    /// How many of them were taken.
    taken: usize,
    /// Where the connections of the next frames are, round about.
    known: [Place; KNOWN],
    /// For which connection each depth was asked for last.
    fetched: [Place; DEPTHS.len()],
}

impl<'s> Foresight<'s> {
    /// Nothing where there are so few connections that it is of no use.
    pub(super) fn new(table: &FlowTable<Dialogue>, sorted: &'s Sorted, own: &'s [Own]) -> Option<Foresight<'s>> {
        let (known, fetched) = ([Place::NOWHERE; KNOWN], [Place::NOWHERE; DEPTHS.len()]);
        let mut foresight = Foresight { sorted, own, taken: 0, known, fetched };
        let useful = table.len() > FEW;
        useful.then(|| {
            own.iter().take(SOUGHT).for_each(|own| table.seek(own.sought));
            (0..FOUND).for_each(|number| foresight.find(table, number));
            foresight
        })
    }

    /// The next frame is about to be taken.
    #[inline]
    pub(super) fn go_on(&mut self, table: &mut FlowTable<Dialogue>) {
        let next = self.taken;
        self.taken += 1;
        if let Some(own) = self.own.get(next + LISTED) {
            self.sorted.frames.fetch(own.index());
        }
        if let Some(own) = self.own.get(next + BYTES) {
            self.sorted.frames.fetch_bytes(own.index());
        }
        if let Some(own) = self.own.get(next + SOUGHT) {
            table.seek(own.sought);
        }
        self.find(table, next + FOUND);
        table.expect(self.known(next));
        for (stage, (ahead, depth)) in DEPTHS.into_iter().enumerate() {
            let place = self.known(next + ahead);
            if let Some(fetched) = self.fetched.get_mut(stage)
                // Not again what was asked for last.
                && place != std::mem::replace(fetched, place)
            {
                table.fetch(place, depth);
            }
        }
    }

    fn known(&self, number: usize) -> Place {
        self.known.get(number % KNOWN).copied().unwrap_or(Place::NOWHERE)
    }

    /// Looks up the connection of a frame.
    #[inline]
    fn find(&mut self, table: &FlowTable<Dialogue>, number: usize) {
        let place = self.own.get(number).map_or(Place::NOWHERE, |own| table.foresee(own.sought));
        if let Some(known) = self.known.get_mut(number % KNOWN) {
            *known = place;
        }
    }
}
