//! MQTT control packets of 3.1, 3.1.1 and 5.0: framing, and a zero-copy parser built on `nom`.
//!
//! Invariant: a parsed packet borrows from the bytes it was parsed from. Reading never judges: a
//! field is returned as it stands, and only what cannot be decoded at all is [`Malformed`].
//! This module knows nothing of TCP beyond the words of [`crate::stream`].
//!
//! The [`Framer`] cuts one direction of a stream into [`RawPacket`]s; [`parse`] reads one of them;
//! [`conformance::check`] says which rules its bytes break; [`VersionEvidence`] finds the version
//! of a session whose CONNECT was not captured.

mod acknowledgment;
mod auth;
pub mod conformance;
mod connack;
mod connect;
mod cut;
mod disconnect;
mod framed;
mod framer;
mod glance;
mod header;
mod infer;
mod packet;
mod packet_type;
mod plausible;
mod property;
mod property_id;
mod publish;
mod read;
mod reason;
mod resync;
mod suback;
mod subscribe;
mod text;
pub mod topic;
mod unsubscribe;
mod version;
mod walk;

pub use acknowledgment::Acknowledgment;
pub use auth::Auth;
pub use conformance::Violation;
pub use connack::Connack;
pub use connect::{Connect, Will, connect_head};
pub use cut::{begun_identifier, cut_verdict};
pub use disconnect::Disconnect;
pub use framed::{Framed, Hints, SkipReason, Skipped};
pub use framer::Framer;
pub use header::{FixedHeader, HeaderRead, MAX_FRAMES, Missing, RawPacket};
pub use infer::VersionEvidence;
pub use packet::{Malformed, MalformedReason, Packet, ParseError, parse};
pub use packet_type::PacketType;
pub use plausible::{Likelihood, chain, is_stunted_connect, looks_like_connack, looks_like_connect};
pub use property::{Iter as PropertiesIter, Properties, Property, Value};
pub use property_id::{PropertyId, ValueType};
pub use publish::Publish;
pub use reason::{ReasonCode, return_code_name, suback_return_code_name};
pub use suback::Suback;
pub use subscribe::{Subscribe, SubscriptionRequest};
pub use text::{QoS, Text};
pub use unsubscribe::Unsubscribe;
pub use version::Version;
