//! Where frames come from: capture files and standard input, in the formats pcap and pcapng, plain or
//! compressed, and network interfaces.
//!
//! Invariant: a file of any size is read in constant memory, and a [`crate::capture::Frame`] is a
//! slice of the read buffer. A damaged file is read up to the damage, which is told as a
//! [`Damage`], not as an error. This module knows nothing of what the frames carry.

mod buffer;
mod captures;
mod clock;
mod compressed;
mod content;
mod damage;
mod directory;
mod error;
mod file;
#[cfg(feature = "live")]
mod filter;
#[cfg(feature = "live")]
mod interface;
mod pcap;
mod pcapng;
mod shown;
mod step;

pub use captures::Captures;
pub use content::Content;
pub use damage::{Damage, Fault};
pub use error::Error;
pub use file::CaptureFile;
#[cfg(feature = "live")]
pub use filter::{Filter, FilterError};
#[cfg(feature = "live")]
pub use interface::{
    Change, InterfaceError, InterfaceInfo, Interfaces, LinkState, Options, Wanted, default_interface, give_right,
    interfaces, try_open,
};
pub use pcapng::Drops;
