//! Where frames come from: capture files and standard input, in the formats pcap and pcapng, plain or
//! compressed, and network interfaces.
//!
//! Invariant: a file of any size is read in constant memory, and a [`crate::capture::Frame`] is a
//! slice of the read buffer. In a damaged file reading goes on where records begin again; what was passed
//! over is told as [`Gaps`], and where nothing follows as [`Damage`], not as an error. This module knows nothing of what the frames carry.

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
mod followed;
mod gap;
mod growing;
#[cfg(feature = "live")]
mod interface;
mod pcap;
mod pcapng;
mod record_header;
mod regular;
mod rotation;
mod search;
mod shown;
mod step;

pub use captures::Captures;
pub use content::Content;
pub use damage::{Damage, Fault};
pub use error::Error;
pub use file::CaptureFile;
#[cfg(feature = "live")]
pub use filter::{Filter, FilterError};
pub use followed::Followed;
pub use gap::{Gap, Gaps};
#[cfg(feature = "live")]
pub use interface::{
    Change, InterfaceError, InterfaceInfo, Interfaces, LinkState, Options, Wanted, default_interface, give_right,
    interfaces, try_open,
};
pub use pcapng::{Drops, Names};
pub use shown::Shown;
