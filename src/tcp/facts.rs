//! Keeping the facts of one direction: what a segment says of its sender, and what an
//! acknowledgment says of the other end's data.
//!
//! Invariant: facts only count and remember; they never decide what is delivered.

use thin_vec::ThinVec;

use crate::capture::{Moment, Timestamp};
use crate::net::Segment;
use crate::stream::StreamOffset;

use super::assembler::Novelty;
use super::{Direction, Fin, Repeated, patience};

impl Repeated {
    /// Once more, `at`.
    pub(super) fn again(&mut self, at: Moment) {
        if self.count == 0 {
            self.first = at;
        }
        self.last = at;
        self.count = self.count.saturating_add(1);
    }
}

/// Size records in flight that are remembered; see [`Sender::sizes`].
const SIZES: u8 = 4;

/// A segment in flight: its end offset and its payload length.
type Size = (u64, u32);

/// What must be remembered of one end, beside its facts, to keep them: in as few bytes, as every connection has it twice.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// When its last segment with SYN, FIN or payload came, and what that said; nothing of it before there was one.
    time: Timestamp,
    sequence: u32,
    acknowledgment: u32,
    length: u32,
    window: u16,
    flags: u8,
    /// How many there are of `sizes`: mostly none, and then what would hold them is not looked at.
    rising: u8,
    /// Segments in flight that are larger than any acknowledged and any before them in flight: both numbers rise.
    sizes: ThinVec<Size>,
}

impl Sender {
    /// Whether the capture holds this segment twice. Remembers it if not.
    pub(super) fn is_copy(&mut self, segment: &Segment<'_>, at: Moment) -> bool {
        if segment.payload_length == 0 && !segment.flags.syn() && !segment.flags.fin() {
            return false;
        }
        let is_copy = self.sequence == segment.sequence
            && self.acknowledgment == segment.acknowledgment
            && self.length == segment.payload_length
            && self.window == segment.window
            && self.flags == segment.flags.0
            && (0..=patience::COPY_TIME).contains(&at.time.nanoseconds_since(self.time));
        if !is_copy {
            self.time = at.time;
            self.sequence = segment.sequence;
            self.acknowledgment = segment.acknowledgment;
            self.length = segment.payload_length;
            self.window = segment.window;
            self.flags = segment.flags.0;
        }
        is_copy
    }

    /// Both streams are at their end: nothing is in flight.
    pub(super) fn forget_sizes(&mut self) {
        (self.rising, self.sizes) = (0, ThinVec::new());
    }

    #[inline]
    fn sent(&mut self, end: u64, length: u32, direction: &Direction) {
        if length > direction.largest_acknowledged && self.rising < SIZES {
            self.rise(end, length);
        }
    }

    #[inline(never)]
    fn rise(&mut self, end: u64, length: u32) {
        let largest = self.sizes.last().map_or(0, |(_, length)| *length);
        if length > largest {
            if self.sizes.is_empty() {
                self.sizes.reserve_exact(1);
            }
            self.sizes.push((end, length));
            self.rising += 1;
        }
    }

    #[inline]
    fn acknowledged(&mut self, to: u64, direction: &mut Direction) {
        if self.rising > 0 {
            self.arrived(to, direction);
        }
    }

    #[inline(never)]
    fn arrived(&mut self, to: u64, direction: &mut Direction) {
        let whole = self.sizes.iter().take_while(|(end, _)| *end <= to).count();
        if let Some((_, length)) = whole.checked_sub(1).and_then(|last| self.sizes.get(last)) {
            direction.largest_acknowledged = *length;
            self.sizes.drain(..whole);
            self.rising = u8::try_from(self.sizes.len()).unwrap_or(SIZES);
        }
    }
}

/// The sender's clock in the Timestamps option (RFC 7323 §3.2).
#[inline]
pub(crate) fn timestamp(mut options: &[u8]) -> Option<u32> {
    loop {
        options = match options {
            // As nearly all systems lay it out.
            [1, 1, 8, 10, a, b, c, d, ..] | [8, 10, a, b, c, d, ..] => {
                return Some(u32::from_be_bytes([*a, *b, *c, *d]));
            }
            [1, rest @ ..] => rest,
            [kind, length, ..] if *kind != 0 && *length >= 2 => options.get(usize::from(*length)..)?,
            _ => return None,
        };
    }
}

impl Direction {
    /// Whether the capture lacks a part of what this end sent: bytes, or a FIN that the other end acknowledged.
    pub fn is_incomplete(&self) -> bool {
        self.missing_bytes + self.unseen_bytes > 0 || self.acknowledged > self.sent
    }

    /// Before the first data a number was seen that lies so far beyond the newest before it; or the first data came, and
    /// lies so far before it.
    pub(super) fn went_by(&mut self, beyond: i64) {
        if beyond != 0 && beyond.abs() <= patience::WINDOW && (beyond > 0 || self.unseen_bytes > 0) {
            self.unseen_bytes = self.unseen_bytes.saturating_add_signed(beyond);
        }
    }

    /// Whether the other end owes an acknowledgment.
    fn is_outstanding(&self) -> bool {
        self.acknowledged < self.sent || self.fin.as_ref().is_some_and(|fin| fin.acknowledged.is_none())
    }

    /// Whether a wholly repeated segment is the same one captured at another hop (on a router that captures on all
    /// interfaces): at once, and with another hop limit.
    pub(super) fn is_other_hop(&self, segment: &Segment<'_>, at: Moment) -> bool {
        self.hop_limit != Some(segment.hop_limit)
            && self
                .last_data
                .is_some_and(|last| (0..=patience::COPY_TIME).contains(&at.time.nanoseconds_since(last.time)))
    }

    /// Whether a wholly repeated segment is a copy that the capture holds behind other segments: where it holds copies, and
    /// sooner than TCP sends again. What was held in doubt comes here later than it was captured.
    pub(super) fn is_late_copy(&self, at: Moment) -> bool {
        self.duplicated > 0
            && self.last_data.is_some_and(|last| at.time.nanoseconds_since(last.time) <= patience::COPY_TIME)
    }

    /// Any segment of this end.
    pub(super) fn counted(&mut self, at: Moment) {
        self.segments += 1;
        self.last_segment = Some(at);
    }

    /// A segment that its receiver takes.
    pub(super) fn segment(&mut self, segment: &Segment<'_>, at: Moment) {
        if segment.flags.rst() {
            return;
        }
        self.hop_limit.get_or_insert(segment.hop_limit);
        if segment.flags.syn() {
            return;
        }
        if segment.window == 0 {
            self.zero_window.get_or_insert(at);
        } else {
            self.opened_window(at);
        }
    }

    /// Payload of this end that ends at offset `end`.
    #[inline]
    pub(super) fn data(&mut self, sender: &mut Sender, end: u64, length: u32, new: Novelty, at: Moment) {
        self.first_data.get_or_insert(at);
        self.conflict(new.conflicting, at);
        if new.fresh > 0 {
            self.last_data = Some(at);
        }
        if end > self.sent.0 {
            if !self.is_outstanding() {
                self.waiting_since = Some(at);
            }
            self.sent = StreamOffset(end);
            sender.sent(end, length, self);
        }
        if new.repeated > 0 {
            if self.retransmitted == 0 {
                self.retransmissions.0 = at;
            }
            self.retransmissions.1 = at;
            self.retransmitted += 1;
            self.retried(length, at);
        }
    }

    /// So many bytes differ from their first copy.
    #[inline]
    pub(super) fn conflict(&mut self, bytes: u64, at: Moment) {
        if bytes > 0 {
            self.differs(bytes, at);
        }
    }

    #[cold]
    fn differs(&mut self, bytes: u64, at: Moment) {
        if self.conflicting_overlaps == 0 {
            self.conflict = at;
        }
        self.conflicting_overlaps += bytes;
    }

    /// The FIN was none: data followed it.
    pub(super) fn take_back_fin(&mut self) {
        self.fin = None;
        self.fin_ahead = 0;
        self.ignored += 1;
    }

    /// When its FIN was sent first.
    pub fn fin_at(&self) -> Option<Moment> {
        self.fin.as_ref().map(|fin| fin.at)
    }

    /// When the other end acknowledged its FIN.
    pub fn fin_acknowledged(&self) -> Option<Moment> {
        self.fin.as_ref()?.acknowledged
    }

    /// How far its FIN acknowledges the other end's stream, see [`Fin::acknowledges`]; the start where it sent none.
    pub fn fin_acknowledges(&self) -> StreamOffset {
        self.fin.as_ref().map_or(StreamOffset(0), |fin| fin.acknowledges)
    }

    /// How far its stream is known to go: to its FIN, or to the last that was seen of it.
    pub fn stream_end(&self) -> StreamOffset {
        StreamOffset(self.sent.0.max(self.fin_ahead))
    }

    /// A FIN of this end behind offset `end`, which had received the other end's stream up to `received`.
    pub(super) fn fin(&mut self, end: u64, empty: bool, received: u64, at: Moment) {
        if let Some(fin) = &self.fin {
            if empty && fin.acknowledged.is_none() {
                self.retried(0, at);
            }
            return;
        }
        if !self.is_outstanding() {
            self.waiting_since = Some(at);
        }
        if end > self.sent.0 {
            self.fin_ahead = end;
        }
        // The capture held the acknowledgment of this FIN before it.
        let heard = self.acknowledged.0 == self.stream_end().0 + 1;
        if heard {
            self.acknowledged = self.stream_end();
        }
        let acknowledged = self.last_acknowledged.filter(|_| heard);
        self.fin = Some(Box::new(Fin { at, acknowledges: StreamOffset(received), acknowledged }));
    }

    fn retried(&mut self, length: u32, at: Moment) {
        self.smallest_retried = if self.retries.count == 0 { length } else { self.smallest_retried.min(length) };
        self.retries.again(at);
    }

    /// A keep-alive probe of this end, or a probe of the other end's closed window.
    pub(super) fn probe(&mut self, window_closed: bool, at: Moment) {
        if window_closed {
            self.window_probes += 1;
            return;
        }
        self.keep_alive_probes += 1;
        self.unanswered_probes.again(at);
    }

    /// The other end acknowledged everything before `offset`, which counts this end's FIN.
    pub(super) fn acknowledge(&mut self, sender: &mut Sender, offset: u64, fin: Option<u64>, at: Moment) {
        let (offset, heard) = match fin {
            Some(end) if offset > end => (end, self.fin.as_mut().filter(|fin| fin.acknowledged.is_none())),
            _ => (offset, None),
        };
        if offset <= self.acknowledged.0 && heard.is_none() {
            return;
        }
        if let Some(fin) = heard {
            fin.acknowledged = Some(at);
        }
        if offset > self.acknowledged.0 {
            self.acknowledged = StreamOffset(offset);
            self.last_acknowledged = Some(at);
        }
        self.got_through();
        self.waiting_since = if self.is_outstanding() { Some(at) } else { None };
        sender.acknowledged(offset, self);
    }

    /// What the options of this end's SYN announce (RFC 9293 §3.2, RFC 7323 §2.2).
    pub(super) fn options(&mut self, mut options: &[u8]) {
        loop {
            options = match options {
                [1, rest @ ..] => rest,
                [2, 4, high, low, rest @ ..] => {
                    self.maximum_segment_size = Some(u16::from_be_bytes([*high, *low]));
                    rest
                }
                [3, 3, shift, rest @ ..] => {
                    self.window_scale = Some(*shift);
                    rest
                }
                [kind, length, ..] if *kind != 0 && *length >= 2 => {
                    options.get(usize::from(*length)..).unwrap_or_default()
                }
                _ => return,
            };
        }
    }
}
