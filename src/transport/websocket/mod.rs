//! MQTT inside WebSocket (MQTT 5.0 §6, MQTT 3.1.1 §6): the HTTP handshake, then frames whose payload is the stream of
//! control packets.
//!
//! Invariant: payload comes out in order, each byte once, with the moment of the TCP segment that carried it. Nothing here
//! knows MQTT.

mod flaw;
mod frame;
mod frames;
mod handshake;
mod inflate;

pub use flaw::Flaw;
pub use frames::{Carried, Frames};
pub use handshake::{Head, Read, Request, Response, answer, begins_answer};
pub use inflate::Windows;

use crate::stream::Side;

/// Whether a list of subprotocols names MQTT: `mqtt`, or `mqttv3.1` as clients of 3.1 call it.
#[must_use]
pub fn names_mqtt(subprotocols: &[u8]) -> bool {
    [&b"mqtt"[..], b"mqttv3.1"].iter().any(|name| handshake::lists(subprotocols, name))
}

/// The side whose frames `bytes`, which begin where a TCP segment does, can be: a client masks, a server does not.
#[must_use]
pub fn sender_of_frames(bytes: &[u8]) -> Option<Side> {
    [Side::Client, Side::Server].into_iter().find(|side| frame::begins_here(bytes, *side))
}
