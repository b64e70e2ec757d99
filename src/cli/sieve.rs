//! Which frames of the files are read at all.

use crate::capture::{Batch, Frame};
use crate::source::Captures;
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

    /// Puts the next frames of `captures` that are read into `batch`; `false` when there is none.
    #[cfg_attr(not(feature = "live"), allow(clippy::unused_self))] // as with libpcap
    pub(super) fn next_batch(&mut self, captures: &mut Captures, batch: &mut Batch) -> bool {
        #[cfg(feature = "live")]
        if self.filter.is_some() {
            while !batch.is_full()
                && let Some(frame) = captures.next_frame()
            {
                if self.passes(&frame) {
                    batch.push(&frame);
                }
            }
            return !batch.is_empty();
        }
        captures.next_batch(batch)
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
