//! What each reason code of MQTT 5.0 means, in plain words. Names, and the packets that may carry
//! a code, come from [`crate::mqtt::ReasonCode`].

/// The words on one reason code.
pub(super) struct ReasonText {
    /// The code.
    pub(super) code: u8,
    /// What it means.
    pub(super) meaning: &'static str,
    /// Why it usually comes, most likely first.
    pub(super) causes: &'static [&'static str],
    /// Where to look first.
    pub(super) check: &'static str,
    /// Ids of outcomes and findings that rest on it.
    pub(super) see: &'static [&'static str],
}

const fn text(
    code: u8,
    meaning: &'static str,
    causes: &'static [&'static str],
    check: &'static str,
    see: &'static [&'static str],
) -> ReasonText {
    ReasonText { code, meaning, causes, check, see }
}

/// One entry for each code of MQTT 5.0, in rising order.
pub(super) const ALL: [ReasonText; 43] = [
    text(
        0x00,
        "It worked. In a DISCONNECT the session ends as it should, and a client's will is dropped; in a SUBACK the subscription is granted with QoS 0. A code that is left out means the same.",
        &["All is well.", "In a SUBACK after a request for QoS 1 or 2: a policy of the broker lowered it."],
        "In a SUBACK, the granted QoS against the requested one.",
        &["clean-disconnect", "subscription-downgraded"],
    ),
    text(
        0x01,
        "The subscription is granted; messages come with QoS 1 at most.",
        &["All is well.", "After a request for QoS 2: RabbitMQ, Azure and Google offer no more than 1."],
        "The requested QoS.",
        &["subscription-downgraded"],
    ),
    text(0x02, "The subscription is granted with QoS 2.", &["All is well."], "Nothing.", &[]),
    text(
        0x04,
        "The client leaves on purpose, and asks the broker to publish its will all the same.",
        &[
            "The program announces in this way that it goes offline.",
            "A device goes to sleep.",
            "A supervisor stops a service.",
        ],
        "Whether the subscribers of the will expect it.",
        &["disconnect-with-will"],
    ),
    text(
        0x10,
        "The broker took the message, and nobody has subscribed to its topic. This is no error.",
        &["A typing error in the topic.", "The subscriber is not connected yet.", "Upper and lower case differ."],
        "The topic against the subscriber's filter, letter by letter.",
        &["no-subscribers"],
    ),
    text(
        0x11,
        "There was no such subscription to end.",
        &[
            "The filter differs from the one that was subscribed to.",
            "The session is new, so that nothing was left of the old one.",
            "The `$share` prefix was forgotten.",
        ],
        "The exact filter of the SUBSCRIBE.",
        &[],
    ),
    text(
        0x18,
        "One more step of the step-by-step authentication.",
        &["A normal step of SCRAM or Kerberos."],
        "How many steps come before CONNACK, or AUTH with 0x00.",
        &["auth-exchange-failed"],
    ),
    text(
        0x19,
        "The client authenticates again while it is connected.",
        &["Its token is renewed."],
        "That CONNECT named an Authentication Method.",
        &["auth-exchange-failed"],
    ),
    text(
        0x80,
        "The sender does not want to say, or cannot say, what is wrong.",
        &["An internal failure of the broker.", "A plugin or authorizer failed.", "The broker is vague on purpose."],
        "The broker's log at this time.",
        &["refused-other", "administrative-disconnect"],
    ),
    text(
        0x81,
        "The bytes of a packet could not be decoded.",
        &[
            "Text that is not UTF-8, or with a zero byte in it.",
            "A fault of the library, or damaged memory.",
            "A property that is not allowed in that packet.",
        ],
        "The last packet before it, byte by byte.",
        &["client-broke-rules", "refused-other"],
    ),
    text(
        0x82,
        "A packet could be decoded, and is not allowed at this point.",
        &["A second CONNECT.", "A property twice, or out of its range.", "A packet out of order."],
        "The last packet before it.",
        &["client-broke-rules", "server-broke-rules"],
    ),
    text(
        0x83,
        "The packet is correct, and this implementation will not process it.",
        &["A rule or extension of the broker refused it.", "Its storage failed.", "A limit of a feature."],
        "The broker's log and its documentation.",
        &["refused-other", "administrative-disconnect"],
    ),
    text(
        0x84,
        "The broker does not speak the MQTT version that the client asked for.",
        &[
            "The client is set to a version that the broker has switched off.",
            "A wrong protocol name.",
            "An old broker.",
        ],
        "Protocol name and level in CONNECT.",
        &["refused-protocol-version"],
    ),
    text(
        0x85,
        "The client id is written correctly, and the broker does not accept it.",
        &[
            "It is too long or has characters that the broker does not allow.",
            "It does not fit the certificate or the device registry.",
            "It is empty, and this broker wants a name.",
        ],
        "The client id against the rules of the broker.",
        &["refused-client-id"],
    ),
    text(
        0x86,
        "The user name or password was not accepted.",
        &["A wrong password.", "An expired token.", "Credentials of another broker or environment."],
        "The user name in CONNECT, and the expiry of the token.",
        &["refused-bad-credentials"],
    ),
    text(
        0x87,
        "The client may not do this: connect, publish or subscribe, depending on the packet.",
        &[
            "The broker's rules do not include the topic.",
            "In a CONNACK of mosquitto: any problem with the credentials, a wrong password included.",
            "A filter with a wildcard is wider than allowed.",
        ],
        "The broker's rules for this user, client id and topic.",
        &["refused-not-authorized", "not-authorized-disconnect", "subscription-denied", "publish-denied"],
    ),
    text(
        0x88,
        "The MQTT service is not available.",
        &["A cluster is starting or stopping.", "Maintenance.", "The service that checks users is down."],
        "The state of the broker.",
        &["refused-server-unavailable"],
    ),
    text(
        0x89,
        "The broker is busy; try again later.",
        &[
            "The limit of connections is reached (mosquitto: `global_max_clients`).",
            "Many clients reconnect at once.",
            "Too little CPU or memory.",
        ],
        "The number of connections, and the pauses between attempts.",
        &["refused-server-unavailable", "quota-exceeded"],
    ),
    text(
        0x8A,
        "The client is banned.",
        &["It reconnected too often.", "An operator put it on the list.", "Protection against abuse."],
        "The ban list of the broker.",
        &["refused-not-authorized"],
    ),
    text(
        0x8B,
        "The broker is going down.",
        &["A planned restart.", "A rolling update or maintenance (RabbitMQ)."],
        "Whether all sessions ended together.",
        &["server-shutdown"],
    ),
    text(
        0x8C,
        "The Authentication Method is not supported, or was changed.",
        &[
            "The method's name is misspelled.",
            "The broker has it switched off.",
            "The client used another method when it authenticated again.",
        ],
        "The Authentication Method of CONNECT.",
        &["auth-exchange-failed"],
    ),
    text(
        0x8D,
        "The broker heard nothing for 1.5 times the Keep Alive.",
        &[
            "The device slept or its program was blocked.",
            "The Wi-Fi was gone.",
            "The Keep Alive is shorter than the pauses of the program.",
        ],
        "The pause before it against the Keep Alive.",
        &["keepalive-expired"],
    ),
    text(
        0x8E,
        "The same client id connected again, so this connection had to go.",
        &[
            "Two devices share an id.",
            "Two programs, or a hasty reconnect, in one device.",
            "A copied gateway or bridge.",
        ],
        "The other CONNECT with the same client id.",
        &["session-taken-over"],
    ),
    text(
        0x8F,
        "The topic filter is written correctly, and the broker does not accept it.",
        &[
            "The broker forbids this wildcard, or this depth.",
            "A malformed `$share`.",
            "EMQX: a SUBSCRIBE without filters.",
        ],
        "The text of the filter.",
        &["client-broke-rules", "subscription-denied"],
    ),
    text(
        0x90,
        "The topic is written correctly, and not accepted. In a CONNACK it is the topic of the will.",
        &[
            "Too many levels, or too long.",
            "A reserved topic that begins with `$`.",
            "A wildcard in the topic of a message.",
        ],
        "The text of the topic; for a CONNACK the will's.",
        &["publish-denied", "client-broke-rules", "refused-will-or-feature"],
    ),
    text(
        0x91,
        "The packet id is still in use by an exchange that is not finished.",
        &[
            "The two sides remember different sessions after a reconnect.",
            "The client uses ids again too early.",
            "EMQX: a message of QoS 2 that was sent again.",
        ],
        "Open exchanges, and Session Present in the CONNACK.",
        &["publish-denied"],
    ),
    text(
        0x92,
        "The packet id is not known to the receiver. After a reconnect this is no error.",
        &["A reconnect with a lost session.", "A second PUBREL.", "A restart of the broker."],
        "Session Present in the CONNACK; mostly harmless.",
        &["qos2-stuck"],
    ),
    text(
        0x93,
        "More messages of QoS 1 and 2 were on their way than the receiver allows.",
        &[
            "The client ignores the Receive Maximum of the CONNACK.",
            "It publishes in bursts.",
            "Acknowledgments are slow.",
        ],
        "Messages without an acknowledgment against Receive Maximum.",
        &["client-broke-rules"],
    ),
    text(
        0x94,
        "A topic alias is 0, or above the announced maximum.",
        &[
            "Aliases are used although none were offered.",
            "An alias was kept over a reconnect.",
            "A fault of the client.",
        ],
        "Topic Alias Maximum of the other side.",
        &["client-broke-rules"],
    ),
    text(
        0x95,
        "A packet is larger than the receiver takes.",
        &[
            "A large payload, such as a firmware file.",
            "The limit of the broker was lowered.",
            "EMQX 5.8 and older: any malformed CONNECT of MQTT 5.0. mosquitto sends it in a PUBACK as well.",
        ],
        "The size of the packet against Maximum Packet Size.",
        &["packet-too-large", "refused-will-or-feature"],
    ),
    text(
        0x96,
        "Too many messages in too short a time.",
        &["A loop without a pause.", "A burst after a reconnect.", "The limit of a plan."],
        "How many messages came before it.",
        &["quota-exceeded"],
    ),
    text(
        0x97,
        "An administrative limit is used up.",
        &["Connections, or a licence.", "Subscriptions of one client.", "Queue or storage."],
        "The quotas of the broker.",
        &["quota-exceeded", "refused-server-unavailable"],
    ),
    text(
        0x98,
        "An operator or a policy closed the connection on purpose.",
        &[
            "Somebody disconnected the client in the dashboard.",
            "Credentials or rules were changed.",
            "A policy on sessions.",
        ],
        "The broker's log.",
        &["administrative-disconnect"],
    ),
    text(
        0x99,
        "The payload is not what its Payload Format Indicator says.",
        &[
            "It is declared to be text and is binary.",
            "Another character encoding than UTF-8.",
            "A check against a schema.",
        ],
        "Whether the payload is UTF-8.",
        &["publish-denied", "refused-will-or-feature"],
    ),
    text(
        0x9A,
        "The broker does not retain messages.",
        &[
            "Retained messages are switched off.",
            "The limit of a plan.",
            "The client ignored Retain Available 0 of the CONNACK.",
        ],
        "Retain Available in the CONNACK.",
        &["feature-not-supported", "refused-will-or-feature"],
    ),
    text(
        0x9B,
        "The QoS is higher than the broker offers.",
        &[
            "QoS 2 sent to RabbitMQ or Azure Event Grid.",
            "The will's QoS is too high.",
            "The client ignored Maximum QoS of the CONNACK.",
        ],
        "Maximum QoS in the CONNACK.",
        &["feature-not-supported", "refused-will-or-feature"],
    ),
    text(
        0x9C,
        "Use another server for now.",
        &["The broker spreads its load or is being emptied.", "Maintenance.", "Another region is nearer."],
        "Server Reference, if the broker sent one.",
        &["redirected"],
    ),
    text(
        0x9D,
        "The server has moved for good.",
        &["The account was moved.", "The broker has a new name."],
        "Server Reference, if the broker sent one.",
        &["redirected"],
    ),
    text(
        0x9E,
        "The broker offers no shared subscriptions (`$share/…`).",
        &["Switched off, or not built in (RabbitMQ).", "The limit of a plan."],
        "Shared Subscription Available in the CONNACK.",
        &["feature-not-supported", "subscription-denied"],
    ),
    text(
        0x9F,
        "The client, or all together, connect too often.",
        &["A reconnect loop without a pause.", "A whole fleet was switched on.", "A limit of the account."],
        "The time between CONNECTs.",
        &["quota-exceeded", "refused-server-unavailable"],
    ),
    text(
        0xA0,
        "The time that this connection may last is over.",
        &["Its token expired (RabbitMQ).", "A policy limits the age of connections."],
        "The age of the connection, and the expiry of the token.",
        &["administrative-disconnect"],
    ),
    text(
        0xA1,
        "The broker offers no subscription identifiers.",
        &["The feature is off.", "EMQX: the identifier 268,435,455."],
        "Subscription Identifier Available in the CONNACK.",
        &["feature-not-supported", "subscription-denied"],
    ),
    text(
        0xA2,
        "The broker offers no wildcards in filters.",
        &["The feature is off.", "A policy forbids that filter."],
        "Wildcard Subscription Available in the CONNACK.",
        &["feature-not-supported", "subscription-denied"],
    ),
];
