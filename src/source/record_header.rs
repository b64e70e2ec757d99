//! The words before each packet of a pcap file, in the four ways in which they are written.

/// How the records of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Little-endian.
    Little,
    /// Big-endian.
    Big,
    /// Kuznetzov's, with 8 more bytes of header: interface, protocol, packet type.
    ModifiedLittle,
    /// The same, big-endian.
    ModifiedBig,
}

impl Layout {
    /// Bytes before the packet.
    #[inline]
    pub(super) fn header(self) -> usize {
        match self {
            Layout::Little | Layout::Big => 16,
            Layout::ModifiedLittle | Layout::ModifiedBig => 24,
        }
    }
}

/// What a record says of its packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordHeader {
    pub(super) seconds: u32,
    /// Micro- or nanoseconds, as the file header says.
    pub(super) fraction: u32,
    pub(super) captured: u32,
    pub(super) original: u32,
}

impl RecordHeader {
    /// The header at the start of `input`, if it is whole.
    #[inline]
    pub(super) fn read(layout: Layout, input: &[u8]) -> Option<RecordHeader> {
        let (words, _) = input.get(..layout.header())?.first_chunk::<16>()?.as_chunks::<4>();
        let &[seconds, fraction, captured, original] = words.first_chunk::<4>()?;
        let is_big = matches!(layout, Layout::Big | Layout::ModifiedBig);
        let word = |bytes| if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        Some(RecordHeader {
            seconds: word(seconds),
            fraction: word(fraction),
            captured: word(captured),
            original: word(original),
        })
    }

    /// Whether it says nothing at all.
    pub(super) fn is_zero(&self) -> bool {
        (self.seconds, self.fraction, self.captured, self.original) == (0, 0, 0, 0)
    }
}
