//! What each control packet is for, and the limits of a session, in plain words.

use crate::mqtt::PacketType;

/// Packet type; sender; what it is for.
pub(super) const PACKETS: [(PacketType, &str, &str); 15] = [
    (
        PacketType::CONNECT,
        "the client",
        "The first packet of a client: its id, version, Keep Alive, user name and password, and its will. The broker answers with CONNACK, or closes if CONNECT breaks the protocol.",
    ),
    (
        PacketType::CONNACK,
        "the broker",
        "The answer to CONNECT: 0 for accepted, any other code for refused. Session Present says whether the broker remembers an earlier session.",
    ),
    (
        PacketType::PUBLISH,
        "either side",
        "A message with its topic. With QoS 0 nobody answers, with QoS 1 the receiver answers PUBACK, with QoS 2 PUBREC.",
    ),
    (PacketType::PUBACK, "either side", "The receiver has a message of QoS 1. In MQTT 5.0 it may carry a failure."),
    (
        PacketType::PUBREC,
        "either side",
        "The receiver has a message of QoS 2; the sender answers PUBREL. In MQTT 5.0 it may carry a failure, which ends the exchange.",
    ),
    (PacketType::PUBREL, "either side", "The sender of a message of QoS 2 releases it; the receiver answers PUBCOMP."),
    (PacketType::PUBCOMP, "either side", "The end of an exchange of QoS 2."),
    (
        PacketType::SUBSCRIBE,
        "the client",
        "Asks for the messages of one or more topic filters, each with the highest QoS wanted. The broker answers SUBACK.",
    ),
    (
        PacketType::SUBACK,
        "the broker",
        "One code for each filter of the SUBSCRIBE: the granted QoS 0, 1 or 2, or a failure of 0x80 and above.",
    ),
    (PacketType::UNSUBSCRIBE, "the client", "Ends subscriptions. The broker answers UNSUBACK."),
    (PacketType::UNSUBACK, "the broker", "The answer to UNSUBSCRIBE; in MQTT 5.0 with one code for each filter."),
    (
        PacketType::PINGREQ,
        "the client",
        "“Are you there?”: sent when the client has nothing else to say within its Keep Alive. The broker must answer PINGRESP.",
    ),
    (PacketType::PINGRESP, "the broker", "The answer to PINGREQ."),
    (
        PacketType::DISCONNECT,
        "either side (the client only, in MQTT 3.x)",
        "The goodbye. From a client with code 0 it makes the broker drop the will. In MQTT 5.0 the broker can say with it why it closes.",
    ),
    (PacketType::AUTH, "either side (MQTT 5.0 only)", "A step of an authentication with several steps."),
];

/// Qualifier id; title; text.
pub(super) const QUALIFIERS: [(&str, &str, &str); 10] = [
    (
        "partial-start",
        "The start of the session is missing",
        "The capture holds no SYN or no CONNECT of this session. What the two sides agreed on there (client id, version, Keep Alive, limits) is not known, so what rests on it is possible at best.",
    ),
    (
        "partial-end",
        "The capture stops before the session ends",
        "No end of this session was captured. Why it might end can only be guessed, so causes are possible at best.",
    ),
    (
        "cut-packets",
        "Packets were cut when they were captured",
        "The capture was made with a snap length that cuts packets, so parts of some are missing, and rules that need the whole packet are not judged. Capture with `tcpdump -s 0`.",
    ),
    (
        "capture-gaps",
        "The capture misses bytes",
        "The other side acknowledged bytes that the capture does not hold: they were on the wire, and the capture lost them. That an answer is missing is therefore possible at best.",
    ),
    (
        "one-way",
        "Only one direction was captured",
        "The packets of one side are missing altogether, so nothing is said about missing answers. Capture where both directions pass.",
    ),
    (
        "clock-jump",
        "The clock of the capture went back",
        "The times of the capture are not in order, so no spans of time are judged.",
    ),
    (
        "no-times",
        "The frames have no times of their own",
        "All frames have one time, or times that only count them, as in a capture that was made from text (`text2pcap`). No spans of time are judged, and those that are told mean nothing.",
    ),
    (
        "bridge",
        "The client is a bridge",
        "The client marked itself as a bridge between two brokers (the top bit of the protocol level). Bridges pass on RETAIN flags as they are, so rules on them are not judged.",
    ),
    (
        "takeover-chain",
        "One of several takeovers",
        "Connections with this client id push each other out again and again: see client-id-fight.",
    ),
    (
        "encrypted",
        "The packets are encrypted",
        "The session is over TLS, and the capture does not hold its keys. The handshake is read as far as it is in the clear; of the packets inside only number, size and time are known, so nothing is said of what they are.",
    ),
];

/// Note id; title; text.
pub(super) const NOTES: [(&str, &str, &str); 8] = [
    (
        "capture-cut-frames",
        "Frames were cut when they were captured",
        "The capture was made with a snap length shorter than some frames. Capture with `tcpdump -s 0` to keep whole frames.",
    ),
    (
        "capture-undecodable",
        "Frames could not be read",
        "Frames whose headers could not be followed down to TCP: a kind of header that mqttcap does not know, or one that is damaged or cut. They are counted by where and why.",
    ),
    (
        "capture-fragments",
        "IP packets could not be put together from their fragments",
        "Packets that are cut into IP fragments on their way are put together again. For some this was not possible: fragments were not captured, were cut short when captured, or overlap and differ, which receivers take for an attack and discard. What those packets carried is missing.",
    ),
    (
        "capture-clock-jumps",
        "The clock of the capture went back",
        "A frame is older than the one before it by more than a second: the clock was set while the capture ran, or files were joined in the wrong order. Spans of time across that are not judged.",
    ),
    (
        "capture-other-protocol",
        "Connections with another protocol",
        "Connections that do not carry plain MQTT, by protocol and port. With TLS, MQTT may be inside and cannot be read.",
    ),
    (
        "capture-evicted",
        "Connections were not followed to their end",
        "More connections were open at once than mqttcap keeps in memory, and those idle for longest were let go.",
    ),
    (
        "capture-translated",
        "Connections were captured on both sides of an address translation",
        "A NAT or a port forwarding (Docker's, a gateway's) writes other addresses and ports into the segments that it forwards. A capture on all its interfaces holds each connection twice, under two addresses, with the same TCP sequence numbers and a lower Time to Live. It is told of once, with the addresses that the client sees. Where both sides do not tell the same, both are told of.",
    ),
    (
        "capture-left-out",
        "Sessions were left out",
        "There were more finished sessions than mqttcap keeps for one report.",
    ),
];
