//! Connections that the capture holds on both sides of an address translation: a NAT or port forwarding writes other
//! addresses and ports into a segment and leaves its numbers (RFC 2663 §4.1). Each is told of once, as its client sees it.
//!
//! Invariant: bounded, and nothing is left out that differs: both views of a connection are told of where they do not tell
//! the same.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::iter;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::capture::Moment;
use crate::net::{Endpoint, Segment};
use crate::session::{PerSide, Tally, TextFact};
use crate::stream::End;
use crate::tcp::{self, Facts};

use super::dialogue::Ended;
use super::notice::Gone;

/// A segment passes within so many nanoseconds from one side to the other.
const PASSES: i64 = 250_000_000;
/// The same where each side was captured by another machine, with a clock of its own. Two numbers of 32 bits that a hop
/// lies between are no chance.
const CLOCKS: i64 = 10_000_000_000;
/// Footprints remembered, at least; twice as many at most. A table of 4,096 places holds so many.
const FOOTPRINTS: usize = 3584;
/// Of a connection whose beginning was not captured so many segments of each end are looked at.
const FIRST: u64 = 3;
/// Views that ended before their connection, held at most.
const HELD: usize = 4096;
/// Connections that ended last, remembered: there is no other view of those to come.
const OVER: usize = 256;

/// A segment by which a connection is known on the other side of a translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footprint {
    pub(super) stream: u32,
    pub(super) at: Moment,
    pub(super) mark: Mark,
    /// Time to Live or Hop Limit of the client's segments and of the server's, as far as there were any.
    pub(super) hop_limits: PerSide<Option<u8>>,
}

/// What is the same on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mark {
    /// A SYN, by its sequence number and its timestamp (RFC 7323 §3).
    Timestamp(u32, u32),
    /// A SYN without a timestamp, by its sequence number and its sender: devices that were started together begin with
    /// the same number.
    Sender(u32, Endpoint),
    /// A SYN-ACK or data, by its sequence and its acknowledgment number.
    Numbers(u32, u32),
}

impl Mark {
    /// Within so many nanoseconds the same mark is the same segment.
    fn passes(self) -> i64 {
        match self {
            Mark::Sender(..) => PASSES,
            Mark::Timestamp(..) | Mark::Numbers(..) => CLOCKS,
        }
    }
}

impl Footprint {
    /// That of a segment with SYN, on the connection of `facts`.
    pub(super) fn of_syn(segment: &Segment<'_>, facts: &Facts, at: Moment) -> Footprint {
        let stamp = tcp::timestamp(segment.options);
        let mark = match stamp {
            _ if segment.flags.ack() => Mark::Numbers(segment.sequence, segment.acknowledgment),
            Some(stamp) => Mark::Timestamp(segment.sequence, stamp),
            None => Mark::Sender(segment.sequence, segment.source),
        };
        Footprint::of(segment, facts, mark, segment.flags.ack(), at)
    }

    /// That of data, if it is among the first that were captured of a connection whose beginning was not; `by_server` tells
    /// who sent it.
    #[inline]
    pub(super) fn of_data(
        segment: &Segment<'_>,
        facts: &Facts,
        by_server: impl Fn() -> bool,
        at: Moment,
    ) -> Option<Footprint> {
        // Every segment is asked this: what tells of most is asked first.
        let first = segment.payload_length > 0
            && facts.established.is_none()
            && facts.from_a.segments.min(facts.from_b.segments) <= FIRST
            && facts.from(sender(segment, facts)).segments <= FIRST
            && facts.syn.count == 0
            && facts.syn_ack.count == 0;
        first.then(|| {
            let mark = Mark::Numbers(segment.sequence, segment.acknowledgment);
            Footprint::of(segment, facts, mark, by_server(), at)
        })
    }

    fn of(segment: &Segment<'_>, facts: &Facts, mark: Mark, by_server: bool, at: Moment) -> Footprint {
        let end = sender(segment, facts);
        // Of several copies of a segment, each of another hop, that of the facts.
        let own = facts.from(end).hop_limit.or(Some(segment.hop_limit));
        let other = facts.from(end.other()).hop_limit;
        let mut hop_limits = PerSide { client: own, server: other };
        if by_server {
            hop_limits.swap();
        }
        Footprint { stream: facts.stream, at, mark, hop_limits }
    }

    /// Whether this is the client's side of what `other` is the server's side of: whoever translates forwards, and so
    /// takes from the Time to Live in both directions (RFC 1812 §5.3.1).
    fn is_before(&self, other: &Footprint) -> bool {
        let client = self.hop_limits.client.zip(other.hop_limits.client);
        let server = self.hop_limits.server.zip(other.hop_limits.server);
        (client.is_some() || server.is_some())
            && client.is_none_or(|(own, other)| own > other)
            && server.is_none_or(|(own, other)| own < other)
    }
}

/// The end that sent a segment of the connection of `facts`.
pub(super) fn sender(segment: &Segment<'_>, facts: &Facts) -> End {
    if facts.a == segment.source { End::A } else { End::B }
}

/// What views of one connection have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Story {
    client_id: Option<TextFact>,
    bytes: [u64; 2],
    fins: [bool; 2],
    reset: Option<bool>,
}

impl Story {
    fn of(facts: &Facts, ended: &Ended) -> Story {
        // Which of its first segments was captured first may differ.
        let by_port = if facts.a.port < facts.b.port { End::B } else { End::A };
        let client = match ended {
            Ended::Mqtt { client, .. } | Ended::Tls { client, .. } => *client,
            _ => facts.initiator.unwrap_or(by_port),
        };
        let sent = [facts.from(client), facts.from(client.other())];
        let connect = match ended {
            Ended::Mqtt { followed, .. } => followed.tracker().connect(),
            _ => None,
        };
        Story {
            client_id: connect.map(|connect| connect.client_id.clone()),
            bytes: sent.map(|direction| direction.bytes),
            fins: sent.map(|direction| direction.fin.is_some()),
            reset: facts.reset.as_ref().map(|reset| reset.by == client),
        }
    }
}

/// A connection of which there is another view.
#[derive(Debug, Default)]
struct Original {
    /// Once it ended.
    story: Option<Story>,
    /// Other views of it that ended before it.
    ended: Vec<Gone>,
    /// Other views of it that are still open.
    open: u32,
}

/// Footprints, found by their marks.
#[derive(Debug, Default)]
struct Footprints {
    table: HashTable<Footprint>,
    hasher: DefaultHashBuilder,
}

impl Footprints {
    fn get(&self, mark: Mark) -> Option<&Footprint> {
        self.table.find(self.hasher.hash_one(mark), |footprint| footprint.mark == mark)
    }

    /// Takes the place of one with the same mark.
    fn insert(&mut self, footprint: Footprint) {
        let Footprints { table, hasher } = self;
        let hash = |footprint: &Footprint| hasher.hash_one(footprint.mark);
        let same = |other: &Footprint| other.mark == footprint.mark;
        match table.entry(hash(&footprint), same, hash) {
            Entry::Occupied(mut known) => *known.get_mut() = footprint,
            Entry::Vacant(place) => {
                place.insert(footprint);
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Translations {
    limit: usize,
    /// The newest footprints, and those before.
    newest: Footprints,
    older: Footprints,
    originals: HashMap<u32, Original>,
    /// Streams that are another view of a connection, and that connection's.
    views: HashMap<u32, u32>,
    /// Streams that ended last.
    over: VecDeque<u32>,
    /// Views in all of [`Original::ended`].
    held: usize,
    /// Views that were left out.
    left_out: Tally,
}

impl Translations {
    pub(super) fn new(limit: usize) -> Translations {
        Translations {
            limit,
            newest: Footprints::default(),
            older: Footprints::default(),
            originals: HashMap::new(),
            views: HashMap::new(),
            over: VecDeque::new(),
            held: 0,
            left_out: Tally::default(),
        }
    }

    /// A segment came by which its connection may be known.
    pub(super) fn note(&mut self, footprint: Footprint) {
        let known = self.newest.get(footprint.mark).or_else(|| self.older.get(footprint.mark)).copied();
        let Some(known) = known.filter(|known| known.stream != footprint.stream) else {
            return self.remember(footprint);
        };
        if footprint.at.time.nanoseconds_since(known.at.time).abs() > footprint.mark.passes() {
            return self.remember(footprint);
        }
        if footprint.is_before(&known) {
            self.pair(footprint.stream, known.stream);
            self.remember(footprint);
        } else if known.is_before(&footprint) {
            self.pair(known.stream, footprint.stream);
        }
    }

    fn remember(&mut self, footprint: Footprint) {
        if self.newest.table.len() >= FOOTPRINTS {
            std::mem::swap(&mut self.older, &mut self.newest);
            self.newest.table.clear();
        }
        self.newest.insert(footprint);
    }

    fn pair(&mut self, original: u32, view: u32) {
        let over = [original, view].iter().any(|one| self.over.contains(one));
        let full = self.views.len().max(self.originals.len()) >= self.limit;
        if !over && !full && !self.views.contains_key(&view) && !self.leads(original, view) {
            self.views.insert(view, original);
            self.originals.entry(original).or_default().open += 1;
        }
    }

    /// Whether `view` is that of which `stream` is a view, over others or not.
    fn leads(&self, stream: u32, view: u32) -> bool {
        let steps = iter::successors(Some(stream), |stream| self.views.get(stream).copied());
        steps.skip(1).any(|step| step == view)
    }

    /// Whether a stream is another view of a connection.
    pub(super) fn is_view(&self, stream: u32) -> bool {
        !self.views.is_empty() && self.views.contains_key(&stream)
    }

    /// A connection is over: hands out those that are to be told of.
    pub(super) fn ended(&mut self, gone: Gone, out: &mut impl FnMut(Gone)) {
        let stream = gone.facts.stream;
        if self.over.len() >= OVER {
            self.over.pop_front();
        }
        self.over.push_back(stream);
        if self.originals.is_empty() {
            return out(gone);
        }
        if let Some(waiting) = self.originals.get_mut(&stream).map(|original| std::mem::take(&mut original.ended)) {
            let story = Story::of(&gone.facts, &gone.ended);
            self.held = self.held.saturating_sub(waiting.len());
            for view in waiting {
                self.compare(&story, view, out);
            }
            if let Some(original) = self.originals.get_mut(&stream).filter(|original| original.open > 0) {
                original.story = Some(story);
            } else {
                self.originals.remove(&stream);
            }
        }
        let Some(of) = self.views.remove(&stream) else { return out(gone) };
        let Some(original) = self.originals.get_mut(&of) else { return out(gone) };
        original.open = original.open.saturating_sub(1);
        let Some(story) = original.story.clone() else {
            if self.held >= HELD {
                return out(gone);
            }
            self.held += 1;
            return original.ended.push(gone);
        };
        if original.open == 0 {
            self.originals.remove(&of);
        }
        self.compare(&story, gone, out);
    }

    fn compare(&mut self, story: &Story, view: Gone, out: &mut impl FnMut(Gone)) {
        if *story == Story::of(&view.facts, &view.ended) {
            self.left_out.add(view.facts.first.frame);
        } else {
            out(view);
        }
    }

    /// The capture is over: hands out the views of connections that had ended before them.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(Gone)) {
        let mut left: Vec<Gone> = self.originals.drain().flat_map(|(_, original)| original.ended).collect();
        left.sort_by_key(|gone| gone.facts.first.frame);
        left.into_iter().for_each(out);
    }

    /// Connections of which a second view was left out, by the first frames of those.
    pub(super) fn left_out(&self) -> Tally {
        self.left_out
    }
}

#[cfg(test)]
mod tests;
