//! Cuts one direction of a connection into TLS records, and what is not encrypted into handshake messages and alerts.
//!
//! Invariant: no byte is taken twice; at most one handshake message is held, none longer than the limit, and over all
//! connections no more than their [`Room`] has. Bytes that
//! are no record end the reading; after a gap it goes on where a segment begins with a record.

use crate::capture::Moment;
use crate::limits::{Room, Share};
use crate::stream::Chunk;

/// Length of a record's header.
const HEADER: usize = 5;
/// The longest record: 2^14 bytes and what encryption may add (RFC 5246 §6.2.3).
const RECORD: u16 = (1 << 14) + 2048;
/// Length of a handshake message's header.
const MESSAGE_HEADER: usize = 4;
/// A message buffer above this is let go after its message.
const KEPT: usize = 4096;

/// Content types of records (RFC 8446 §5.1).
mod content {
    pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(super) const ALERT: u8 = 21;
    pub(super) const HANDSHAKE: u8 = 22;
    pub(super) const HEARTBEAT: u8 = 24;
}

/// A handshake message by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake(pub u8);

impl Handshake {
    /// ClientHello.
    pub const CLIENT_HELLO: Handshake = Handshake(1);
    /// ServerHello or HelloRetryRequest.
    pub const SERVER_HELLO: Handshake = Handshake(2);
    /// Certificate.
    pub const CERTIFICATE: Handshake = Handshake(11);
    /// CertificateRequest.
    pub const CERTIFICATE_REQUEST: Handshake = Handshake(13);
    /// ServerHelloDone (up to TLS 1.2).
    pub const SERVER_HELLO_DONE: Handshake = Handshake(14);
}

/// What a direction says next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// A handshake message in the clear, without its header.
    Message(Handshake, &'a [u8]),
    /// A handshake message that is longer than the limit.
    LongMessage(Handshake),
    /// What follows in this direction is encrypted (up to TLS 1.2); means nothing in TLS 1.3.
    ChangeCipherSpec,
    /// An alert in the clear: its level and its description.
    Alert(u8, u8),
    /// An encrypted record, or a part of a handshake whose beginning is missing: its content type and length.
    Sealed(u8, u16),
    /// The stream is not TLS (any more): the last thing told.
    Foreign,
}

/// One direction.
#[derive(Debug)]
pub struct Records {
    limit: usize,
    state: State,
    header: [u8; HEADER],
    filled: usize,
    open: Option<Open>,
    message: Vec<u8>,
    share: Share,
    /// Bytes of a long message that are still to come.
    skip: usize,
    /// The beginning of the messages is not known.
    torn: bool,
    changed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A record may begin at the next segment.
    Seeking,
    Reading,
    Over,
}

/// The record that is being read.
#[derive(Clone, Copy, Debug)]
struct Open {
    content: u8,
    length: u16,
    left: u16,
    reading: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Messages or an alert.
    Clear,
    /// Perhaps a hello in the clear: four bytes will tell.
    Unsure,
    /// Encrypted, or not to be understood.
    Sealed,
}

impl Records {
    /// A direction that is read from its first byte on, or from somewhere inside.
    pub fn new(limit: usize, from_start: bool) -> Records {
        Records {
            limit,
            state: if from_start { State::Reading } else { State::Seeking },
            header: [0; HEADER],
            filled: 0,
            open: None,
            message: Vec::new(),
            share: Share::default(),
            skip: 0,
            torn: !from_start,
            changed: false,
        }
    }

    /// The same, which keeps no more than there is `room` for.
    #[must_use]
    pub fn within(mut self, room: &Room) -> Records {
        self.share = Share::of(room);
        self
    }

    /// Bytes are missing here.
    pub fn gap(&mut self) {
        if self.state != State::Over {
            self.let_go();
            let (limit, changed, share) = (self.limit, self.changed, std::mem::take(&mut self.share));
            *self = Records { share, changed, ..Records::new(limit, false) };
        }
    }

    /// Takes the next bytes; hands out what they complete.
    pub fn push(&mut self, chunk: &Chunk<'_>, take: &mut impl FnMut(Moment, Told<'_>)) {
        if self.state == State::Seeking {
            if !chunk.starts_segment || !is_header(chunk.data) {
                return;
            }
            self.state = State::Reading;
        }
        let mut data = chunk.data;
        while !data.is_empty() && self.state == State::Reading {
            data = match self.open {
                None => self.begin(data, chunk.at, take),
                Some(open) => self.go_on(open, data, chunk.at, take),
            };
        }
    }

    /// Gathers a header; the answer is what follows.
    fn begin<'d>(&mut self, data: &'d [u8], at: Moment, take: &mut impl FnMut(Moment, Told<'_>)) -> &'d [u8] {
        let (head, rest) = data.split_at(data.len().min(HEADER - self.filled));
        if let Some(room) = self.header.get_mut(self.filled..self.filled + head.len()) {
            room.copy_from_slice(head);
        }
        self.filled += head.len();
        if self.filled < HEADER {
            return rest;
        }
        self.filled = 0;
        let [content, _, _, high, low] = self.header;
        let length = u16::from_be_bytes([high, low]);
        if !is_header(&self.header) {
            self.state = State::Over;
            self.let_go();
            take(at, Told::Foreign);
            return rest;
        }
        let reading = match content {
            content::HANDSHAKE if self.changed || self.torn => Reading::Unsure,
            content::HANDSHAKE | content::CHANGE_CIPHER_SPEC => Reading::Clear,
            content::ALERT if length == 2 => Reading::Clear,
            _ => Reading::Sealed,
        };
        let open = Open { content, length, left: length, reading };
        self.open = Some(open);
        if length == 0 {
            self.end(open, at, take);
        }
        rest
    }

    /// Reads on in a record; the answer is what follows it.
    fn go_on<'d>(
        &mut self,
        mut open: Open,
        data: &'d [u8],
        at: Moment,
        take: &mut impl FnMut(Moment, Told<'_>),
    ) -> &'d [u8] {
        let (part, rest) = data.split_at(data.len().min(usize::from(open.left)));
        open.left -= u16::try_from(part.len()).unwrap_or(open.left);
        match (open.content, open.reading) {
            (content::HANDSHAKE, Reading::Clear) => self.messages(part, at, take),
            (content::HANDSHAKE, Reading::Unsure) => self.weigh(&mut open, part, at, take),
            (content::ALERT, Reading::Clear) => self.message.extend_from_slice(part),
            _ => {}
        }
        self.open = Some(open);
        if open.left == 0 {
            self.end(open, at, take);
        }
        rest
    }

    /// A record is complete.
    fn end(&mut self, open: Open, at: Moment, take: &mut impl FnMut(Moment, Told<'_>)) {
        self.open = None;
        match (open.content, open.reading) {
            (content::CHANGE_CIPHER_SPEC, _) => {
                self.changed = true;
                take(at, Told::ChangeCipherSpec);
            }
            (content::ALERT, Reading::Clear) => {
                if let [level, description] = self.message.as_slice() {
                    take(at, Told::Alert(*level, *description));
                }
                self.message.clear();
            }
            (_, Reading::Clear) => {}
            (content, Reading::Unsure | Reading::Sealed) => {
                self.message.clear();
                take(at, Told::Sealed(content, open.length));
            }
        }
    }

    /// After a change of cipher, or where the beginning is missing, only a hello that fills its record is in the clear:
    /// a HelloRetryRequest has one follow (RFC 8446 §D.4).
    fn weigh(&mut self, open: &mut Open, part: &[u8], at: Moment, take: &mut impl FnMut(Moment, Told<'_>)) {
        let (head, rest) = part.split_at(part.len().min(MESSAGE_HEADER.saturating_sub(self.message.len())));
        self.message.extend_from_slice(head);
        let Some(length) = message_length(&self.message) else { return };
        let hello = matches!(self.message.first(), Some(1 | 2));
        if hello && length + MESSAGE_HEADER == usize::from(open.length) {
            open.reading = Reading::Clear;
            self.torn = false;
            self.messages(rest, at, take);
        } else {
            open.reading = Reading::Sealed;
            self.message.clear();
        }
    }

    /// Puts handshake messages together.
    fn messages(&mut self, mut part: &[u8], at: Moment, take: &mut impl FnMut(Moment, Told<'_>)) {
        loop {
            if self.skip > 0 {
                let (skipped, rest) = part.split_at(part.len().min(self.skip));
                self.skip -= skipped.len();
                part = rest;
            }
            let wanted = message_length(&self.message).map_or(MESSAGE_HEADER, |length| MESSAGE_HEADER + length);
            let (more, rest) = part.split_at(part.len().min(wanted.saturating_sub(self.message.len())));
            let known = wanted > MESSAGE_HEADER;
            if known && !self.share.make_room_for(&mut self.message, more.len(), wanted) {
                let kind = Handshake(self.message.first().copied().unwrap_or_default());
                self.skip = wanted - self.message.len() - more.len();
                self.let_go();
                take(at, Told::LongMessage(kind));
                part = rest;
                if part.is_empty() {
                    return;
                }
                continue;
            }
            self.message.extend_from_slice(more);
            part = rest;
            let Some(length) = message_length(&self.message) else { return };
            let kind = Handshake(self.message.first().copied().unwrap_or_default());
            if length > self.limit {
                self.skip = length;
                self.message.clear();
                take(at, Told::LongMessage(kind));
            } else if self.message.len() == MESSAGE_HEADER + length {
                take(at, Told::Message(kind, self.message.get(MESSAGE_HEADER..).unwrap_or_default()));
                if self.message.capacity() > KEPT || self.share.is_scarce() {
                    self.let_go();
                }
                self.message.clear();
            }
            if part.is_empty() {
                return;
            }
        }
    }

    /// Lets the message go, and the room for it.
    fn let_go(&mut self) {
        self.message = Vec::new();
        self.share.hold(0);
    }
}

/// Whether `bytes` begin like a record.
fn is_header(bytes: &[u8]) -> bool {
    match bytes {
        [content::CHANGE_CIPHER_SPEC..=content::HEARTBEAT, 3, 0..=4, high, low, ..] => {
            u16::from_be_bytes([*high, *low]) <= RECORD
        }
        _ => false,
    }
}

/// Length of the handshake message that begins here, header left out.
fn message_length(message: &[u8]) -> Option<usize> {
    match message {
        [_, high, middle, low, ..] => usize::try_from(u32::from_be_bytes([0, *high, *middle, *low])).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
