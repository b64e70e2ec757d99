//! Compares what the encoder was told with what we read: MQTT 5.0.

use mqtt_proto::{Protocol, v5};
use mqttcap::mqtt::{
    Acknowledgment, Connack, Connect, Packet, Properties, PropertyId, Publish, ReasonCode, Suback, Subscribe, Text,
    Value, Version,
};

/// A property as the encoder was told it.
type Told = (PropertyId, String);

/// Properties as the encoder was told them, ordered by identifier.
#[derive(Default)]
struct Expected(Vec<Told>);

impl Expected {
    fn byte(self, id: PropertyId, value: Option<u8>) -> Self {
        self.add(id, value.map(|value| format!("{:?}", Value::Byte(value))))
    }
    fn two(self, id: PropertyId, value: Option<u16>) -> Self {
        self.add(id, value.map(|value| format!("{:?}", Value::TwoByte(value))))
    }
    fn four(self, id: PropertyId, value: Option<u32>) -> Self {
        self.add(id, value.map(|value| format!("{:?}", Value::FourByte(value))))
    }
    fn variable(self, id: PropertyId, value: Option<v5::VarByteInt>) -> Self {
        self.add(id, value.map(|value| format!("{:?}", Value::Variable(value.value()))))
    }
    fn text(self, id: PropertyId, value: Option<&str>) -> Self {
        self.add(id, value.map(|value| format!("{:?}", Value::Text(Text(value.as_bytes())))))
    }
    fn binary(self, id: PropertyId, value: Option<&[u8]>) -> Self {
        self.add(id, value.map(|value| format!("{:?}", Value::Binary(value))))
    }
    fn users(mut self, pairs: &[v5::UserProperty]) -> Self {
        for pair in pairs {
            let value = Value::Pair(Text(pair.name.as_bytes()), Text(pair.value.as_bytes()));
            self = self.add(PropertyId::USER_PROPERTY, Some(format!("{value:?}")));
        }
        self
    }
    fn add(mut self, id: PropertyId, value: Option<String>) -> Self {
        self.0.extend(value.map(|value| (id, value)));
        self
    }
    fn is(mut self, properties: Properties<'_>) {
        let mut read: Vec<Told> = properties.iter().map(|p| (p.id, format!("{:?}", p.value))).collect();
        read.sort_by_key(|told| told.0);
        self.0.sort_by_key(|told| told.0);
        assert_eq!(read, self.0);
    }
}

fn flag(value: Option<bool>) -> Option<u8> {
    value.map(u8::from)
}

fn acknowledgment(read: &Acknowledgment<'_>, pid: u16, code: u8, reason: Option<&str>, users: &[v5::UserProperty]) {
    assert_eq!(read.packet_identifier, pid);
    assert_eq!(read.reason_code.unwrap_or(ReasonCode::SUCCESS).0, code);
    Expected::default().text(PropertyId::REASON_STRING, reason).users(users).is(read.properties);
}

fn suback(read: &Suback<'_>, pid: u16, codes: &[u8], reason: Option<&str>, users: &[v5::UserProperty]) {
    assert_eq!(read.packet_identifier, pid);
    assert_eq!(read.codes, codes);
    Expected::default().text(PropertyId::REASON_STRING, reason).users(users).is(read.properties);
}

fn same_connect(told: &v5::Connect, read: &Connect<'_>) {
    let version = match told.protocol {
        Protocol::V310 => Version::V31,
        Protocol::V311 => Version::V311,
        Protocol::V500 => Version::V5,
    };
    assert_eq!(read.version(), Some(version));
    assert_eq!((read.clean_start(), read.keep_alive), (told.clean_start, told.keep_alive));
    assert_eq!(read.client_id.as_str(), Ok(&*told.client_id));
    assert_eq!(read.username.map(|name| name.as_str().unwrap()), told.username.as_deref());
    assert_eq!(read.password, told.password.as_deref());
    let p = &told.properties;
    Expected::default()
        .four(PropertyId::SESSION_EXPIRY_INTERVAL, p.session_expiry_interval)
        .two(PropertyId::RECEIVE_MAXIMUM, p.receive_max)
        .four(PropertyId::MAXIMUM_PACKET_SIZE, p.max_packet_size)
        .two(PropertyId::TOPIC_ALIAS_MAXIMUM, p.topic_alias_max)
        .byte(PropertyId::REQUEST_RESPONSE_INFORMATION, flag(p.request_response_info))
        .byte(PropertyId::REQUEST_PROBLEM_INFORMATION, flag(p.request_problem_info))
        .users(&p.user_properties)
        .text(PropertyId::AUTHENTICATION_METHOD, p.auth_method.as_deref())
        .binary(PropertyId::AUTHENTICATION_DATA, p.auth_data.as_deref())
        .is(read.properties);
    assert_eq!(read.will.is_some(), told.last_will.is_some());
    if let (Some(read), Some(told)) = (&read.will, &told.last_will) {
        assert_eq!((read.qos.0, read.retain), (told.qos as u8, told.retain));
        assert_eq!(read.topic.as_str(), Ok(&*told.topic_name));
        assert_eq!(read.payload, &told.payload[..]);
        let p = &told.properties;
        Expected::default()
            .four(PropertyId::WILL_DELAY_INTERVAL, p.delay_interval)
            .byte(PropertyId::PAYLOAD_FORMAT_INDICATOR, flag(p.payload_is_utf8))
            .four(PropertyId::MESSAGE_EXPIRY_INTERVAL, p.message_expiry_interval)
            .text(PropertyId::CONTENT_TYPE, p.content_type.as_deref())
            .text(PropertyId::RESPONSE_TOPIC, p.response_topic.as_deref())
            .binary(PropertyId::CORRELATION_DATA, p.correlation_data.as_deref())
            .users(&p.user_properties)
            .is(read.properties);
    }
}

fn same_connack(told: &v5::Connack, read: &Connack<'_>) {
    assert_eq!((read.session_present(), read.reason_code.0), (told.session_present, told.reason_code as u8));
    let p = &told.properties;
    assert_eq!(read.server_keep_alive(), p.server_keep_alive);
    assert_eq!(read.receive_maximum(), p.receive_max);
    assert_eq!(read.retain_available(), p.retain_available);
    Expected::default()
        .four(PropertyId::SESSION_EXPIRY_INTERVAL, p.session_expiry_interval)
        .two(PropertyId::RECEIVE_MAXIMUM, p.receive_max)
        .byte(PropertyId::MAXIMUM_QOS, p.max_qos.map(|qos| qos as u8))
        .byte(PropertyId::RETAIN_AVAILABLE, flag(p.retain_available))
        .four(PropertyId::MAXIMUM_PACKET_SIZE, p.max_packet_size)
        .text(PropertyId::ASSIGNED_CLIENT_IDENTIFIER, p.assigned_client_id.as_deref())
        .two(PropertyId::TOPIC_ALIAS_MAXIMUM, p.topic_alias_max)
        .text(PropertyId::REASON_STRING, p.reason_string.as_deref())
        .users(&p.user_properties)
        .byte(PropertyId::WILDCARD_SUBSCRIPTION_AVAILABLE, flag(p.wildcard_subscription_available))
        .byte(PropertyId::SUBSCRIPTION_IDENTIFIER_AVAILABLE, flag(p.subscription_id_available))
        .byte(PropertyId::SHARED_SUBSCRIPTION_AVAILABLE, flag(p.shared_subscription_available))
        .two(PropertyId::SERVER_KEEP_ALIVE, p.server_keep_alive)
        .text(PropertyId::RESPONSE_INFORMATION, p.response_info.as_deref())
        .text(PropertyId::SERVER_REFERENCE, p.server_reference.as_deref())
        .text(PropertyId::AUTHENTICATION_METHOD, p.auth_method.as_deref())
        .binary(PropertyId::AUTHENTICATION_DATA, p.auth_data.as_deref())
        .is(read.properties);
}

fn same_publish(told: &v5::Publish, read: &Publish<'_>) {
    assert_eq!((read.dup, read.retain, read.qos.0), (told.dup, told.retain, told.qos_pid.qos() as u8));
    assert_eq!(read.packet_identifier, told.qos_pid.pid().map(mqtt_proto::Pid::value));
    assert_eq!(read.topic.as_str(), Ok(&*told.topic_name));
    assert_eq!((read.payload, read.payload_length as usize), (&told.payload[..], told.payload.len()));
    let p = &told.properties;
    Expected::default()
        .byte(PropertyId::PAYLOAD_FORMAT_INDICATOR, flag(p.payload_is_utf8))
        .four(PropertyId::MESSAGE_EXPIRY_INTERVAL, p.message_expiry_interval)
        .two(PropertyId::TOPIC_ALIAS, p.topic_alias)
        .text(PropertyId::RESPONSE_TOPIC, p.response_topic.as_deref())
        .binary(PropertyId::CORRELATION_DATA, p.correlation_data.as_deref())
        .users(&p.user_properties)
        .variable(PropertyId::SUBSCRIPTION_IDENTIFIER, p.subscription_id)
        .text(PropertyId::CONTENT_TYPE, p.content_type.as_deref())
        .is(read.properties);
}

fn same_subscribe(told: &v5::Subscribe, read: &Subscribe<'_>) {
    assert_eq!(read.packet_identifier, told.pid.value());
    let requests: Vec<_> = read
        .requests()
        .map(|r| {
            (
                r.filter.as_str().unwrap().to_owned(),
                r.qos().0,
                r.no_local(),
                r.retain_as_published(),
                r.retain_handling(),
            )
        })
        .collect();
    let expected: Vec<_> = told
        .topics
        .iter()
        .map(|(filter, o)| {
            (filter.to_string(), o.max_qos as u8, o.no_local, o.retain_as_published, o.retain_handling as u8)
        })
        .collect();
    assert_eq!(requests, expected);
    Expected::default()
        .variable(PropertyId::SUBSCRIPTION_IDENTIFIER, told.properties.subscription_id)
        .users(&told.properties.user_properties)
        .is(read.properties);
}

/// Compares a packet as told to the encoder with what we read.
#[allow(clippy::too_many_lines)] // one arm a packet type
pub(crate) fn same(told: &v5::Packet, read: &Packet<'_>) {
    match (told, read) {
        (v5::Packet::Connect(told), Packet::Connect(read)) => same_connect(told, read),
        (v5::Packet::Connack(told), Packet::Connack(read)) => same_connack(told, read),
        (v5::Packet::Publish(told), Packet::Publish(read)) => same_publish(told, read),
        (v5::Packet::Puback(t), Packet::Puback(read)) => {
            acknowledgment(
                read,
                t.pid.value(),
                t.reason_code as u8,
                t.properties.reason_string.as_deref(),
                &t.properties.user_properties,
            );
        }
        (v5::Packet::Pubrec(t), Packet::Pubrec(read)) => {
            acknowledgment(
                read,
                t.pid.value(),
                t.reason_code as u8,
                t.properties.reason_string.as_deref(),
                &t.properties.user_properties,
            );
        }
        (v5::Packet::Pubrel(t), Packet::Pubrel(read)) => {
            acknowledgment(
                read,
                t.pid.value(),
                t.reason_code as u8,
                t.properties.reason_string.as_deref(),
                &t.properties.user_properties,
            );
        }
        (v5::Packet::Pubcomp(t), Packet::Pubcomp(read)) => {
            acknowledgment(
                read,
                t.pid.value(),
                t.reason_code as u8,
                t.properties.reason_string.as_deref(),
                &t.properties.user_properties,
            );
        }
        (v5::Packet::Subscribe(told), Packet::Subscribe(read)) => same_subscribe(told, read),
        (v5::Packet::Suback(t), Packet::Suback(read)) => {
            let codes: Vec<u8> = t.topics.iter().map(|code| *code as u8).collect();
            suback(read, t.pid.value(), &codes, t.properties.reason_string.as_deref(), &t.properties.user_properties);
        }
        (v5::Packet::Unsuback(t), Packet::Unsuback(read)) => {
            let codes: Vec<u8> = t.topics.iter().map(|code| *code as u8).collect();
            suback(read, t.pid.value(), &codes, t.properties.reason_string.as_deref(), &t.properties.user_properties);
        }
        (v5::Packet::Unsubscribe(told), Packet::Unsubscribe(read)) => {
            assert_eq!(read.packet_identifier, told.pid.value());
            let filters: Vec<_> = read.filters().map(|filter| filter.as_str().unwrap().to_owned()).collect();
            assert_eq!(filters, told.topics.iter().map(ToString::to_string).collect::<Vec<_>>());
            Expected::default().users(&told.properties.user_properties).is(read.properties);
        }
        (v5::Packet::Pingreq, Packet::Pingreq) | (v5::Packet::Pingresp, Packet::Pingresp) => {}
        (v5::Packet::Disconnect(told), Packet::Disconnect(read)) => {
            assert_eq!(read.reason_code.unwrap_or_default().0, told.reason_code as u8);
            let p = &told.properties;
            Expected::default()
                .four(PropertyId::SESSION_EXPIRY_INTERVAL, p.session_expiry_interval)
                .text(PropertyId::REASON_STRING, p.reason_string.as_deref())
                .users(&p.user_properties)
                .text(PropertyId::SERVER_REFERENCE, p.server_reference.as_deref())
                .is(read.properties);
        }
        (v5::Packet::Auth(told), Packet::Auth(read)) => {
            assert_eq!(read.reason_code.unwrap_or_default().0, told.reason_code as u8);
            let p = &told.properties;
            Expected::default()
                .text(PropertyId::AUTHENTICATION_METHOD, p.auth_method.as_deref())
                .binary(PropertyId::AUTHENTICATION_DATA, p.auth_data.as_deref())
                .text(PropertyId::REASON_STRING, p.reason_string.as_deref())
                .users(&p.user_properties)
                .is(read.properties);
        }
        _ => panic!("told {told:?}, read {read:?}"),
    }
}
