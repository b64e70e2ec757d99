//! Which connections the next frames of a part belong to, so that their memory is asked for before they are taken.
//!
//! Invariant: of no consequence but for time.

use crate::fetch::Depth;
use crate::net::{self, Endpoint};
use crate::tcp::{FlowTable, Place, Sought};

use super::super::dialogue::Dialogue;
use super::Sorted;

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
    /// The indices of the frames.
    own: &'s [u32],
    /// How many of them were taken.
    taken: usize,
    /// The connections of the next frames, round about.
    known: [Known; KNOWN],
    /// The ends of the connection that was sought last.
    last: Option<(Endpoint, Endpoint)>,
    /// For which connection each depth was asked for last.
    fetched: [Option<Place>; DEPTHS.len()],
}

/// What is known of the connection of a frame.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    sought: Option<Sought>,
    place: Option<Place>,
}

impl<'s> Foresight<'s> {
    /// Nothing where there are so few connections that it is of no use.
    pub(super) fn new(table: &FlowTable<Dialogue>, sorted: &'s Sorted, own: &'s [u32]) -> Option<Foresight<'s>> {
        let (known, fetched) = ([Known::default(); KNOWN], [None; DEPTHS.len()]);
        let mut foresight = Foresight { sorted, own, taken: 0, known, last: None, fetched };
        let useful = table.len() > FEW;
        useful.then(|| {
            (0..SOUGHT).for_each(|number| foresight.seek(table, number));
            (0..FOUND).for_each(|number| foresight.find(table, number));
            foresight
        })
    }

    /// The next frame is about to be taken.
    #[inline]
    pub(super) fn go_on(&mut self, table: &mut FlowTable<Dialogue>) {
        let next = self.taken;
        if let Some(index) = self.index(next + LISTED) {
            self.sorted.frames.fetch(index);
        }
        if let Some(index) = self.index(next + BYTES) {
            self.sorted.frames.fetch_bytes(index);
        }
        self.seek(table, next + SOUGHT);
        self.find(table, next + FOUND);
        if let Some(place) = self.known(next).place {
            table.expect(place);
        }
        for (stage, (ahead, depth)) in DEPTHS.into_iter().enumerate() {
            let place = self.known(next + ahead).place;
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

    fn known(&self, number: usize) -> Known {
        self.known.get(number % KNOWN).copied().unwrap_or_default()
    }

    /// Looks whose connection a frame is of.
    fn seek(&mut self, table: &FlowTable<Dialogue>, number: usize) {
        let frame = self.index(number).and_then(|index| self.sorted.frames.get(index));
        let ends = frame.and_then(|frame| net::usual_ends(frame.link, frame.data));
        let same = ends.is_some_and(|(one, other)| self.last == ends || self.last == Some((other, one)));
        let sought = match ends {
            Some(_) if same => self.known(number.wrapping_sub(1)).sought,
            Some((one, other)) => Some(table.seek(one, other)),
            None => None,
        };
        self.last = ends;
        if let Some(known) = self.known.get_mut(number % KNOWN) {
            *known = Known { sought, place: None };
        }
    }

    /// Looks up the connection of a frame.
    fn find(&mut self, table: &FlowTable<Dialogue>, number: usize) {
        if let Some(known) = self.known.get_mut(number % KNOWN) {
            known.place = known.sought.and_then(|sought| table.foresee(sought));
        }
    }
}
