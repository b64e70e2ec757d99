//! The parser and the framer held to the specification, chapter by chapter, and to an independent
//! encoder (the `mqtt-proto` crate).

// A test fails by panicking, and its input is its own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod chapter_2_format;
mod chapter_3_packets;
mod chapter_4_topics;
mod encoder;
mod stream;
mod told_3_x;
mod told_5_0;
