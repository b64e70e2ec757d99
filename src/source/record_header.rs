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
        let words = input.get(..layout.header())?.first_chunk::<16>()?;
        let &[s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, o0, o1, o2, o3] = words;
        let word = |bytes| match layout {
            Layout::Little | Layout::ModifiedLittle => u32::from_le_bytes(bytes),
            Layout::Big | Layout::ModifiedBig => u32::from_be_bytes(bytes),
        };
        Some(RecordHeader {
            seconds: word([s0, s1, s2, s3]),
            fraction: word([f0, f1, f2, f3]),
            captured: word([c0, c1, c2, c3]),
            original: word([o0, o1, o2, o3]),
        })
    }

    /// Whether it says nothing at all.
    pub(super) fn is_zero(&self) -> bool {
        (self.seconds, self.fraction, self.captured, self.original) == (0, 0, 0, 0)
    }
}
