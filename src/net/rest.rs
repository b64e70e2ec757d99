//! What is left of a frame below the header just read.
//!
//! Invariant: `data` is a slice of the frame and never longer than `length`.

use super::{Layer, Undecodable, Why};

/// The rest of a frame: its captured bytes, and how many there were on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest<'a> {
    /// The captured bytes.
    pub(super) data: &'a [u8],
    /// How many bytes there were on the wire; more than `data.len()` in a frame that was cut.
    pub(super) length: u32,
    /// How many tunnels it is in.
    depth: u8,
}

/// At most so many tunnels are opened within one another.
pub(super) const DEEPEST: u8 = 8;

impl<'a> Rest<'a> {
    /// The whole frame. A captured length beyond the original length is believed: the bytes are there.
    pub(super) fn of_frame(data: &'a [u8], original_length: u32) -> Self {
        let captured = u32::try_from(data.len()).unwrap_or(u32::MAX);
        Rest { data, length: original_length.max(captured), depth: 0 }
    }

    /// What follows the first `count` bytes; `None` if they are not all captured.
    #[inline]
    pub(super) fn after(self, count: usize) -> Option<Self> {
        let data = self.data.get(count..)?;
        let count = u32::try_from(count).ok()?;
        Some(Rest { data, length: self.length.saturating_sub(count), depth: self.depth })
    }

    /// The first `length` bytes on the wire: what follows them is padding or a frame check sequence.
    /// A `length` beyond the frame is believed, since it is what the sender's IP layer meant.
    #[inline]
    pub(super) fn limited_to(self, length: u32) -> Self {
        let data = match usize::try_from(length) {
            Ok(length) => self.data.get(..length).unwrap_or(self.data),
            Err(_) => self.data,
        };
        Rest { data, length, depth: self.depth }
    }

    /// The same bytes, one tunnel deeper; `None` if that is too deep.
    pub(super) fn within(self) -> Option<Self> {
        (self.depth < DEEPEST).then_some(Rest { depth: self.depth + 1, ..self })
    }

    /// None of the bytes, of which there were `length` on the wire.
    pub(super) fn nothing_of(self, length: u32) -> Rest<'static> {
        Rest { data: &[], length, depth: self.depth }
    }

    /// Why `needed` bytes are not here: cut by the snap length, or never on the wire.
    pub(super) fn lacks(self, needed: usize) -> Why {
        if usize::try_from(self.length).is_ok_and(|length| length < needed) { Why::Invalid } else { Why::Truncated }
    }

    /// [`Rest::lacks`] with the layer that needed the bytes.
    pub(super) fn too_short(self, layer: Layer, needed: usize) -> Undecodable {
        Undecodable { layer, why: self.lacks(needed) }
    }
}
