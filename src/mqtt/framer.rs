//! Cuts one direction of a stream into control packets.
//!
//! Invariant: every byte is looked at once while in step; a packet inside one chunk is borrowed
//! from it, and one that straddles chunks is appended up to its end only. What is kept is bounded
//! by [`Limits::packet_bytes`] and [`Limits::resync_bytes`], over all connections by their [`Room`], whatever
//! lengths the stream claims.

use super::publish::before_payload;
use super::resync::Search;
use super::{FixedHeader, Framed, HeaderRead, Hints, MAX_FRAMES, Missing, RawPacket, SkipReason, Skipped};
use crate::capture::{FrameNumber, Moment};
use crate::limits::{Limits, Room, Share};
use crate::stream::{Chunk, Gap, StreamOffset};

/// Largest buffer that is kept from one straddling packet to the next.
const KEPT_BUFFER: usize = 4096;

/// Once so much of a body is there it is decided how much of it is kept: most often all that comes before the payload is.
const HEAD: usize = 2048;

/// Cuts one direction of a stream into control packets.
#[derive(Clone, Debug)]
pub struct Framer {
    /// Most bytes kept of a packet, and of what is searched for one.
    packet_bytes: u32,
    resync_bytes: u32,
    state: State,
    share: Share,
}

#[derive(Clone, Debug)]
enum State {
    /// The next byte begins a packet. The buffers of the last one that straddled chunks, for the next: most framers never
    /// need any.
    Between(Option<Box<Pending>>),
    /// A packet has begun in an earlier chunk.
    Inside(Box<Pending>),
    /// It is not known where the next packet begins. Boxed: most framers never get here.
    Lost(Box<Search>),
}

/// A packet that straddles chunks, with what is kept of it.
#[derive(Clone, Debug, Default)]
struct Pending {
    straddle: Straddle,
    /// Its body so far.
    buffer: Vec<u8>,
    /// Its frames so far.
    frames: Vec<FrameNumber>,
}

/// Where a packet that straddles chunks stands.
#[derive(Clone, Copy, Debug, Default)]
struct Straddle {
    offset: StreamOffset,
    started: Moment,
    last: Moment,
    /// Its first bytes, while the fixed header is not whole.
    first: [u8; 5],
    have: u8,
    header: Option<FixedHeader>,
    /// Bytes of the body gone by, kept or not.
    taken: u32,
    wanted: Wanted,
    missing: Option<Missing>,
}

/// How much of a body is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wanted {
    /// Too little of it is there to say.
    #[default]
    Undecided,
    /// All, up to the limit.
    All,
    /// So many bytes: what comes before the payload, and the payload's first.
    First(u32),
}

impl Straddle {
    fn remaining(&self) -> u32 {
        self.header.map_or(0, |header| header.remaining_length.saturating_sub(self.taken))
    }
}

impl Framer {
    /// A framer for a stream seen from its first byte.
    #[must_use]
    pub fn at_start(limits: &Limits) -> Framer {
        Framer {
            packet_bytes: u32::try_from(limits.packet_bytes).unwrap_or(u32::MAX),
            resync_bytes: u32::try_from(limits.resync_bytes).unwrap_or(u32::MAX),
            state: State::Between(None),
            share: Share::default(),
        }
    }

    /// A framer for a stream that the capture joins in the middle.
    #[must_use]
    pub fn somewhere(limits: &Limits) -> Framer {
        let mut framer = Framer::at_start(limits);
        framer.state = State::Lost(Box::new(Search::new(None, SkipReason::LateStart)));
        framer
    }

    /// The same framer, which keeps no more than there is `room` for.
    #[must_use]
    pub fn within(mut self, room: &Room) -> Framer {
        self.share = Share::of(room);
        self
    }

    /// Whether it is looking for the next packet's start.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost(_))
    }

    /// Bytes of heap memory held.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.state {
            State::Between(None) => 0,
            State::Between(Some(pending)) | State::Inside(pending) => {
                size_of::<Pending>() + pending.buffer.capacity() + pending.frames.capacity() * size_of::<FrameNumber>()
            }
            State::Lost(search) => search.heap_bytes(),
        }
    }

    /// The packet that straddles chunks, or the buffers for one; in step after that.
    fn take_pending(&mut self) -> Option<Box<Pending>> {
        match std::mem::replace(&mut self.state, State::Between(None)) {
            State::Between(pending) => pending,
            State::Inside(pending) => Some(pending),
            lost @ State::Lost(_) => {
                self.state = lost;
                None
            }
        }
    }

    /// Takes the next bytes of the stream.
    #[inline]
    pub fn push(&mut self, chunk: Chunk<'_>, hints: &Hints, on: &mut impl FnMut(Framed<'_>)) {
        let mut rest = chunk;
        while !rest.data.is_empty() {
            rest = match self.state {
                State::Between(_) => self.cut(rest, hints, on),
                State::Inside(_) => self.go_on(rest, hints, on),
                State::Lost(_) => {
                    self.search(rest, *hints, on);
                    return;
                }
            };
        }
    }

    /// Takes a hole in the stream.
    pub fn gap(&mut self, gap: Gap, hints: &Hints, on: &mut impl FnMut(Framed<'_>)) {
        if gap.length == 0 {
            return;
        }
        let why = SkipReason::Gap(gap.why);
        let end = StreamOffset(gap.offset.0.saturating_add(gap.length));
        match &mut self.state {
            State::Between(_) => {
                self.lose(gap.offset, why, gap.at);
                self.pass(gap.length, end, gap.at);
            }
            State::Inside(pending) => {
                let straddle = &mut pending.straddle;
                if straddle.header.is_none() {
                    let (offset, started) = (straddle.offset, straddle.started);
                    self.lose(offset, why, started);
                    self.pass(gap.length, end, gap.at);
                    return;
                }
                let remaining = straddle.remaining();
                straddle.missing.get_or_insert(Missing::Gap(gap.why));
                if gap.length < u64::from(remaining) {
                    straddle.taken += u32::try_from(gap.length).unwrap_or(remaining);
                    return;
                }
                straddle.taken += remaining;
                straddle.last = gap.at;
                let Some(pending) = self.take_pending() else { return };
                self.emit(pending, on);
                let beyond = gap.length - u64::from(remaining);
                if beyond > 0 {
                    self.lose(StreamOffset(gap.offset.0 + u64::from(remaining)), why, gap.at);
                    self.pass(beyond, end, gap.at);
                }
            }
            State::Lost(search) => {
                if let Some(found) = search.last_chance() {
                    self.replay(found, *hints, on);
                    // In step again, unless the window itself could not be cut.
                    if !self.is_lost() {
                        return self.gap(gap, hints, on);
                    }
                }
                self.pass(gap.length, end, gap.at);
            }
        }
    }

    /// Ends the stream: a packet that has begun is given as it is.
    pub fn finish(&mut self, hints: &Hints, on: &mut impl FnMut(Framed<'_>)) {
        self.end(*hints, on);
        (self.state, self.share) = (State::Between(None), Share::default());
    }

    fn end(&mut self, hints: Hints, on: &mut impl FnMut(Framed<'_>)) {
        if let State::Lost(search) = &mut self.state
            && let Some(found) = search.last_chance()
        {
            self.replay(found, hints, on);
        }
        match std::mem::replace(&mut self.state, State::Between(None)) {
            State::Between(_) => {}
            State::Inside(mut pending) => {
                let straddle = &mut pending.straddle;
                if straddle.header.is_some() {
                    straddle.missing = Some(Missing::StreamEnded);
                    return self.emit(pending, on);
                }
                on(Framed::Skipped(Skipped {
                    offset: straddle.offset,
                    length: u64::from(straddle.have),
                    missing: 0,
                    why: SkipReason::StreamEnded,
                    from: straddle.started,
                    until: straddle.last,
                }));
            }
            State::Lost(search) => {
                if let Some(skipped) = search.skipped_all() {
                    on(Framed::Skipped(skipped));
                }
            }
        }
    }

    /// In step, at a packet's first byte: cuts off every packet that is whole. Returns what is left
    /// for another state.
    #[inline]
    fn cut<'c>(&mut self, chunk: Chunk<'c>, hints: &Hints, on: &mut impl FnMut(Framed<'_>)) -> Chunk<'c> {
        let frames = [chunk.at.frame];
        let mut data = chunk.data;
        let mut offset = chunk.offset.0;
        while let Some(&first_byte) = data.first() {
            let header = match FixedHeader::read(data) {
                HeaderRead::Complete(header) => header,
                HeaderRead::Incomplete => {
                    self.begin(None, Chunk { data, offset: StreamOffset(offset), ..chunk }, hints);
                    break;
                }
                HeaderRead::Unframeable => {
                    let starts_segment = chunk.starts_segment && offset == chunk.offset.0;
                    let offset = StreamOffset(offset);
                    on(Framed::Unframeable { offset, first_byte, at: chunk.at });
                    self.lose(offset, SkipReason::Unframeable, chunk.at);
                    return Chunk { offset, data, at: chunk.at, starts_segment };
                }
            };
            let after_header = data.get(usize::from(header.length)..).unwrap_or_default();
            let length = usize::try_from(header.remaining_length).unwrap_or(usize::MAX);
            let Some((body, rest)) = after_header.split_at_checked(length) else {
                self.begin(Some(header), Chunk { data: after_header, offset: StreamOffset(offset), ..chunk }, hints);
                break;
            };
            let kept = body.get(..self.packet_bytes as usize);
            on(Framed::Packet(RawPacket {
                header,
                body: kept.unwrap_or(body),
                missing: kept.filter(|kept| kept.len() < length).map(|_| Missing::Limit),
                offset: StreamOffset(offset),
                frames: &frames,
                started: chunk.at,
                completed: chunk.at,
            }));
            data = rest;
            offset += header.packet_length();
        }
        Chunk { data: &[], ..chunk }
    }

    /// A packet begins at the end of a chunk: keeps the part that is there, less the fixed header if that is known.
    fn begin(&mut self, header: Option<FixedHeader>, part: Chunk<'_>, hints: &Hints) {
        let Chunk { data, offset, at, .. } = part;
        let mut pending = self.take_pending().unwrap_or_default();
        pending.straddle = Straddle { offset, started: at, last: at, header, ..Straddle::default() };
        self.keep(&mut pending, data, at, hints);
        self.state = State::Inside(pending);
    }

    /// Appends `data`, which does not reach beyond the packet, to what is kept of it.
    fn keep(&mut self, pending: &mut Pending, data: &[u8], at: Moment, hints: &Hints) {
        let Pending { straddle, buffer, frames } = pending;
        // Where the capture has segments in another order, the latest one completes the packet.
        straddle.last = straddle.last.max(at);
        if frames.last() != Some(&at.frame) {
            match frames.get_mut(MAX_FRAMES) {
                Some(last) => *last = at.frame,
                None => frames.push(at.frame),
            }
        }
        let Some(header) = straddle.header else {
            for (slot, byte) in straddle.first.iter_mut().skip(usize::from(straddle.have)).zip(data) {
                *slot = *byte;
                straddle.have += 1;
            }
            return;
        };
        straddle.taken += u32::try_from(data.len()).unwrap_or(u32::MAX);
        if straddle.missing.is_some() {
            return;
        }
        if straddle.wanted == Wanted::Undecided && buffer.is_empty() && data.len() >= HEAD {
            straddle.wanted = self.wanted(header, data, hints);
        }
        if !self.append(buffer, data, header, straddle.wanted) {
            straddle.missing = Some(Missing::Limit);
        }
        if straddle.wanted == Wanted::Undecided && buffer.len() >= HEAD {
            straddle.wanted = self.wanted(header, buffer, hints);
            if let Wanted::First(bytes) = straddle.wanted {
                buffer.truncate(bytes as usize);
            }
        }
    }

    /// How much to keep of a body that begins with `body`.
    fn wanted(&self, header: FixedHeader, body: &[u8], hints: &Hints) -> Wanted {
        let Some(payload) = hints.payload_bytes else { return Wanted::All };
        let before = before_payload(header, body, hints.version).and_then(|before| u32::try_from(before).ok());
        let first = before.and_then(|before| before.checked_add(payload)).filter(|first| *first <= self.packet_bytes);
        first.map_or(Wanted::All, Wanted::First)
    }

    /// Adds what is wanted of `data` to what is kept of the body of a packet that begins with `header`; false when there is no room for it.
    fn append(&mut self, buffer: &mut Vec<u8>, data: &[u8], header: FixedHeader, wanted: Wanted) -> bool {
        let most = match wanted {
            Wanted::Undecided | Wanted::All => self.packet_bytes as usize,
            Wanted::First(bytes) => bytes as usize,
        };
        let kept = data.get(..most.saturating_sub(buffer.len())).unwrap_or(data);
        let length = usize::try_from(header.remaining_length).unwrap_or(usize::MAX);
        let whole = length.min(if wanted == Wanted::Undecided { KEPT_BUFFER } else { most });
        let fits = self.share.make_room_for(buffer, kept.len(), whole);
        if fits {
            buffer.extend_from_slice(kept);
        }
        fits && (kept.len() == data.len() || matches!(wanted, Wanted::First(_)))
    }

    /// Goes on with a packet that began in an earlier chunk; returns the bytes after it.
    fn go_on<'c>(&mut self, chunk: Chunk<'c>, hints: &Hints, on: &mut impl FnMut(Framed<'_>)) -> Chunk<'c> {
        let mut data = chunk.data;
        let mut pending = self.take_pending().unwrap_or_default();
        while pending.straddle.header.is_none() {
            let Some((byte, rest)) = data.split_at_checked(1) else {
                self.state = State::Inside(pending);
                return Chunk { data: &[], ..chunk };
            };
            data = rest;
            self.keep(&mut pending, byte, chunk.at, hints);
            let straddle = &mut pending.straddle;
            let seen = straddle.first.get(..usize::from(straddle.have)).unwrap_or_default();
            match FixedHeader::read(seen) {
                HeaderRead::Complete(header) => straddle.header = Some(header),
                HeaderRead::Incomplete => {}
                HeaderRead::Unframeable => {
                    let straddle = *straddle;
                    let [first_byte, ..] = straddle.first;
                    on(Framed::Unframeable { offset: straddle.offset, first_byte, at: chunk.at });
                    self.lose(straddle.offset, SkipReason::Unframeable, straddle.started);
                    let rest = after(chunk, data);
                    self.pass(0, rest.offset, chunk.at);
                    return rest;
                }
            }
        }
        let remaining = usize::try_from(pending.straddle.remaining()).unwrap_or(usize::MAX);
        let (ours, rest) = data.split_at_checked(remaining).unwrap_or((data, &[]));
        self.keep(&mut pending, ours, chunk.at, hints);
        if pending.straddle.remaining() == 0 {
            self.emit(pending, on);
        } else {
            self.state = State::Inside(pending);
        }
        after(chunk, rest)
    }

    /// Gives a packet that straddled chunks, and is in step after it.
    fn emit(&mut self, pending: Box<Pending>, on: &mut impl FnMut(Framed<'_>)) {
        let Pending { straddle, buffer, frames } = &*pending;
        if let Some(header) = straddle.header {
            on(Framed::Packet(RawPacket {
                header,
                body: buffer,
                missing: straddle.missing,
                offset: straddle.offset,
                frames,
                started: straddle.started,
                completed: straddle.last,
            }));
        }
        self.put_back(pending);
    }

    /// Keeps the buffers for the next packet, unless they are large or room is scarce.
    fn put_back(&mut self, mut pending: Box<Pending>) {
        pending.frames.clear();
        pending.buffer.clear();
        if pending.buffer.capacity() > KEPT_BUFFER || self.share.is_scarce() {
            pending.buffer = Vec::new();
            self.share.hold(0);
        }
        self.state = State::Between(Some(pending));
    }

    fn lose(&mut self, offset: StreamOffset, why: SkipReason, from: Moment) {
        self.state = State::Lost(Box::new(Search::new(Some((offset, from)), why)));
        self.share.hold(0);
    }

    /// Passes over bytes up to `until`, `length` of which were not captured, out of step.
    fn pass(&mut self, length: u64, until: StreamOffset, at: Moment) {
        if let State::Lost(search) = &mut self.state {
            search.pass(length, until, at);
        }
    }

    /// Out of step: looks for a packet's start in what was kept and `chunk`.
    fn search(&mut self, chunk: Chunk<'_>, hints: Hints, on: &mut impl FnMut(Framed<'_>)) {
        let State::Lost(search) = &mut self.state else {
            return;
        };
        // Without room, what there is decides.
        let has_room = self.share.hold(search.heap_bytes() + chunk.data.len());
        let found = search.push(chunk, hints, if has_room { self.resync_bytes as usize } else { 0 });
        if has_room {
            self.share.hold(search.heap_bytes());
        } else {
            self.share.refuse();
        }
        if let Some(found) = found {
            self.replay(found, hints, on);
        }
    }

    /// In step again from index `found` of the search's window: cuts what it holds.
    fn replay(&mut self, found: usize, hints: Hints, on: &mut impl FnMut(Framed<'_>)) {
        let State::Lost(search) = std::mem::replace(&mut self.state, State::Between(None)) else {
            return;
        };
        self.share.hold(0);
        if let Some(skipped) = search.skipped_until(found) {
            on(Framed::Skipped(skipped));
        }
        search.chunks_from(found).for_each(|chunk| self.push(chunk, &hints, on));
    }
}

/// The rest of a chunk after its first bytes were used.
fn after<'c>(chunk: Chunk<'c>, rest: &'c [u8]) -> Chunk<'c> {
    let used = chunk.data.len() - rest.len();
    let offset = StreamOffset(chunk.offset.0 + u64::try_from(used).unwrap_or(0));
    Chunk { offset, data: rest, starts_segment: chunk.starts_segment && used == 0, at: chunk.at }
}

#[cfg(test)]
mod tests;
