//! One interface, opened by libpcap.
//!
//! Invariant: reading never waits. A frame is handed over while libpcap still holds the block it lies in, so that
//! the kernel cannot write over it.

use std::os::fd::{AsFd, BorrowedFd};

use pcap::{Active, Capture, Packet, Precision};

use crate::capture::{LinkType, Timestamp};

use super::error::InterfaceError;
use super::options::Options;
use super::wanted::Wanted;

/// The pseudo-interface of Linux on which all are captured.
pub(super) const ANY: &str = "any";
/// How long the kernel may collect frames before it hands them over, in milliseconds.
pub(super) const COLLECTED: i32 = 100;

/// An interface that is being captured on.
pub(super) struct Handle {
    capture: Capture<Active>,
    link: LinkType,
    precision: Precision,
}

/// A frame as libpcap hands it over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken<'a> {
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    pub(super) data: &'a [u8],
    pub(super) original_length: u32,
}

impl Handle {
    /// Begins to capture.
    pub(super) fn open(name: &str, options: &Options) -> Result<Handle, InterfaceError> {
        let failed = |source| InterfaceError::of("capture on", name, source);
        let precision = if stamps_nanoseconds(name) { Precision::Nano } else { Precision::Micro };
        // libpcap warns that `any` cannot be promiscuous, and its crate takes warnings for errors.
        let promiscuous = options.promiscuous && name != ANY;
        let capture = match activate(name, options, precision, promiscuous) {
            Err(error) if promiscuous && error.to_string().to_lowercase().contains("promisc") => {
                activate(name, options, precision, false)
            }
            done => done,
        };
        let mut capture = capture.and_then(Capture::setnonblock).map_err(failed)?;
        set_filter(&mut capture, name, options)?;
        let link = LinkType(u16::try_from(capture.get_datalink().0).unwrap_or(u16::MAX));
        Ok(Handle { capture, link, precision })
    }

    /// Hands over what is there, at most `most` frames; says how many these were.
    pub(super) fn read(&mut self, most: usize, take: &mut dyn FnMut(&Taken<'_>)) -> Result<usize, pcap::Error> {
        let (link, precision) = (self.link, self.precision);
        self.capture.dispatch(Some(most), |packet| take(&taken(&packet, link, precision)))
    }

    /// Frames that the kernel or the interface let go because nobody took them in time.
    pub(super) fn dropped(&mut self) -> u64 {
        self.capture.stats().map_or(0, |stats| u64::from(stats.dropped) + u64::from(stats.if_dropped))
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }
}

fn activate(
    name: &str,
    options: &Options,
    precision: Precision,
    promisc: bool,
) -> Result<Capture<Active>, pcap::Error> {
    let bytes = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    Capture::from_device(name)?
        .promisc(promisc)
        .snaplen(bytes(options.snap_length))
        .buffer_size(bytes(options.buffer))
        .immediate_mode(options.immediate)
        .precision(precision)
        .timeout(COLLECTED)
        .open()
}

/// What is seen of the air: of its frames libpcap looks into fewer kinds than this program.
const AIR: [pcap::Linktype; 3] = [pcap::Linktype(105), pcap::Linktype(127), pcap::Linktype(163)];

fn set_filter(capture: &mut Capture<Active>, name: &str, options: &Options) -> Result<(), InterfaceError> {
    if options.wanted == Wanted::default() && AIR.contains(&capture.get_datalink()) {
        return Ok(());
    }
    let filters = options.wanted.filters();
    let mut refused = None;
    for filter in &filters {
        match capture.filter(filter, true) {
            Ok(()) => return Ok(()),
            Err(error) => refused = Some(error),
        }
    }
    match (&options.wanted.expression, refused) {
        (Some(expression), Some(error)) => Err(InterfaceError::Filter {
            name: name.to_owned(),
            expression: expression.clone(),
            reason: match error {
                pcap::Error::PcapError(text) => text,
                other => other.to_string(),
            },
        }),
        // A link type without IP has no such filter: then everything is looked at.
        _ => Ok(()),
    }
}

fn taken<'a>(packet: &Packet<'a>, link: LinkType, precision: Precision) -> Taken<'a> {
    let stamp = packet.header.ts;
    // Of the type of the platform's clock, which is narrower on some.
    #[allow(clippy::useless_conversion)]
    let (seconds, fraction) = (i64::from(stamp.tv_sec), i64::from(stamp.tv_usec));
    let unit = if precision == Precision::Nano { 1 } else { 1000 };
    Taken {
        time: Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(fraction.saturating_mul(unit))),
        link,
        data: packet.data,
        original_length: packet.header.len.max(packet.header.caplen),
    }
}

/// Linux stamps frames of network interfaces with nanoseconds; libpcap says of nothing else whether it does.
fn stamps_nanoseconds(name: &str) -> bool {
    cfg!(target_os = "linux") && (name == ANY || super::state::all().contains_key(name))
}
