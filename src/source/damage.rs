//! Damage: where a capture file stops making sense, which is a fact of the report and no error.

use std::fmt;
use std::io;

use super::shown::Shown;
use std::path::PathBuf;

/// The place from which a file could not be read on. Everything before it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// How many whole packets of this file stand before it.
    pub packets: u64,
    /// Offset in the file of the first byte that could not be read as a whole record.
    pub offset: u64,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file ends inside it: the capture was stopped hard, or the file was copied while it grew.
    Cut,
    /// A packet claims more captured bytes than any capture holds.
    PacketLength(u32),
    /// Its fields are those of no record, and none follows it.
    NoRecord,
    /// A pcapng block claims an impossible total length.
    BlockLength(u32),
    /// The two length fields of a pcapng block differ.
    BlockLengthsDiffer,
    /// A packet does not fit the pcapng block around it.
    PacketBeyondBlock(u32),
    /// A packet names an interface that the section does not describe.
    UnknownInterface(u32),
    /// A pcapng section header is not one.
    SectionHeader,
    /// The major version of a section, which is not 1.
    SectionVersion(u16),
    /// A pcapng interface description is not one.
    InterfaceDescription,
    /// An interface description whose number is not known, because what stood before it cannot be read.
    InterfaceNumber,
    /// More interfaces in a section than are kept.
    TooManyInterfaces,
    /// The compressed data ends too early: the file was copied while it grew, or is cut.
    CompressedCut,
    /// The compressed data cannot be decompressed.
    CompressedDamaged,
    /// The compressed data expands beyond all measure.
    Bomb,
    /// The operating system could not read on.
    Read(io::ErrorKind),
}

impl Fault {
    /// What an error of reading means in a file that is compressed, or is not.
    pub(super) fn of(kind: io::ErrorKind, compressed: bool) -> Fault {
        match kind {
            io::ErrorKind::UnexpectedEof if compressed => Fault::CompressedCut,
            io::ErrorKind::InvalidData if compressed => Fault::CompressedDamaged,
            io::ErrorKind::QuotaExceeded if compressed => Fault::Bomb,
            kind => Fault::Read(kind),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Cut => f.write_str("the file ends in the middle of a record"),
            Fault::PacketLength(length) => write!(f, "a packet claims {length} captured bytes"),
            Fault::NoRecord => f.write_str("what stands there is no record"),
            Fault::BlockLength(length) => write!(f, "a block claims a length of {length} bytes"),
            Fault::BlockLengthsDiffer => f.write_str("the two lengths of a block differ"),
            Fault::PacketBeyondBlock(length) => {
                write!(f, "a packet claims {length} captured bytes, more than its block holds")
            }
            Fault::UnknownInterface(number) => write!(f, "a packet names interface {number}, which is not described"),
            Fault::SectionHeader => f.write_str("a section header cannot be read"),
            Fault::SectionVersion(version) => write!(f, "a section has the unknown pcapng version {version}"),
            Fault::InterfaceDescription => f.write_str("an interface description cannot be read"),
            Fault::InterfaceNumber => f.write_str("which number an interface has is lost"),
            Fault::TooManyInterfaces => f.write_str("a section describes too many interfaces"),
            Fault::CompressedCut => f.write_str("the compressed data ends too early"),
            Fault::CompressedDamaged => f.write_str("the compressed data is damaged"),
            Fault::Bomb => f.write_str("the compressed data expands beyond all measure"),
            Fault::Read(kind) => write!(f, "reading failed: {kind}"),
        }
    }
}

/// "trace.pcap: the file ends in the middle of a record, after 12 packets, at byte 1834".
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.packets == 1 { "" } else { "s" };
        let Damage { packets, offset, fault, .. } = self;
        write!(f, "{}: {fault}, after {packets} packet{plural}, at byte {offset}", Shown(&self.path))
    }
}
