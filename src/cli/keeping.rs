//! What `live` keeps and serves beside its report, as it is typed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

use crate::record::{Bounds, Rotation, Window};

use super::failure::Failure;
use super::size;

/// What is kept as evidence, and where numbers are served.
#[derive(Debug, Args)]
pub(super) struct Keeping {
    /// Write every frame to this file, as pcapng
    #[arg(short, long, value_name = "FILE", help_heading = KEEPING)]
    pub(super) write: Option<PathBuf>,
    /// Begin the next file at this size: 100MiB. Number and time are put into its name
    #[arg(long, value_name = "SIZE", requires = "write", value_parser = size, help_heading = KEEPING)]
    rotate_size: Option<u64>,
    /// Begin the next file after this time: 1h
    #[arg(long, value_name = "DURATION", requires = "write", value_parser = duration, help_heading = KEEPING)]
    rotate_time: Option<Duration>,
    /// Keep so many files; the oldest are deleted, also those of earlier runs
    #[arg(long, value_name = "N", requires = "write", value_parser = count, help_heading = KEEPING)]
    keep: Option<usize>,
    /// When a session goes wrong, write its client's frames before and after, and the verdict, to this folder
    #[arg(long, value_name = "DIR", help_heading = KEEPING)]
    pub(super) on_problem: Option<PathBuf>,
    /// Memory for the newest frames of all clients
    #[arg(long, value_name = "SIZE", default_value = "32MiB", value_parser = size, help_heading = KEEPING)]
    ring: u64,
    /// How long before a problem
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration, help_heading = KEEPING)]
    before: Duration,
    /// How long after a problem
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration, help_heading = KEEPING)]
    after: Duration,
    /// Keep so many problems; the oldest are deleted
    #[arg(long, value_name = "N", default_value = "100", value_parser = count, help_heading = KEEPING)]
    problem_files: usize,
    /// Keep problems of so many bytes; the oldest are deleted
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size, help_heading = KEEPING)]
    problem_bytes: u64,
    /// Serve Prometheus metrics on this address, or on this port of the loopback: 9464
    #[arg(long, value_name = "ADDR", value_parser = address, help_heading = KEEPING)]
    pub(super) metrics: Option<SocketAddr>,
}

const KEEPING: &str = "Evidence and metrics";

impl Keeping {
    /// When the next file of `--write` begins.
    pub(super) fn rotation(&self) -> Result<Rotation, Failure> {
        if self.write.as_deref() == Some(Path::new("-")) {
            return Err(Failure::arguments("--write wants a file: standard output has the report", "-w trace.pcapng"));
        }
        let rotation = Rotation { size: self.rotate_size, time: self.rotate_time, keep: self.keep };
        if self.keep.is_some() && self.rotate_size.is_none() && self.rotate_time.is_none() {
            return Err(Failure::arguments(
                "--keep without rotation has nothing to delete",
                "say when the next file begins: --rotate-size 100MiB or --rotate-time 1h",
            ));
        }
        Ok(rotation)
    }

    /// What is kept before and after a problem.
    pub(super) fn window(&self) -> Window {
        let bytes = usize::try_from(self.ring).unwrap_or(usize::MAX);
        Window { bytes, before: self.before, after: self.after }
    }

    /// How much is kept of all problems.
    pub(super) fn bounds(&self) -> Bounds {
        Bounds { files: self.problem_files, bytes: self.problem_bytes }
    }
}

/// A number of bytes with its unit.
fn size(text: &str) -> Result<u64, String> {
    size::with_unit(text).filter(|bytes| *bytes > 0).ok_or_else(|| "a size has a unit: 500KiB, 100MiB, 2GiB".into())
}

/// A duration with its units; seconds without.
fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let duration: SignedDuration = text.parse().map_err(|_| "a duration has a unit: 30s, 5m, 1h".to_owned())?;
    Duration::try_from(duration).map_err(|_| "a duration is not negative".into())
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "this is no number of files".into())
}

/// An address and port; a port alone is one of the loopback.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| "an address is written 127.0.0.1:9464 or [::1]:9464, a port alone 9464".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_a_unit_and_are_not_nothing() {
        assert_eq!(size("64K"), Ok(65536));
        assert!(size("100").is_err());
        assert!(size("0B").is_err());
    }

    #[test]
    fn durations_take_units_or_are_seconds() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("-5s").is_err());
        assert!(duration("soon").is_err());
    }

    #[test]
    fn a_port_alone_is_not_open_to_the_network() {
        assert_eq!(address("9464").map(|address| address.to_string()), Ok("127.0.0.1:9464".into()));
        assert_eq!(address("0.0.0.0:9464").map(|address| address.to_string()), Ok("0.0.0.0:9464".into()));
        assert!(address(":9464").is_err());
        assert!(address("99999").is_err());
    }
}
