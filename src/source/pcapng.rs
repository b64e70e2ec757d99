//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks.
//!
//! `pcap-parser` finds the blocks and reads section headers, interface descriptions and statistics.
//! The fixed part of a packet block is read here: the crate would collect its options into a `Vec`
//! for every packet, and nothing here asks for them.

mod begins;
mod interface;
mod names;
mod options;
mod order;

use pcap_parser::nom::Err;
use pcap_parser::pcapng::{
    UnknownBlock, parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_interfacestatisticsblock_be, parse_interfacestatisticsblock_le, parse_sectionheaderblock,
    parse_unknownblock_be, parse_unknownblock_le,
};
use pcap_parser::{
    CB_MAGIC, DCB_MAGIC, DSB_MAGIC, EPB_MAGIC, IDB_MAGIC, ISB_MAGIC, NRB_MAGIC, PcapError, SHB_MAGIC, SJE_MAGIC,
    SPB_MAGIC,
};

pub use interface::Drops;
use interface::Interface;
pub use names::Names;
use order::Order;

use super::buffer::MAXIMUM;
use super::clock::Clock;
use super::damage::Fault;
use super::step::{Record, Step};
use crate::capture::{LinkType, Timestamp};

/// A section header begins so in either byte order.
pub(super) const MAGIC: [u8; 4] = SHB_MAGIC.to_be_bytes();

/// The obsolete Packet Block (appendix A of the draft).
const PACKET_BLOCK: u32 = 2;
/// The only major version there is.
const MAJOR_VERSION: u16 = 1;
/// Block type and first length.
const BLOCK_HEADER: usize = 8;
/// Block type and both lengths.
const SMALLEST_BLOCK: u32 = 12;
/// Interface, time, captured and original length of an Enhanced Packet Block.
const PACKET_HEADER: usize = 20;
/// Interfaces kept of one section; captures of whole hosts describe some hundreds.
const INTERFACES: usize = 65_536;

/// A pcapng file, at some block of it.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    /// Those of the current section, in the order of their descriptions; `None` where one cannot be read.
    interfaces: Vec<Option<Interface>>,
    /// Whether a packet came in this section.
    packets: bool,
    /// Whether bytes before the section's first packet were passed over: descriptions may be missing, so that
    /// those that follow have no certain number.
    numbers_lost: bool,
    /// Time of the last packet that had one.
    last_time: Timestamp,
    /// Packets without a time of their own.
    untimed: u64,
    /// Losses told by the sections before this one.
    earlier_drops: Drops,
    /// Whether any statistics told of losses, be it none.
    drops_told: bool,
    names: Names,
    /// Blocks of secrets to decrypt the packets with.
    secrets: u64,
}

impl Pcapng {
    pub(super) fn new() -> Pcapng {
        Pcapng {
            order: Order::Little,
            interfaces: Vec::new(),
            packets: false,
            numbers_lost: false,
            last_time: Timestamp::default(),
            untimed: 0,
            earlier_drops: Drops::default(),
            drops_told: false,
            names: Names::default(),
            secrets: 0,
        }
    }

    /// How many packets had no time of their own (Simple Packet Blocks).
    pub(super) fn untimed(&self) -> u64 {
        self.untimed
    }

    /// What the statistics blocks so far told to be lost.
    pub(super) fn drops(&self) -> Option<Drops> {
        self.drops_told.then(|| self.section_drops().plus(self.earlier_drops))
    }

    fn section_drops(&self) -> Drops {
        self.interfaces.iter().flatten().fold(Drops::default(), |sum, interface| sum.plus(interface.drops()))
    }

    /// Host names that the file tells.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// How many blocks of decryption secrets were passed over.
    pub(super) fn secrets(&self) -> u64 {
        self.secrets
    }

    /// Bytes were passed over that may have held blocks.
    pub(super) fn passed_over(&mut self) {
        self.numbers_lost |= !self.packets;
    }

    /// The packet at the start of `input`, if it is as most are: whole, in an Enhanced Packet Block without options, of an
    /// interface that is described.
    #[inline]
    pub(super) fn usual(&mut self, input: &[u8]) -> Option<Record> {
        const START: usize = BLOCK_HEADER + PACKET_HEADER;
        let (words, _) = input.first_chunk::<START>()?.as_chunks::<4>();
        let [kind, total, number, high, low, captured, original] =
            words.first_chunk()?.map(|word| self.order.word(word));
        let size = usize::try_from(captured).ok()?;
        let length = START + size.checked_next_multiple_of(4)? + 4;
        let end = input.get(length - 4..length)?.first_chunk()?;
        let interface = self.interfaces.get(usize::try_from(number).ok()?)?.as_ref()?;
        if kind != EPB_MAGIC || u32::try_from(length) != Ok(total) || self.order.word(*end) != total {
            return None;
        }
        let time = interface.clock.time(u64::from(high) << 32 | u64::from(low));
        self.last_time = time;
        self.packets = true;
        Some(Record {
            time,
            link: interface.link,
            original_length: original.max(captured),
            data: START..START + size,
            length,
        })
    }

    /// What stands at the start of `input`.
    pub(super) fn step(&mut self, input: &[u8]) -> Step {
        let Some(&block_type) = input.first_chunk::<4>() else {
            return Step::More;
        };
        if block_type == MAGIC {
            return self.section(input);
        }
        let parsed = match self.order {
            Order::Little => parse_unknownblock_le(input),
            Order::Big => parse_unknownblock_be(input),
        };
        let block = match parsed {
            Ok((_, block)) => block,
            Err(error) => return self.incomplete(input, &error),
        };
        if block.block_len1 != block.block_len2 {
            return Step::Fault(Fault::BlockLengthsDiffer);
        }
        // Both lengths were in memory.
        let length = block.data.len().saturating_add(SMALLEST_BLOCK as usize);
        match self.order.word(block_type) {
            EPB_MAGIC => self.enhanced(&block, length),
            SPB_MAGIC => self.simple(&block, length),
            PACKET_BLOCK => self.obsolete(&block, length),
            IDB_MAGIC => self.interface(input, length),
            ISB_MAGIC => self.statistics(input, length),
            NRB_MAGIC => {
                self.names.read(self.order, block.data);
                Step::Skip(length)
            }
            DSB_MAGIC => {
                self.secrets = self.secrets.saturating_add(1);
                Step::Skip(length)
            }
            CB_MAGIC | DCB_MAGIC | SJE_MAGIC => Step::Numbered(length),
            // Those yet to be invented.
            _ => Step::Skip(length),
        }
    }

    /// Enhanced Packet Block (§4.3).
    #[inline]
    fn enhanced(&mut self, block: &UnknownBlock<'_>, length: usize) -> Step {
        let Some(&[i0, i1, i2, i3, ref rest @ ..]) = block.data.first_chunk::<PACKET_HEADER>() else {
            return Step::Unread(Fault::BlockLength(block.block_len1), length);
        };
        let number = self.order.word([i0, i1, i2, i3]);
        let step = self.timed(number, rest, block, length);
        if let Step::Record(record) = &step {
            let end = PACKET_HEADER.saturating_add(record.data.len().next_multiple_of(4));
            if let Some(options) = block.data.get(end..).filter(|options| !options.is_empty()) {
                self.lost_before(number, options::drop_count(self.order, options));
            }
        }
        step
    }

    /// So many packets of an interface were lost before one.
    #[cold]
    fn lost_before(&mut self, number: u32, packets: u64) {
        let described = usize::try_from(number).ok().and_then(|number| self.interfaces.get_mut(number));
        if let Some(Some(interface)) = described {
            interface.lost_before(packets);
            self.drops_told |= packets > 0;
        }
    }

    /// The obsolete Packet Block: 16 bits of interface, 16 bits of drops, then as the enhanced one.
    fn obsolete(&mut self, block: &UnknownBlock<'_>, length: usize) -> Step {
        let Some(&[i0, i1, d0, d1, ref rest @ ..]) = block.data.first_chunk::<PACKET_HEADER>() else {
            return Step::Unread(Fault::BlockLength(block.block_len1), length);
        };
        let (number, drops) = (u32::from(self.order.half([i0, i1])), self.order.half([d0, d1]));
        let step = self.timed(number, rest, block, length);
        // All ones: not known.
        if matches!(step, Step::Record(_)) && drops != u16::MAX {
            self.lost_before(number, u64::from(drops));
        }
        step
    }

    /// Time (high, low), captured and original length, which two kinds of block share.
    #[inline]
    fn timed(&mut self, number: u32, fields: &[u8; 16], block: &UnknownBlock<'_>, length: usize) -> Step {
        let &[h0, h1, h2, h3, l0, l1, l2, l3, c0, c1, c2, c3, o0, o1, o2, o3] = fields;
        let described = usize::try_from(number).ok().and_then(|number| self.interfaces.get(number));
        let Some(Some(interface)) = described else {
            return Step::Unread(Fault::UnknownInterface(number), length);
        };
        let high = self.order.word([h0, h1, h2, h3]);
        let low = self.order.word([l0, l1, l2, l3]);
        let time = interface.clock.time(u64::from(high) << 32 | u64::from(low));
        self.last_time = time;
        self.packets = true;
        let captured = self.order.word([c0, c1, c2, c3]);
        let original = self.order.word([o0, o1, o2, o3]);
        packet(time, interface.link, captured, original, PACKET_HEADER, block, length)
    }

    /// Simple Packet Block (§4.4): of the section's first interface, without a time; how much is
    /// captured follows from the snap length.
    fn simple(&mut self, block: &UnknownBlock<'_>, length: usize) -> Step {
        const HEADER: usize = 4;
        let Some(&original) = block.data.first_chunk::<HEADER>() else {
            return Step::Unread(Fault::BlockLength(block.block_len1), length);
        };
        let Some(Some(interface)) = self.interfaces.first() else {
            return Step::Unread(Fault::UnknownInterface(0), length);
        };
        self.packets = true;
        let original = self.order.word(original);
        let captured = match interface.snap_length {
            0 => original,
            snap_length => original.min(snap_length),
        };
        // A writer may cut packets without saying so in the snap length: the block tells.
        let room = u32::try_from(block.data.len() - HEADER).unwrap_or(u32::MAX);
        self.untimed = self.untimed.saturating_add(1);
        packet(self.last_time, interface.link, captured.min(room), original, HEADER, block, length)
    }

    /// Section Header Block (§4.1): a new byte order, and interfaces counted from 0 again.
    #[cold]
    fn section(&mut self, input: &[u8]) -> Step {
        // Without the byte order nothing of it can be read.
        if input.len() < BLOCK_HEADER + 4 {
            return Step::More;
        }
        let (rest, header) = match parse_sectionheaderblock(input) {
            Ok(parsed) => parsed,
            Err(error) => {
                let order =
                    if input.get(8..12) == Some(&[0x1a, 0x2b, 0x3c, 0x4d]) { Order::Big } else { Order::Little };
                return more(input, order, &error, Fault::SectionHeader);
            }
        };
        if header.block_len1 != header.block_len2 {
            return Step::Fault(Fault::BlockLengthsDiffer);
        }
        if header.major_version != MAJOR_VERSION {
            return Step::Fault(Fault::SectionVersion(header.major_version));
        }
        self.order = if header.big_endian() { Order::Big } else { Order::Little };
        self.earlier_drops = self.earlier_drops.plus(self.section_drops());
        self.interfaces.clear();
        (self.packets, self.numbers_lost) = (false, false);
        Step::Skip(input.len() - rest.len())
    }

    /// Interface Description Block (§4.2).
    #[cold]
    fn interface(&mut self, input: &[u8], length: usize) -> Step {
        let input = input.get(..length).unwrap_or(input);
        let parsed = match self.order {
            Order::Little => parse_interfacedescriptionblock_le(input),
            Order::Big => parse_interfacedescriptionblock_be(input),
        };
        if self.interfaces.len() >= INTERFACES {
            return Step::Unread(Fault::TooManyInterfaces, length);
        }
        // Packets name interfaces by their place: if one before is missing, a packet would get the link type of another.
        if self.numbers_lost && !self.packets {
            return Step::Unread(Fault::InterfaceNumber, length);
        }
        let described = parsed.ok().and_then(|(_, known)| Some((u16::try_from(known.linktype.0).ok()?, known)));
        let Some((link, description)) = described else {
            self.interfaces.push(None);
            return Step::Unread(Fault::InterfaceDescription, length);
        };
        // pcap-parser reads this option in little-endian order in every section.
        let offset = match self.order {
            Order::Little => description.if_tsoffset,
            Order::Big => description.if_tsoffset.swap_bytes(),
        };
        self.interfaces.push(Some(Interface::new(
            LinkType(link),
            description.snaplen,
            Clock::new(description.if_tsresol, offset),
        )));
        Step::Skip(length)
    }

    /// Interface Statistics Block (§4.6); one that cannot be read is passed over.
    #[cold]
    fn statistics(&mut self, input: &[u8], length: usize) -> Step {
        let input = input.get(..length).unwrap_or(input);
        let parsed = match self.order {
            Order::Little => parse_interfacestatisticsblock_le(input),
            Order::Big => parse_interfacestatisticsblock_be(input),
        };
        let Ok((_, statistics)) = parsed else {
            return Step::Skip(length);
        };
        // pcap-parser reads these options in little-endian order in every section.
        let count = |option: Option<Result<u64, _>>| {
            let count = option.and_then(Result::ok)?;
            Some(match self.order {
                Order::Little => count,
                Order::Big => count.swap_bytes(),
            })
        };
        let (interface, system) = (count(statistics.isb_ifdrop()), count(statistics.isb_osdrop()));
        let described = usize::try_from(statistics.if_id).ok().and_then(|number| self.interfaces.get_mut(number));
        if let Some(Some(described)) = described {
            self.drops_told |= interface.is_some() || system.is_some();
            described.lost_so_far(interface, system);
        }
        Step::Skip(length)
    }

    #[cold]
    fn incomplete(&self, input: &[u8], error: &Err<PcapError<&[u8]>>) -> Step {
        let length = input.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| self.order.word(*bytes));
        more(input, self.order, error, Fault::BlockLength(length))
    }
}

/// A packet whose data starts `header` bytes into the block's body.
#[inline]
fn packet(
    time: Timestamp,
    link: LinkType,
    captured: u32,
    original: u32,
    header: usize,
    block: &UnknownBlock<'_>,
    length: usize,
) -> Step {
    let size = usize::try_from(captured).unwrap_or(usize::MAX);
    if header.saturating_add(size) > block.data.len() {
        return Step::Unread(Fault::PacketBeyondBlock(captured), length);
    }
    let start = BLOCK_HEADER + header;
    Step::Record(Record { time, link, original_length: original.max(captured), data: start..start + size, length })
}

/// How to go on after a parser that found no whole block.
fn more(input: &[u8], order: Order, error: &Err<PcapError<&[u8]>>, fault: Fault) -> Step {
    let length = input.get(4..).and_then(<[u8]>::first_chunk).map(|bytes| order.word(*bytes));
    match (length, error) {
        (Some(length), _) if length < SMALLEST_BLOCK || usize::try_from(length).is_ok_and(|l| l > MAXIMUM) => {
            Step::Fault(Fault::BlockLength(length))
        }
        // The block is whole, yet its parser wants more: its parts contradict its length.
        (Some(length), Err::Incomplete(_)) if usize::try_from(length).is_ok_and(|l| l <= input.len()) => {
            Step::Fault(fault)
        }
        (_, Err::Incomplete(_)) => Step::More,
        (_, Err::Error(_) | Err::Failure(_)) => Step::Fault(fault),
    }
}
