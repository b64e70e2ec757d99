//! What a packet says beside its packet identifier and properties, by its type.

use schemars::JsonSchema;
use serde::Serialize;

use crate::mqtt::{
    Connect, Packet, PacketType, ParseError, Publish, ReasonCode, Version, Will, connect_head, cut_verdict,
    return_code_name, suback_return_code_name,
};
use crate::report::value::Text;
use crate::session::SeenPacket;

use super::Reveal;
use super::document::{Property, list};
use super::payload::{self, PayloadFields};

/// The `fields` of a packet.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(deny_unknown_fields)]
pub(super) enum Fields {
    Connect(ConnectFields),
    Connack {
        session_present: bool,
        reason_code: u8,
        reason_name: Option<&'static str>,
    },
    Publish(PublishFields),
    Subscribe {
        filters: Vec<Filter>,
    },
    Unsubscribe {
        filters: Vec<Text>,
    },
    Codes {
        codes: Vec<Code>,
    },
    Reason {
        /// An omitted code means 0x00 in MQTT 5.0; 3.x has none.
        reason_code: Option<u8>,
        reason_name: Option<&'static str>,
        /// Whether 5.0 left the code out, as it may for 0x00; null where there is no code at all.
        reason_omitted: Option<bool>,
    },
    Nothing {},
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ConnectFields {
    protocol_name: Text,
    /// As sent, without the bridge bit.
    protocol_level: u8,
    bridge: bool,
    clean_start: bool,
    keep_alive: u16,
    client_id: Text,
    will: Option<WillFields>,
    username: Option<Text>,
    has_password: bool,
    /// Null unless secrets are asked for.
    password: Option<Text>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct WillFields {
    topic: Text,
    qos: u8,
    retain: bool,
    payload_length: usize,
    #[serde(flatten)]
    payload: PayloadFields,
    properties: Vec<Property>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct PublishFields {
    topic: Option<Text>,
    /// `packet` or `alias`.
    topic_from: Option<&'static str>,
    /// Of the whole payload; null while the version is not known, since 5.0 has properties before it.
    payload_length: Option<u32>,
    #[serde(flatten)]
    payload: PayloadFields,
}

#[allow(clippy::struct_field_names)] // the name that programs are promised
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Filter {
    filter: Text,
    qos: u8,
    no_local: bool,
    retain_as_published: bool,
    retain_handling: u8,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Code {
    code: u8,
    name: Option<&'static str>,
}

impl Fields {
    /// The fields of a packet that could be read; of one that was cut those of its captured beginning that stand for themselves.
    pub(super) fn of(seen: &SeenPacket<'_>, reveal: Reveal) -> Option<Fields> {
        let raw = seen.raw;
        let kind = raw.packet_type();
        let verdict;
        let packet = match seen.parsed {
            Ok(packet) => packet,
            Err(ParseError::Partial { .. }) if kind == PacketType::CONNECT => {
                return connect_head(raw.body).map(|head| Fields::Connect(ConnectFields::of(&head, reveal)));
            }
            Err(ParseError::Partial { .. }) => {
                verdict = cut_verdict(raw, seen.version)?;
                &verdict
            }
            Err(_) => return None,
        };
        let reason = |written: Option<ReasonCode>| {
            let has_code = written.is_some() || seen.version.is_some_and(Version::is_v5);
            // MQTT 5.0 §3.4.2.1, §3.14.2.1, §3.15.2.1: a code that is left out means 0x00.
            let code = has_code.then(|| written.unwrap_or_default());
            Fields::Reason {
                reason_code: code.map(|code| code.0),
                reason_name: code.and_then(|code| code_name(kind, code, seen.version)),
                reason_omitted: has_code.then_some(written.is_none()),
            }
        };
        Some(match packet {
            Packet::Connect(connect) => Fields::Connect(ConnectFields::of(connect, reveal)),
            Packet::Connack(connack) => Fields::Connack {
                session_present: connack.session_present(),
                reason_code: connack.reason_code.0,
                reason_name: code_name(kind, connack.reason_code, seen.version),
            },
            Packet::Publish(publish) => Fields::Publish(PublishFields::of(publish, seen, reveal)),
            Packet::Puback(packet) | Packet::Pubrec(packet) | Packet::Pubrel(packet) | Packet::Pubcomp(packet) => {
                reason(packet.reason_code)
            }
            Packet::Subscribe(subscribe) => {
                let filters = subscribe.requests().map(|request| Filter {
                    filter: Text::of_bytes(request.filter.0),
                    qos: request.qos().0,
                    no_local: request.no_local(),
                    retain_as_published: request.retain_as_published(),
                    retain_handling: request.retain_handling(),
                });
                Fields::Subscribe { filters: filters.collect() }
            }
            Packet::Unsubscribe(unsubscribe) => {
                Fields::Unsubscribe { filters: unsubscribe.filters().map(|filter| Text::of_bytes(filter.0)).collect() }
            }
            Packet::Suback(suback) | Packet::Unsuback(suback) => {
                let codes = suback.reason_codes();
                let codes = codes.map(|code| Code { code: code.0, name: code_name(kind, code, seen.version) });
                Fields::Codes { codes: codes.collect() }
            }
            Packet::Disconnect(disconnect) => reason(disconnect.reason_code),
            Packet::Auth(auth) => reason(auth.reason_code),
            Packet::Pingreq | Packet::Pingresp | Packet::Reserved => Fields::Nothing {},
        })
    }
}

impl ConnectFields {
    fn of(connect: &Connect<'_>, reveal: Reveal) -> ConnectFields {
        ConnectFields {
            protocol_name: Text::of_bytes(connect.protocol_name.0),
            protocol_level: connect.protocol_level & 0x7F,
            bridge: connect.bridge(),
            clean_start: connect.clean_start(),
            keep_alive: connect.keep_alive,
            client_id: Text::of_bytes(connect.client_id.0),
            will: connect.will.as_ref().map(|will| WillFields::of(will, reveal)),
            username: connect.username.map(|name| Text::of_bytes(name.0)),
            has_password: connect.has_password(),
            password: connect.password.filter(|_| reveal.secrets).map(Text::of_bytes),
        }
    }
}

impl WillFields {
    fn of(will: &Will<'_>, reveal: Reveal) -> WillFields {
        WillFields {
            topic: Text::of_bytes(will.topic.0),
            qos: will.qos.0,
            retain: will.retain,
            payload_length: will.payload.len(),
            payload: PayloadFields::of(&payload::of_will(will), reveal),
            properties: list(will.properties, reveal),
        }
    }
}

impl PublishFields {
    fn of(publish: &Publish<'_>, seen: &SeenPacket<'_>, reveal: Reveal) -> PublishFields {
        let aliased = publish.topic.is_empty() && publish.topic_alias().is_some();
        PublishFields {
            topic: seen.topic.map(Text::of),
            topic_from: seen.topic.map(|_| if aliased { "alias" } else { "packet" }),
            payload_length: seen.version.map(|_| publish.payload_length),
            payload: PayloadFields::of(&payload::of_publish(publish, seen), reveal),
        }
    }
}

/// The name of a code in the version of the session.
pub(super) fn code_name(packet: PacketType, code: ReasonCode, version: Option<Version>) -> Option<&'static str> {
    let old = version.is_some_and(|version| !version.is_v5());
    match packet {
        PacketType::CONNACK if old => return_code_name(code.0).or_else(|| code.name(packet)),
        // A server without 5.0 answers a 5.0 client with a return code.
        PacketType::CONNACK => {
            code.name(packet).filter(|_| code.0 == 0 || code.is_failure()).or(return_code_name(code.0))
        }
        PacketType::SUBACK if old => suback_return_code_name(code.0),
        _ => code.name(packet),
    }
}
