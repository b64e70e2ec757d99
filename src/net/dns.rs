//! DNS messages (RFC 1035 §4), also those of mDNS (RFC 6762) and LLMNR (RFC 4795): found by their
//! port, read by the `domain` crate.
//!
//! Nothing is copied, and nothing is read before it is asked for. A message that is cut by the snap
//! length, or that lies, gives what stands before the fault.

use std::fmt;
use std::net::IpAddr;

use domain::base::iana::Rtype;
use domain::base::{Message, ParsedName};
use domain::rdata::{A, Aaaa};

use super::ip::Addresses;
use super::udp::Datagram;
use super::{Endpoint, MacAddress, Segment};

/// Port of DNS.
pub const DNS_PORT: u16 = 53;
/// Ports of DNS, mDNS and LLMNR.
const PORTS: [u16; 3] = [DNS_PORT, 5353, 5355];

/// A DNS message and who sent it to whom.
#[derive(Clone, Copy, Debug)]
pub struct DnsMessage<'a> {
    /// Sender.
    pub source: Endpoint,
    /// Receiver.
    pub destination: Endpoint,
    /// Link-layer source, where the link has one.
    pub source_mac: Option<MacAddress>,
    /// Whether all of it was captured.
    pub whole: bool,
    message: &'a [u8],
}

/// What kind of record a question asks for (RFC 1035 §3.2.2, RFC 3596 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// A: IPv4.
    V4,
    /// AAAA: IPv6.
    V6,
}

/// A domain name in a message, shown without its final dot.
#[derive(Clone, Debug)]
pub struct DomainName<'a>(ParsedName<&'a [u8]>);

impl fmt::Display for DomainName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// RCODE (RFC 1035 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rcode(pub u8);

impl Rcode {
    /// No error.
    pub const NO_ERROR: Rcode = Rcode(0);
    /// The server was not able to answer: SERVFAIL.
    pub const SERVER_FAILURE: Rcode = Rcode(2);
    /// The name does not exist: NXDOMAIN.
    pub const NAME_ERROR: Rcode = Rcode(3);
    /// The server does not want to answer.
    pub const REFUSED: Rcode = Rcode(5);
}

impl<'a> DnsMessage<'a> {
    fn message(&self) -> Option<&'a Message<[u8]>> {
        Message::from_slice(self.message).ok()
    }

    /// Transaction id.
    pub fn id(&self) -> u16 {
        self.message().map_or(0, |message| message.header().id())
    }

    /// Whether it is a response.
    pub fn is_response(&self) -> bool {
        self.message().is_some_and(|message| message.header().qr())
    }

    /// Whether it can tell all that the server has to say: not when it is to be asked again over TCP
    /// (TC), nor when the snap length cut it.
    pub fn is_complete(&self) -> bool {
        self.whole && self.message().is_some_and(|message| !message.header().tc())
    }

    /// How the response turned out.
    pub fn rcode(&self) -> Rcode {
        Rcode(self.message().map_or(0, |message| message.header().rcode().to_int()))
    }

    /// Whether the sender asks, or answers, all hosts of its network: mDNS and LLMNR.
    pub fn is_multicast(&self) -> bool {
        self.source.port != DNS_PORT && self.destination.port != DNS_PORT
    }

    /// The names whose addresses are asked for. A response repeats them, but for one of mDNS.
    pub fn questions(&self) -> impl Iterator<Item = (DomainName<'a>, AddressKind)> + use<'a> {
        /// mDNS may ask for several at once.
        const QUESTIONS: usize = 16;
        let message = self.message();
        let questions = message.into_iter().flat_map(|message| message.question().take(QUESTIONS));
        questions.map_while(Result::ok).filter_map(|question| {
            let kind = match question.qtype() {
                Rtype::A | Rtype::ANY => AddressKind::V4,
                Rtype::AAAA => AddressKind::V6,
                _ => return None,
            };
            Some((DomainName(*question.qname()), kind))
        })
    }

    /// The addresses in the answer section, each with the name whose record it is.
    pub fn addresses(&self) -> impl Iterator<Item = (DomainName<'a>, IpAddr)> + use<'a> {
        /// Records looked at.
        const RECORDS: usize = 64;
        let answers = self.message().and_then(|message| message.answer().ok());
        let records = answers.into_iter().flat_map(|answers| answers.take(RECORDS));
        records.map_while(Result::ok).filter_map(|record| {
            let owner = DomainName(record.owner());
            let v4 = record.to_record::<A>().ok().flatten().map(|record| IpAddr::V4(record.data().addr()));
            let v6 = || record.to_record::<Aaaa>().ok().flatten().map(|record| IpAddr::V6(record.data().addr()));
            v4.or_else(v6).map(|address| (owner, address))
        })
    }
}

/// The DNS message of a datagram, if its ports are those of DNS.
pub(super) fn of_datagram<'a>(datagram: &Datagram<'a>, from: &Addresses) -> Option<DnsMessage<'a>> {
    let Datagram { source, destination, payload } = *datagram;
    if !PORTS.contains(&source.port) && !PORTS.contains(&destination.port) {
        return None;
    }
    let whole = usize::try_from(payload.length).is_ok_and(|length| length <= payload.data.len());
    Some(DnsMessage { source, destination, source_mac: from.link.source, whole, message: payload.data })
}

/// The DNS message of a TCP segment that holds one whole message behind its length (RFC 1035
/// §4.2.2). Questions and failures do: a message in several segments is a long answer.
pub fn of_segment<'a>(segment: &Segment<'a>) -> Option<DnsMessage<'a>> {
    if segment.source.port != DNS_PORT && segment.destination.port != DNS_PORT {
        return None;
    }
    let (length, message) = segment.payload.split_first_chunk()?;
    let whole = usize::from(u16::from_be_bytes(*length)) == message.len();
    let Segment { source, destination, source_mac, .. } = *segment;
    whole.then_some(DnsMessage { source, destination, source_mac, whole, message })
}
