//! Options of packet blocks (draft-ietf-opsawg-pcapng §3.5), of which one is read.

use pcap_parser::nom::IResult;
use pcap_parser::pcapng::{parse_option_be, parse_option_le};
use pcap_parser::{PcapError, PcapNGOption};

use super::Order;

/// `epb_dropcount`: packets lost between this one and the one before of the same interface (§4.3).
const DROP_COUNT: u16 = 4;

/// A list of pieces that have a type, a length and padding to 32 bits: options, and the records of a Name
/// Resolution Block. It ends where it is cut, or at type 0.
pub(super) fn list(order: Order, mut input: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let read: IResult<&[u8], PcapNGOption<'_>, PcapError<&[u8]>> = match order {
            Order::Little => parse_option_le(input),
            Order::Big => parse_option_be(input),
        };
        let (rest, option) = read.ok()?;
        input = rest;
        let padded = match option.value {
            std::borrow::Cow::Borrowed(value) => value,
            std::borrow::Cow::Owned(_) => return None,
        };
        (option.code.0 != 0).then_some((option.code.0, padded.get(..usize::from(option.len)).unwrap_or(padded)))
    })
}

/// The packets that the options of a packet say were lost before it.
#[cold]
pub(super) fn drop_count(order: Order, options: &[u8]) -> u64 {
    let count = list(order, options).find(|(code, _)| *code == DROP_COUNT);
    count.and_then(|(_, value)| <[u8; 8]>::try_from(value).ok()).map_or(0, |bytes| order.long(bytes))
}
