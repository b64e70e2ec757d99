//! What each property of MQTT 5.0 is for, in plain words. Names, types and the packets that may
//! carry a property come from [`crate::mqtt::PropertyId`].

/// Property id; what it is for; what holds when it is absent; what is not allowed.
pub(super) const ALL: [(u32, &str, &str, &str); 27] = [
    (
        0x01,
        "Says whether the payload is UTF-8 text (1) or plain bytes (0).",
        "plain bytes",
        "values other than 0 and 1",
    ),
    (
        0x02,
        "How many seconds a message may wait for a subscriber before the broker throws it away.",
        "it never expires",
        "",
    ),
    (0x03, "The type of the payload, such as `application/json`. MQTT does not look at it.", "none", ""),
    (0x08, "The topic to which the receiver is to answer.", "no answer is wanted", "wildcards"),
    (0x09, "Data by which the asker recognises the answer to its request.", "none", ""),
    (
        0x0B,
        "A number that the client gives to a subscription; the broker adds it to the messages of that subscription.",
        "none",
        "0; in a PUBLISH of a client; where the broker does not offer it (0xA1)",
    ),
    (
        0x11,
        "How many seconds the broker keeps the session after the connection has ended. 0xFFFFFFFF is for ever.",
        "in CONNECT 0: the session ends with the connection",
        "in a DISCONNECT of the broker; above 0 in a DISCONNECT after 0 in CONNECT",
    ),
    (
        0x12,
        "The client id that the broker gave to a client that sent none.",
        "the client's own id counts",
        "leaving it out when the client id was empty",
    ),
    (
        0x13,
        "A Keep Alive in seconds that the client has to use instead of its own.",
        "the client's Keep Alive counts",
        "",
    ),
    (
        0x15,
        "The name of the step-by-step authentication, such as `SCRAM-SHA-256`.",
        "user name and password only",
        "another method than that of CONNECT; an AUTH without it",
    ),
    (0x16, "Data of the step-by-step authentication.", "none", "without an Authentication Method"),
    (
        0x17,
        "Whether the client wants Reason Strings and User Properties with failures (1) or not (0).",
        "1",
        "values other than 0 and 1",
    ),
    (
        0x18,
        "How many seconds the broker waits after a lost connection before it publishes the will.",
        "0: at once",
        "outside the will",
    ),
    (
        0x19,
        "Whether the client wants the broker's Response Information (1) or not (0).",
        "0",
        "values other than 0 and 1",
    ),
    (0x1A, "A text from which the client can build its Response Topics.", "none", "when the client did not ask for it"),
    (0x1C, "Another server that the client is to use.", "none", "in a DISCONNECT of the client"),
    (
        0x1F,
        "The sender's own words on what happened, for people and logs.",
        "none",
        "a packet that becomes too large by it",
    ),
    (0x21, "How many messages of QoS 1 and 2 may wait for their acknowledgment at once.", "65,535", "0"),
    (0x22, "The highest topic alias that the sender of this property takes.", "0: no aliases", ""),
    (
        0x23,
        "A number in place of a topic; it holds for one connection and one direction.",
        "the topic is written out",
        "0, or above the receiver's maximum (0x94)",
    ),
    (0x24, "The highest QoS that the broker offers.", "2", "values other than 0 and 1"),
    (0x25, "Whether the broker retains messages.", "1: it does", "values other than 0 and 1"),
    (0x26, "A name and a value of the application's own. MQTT does not look at them.", "none", ""),
    (
        0x27,
        "The largest packet in bytes, header included, that the sender of this property takes.",
        "no limit of its own",
        "0",
    ),
    (0x28, "Whether the broker offers wildcards in subscriptions.", "1: it does", "values other than 0 and 1"),
    (0x29, "Whether the broker offers subscription identifiers.", "1: it does", "values other than 0 and 1"),
    (0x2A, "Whether the broker offers shared subscriptions (`$share/…`).", "1: it does", "values other than 0 and 1"),
];
