//! Where blocks go on in a damaged file: a block of a known type whose two lengths agree, and behind it
//! the start of another, or the file's end.

use pcap_parser::{CB_MAGIC, DCB_MAGIC, DSB_MAGIC, EPB_MAGIC, IDB_MAGIC, ISB_MAGIC, NRB_MAGIC, SHB_MAGIC, SPB_MAGIC};

use super::super::buffer::MAXIMUM;
use super::super::search::Begins;
use super::{BLOCK_HEADER, Order, PACKET_BLOCK, Pcapng, SMALLEST_BLOCK};

/// The longest block that reading goes on with: one of a packet is far below it.
const LONGEST: usize = 1 << 20;

impl Pcapng {
    /// Whether blocks go on at the start of `input`; with `complete` nothing follows it. Takes constant time.
    #[inline]
    pub(in super::super) fn begins(&self, input: &[u8], complete: bool) -> Begins {
        let unknown = if complete { Begins::No } else { Begins::More };
        let Some(&[t0, t1, t2, t3, l0, l1, l2, l3]) = input.first_chunk::<BLOCK_HEADER>() else {
            return unknown;
        };
        let order = match self.order.word([t0, t1, t2, t3]) {
            SHB_MAGIC => match input.get(BLOCK_HEADER..).and_then(<[u8]>::first_chunk::<4>) {
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => Order::Big,
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => Order::Little,
                Some(_) => return Begins::No,
                None => return unknown,
            },
            EPB_MAGIC | SPB_MAGIC | PACKET_BLOCK | IDB_MAGIC | ISB_MAGIC | NRB_MAGIC | DSB_MAGIC | CB_MAGIC
            | DCB_MAGIC => self.order,
            _ => return Begins::No,
        };
        let Some(length) = length(order, [l0, l1, l2, l3], LONGEST) else {
            return Begins::No;
        };
        let Some((block, rest)) = input.split_at_checked(length) else {
            return unknown;
        };
        if block.last_chunk::<4>() != Some(&[l0, l1, l2, l3]) {
            return Begins::No;
        }
        match rest.first_chunk::<BLOCK_HEADER>() {
            Some(&[a, b, c, d, l0, l1, l2, l3]) => {
                let section = order.word([a, b, c, d]) == SHB_MAGIC;
                if section || self::length(order, [l0, l1, l2, l3], MAXIMUM).is_some() {
                    Begins::Yes
                } else {
                    Begins::No
                }
            }
            None if complete => Begins::Yes,
            None => Begins::More,
        }
    }
}

/// A length that a block can have, in bytes.
#[inline]
fn length(order: Order, bytes: [u8; 4], most: usize) -> Option<usize> {
    let length = order.word(bytes);
    let sane = length >= SMALLEST_BLOCK && length.is_multiple_of(4);
    usize::try_from(length).ok().filter(|length| sane && *length <= most)
}
