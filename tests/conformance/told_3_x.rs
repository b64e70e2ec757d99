//! Compares what the encoder was told with what we read: MQTT 3.1.1.

use mqtt_proto::v3;
use mqttcap::mqtt::Packet;

/// Compares a packet of 3.x.
pub(crate) fn same(told: &v3::Packet, read: &Packet<'_>) {
    match (told, read) {
        (v3::Packet::Connect(told), Packet::Connect(read)) => {
            assert_eq!((read.clean_start(), read.keep_alive), (told.clean_session, told.keep_alive));
            assert_eq!(read.client_id.as_str(), Ok(&*told.client_id));
            assert_eq!(read.username.map(|name| name.as_str().unwrap()), told.username.as_deref());
            assert_eq!(read.password, told.password.as_deref());
            assert_eq!(
                read.will.map(|will| will.payload.to_vec()),
                told.last_will.as_ref().map(|will| will.message.to_vec())
            );
        }
        (v3::Packet::Connack(told), Packet::Connack(read)) => {
            assert_eq!((read.session_present(), read.reason_code.0), (told.session_present, told.code as u8));
        }
        (v3::Packet::Publish(told), Packet::Publish(read)) => {
            assert_eq!((read.dup, read.retain, read.qos.0), (told.dup, told.retain, told.qos_pid.qos() as u8));
            assert_eq!(read.packet_identifier, told.qos_pid.pid().map(mqtt_proto::Pid::value));
            assert_eq!((read.topic.as_str(), read.payload), (Ok(&*told.topic_name), &told.payload[..]));
        }
        (v3::Packet::Puback(pid), Packet::Puback(read))
        | (v3::Packet::Pubrec(pid), Packet::Pubrec(read))
        | (v3::Packet::Pubrel(pid), Packet::Pubrel(read))
        | (v3::Packet::Pubcomp(pid), Packet::Pubcomp(read)) => {
            assert_eq!((read.packet_identifier, read.reason_code), (pid.value(), None));
        }
        (v3::Packet::Subscribe(told), Packet::Subscribe(read)) => {
            let requests: Vec<_> =
                read.requests().map(|r| (r.filter.as_str().unwrap().to_owned(), r.options)).collect();
            let expected: Vec<_> = told.topics.iter().map(|(filter, qos)| (filter.to_string(), *qos as u8)).collect();
            assert_eq!((read.packet_identifier, requests), (told.pid.value(), expected));
        }
        (v3::Packet::Suback(told), Packet::Suback(read)) => {
            let codes: Vec<u8> = told.topics.iter().map(|code| *code as u8).collect();
            assert_eq!((read.packet_identifier, read.codes), (told.pid.value(), &codes[..]));
        }
        (v3::Packet::Unsubscribe(told), Packet::Unsubscribe(read)) => {
            let filters: Vec<_> = read.filters().map(|filter| filter.as_str().unwrap().to_owned()).collect();
            assert_eq!(filters, told.topics.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
        (v3::Packet::Unsuback(pid), Packet::Unsuback(read)) => {
            assert_eq!(read.packet_identifier, pid.value());
        }
        (v3::Packet::Pingreq, Packet::Pingreq)
        | (v3::Packet::Pingresp, Packet::Pingresp)
        | (v3::Packet::Disconnect, Packet::Disconnect(_)) => {}
        _ => panic!("told {told:?}, read {read:?}"),
    }
}
