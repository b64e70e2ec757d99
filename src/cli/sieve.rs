//! Which frames of the files are read at all.

use crate::capture::Frame;
#[cfg(feature = "live")]
use crate::source::Filter;

use super::arguments::Input;
use super::failure::Failure;

/// The frames that were asked for.
#[derive(Debug)]
pub(super) struct Sieve {
    #[cfg(feature = "live")]
    filter: Option<Filter>,
}

impl Sieve {
    /// As `input` says.
    #[cfg(feature = "live")]
    pub(super) fn of(input: &Input) -> Result<Sieve, Failure> {
        let filter = input.bpf.as_deref().map(Filter::new).transpose().map_err(|error| {
            Failure::arguments(format!("--bpf: {error}"), "`man pcap-filter` has the syntax: --bpf 'host 10.0.0.11'")
        })?;
        Ok(Sieve { filter })
    }

    /// Without libpcap there is no filter.
    #[cfg(not(feature = "live"))]
    #[allow(clippy::unnecessary_wraps)] // as with libpcap
    pub(super) fn of(_: &Input) -> Result<Sieve, Failure> {
        Ok(Sieve {})
    }

    /// Whether a frame is read.
    #[inline]
    #[cfg_attr(not(feature = "live"), allow(clippy::unused_self))] // as with libpcap
    pub(super) fn passes(&mut self, frame: &Frame<'_>) -> bool {
        #[cfg(feature = "live")]
        if let Some(filter) = &mut self.filter {
            return filter.passes(frame);
        }
        let _ = frame;
        true
    }
}
