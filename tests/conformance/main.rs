//! The parser and the framer held to the specification, chapter by chapter, and to an independent
//! encoder (the `mqtt-proto` crate).

mod chapter_2_format;
mod chapter_3_packets;
mod chapter_4_topics;
mod encoder;
mod stream;
