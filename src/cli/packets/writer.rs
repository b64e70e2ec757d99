//! What is written of each control packet, by one part of the engine.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::capture::{FrameNumber, Order};
use crate::mqtt::{Version, parse};
use crate::net::Endpoint;
use crate::report::packets::{self, Lines, Place, Reveal};
use crate::report::{Case, Style};
use crate::session::{PacketObserver, SeenPacket};
use crate::stream::Side;

/// The sessions that are shown, by the first frames of their connections.
#[derive(Debug)]
pub(super) struct Sessions(HashMap<FrameNumber, Known>);

#[derive(Debug)]
struct Known {
    number: u64,
    stream: u32,
    client: Endpoint,
    version: Option<Version>,
}

impl Sessions {
    pub(super) fn of<'c>(cases: impl Iterator<Item = &'c Case>) -> Sessions {
        let known = cases.filter_map(|case| {
            let wire = &case.session.wire;
            let known = Known {
                number: case.number,
                stream: wire.stream?,
                client: wire.peers.client.endpoint,
                version: case.session.version,
            };
            Some((wire.first.frame, known))
        });
        Sessions(known.collect())
    }
}

impl Known {
    fn place(&self, packet: &SeenPacket<'_>) -> Place {
        let side = if packet.sender == self.client { Side::Client } else { Side::Server };
        Place { session: Some(self.number), side }
    }
}

/// How packets are written.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Table(Style),
    Lines,
}

/// Writes the packets of one part of the engine to memory.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` where the capture is read only once.
    sessions: Option<Arc<Sessions>>,
    sheet: Sheet,
    /// Up to where what was written belongs together, and where among all.
    marks: Vec<(Order, usize)>,
}

/// What is written, and how.
#[derive(Debug)]
struct Sheet {
    form: Form,
    lines: Lines,
    reveal: Reveal,
    written: Vec<u8>,
}

impl Writer {
    pub(super) fn new(sessions: Option<Arc<Sessions>>, form: Form, reveal: Reveal) -> Writer {
        let sheet = Sheet { form, lines: Lines::default(), reveal, written: Vec::new() };
        Writer { sessions, sheet, marks: Vec::new() }
    }

    /// What was written since it was [cleared](Writer::clear).
    pub(super) fn written(&self) -> &[u8] {
        &self.sheet.written
    }

    /// The same in pieces, in their order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (Order, &[u8])> {
        let mut begin = 0;
        let piece = |(order, end): &(Order, usize)| (*order, std::mem::replace(&mut begin, *end)..*end);
        let mut pieces: Vec<_> = self.marks.iter().map(piece).collect();
        // Connections that end at one moment were told in another order.
        pieces.sort_by_key(|(order, _)| *order);
        pieces.into_iter().map(|(order, piece)| (order, self.written().get(piece).unwrap_or_default()))
    }

    pub(super) fn clear(&mut self) {
        self.sheet.written.clear();
        self.marks.clear();
    }
}

impl Sheet {
    fn write(&mut self, packet: &SeenPacket<'_>, place: Place) {
        // Writing to memory cannot fail.
        let _ = match &self.form {
            Form::Table(style) => packets::write_row(packet, place, self.reveal, style, &mut self.written),
            Form::Lines => self.lines.write(packet, place, self.reveal, &mut self.written),
        };
    }
}

impl PacketObserver for Writer {
    fn packet(&mut self, packet: &SeenPacket<'_>) {
        let Writer { sessions, sheet, .. } = self;
        let Some(sessions) = sessions else {
            if packet.confirmed {
                sheet.write(packet, Place { session: None, side: packet.side });
            }
            return;
        };
        let Some(known) = sessions.0.get(&packet.opened) else { return };
        let packet = SeenPacket { stream: known.stream, ..*packet };
        if packet.version.is_some() || known.version.is_none() {
            return sheet.write(&packet, known.place(&packet));
        }
        // Picked up late: only later packets, read the first time, told the version.
        let parsed = parse(packet.raw, known.version);
        sheet.write(&SeenPacket { parsed: &parsed, version: known.version, ..packet }, known.place(&packet));
    }

    fn belongs(&mut self, order: Order) {
        let end = self.sheet.written.len();
        if self.marks.last().map_or(0, |(_, end)| *end) < end {
            self.marks.push((order, end));
        }
    }
}
