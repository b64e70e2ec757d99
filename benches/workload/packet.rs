//! The control packets of the workloads, encoded by `mqtt-proto`.

use mqtt_proto::{Pid, QosPid, TopicName, v3, v5};

/// MQTT 3.1.1 or 5.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V3,
    V5,
}

use Version::{V3, V5};

/// CONNECT, starting clean.
pub(crate) fn connect(version: Version, id: &str, keep_alive: u16) -> Vec<u8> {
    match version {
        V3 => encode_v3(&v3::Connect::new(id.into(), keep_alive).into()),
        V5 => {
            let mut connect = v5::Connect::new(id.into(), keep_alive);
            connect.properties.session_expiry_interval = Some(3600);
            encode_v5(&connect.into())
        }
    }
}

/// CONNACK that accepts.
pub(crate) fn accepted(version: Version) -> Vec<u8> {
    match version {
        V3 => refused_v3(v3::ConnectReturnCode::Accepted),
        V5 => {
            let mut connack = v5::Connack::new(false, v5::ConnectReasonCode::Success);
            connack.properties.receive_max = Some(20);
            encode_v5(&connack.into())
        }
    }
}

pub(crate) fn refused_v3(code: v3::ConnectReturnCode) -> Vec<u8> {
    encode_v3(&v3::Connack::new(false, code).into())
}

pub(crate) fn refused_v5(code: v5::ConnectReasonCode) -> Vec<u8> {
    encode_v5(&v5::Connack::new(false, code).into())
}

/// PUBLISH, QoS 1 where it has an identifier; of 5.0 with properties.
pub(crate) fn publish(version: Version, topic: &str, identifier: Option<u16>, payload: Vec<u8>) -> Vec<u8> {
    let qos = identifier.map_or(QosPid::Level0, |identifier| QosPid::Level1(Pid::try_from(identifier).unwrap()));
    let topic = TopicName::try_from(topic).unwrap();
    match version {
        V3 => encode_v3(&v3::Publish::new(qos, topic, payload.into()).into()),
        V5 => {
            let mut publish = v5::Publish::new(qos, topic, payload.into());
            publish.properties.message_expiry_interval = Some(3600);
            publish.properties.payload_is_utf8 = Some(true);
            publish.properties.user_properties =
                vec![v5::UserProperty { name: "unit".into(), value: "celsius".into() }];
            encode_v5(&publish.into())
        }
    }
}

/// PUBACK, success.
pub(crate) fn puback(version: Version, identifier: u16) -> Vec<u8> {
    let identifier = Pid::try_from(identifier).unwrap();
    match version {
        V3 => encode_v3(&v3::Packet::Puback(identifier)),
        V5 => encode_v5(&v5::Puback::new_success(identifier).into()),
    }
}

/// DISCONNECT of the client that leaves.
pub(crate) fn disconnect(version: Version) -> Vec<u8> {
    match version {
        V3 => encode_v3(&v3::Packet::Disconnect),
        V5 => encode_v5(&v5::Disconnect::new_normal().into()),
    }
}

/// DISCONNECT of the server.
pub(crate) fn dismissed(code: v5::DisconnectReasonCode) -> Vec<u8> {
    encode_v5(&v5::Disconnect::new(code).into())
}

fn encode_v3(packet: &v3::Packet) -> Vec<u8> {
    packet.encode().unwrap().as_ref().to_vec()
}

fn encode_v5(packet: &v5::Packet) -> Vec<u8> {
    packet.encode().unwrap().as_ref().to_vec()
}
