//! One direction of a WebSocket: cuts frames (RFC 6455 §5) out of the stream and hands on what they carry.
//!
//! Invariant: nothing is kept but a header that straddles segments, a control frame (at most 125 bytes), and one segment's
//! bytes while they are unmasked or inflated, whatever lengths the stream claims. What is not masked stays borrowed.

use super::frame::{self, FrameHeader, HeaderRead, Opcode};
use super::inflate::{Inflater, Windows};
use crate::capture::Moment;
use crate::stream::{Chunk, Gap, Side, StreamOffset};

/// Stands for the length of a hole of which it is not known how much of it was payload: longer than any control packet
/// (MQTT 5.0 §2.1.4), so that none goes on behind it.
const UNKNOWN_LENGTH: u64 = (1 << 28) + 8;
/// The largest buffer that is kept from one segment to the next.
const KEPT_BUFFER: usize = 4096;

/// What a direction of a WebSocket carries.
#[derive(Clone, Copy, Debug)]
pub enum Carried<'a> {
    /// Payload of data messages, one after another; offsets count payload only.
    Data(Chunk<'a>),
    /// Payload that the capture does not hold.
    Gap(Gap),
    /// A text message begins.
    Text {
        /// When.
        at: Moment,
        /// Its first byte.
        first_byte: u8,
    },
    /// A Ping or a Pong.
    Ping(Moment),
    /// A Close.
    Close {
        /// When it was complete.
        at: Moment,
        /// Its status code, if it has one.
        code: Option<u16>,
        /// What its sender says.
        reason: &'a [u8],
    },
    /// A frame that is not masked as the specification wants it.
    WronglyMasked(Moment),
    /// Bytes passed over while looking for the next frame.
    Passed {
        /// How many.
        bytes: u64,
        /// When the next frame was found, or the last of them.
        at: Moment,
    },
    /// From here on the direction cannot be read.
    Unreadable(Moment),
}

/// Reads one direction.
#[derive(Debug)]
pub struct Frames {
    side: Side,
    windows: Windows,
    state: State,
    /// A header that straddles segments.
    header: [u8; frame::LONGEST],
    have: usize,
    /// A control frame's payload.
    control: Vec<u8>,
    /// Payload of data messages so far, in bytes.
    payload: u64,
    /// The current message is compressed.
    compressed: bool,
    /// A text message has begun, and its first byte is to come.
    text: bool,
    inflater: Option<Inflater>,
    buffer: Vec<u8>,
    passed: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// At or in a header.
    Header,
    /// In a frame's payload, so many bytes of which are gone by.
    Payload(FrameHeader, u64),
    /// It is not known where the next frame begins; when the last bytes passed over came.
    Lost(Moment),
    /// What follows cannot be read.
    Unreadable,
}

impl Frames {
    /// A reader of what `side` sends, from its first frame on.
    #[must_use]
    pub fn at_start(side: Side, windows: &Windows) -> Frames {
        Frames {
            side,
            windows: windows.clone(),
            state: State::Header,
            header: [0; frame::LONGEST],
            have: 0,
            control: Vec::new(),
            payload: 0,
            compressed: false,
            text: false,
            inflater: None,
            buffer: Vec::new(),
            passed: 0,
        }
    }

    /// A reader of what `side` sends, of which the begin was not captured.
    #[must_use]
    pub fn somewhere(side: Side, windows: &Windows) -> Frames {
        Frames { state: State::Lost(Moment::default()), ..Frames::at_start(side, windows) }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, chunk: Chunk<'_>, on: &mut dyn FnMut(Carried<'_>)) {
        if let State::Lost(_) = self.state
            && !self.resume(&chunk, on)
        {
            return;
        }
        let mut data = chunk.data;
        while !data.is_empty() {
            data = match self.state {
                State::Header => self.take_header(data, chunk.at, on),
                State::Payload(header, taken) => self.take_payload(header, taken, data, chunk.at, on),
                State::Lost(_) | State::Unreadable => return,
            };
        }
    }

    /// Takes a hole in the stream.
    pub fn gap(&mut self, gap: Gap, on: &mut dyn FnMut(Carried<'_>)) {
        match self.state {
            State::Payload(mut header, taken) if gap.length <= header.length - taken => {
                if header.opcode == Opcode::Close {
                    on(Carried::Close { at: gap.at, code: None, reason: &[] });
                }
                if header.opcode.is_control() {
                    header.opcode = Opcode::Pong;
                } else if self.compressed {
                    return self.stop(gap, on);
                } else {
                    self.hole(gap, gap.length, on);
                }
                self.state = State::Payload(header, taken + gap.length);
                self.end_frame(gap.at, on);
            }
            State::Header | State::Payload(..) if self.inflater.is_some() => self.stop(gap, on),
            State::Header | State::Payload(..) => {
                self.hole(gap, UNKNOWN_LENGTH, on);
                self.have = 0;
                self.state = State::Lost(gap.at);
            }
            State::Lost(_) | State::Unreadable => {}
        }
    }

    /// The stream is over.
    pub fn finish(&mut self, on: &mut dyn FnMut(Carried<'_>)) {
        if let State::Lost(at) = self.state
            && self.passed > 0
        {
            on(Carried::Passed { bytes: self.passed, at });
        }
    }

    fn hole(&mut self, gap: Gap, length: u64, on: &mut dyn FnMut(Carried<'_>)) {
        on(Carried::Gap(Gap { offset: StreamOffset(self.payload), length, ..gap }));
        self.payload += length;
    }

    /// Compressed data refers to what went before it: nothing can be read after a hole.
    fn stop(&mut self, gap: Gap, on: &mut dyn FnMut(Carried<'_>)) {
        self.hole(gap, UNKNOWN_LENGTH, on);
        self.give_up(gap.at, on);
    }

    fn give_up(&mut self, at: Moment, on: &mut dyn FnMut(Carried<'_>)) {
        self.state = State::Unreadable;
        self.inflater = None;
        on(Carried::Unreadable(at));
    }

    /// Looks for a frame's begin where a segment begins.
    fn resume(&mut self, chunk: &Chunk<'_>, on: &mut dyn FnMut(Carried<'_>)) -> bool {
        if !chunk.starts_segment || !frame::begins_here(chunk.data, self.side) {
            self.passed += u64::try_from(chunk.data.len()).unwrap_or(0);
            self.state = State::Lost(chunk.at);
            return false;
        }
        if self.passed > 0 {
            on(Carried::Passed { bytes: std::mem::take(&mut self.passed), at: chunk.at });
        }
        self.compressed = false;
        self.state = State::Header;
        true
    }

    /// Reads a header, which may have begun in an earlier segment; returns the bytes after it.
    fn take_header<'d>(&mut self, data: &'d [u8], at: Moment, on: &mut dyn FnMut(Carried<'_>)) -> &'d [u8] {
        let (read, rest) = if self.have == 0 {
            let read = frame::read(data);
            let size = if let HeaderRead::Complete(header) = read { header.size } else { 0 };
            (read, data.get(size..).unwrap_or_default())
        } else {
            (HeaderRead::Incomplete, data)
        };
        match read {
            HeaderRead::Complete(header) => {
                self.begin_frame(header, at, on);
                rest
            }
            HeaderRead::Invalid => {
                self.give_up(at, on);
                &[]
            }
            HeaderRead::Incomplete => self.gather_header(data, at, on),
        }
    }

    fn gather_header<'d>(&mut self, data: &'d [u8], at: Moment, on: &mut dyn FnMut(Carried<'_>)) -> &'d [u8] {
        for (index, byte) in data.iter().enumerate() {
            if let Some(slot) = self.header.get_mut(self.have) {
                *slot = *byte;
                self.have += 1;
            }
            match frame::read(self.header.get(..self.have).unwrap_or_default()) {
                HeaderRead::Incomplete => {}
                HeaderRead::Invalid => {
                    self.give_up(at, on);
                    return &[];
                }
                HeaderRead::Complete(header) => {
                    self.have = 0;
                    self.begin_frame(header, at, on);
                    return data.get(index + 1..).unwrap_or_default();
                }
            }
        }
        &[]
    }

    fn begin_frame(&mut self, header: FrameHeader, at: Moment, on: &mut dyn FnMut(Carried<'_>)) {
        if header.mask.is_some() != (self.side == Side::Client) {
            on(Carried::WronglyMasked(at));
        }
        self.state = State::Payload(header, 0);
        match header.opcode {
            Opcode::Text | Opcode::Binary => self.compressed = header.compressed,
            Opcode::Continuation => {}
            Opcode::Close | Opcode::Ping | Opcode::Pong => self.control.clear(),
        }
        self.text |= header.opcode == Opcode::Text;
        if self.compressed && !header.opcode.is_control() && self.inflater.is_none() {
            self.inflater = Inflater::new(&self.windows);
            if self.inflater.is_none() {
                return self.give_up(at, on);
            }
        }
        self.end_frame(at, on);
    }

    /// Takes what `data` holds of a frame's payload; returns the bytes after it.
    fn take_payload<'d>(
        &mut self,
        header: FrameHeader,
        taken: u64,
        data: &'d [u8],
        at: Moment,
        on: &mut dyn FnMut(Carried<'_>),
    ) -> &'d [u8] {
        let left = usize::try_from(header.length - taken).unwrap_or(usize::MAX);
        let (ours, rest) = data.split_at_checked(left).unwrap_or((data, &[]));
        let starts = taken == 0;
        self.state = State::Payload(header, taken + u64::try_from(ours.len()).unwrap_or(0));
        let mut buffer = std::mem::take(&mut self.buffer);
        let plain = match header.mask {
            None => ours,
            Some(mask) => {
                unmask(mask, taken, ours, &mut buffer);
                &buffer
            }
        };
        if header.opcode.is_control() {
            self.control.extend_from_slice(plain);
        } else if self.compressed {
            self.inflate(plain, starts, at, on);
        } else {
            self.data(plain, starts, at, on);
        }
        if buffer.capacity() <= KEPT_BUFFER {
            self.buffer = buffer;
        }
        self.end_frame(at, on);
        rest
    }

    fn data(&mut self, data: &[u8], starts: bool, at: Moment, on: &mut dyn FnMut(Carried<'_>)) {
        if let Some(&first_byte) = data.first()
            && std::mem::take(&mut self.text)
        {
            on(Carried::Text { at, first_byte });
        }
        on(Carried::Data(Chunk { offset: StreamOffset(self.payload), data, at, starts_segment: starts }));
        self.payload += u64::try_from(data.len()).unwrap_or(0);
    }

    fn inflate(&mut self, data: &[u8], starts: bool, at: Moment, on: &mut dyn FnMut(Carried<'_>)) {
        let Some(mut inflater) = self.inflater.take() else { return };
        let mut starts = starts;
        let sound = inflater.push(data, &mut |plain| {
            self.data(plain, starts, at, on);
            starts = false;
        });
        self.inflater = Some(inflater);
        if !sound {
            self.give_up(at, on);
        }
    }

    /// Ends the frame if all of it is gone by.
    fn end_frame(&mut self, at: Moment, on: &mut dyn FnMut(Carried<'_>)) {
        let State::Payload(header, taken) = self.state else { return };
        if taken < header.length {
            return;
        }
        self.state = State::Header;
        match header.opcode {
            Opcode::Ping | Opcode::Pong => on(Carried::Ping(at)),
            Opcode::Close => {
                let (code, reason) = match self.control.split_first_chunk::<2>() {
                    Some((code, reason)) => (Some(u16::from_be_bytes(*code)), reason),
                    None => (None, &[][..]),
                };
                on(Carried::Close { at, code, reason });
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                if header.fin && self.compressed {
                    self.end_message(at, on);
                }
            }
        }
    }

    fn end_message(&mut self, at: Moment, on: &mut dyn FnMut(Carried<'_>)) {
        let Some(mut inflater) = self.inflater.take() else { return };
        let sound = inflater.end_message(&mut |plain| self.data(plain, false, at, on));
        self.inflater = Some(inflater);
        if !sound {
            self.give_up(at, on);
        }
    }
}

/// Unmasks `data` into `buffer` (RFC 6455 §5.3); `taken` bytes of the payload went before.
fn unmask(mask: [u8; 4], taken: u64, data: &[u8], buffer: &mut Vec<u8>) {
    let mut mask = mask;
    mask.rotate_left(usize::try_from(taken % 4).unwrap_or(0));
    buffer.clear();
    buffer.extend_from_slice(data);
    for four in buffer.chunks_mut(4) {
        four.iter_mut().zip(mask).for_each(|(byte, key)| *byte ^= key);
    }
}

#[cfg(test)]
mod tests;
