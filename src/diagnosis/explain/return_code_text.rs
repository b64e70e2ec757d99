//! What each return code of a CONNACK of MQTT 3.1 and 3.1.1 means, in plain words.

/// The words on one return code: its meaning, and the outcome that rests on it.
pub(super) const ALL: [(u8, &str, &[&str]); 6] = [
    (0, "The broker accepted the client.", &[]),
    (
        1,
        "The broker does not speak the MQTT version of the client. Mostly a client of MQTT 5.0 at an older broker. EMQX sends it to clients of MQTT 3.x for other faults of CONNECT, too.\n\nLook first at the protocol name and level in CONNECT.",
        &["refused-protocol-version", "0x84"],
    ),
    (
        2,
        "The broker does not accept the client id: it is empty without Clean Session, longer than 23 characters, has unusual characters, or is not known to the broker. mosquitto sends it also when the Keep Alive exceeds its `max_keepalive`.\n\nLook first at the client id and at Clean Session.",
        &["refused-client-id", "0x85"],
    ),
    (
        3,
        "The network connection is fine, the MQTT service is not available: overload, a limit of connections, a cluster that is not ready. EMQX maps quotas, busy and moved to this code.\n\nLook first at the health and the limits of the broker.",
        &["refused-server-unavailable", "0x88"],
    ),
    (
        4,
        "The user name or password was not accepted. EMQX, RabbitMQ, VerneMQ and HiveMQ send it for wrong passwords; mosquitto practically never does and sends 5.\n\nLook first at the user name and password.",
        &["refused-bad-credentials", "0x86"],
    ),
    (
        5,
        "The client may not connect. mosquitto sends it for every problem with credentials, a wrong or missing password included; other brokers when the user is known and a rule keeps it out.\n\nLook first at user name and password, then at the broker's rules.",
        &["refused-not-authorized", "0x87"],
    ),
];
