//! What a session's first packets said: CONNECT, its Will, CONNACK, AUTH.

use crate::capture::Moment;
use crate::mqtt::{QoS, ReasonCode};
use crate::stream::Side;

use super::TextFact;

/// CONNECT.
#[derive(Clone, Debug)]
pub struct ConnectFacts {
    /// When it was complete.
    pub at: Moment,
    /// Protocol name as sent.
    pub protocol_name: TextFact,
    /// Protocol level as sent, bridge bit included.
    pub protocol_level: u8,
    /// Client Identifier as sent.
    pub client_id: TextFact,
    /// User name, if sent.
    pub username: Option<TextFact>,
    /// Whether a password was sent. The password itself is not kept.
    pub has_password: bool,
    /// Clean Start (5.0) or Clean Session (3.x).
    pub clean_start: bool,
    /// Keep Alive in seconds.
    pub keep_alive: u16,
    /// Will, if any.
    pub will: Option<Box<WillFacts>>,
    /// Length of the whole packet in bytes: at most 268,435,460.
    pub length: u32,
    /// Session Expiry Interval in seconds (5.0).
    pub session_expiry_interval: Option<u32>,
    /// Receive Maximum (5.0).
    pub receive_maximum: Option<u16>,
    /// Maximum Packet Size in bytes (5.0).
    pub maximum_packet_size: Option<u32>,
    /// Topic Alias Maximum (5.0).
    pub topic_alias_maximum: Option<u16>,
    /// Authentication Method (5.0).
    pub authentication_method: Option<TextFact>,
    /// Request Problem Information (5.0).
    pub request_problem_information: Option<u8>,
    /// Request Response Information (5.0).
    pub request_response_information: Option<u8>,
}

/// The will of a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WillFacts {
    /// Will Topic.
    pub topic: TextFact,
    /// Will QoS.
    pub qos: QoS,
    /// Will Retain.
    pub retain: bool,
    /// Will Delay Interval in seconds (5.0).
    pub delay_interval: Option<u32>,
    /// What tells topic and payload from others.
    pub fingerprint: Option<u64>,
}

/// CONNACK.
#[derive(Clone, Debug)]
pub struct ConnackFacts {
    /// When.
    pub at: Moment,
    /// Reason Code (5.0) or return code (3.x).
    pub code: ReasonCode,
    /// Session Present.
    pub session_present: bool,
    /// Reason String (5.0).
    pub reason_string: Option<TextFact>,
    /// Server Reference (5.0).
    pub server_reference: Option<TextFact>,
    /// Assigned Client Identifier (5.0).
    pub assigned_client_id: Option<TextFact>,
    /// Session Expiry Interval in seconds (5.0).
    pub session_expiry_interval: Option<u32>,
    /// Server Keep Alive in seconds (5.0).
    pub server_keep_alive: Option<u16>,
    /// Receive Maximum (5.0).
    pub receive_maximum: Option<u16>,
    /// Maximum Packet Size in bytes (5.0).
    pub maximum_packet_size: Option<u32>,
    /// Topic Alias Maximum (5.0).
    pub topic_alias_maximum: Option<u16>,
    /// Maximum QoS (5.0).
    pub maximum_qos: Option<QoS>,
    /// Retain Available (5.0).
    pub retain_available: Option<bool>,
    /// Wildcard Subscription Available (5.0).
    pub wildcard_subscription_available: Option<bool>,
    /// Subscription Identifiers Available (5.0).
    pub subscription_identifier_available: Option<bool>,
    /// Shared Subscription Available (5.0).
    pub shared_subscription_available: Option<bool>,
}

/// AUTH packets of MQTT 5.0.
#[derive(Clone, Debug, Default)]
pub struct AuthFacts {
    /// The last AUTH of either side: when, by whom, its code.
    pub last: Option<(Moment, Side, ReasonCode)>,
}
