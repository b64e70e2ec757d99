//! `mqttcap live` on real interfaces: veth pairs between network namespaces, with mosquitto and its clients.
//! Root, iproute2 and the programs that a test names are needed; without them it says so and is skipped.
#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::unused_self,
    unreachable_pub,
    missing_docs
)] // a test may fail

mod evidence;
mod frames;
mod lab;
mod rights;
mod service;
mod sessions;
