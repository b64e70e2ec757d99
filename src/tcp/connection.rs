//! One connection: two directions, their facts, and how it opens and closes.
//!
//! Invariant: facts are updated before data is delivered; the other end's pieces that a segment
//! sets free are delivered before the segment's own. This module does not know other connections.

use crate::capture::{Moment, Timestamp};
use crate::fetch::{self, Depth};
use crate::net::Segment;
use crate::stream::{End, Piece};

use super::assembler::{Arrival, Assembler, Deliver, Hearing, Novelty};
use super::budget::Budget;
use super::doubt::Credit;
use super::facts::Sender;
use super::numbering::Place;
use super::sequence::advance;
use super::{Connection, Direction, Ending, Facts, Interest, Reader, patience};

/// How far a connection has come: which of the table's lists it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No handshake was completed and no data seen.
    Unanswered,
    /// In use.
    Open,
    /// Both ends sent FIN, but data before a FIN is missing and nobody acknowledged it.
    Stranded,
    /// A RST came that stands where its sender's stream does not: it may go on.
    Doubted,
    /// Closed.
    Closing,
}

/// What is kept of one direction.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Half {
    pub(super) assembler: Assembler,
    pub(super) credit: Credit,
    pub(super) sender: Sender,
}

impl Half {
    fn new() -> Half {
        Half { assembler: Assembler::new(), sender: Sender::default(), credit: Credit::default() }
    }

    fn fetch(&self) {
        fetch::start(&self.assembler);
        fetch::start(&self.sender);
    }
}

/// No time at which a connection was closed.
const NOT_CLOSED: Timestamp = Timestamp(i64::MAX);

/// A connection with its reassembly.
///
/// In this order, as in [`Facts`]: what every segment touches lies together at the beginning, so that the connection of one
/// client among thousands is fetched from memory in few pieces.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Flow<R> {
    pub(super) a: Half,
    pub(super) b: Half,
    pub(super) interest: Interest,
    /// Since when both FINs or a RST were seen: an `Option` would take as much again, in every connection.
    closed: Timestamp,
    pub(super) connection: Connection<R>,
}

impl Facts {
    /// Asks for what is read most.
    pub fn fetch(&self) {
        for direction in [&self.from_a, &self.from_b] {
            fetch::start(&direction.last_segment);
            fetch::start(&direction.segments);
            fetch::start(&direction.first_data);
        }
        fetch::start(&self.established);
        fetch::start(&self.stream);
    }

    #[allow(clippy::wrong_self_convention)] // the mutable face of `Facts::from`
    pub(super) fn from_mut(&mut self, end: End) -> &mut Direction {
        match end {
            End::A => &mut self.from_a,
            End::B => &mut self.from_b,
        }
    }
}

impl<R: Reader> Flow<R> {
    pub(super) fn new(facts: Facts, reader: R) -> Flow<R> {
        Flow {
            a: Half::new(),
            b: Half::new(),
            interest: Interest::Wanted,
            closed: NOT_CLOSED,
            connection: Connection { reader, facts },
        }
    }

    /// Asks for what the next segment will touch.
    pub(super) fn fetch(&self, depth: Depth) {
        match depth {
            Depth::Connection => {
                self.a.fetch();
                self.b.fetch();
                fetch::start(&self.closed);
                self.connection.facts.fetch();
            }
            Depth::Session => {
                self.a.assembler.fetch();
                self.b.assembler.fetch();
            }
            Depth::Details => {}
        }
        self.connection.reader.fetch(depth);
    }

    pub(super) fn half(&mut self, end: End) -> &mut Half {
        match end {
            End::A => &mut self.a,
            End::B => &mut self.b,
        }
    }

    pub(super) fn assembler(&self, end: End) -> &Assembler {
        match end {
            End::A => &self.a.assembler,
            End::B => &self.b.assembler,
        }
    }

    /// Which list of the table the connection belongs to.
    pub(super) fn standing(&self) -> Standing {
        let facts = &self.connection.facts;
        if self.is_closed() {
            let complete = self.a.assembler.is_complete() && self.b.assembler.is_complete();
            let fins = facts.from_a.fin.is_some() && facts.from_b.fin.is_some();
            match &facts.reset {
                Some(reset) if !reset.exact && !fins => Standing::Doubted,
                None if !complete => Standing::Stranded,
                _ => Standing::Closing,
            }
        } else if facts.established.is_some() || facts.from_a.sent.0 > 0 || facts.from_b.sent.0 > 0 {
            Standing::Open
        } else {
            Standing::Unanswered
        }
    }

    /// Whether the connection closed long enough before `now` to end.
    pub(super) fn has_lingered(&self, now: Timestamp) -> bool {
        self.lingers_until().is_some_and(|until| until <= now)
    }

    /// When the connection ends, if it closed and nothing more comes.
    pub(super) fn lingers_until(&self) -> Option<Timestamp> {
        let linger = match self.standing() {
            Standing::Unanswered | Standing::Open => return None,
            Standing::Stranded => patience::STRANDED,
            Standing::Doubted => patience::DOUBTED,
            Standing::Closing => patience::LINGER,
        };
        self.is_closed().then(|| self.closed.after(linger))
    }

    /// Whether data waits behind a hole.
    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.a.assembler.is_waiting() || self.b.assembler.is_waiting()
    }

    /// Since when the longest confirmed hole waits for frames out of order, if one does.
    pub(super) fn confirmed(&self) -> Option<Timestamp> {
        [self.a.assembler.confirmed(), self.b.assembler.confirmed()].into_iter().flatten().min()
    }

    /// Takes a segment of this connection. Whether it was in line.
    #[inline]
    pub(super) fn push(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) -> bool {
        let in_order = self.take_in_order(from, segment, at, budget);
        if !in_order {
            self.take_any(from, segment, at, budget);
        }
        in_order
    }

    /// Notes that there is a segment.
    #[inline]
    pub(super) fn count(&mut self, from: End, segment: &Segment<'_>, at: Moment) {
        let facts = &mut self.connection.facts;
        let mac = match from {
            End::A => &mut facts.a_mac,
            End::B => &mut facts.b_mac,
        };
        if mac.is_none() {
            *mac = segment.source_mac;
        }
        facts.from_mut(from).counted(at);
    }

    /// Takes a segment, however it stands.
    pub(super) fn take_any(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) {
        self.count(from, segment, at);
        if !self.is_doubted(from, segment, at, budget) {
            self.take(from, segment, at, budget);
        }

        if self.is_waiting() {
            self.judge_holes(from, at, None, budget);
        }
        if self.is_closed() != self.connection.facts.is_closed() {
            self.closed = if self.is_closed() { NOT_CLOSED } else { at.time };
            if self.standing() == Standing::Closing && self.connection.facts.reset.is_none() {
                for half in [&mut self.a, &mut self.b] {
                    half.assembler.forget_delivered();
                    half.sender.forget_sizes();
                }
            }
        }
    }

    /// Takes a segment that its receiver takes, as far as can be told.
    pub(super) fn take(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) {
        let facts = &mut self.connection.facts;
        facts.from_mut(from).segment(segment, at);
        facts.from_mut(from.other()).was_heard();
        if segment.flags.rst() {
            self.reset(from, segment, at);
        } else if self.half(from).sender.is_copy(segment, at) {
            self.copy(from, segment, at);
        } else if segment.flags.syn() && !self.synchronize(from, segment, at, budget) {
            self.connection.facts.from_mut(from).ignored += 1;
        } else {
            self.stream(from, segment, at, budget);
        }
    }

    /// The capture holds this segment twice. Out-of-order copies are still compared.
    #[cold]
    pub(super) fn copy(&mut self, from: End, segment: &Segment<'_>, at: Moment) {
        let assembler = self.assembler(from);
        let mut conflicting = 0;
        if segment.payload_length > 0 {
            let sequence = advance(segment.sequence, i64::from(segment.flags.syn()));
            let offset = assembler.numbering.offset_near(sequence, assembler.expected());
            let arrival = Arrival { offset, payload: segment.payload, length: segment.payload_length, at };
            conflicting = assembler.inspect(&arrival).conflicting;
        }
        let direction = self.connection.facts.from_mut(from);
        direction.duplicated += 1;
        direction.conflict(conflicting, at);
    }

    /// What a segment says that is not a RST and no copy.
    fn stream(&mut self, from: End, segment: &Segment<'_>, at: Moment, budget: &mut Budget) {
        let (syn, fin, length) = (segment.flags.syn(), segment.flags.fin(), segment.payload_length);
        let sequence = advance(segment.sequence, i64::from(syn));
        let acknowledged = self.connection.facts.from(from).acknowledged.0;
        let numbering = &mut self.half(from).assembler.numbering;
        let late_probe = length == 1
            && !fin
            && !numbering.is_fixed()
            && numbering.is_hinted()
            && numbering.offset_near(sequence, 0) == -1;
        let beyond = if late_probe { 0 } else { numbering.beyond_hint(sequence) };
        if fin && numbering.is_hinted() {
            numbering.begin(sequence);
        } else if length == 0 {
            numbering.hint(sequence);
        }
        // Data beyond it follows a hole of its own.
        if (length > 0 || fin) == (beyond < 0) {
            self.connection.facts.from_mut(from).went_by(beyond);
        }
        let numbering = &mut self.half(from).assembler.numbering;
        let placed = if late_probe { Place::At(-1) } else { numbering.place(sequence, length, acknowledged) };
        if matches!(placed, Place::At(offset) if offset <= self.assembler(from).expected().cast_signed()) {
            self.half(from).credit.took(segment.options);
        }
        let (offset, onward) = match placed {
            Place::At(offset) => (offset, None),
            Place::Onward(offset) => (offset.cast_signed(), Some(offset)),
            Place::Far => {
                self.connection.facts.from_mut(from).ignored += 1;
                return;
            }
        };
        if segment.flags.ack() {
            if offset == 0 {
                self.begin_unseen(from, segment.acknowledgment);
            }
            self.acknowledge(from, segment.acknowledgment, at);
            self.release_held(from.other(), segment.acknowledgment, budget);
            self.goes_on(from);
        }
        if !syn {
            self.establish(from, segment, at);
        }
        if late_probe || (!syn && !fin && self.is_probe(from, offset, length)) {
            let window_closed = self.connection.facts.from(from.other()).zero_window.is_some();
            self.connection.facts.from_mut(from).probe(window_closed, at);
            return;
        }
        self.replace_held(from, segment, at, budget);
        self.payload(from, segment, offset, onward, at, budget);
    }

    /// Whether an empty or one-byte segment is a keep-alive probe: one below the next number to
    /// send (RFC 1122 §4.2.3.6), and not the retransmission of a byte that is still outstanding.
    fn is_probe(&self, from: End, offset: i64, length: u32) -> bool {
        let facts = &self.connection.facts;
        let direction = facts.from(from);
        length <= 1
            && self.assembler(from).numbering.is_fixed()
            && direction.fin.is_none()
            && offset + 1 == direction.sent.0.cast_signed()
            && (length == 0 || direction.acknowledged >= direction.sent || facts.from(from.other()).segments == 0)
    }

    /// The payload and the FIN of a segment at `offset`.
    fn payload(
        &mut self,
        from: End,
        segment: &Segment<'_>,
        offset: i64,
        onward: Option<u64>,
        at: Moment,
        budget: &mut Budget,
    ) {
        let half = match from {
            End::A => &mut self.a,
            End::B => &mut self.b,
        };
        let heard = self.connection.facts.from(from.other());
        let received = heard.acknowledged.0 + u64::from(heard.fin_acknowledged().is_some());
        let direction = self.connection.facts.from_mut(from);
        let mut length = segment.payload_length;
        let end = offset.saturating_add(i64::from(length));
        if let Some(fin) = half.assembler.fin()
            && length > 0
            && end > fin.cast_signed()
        {
            // Nothing follows a FIN (RFC 9293 §3.10.4): what does shows a FIN ahead of its turn to be none.
            if half.assembler.expected() < fin {
                half.assembler.take_back_fin();
                direction.take_back_fin();
            } else {
                direction.ignored += 1;
                length = u32::try_from(fin.cast_signed().saturating_sub(offset)).unwrap_or(0);
            }
        }
        if segment.flags.fin()
            && let Some(fin) = half.assembler.fin()
            && half.assembler.expected() < fin
            && end < fin.cast_signed()
        {
            half.assembler.take_back_fin();
            direction.take_back_fin();
        }
        let payload = segment.payload.get(..length as usize).unwrap_or(segment.payload);
        let arrival = Arrival { offset, payload, length, at };
        let end = offset.saturating_add(i64::from(length)).max(0).cast_unsigned();
        let mut new = Novelty::default();
        if length > 0 {
            new = half.assembler.inspect(&arrival);
            if new.fresh == 0 && (direction.is_other_hop(segment, at) || direction.is_late_copy(at)) {
                direction.duplicated += 1;
                direction.conflict(new.conflicting, at);
                return;
            }
            if payload.len() < length as usize {
                direction.cut_segments += 1;
            }
            direction.data(&mut half.sender, end, length, new, at);
        }
        if segment.flags.fin() {
            direction.fin(end, length == 0, received, at);
        }
        if length == 0 && !segment.flags.fin() {
            return;
        }
        if self.interest != Interest::Wanted {
            let direction = self.connection.facts.from_mut(from);
            direction.bytes += new.fresh;
            let assembler = &mut self.half(from).assembler;
            assembler.numbering.skip_to(end);
            if segment.flags.fin() {
                assembler.end_at(end, at);
                assembler.forget(budget);
            }
            return;
        }
        self.deliver(from, budget, |assembler, budget, deliver| {
            if let Some(onward) = onward {
                assembler.jump(onward, at, budget, deliver);
            }
            assembler.accept(arrival, budget, deliver);
            if segment.flags.fin() {
                assembler.end_at(end, at);
            }
        });
    }

    /// Lets `work` deliver pieces of what `from` sends to the reader.
    fn deliver(
        &mut self,
        from: End,
        budget: &mut Budget,
        work: impl FnOnce(&mut Assembler, &mut Budget, &mut Deliver<'_>),
    ) {
        let Connection { facts, reader } = &mut self.connection;
        let interest = &mut self.interest;
        let assembler = match from {
            End::A => &mut self.a.assembler,
            End::B => &mut self.b.assembler,
        };
        work(assembler, budget, &mut |piece: Piece<'_>| {
            let direction = facts.from_mut(from);
            match &piece {
                Piece::Chunk(chunk) => direction.bytes += chunk.data.len() as u64,
                Piece::Gap(gap) => direction.missing_bytes += gap.length,
            }
            if *interest == Interest::Wanted {
                *interest = reader.piece(from, piece, facts);
            }
        });
        if self.interest != Interest::Wanted {
            self.forget(budget);
        }
    }

    /// Frees what is kept of both streams.
    pub(super) fn forget(&mut self, budget: &mut Budget) {
        self.a.assembler.forget(budget);
        self.b.assembler.forget(budget);
    }

    /// Declares the holes that cannot close any more. `by` is the end whose segment came last:
    /// the other end's data is older and is delivered first. `passed` says that no segment came,
    /// but time passed since `at`.
    pub(super) fn judge_holes(&mut self, by: End, at: Moment, passed: Option<Timestamp>, budget: &mut Budget) {
        for end in [by.other(), by] {
            let facts = &self.connection.facts;
            let hearing =
                Hearing { acknowledged: facts.from(end).acknowledged.0, heard: facts.from(end.other()).segments };
            self.deliver(end, budget, |assembler, budget, deliver| {
                assembler.judge_hole(hearing, passed, at, budget, deliver);
            });
        }
    }

    /// The connection is followed no longer: what is kept is delivered, with the holes before it.
    pub(super) fn end(mut self, ending: Ending, budget: &mut Budget) -> Connection<R> {
        for end in [End::A, End::B] {
            self.settle_held(end, budget);
        }
        let at = self.connection.facts.last();
        let closed = self.is_closed();
        self.connection.facts.ending = Some(if closed { Ending::Closed } else { ending });
        let oldest = |end: End| self.assembler(end).first_waiting().map_or(u64::MAX, |(_, at)| at.frame.get());
        let order = if oldest(End::B) < oldest(End::A) { [End::B, End::A] } else { [End::A, End::B] };
        for end in order {
            let acknowledged = self.connection.facts.from(end).acknowledged.0;
            self.deliver(end, budget, |assembler, budget, deliver| {
                assembler.flush(acknowledged, at, budget, deliver);
            });
        }
        self.forget(budget);
        self.connection
    }

    /// Whether both FINs or a RST were seen.
    pub(super) fn is_closed(&self) -> bool {
        self.closed != NOT_CLOSED
    }
}
