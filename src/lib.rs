//! mqttcap reads a packet capture and says how each MQTT session in it ended.
//!
//! The way of the bytes, low to high; a module uses only what stands above it here
//! (`ARCHITECTURE.md` has the table, a test holds it):
//!
//! frames ([`capture`]) → segments ([`net`]) → ordered stream data ([`tcp`]) → MQTT bytes
//! ([`transport`]) → control packets ([`mqtt`]) → one client's story ([`session`]) →
//! outcome and findings ([`diagnosis`]) → text ([`report`]).

#[cfg(all(feature = "live", not(unix)))]
compile_error!("capturing on an interface needs a Unix: build with --no-default-features to read files");

pub mod attempt;
pub mod capture;
pub mod cli;
#[cfg(feature = "live")]
pub mod confine;
pub mod diagnosis;
pub mod engine;
pub mod fetch;
pub mod fragments;
pub mod limits;
pub mod lock;
pub mod mqtt;
pub mod net;
pub mod payload;
#[cfg(feature = "live")]
pub mod record;
pub mod report;
#[cfg(feature = "tui")]
pub mod screen;
pub mod session;
pub mod source;
pub mod stream;
pub mod tcp;
pub mod text;
pub mod transport;
