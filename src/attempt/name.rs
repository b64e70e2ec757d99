//! What a name tells: whether it is a broker's, whether it can be one, whether it is another with a
//! search domain behind it.

use super::service::Service;

/// Labels, or parts of one between hyphens, that only brokers bear.
const WORDS: &[&str] =
    &["mqtt", "mqtts", "mqtt5", "broker", "mosquitto", "hivemq", "emqx", "vernemq", "rabbitmq", "nanomq", "activemq"];
/// First labels of names that hosts look up by themselves, for other ends than to reach a broker.
const OWN_ENDS: &[&str] = &[
    "wpad",
    "isatap",
    "ntp",
    "time",
    "pool",
    "www",
    "dns",
    "_dns",
    "captive",
    "detectportal",
    "connectivitycheck",
    "localhost",
    "update",
    "updates",
    "telemetry",
    "proxy",
    "autoconfig",
    "autodiscover",
    "mail",
    "smtp",
    "imap",
];

/// Whether the name plainly says that it is a broker's.
pub(super) fn is_broker(name: &str) -> bool {
    if !is_host(name) {
        return false;
    }
    let says = |label: &str| {
        let mut parts = label.split('-');
        let numbered = |part: &str| WORDS.contains(&part.trim_end_matches(|c: char| c.is_ascii_digit()));
        parts.any(|part| WORDS.contains(&part) || numbered(part))
    };
    let first = name.split('.').next() == Some("iot");
    first || name.split('.').any(says) || Service::of(name).is_some()
}

/// Whether the name can be that of a broker: not one that hosts look up for themselves.
pub(super) fn is_host(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    let last = name.rsplit('.').next().unwrap_or_default();
    let digits = first.trim_end_matches(|c: char| c.is_ascii_digit());
    !(name.is_empty()
        || last == "arpa"
        || OWN_ENDS.contains(&digits)
        || name.split('.').any(|label| label.starts_with('_') || label == "ntp" || label == "pool"))
}

/// Whether one of the names is the other with a domain behind it.
pub(super) fn is_variant(one: &str, other: &str) -> bool {
    let longer = |longer: &str, shorter: &str| {
        !shorter.is_empty() && longer.strip_prefix(shorter).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    longer(one, other) || longer(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_brokers() {
        for name in [
            "mqtt",
            "mqtt.lan",
            "broker.example.com",
            "mqtt-2.plant.example",
            "mqtt01.lan",
            "test.mosquitto.org",
            "abc123-ats.iot.eu-west-1.amazonaws.com",
            "hub7.azure-devices.net",
            "1234.s1.eu.hivemq.cloud",
            "iot.example.org",
            "my-broker.local",
        ] {
            assert!(is_broker(name), "{name}");
        }
    }

    #[test]
    fn other_names() {
        for name in
            ["www.example.com", "brokerage.example", "_mqtt._tcp.lan", "pool.ntp.org", "ebroker.example", "nas.lan"]
        {
            assert!(!is_broker(name), "{name}");
        }
        for name in ["2.pool.ntp.org", "5.0.0.10.in-addr.arpa", "wpad.lan", "time.example", "_http._tcp.local", ""] {
            assert!(!is_host(name), "{name}");
        }
        assert!(is_host("nas.lan"));
    }

    #[test]
    fn search_domains() {
        assert!(is_variant("broker.lan", "broker") && is_variant("broker", "broker.lan.example"));
        assert!(!is_variant("broker1", "broker") && !is_variant("broker.lan", "broker.home"));
    }
}
