//! Services of brokers whose host names are known.

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// AWS `IoT` Core.
    AwsIotCore,
    /// Azure `IoT` Hub.
    AzureIotHub,
    /// `HiveMQ` Cloud.
    HiveMqCloud,
    /// EMQX's own services.
    Emqx,
    /// One of which nothing particular is known.
    Other,
}

/// Domains whose hosts are brokers, and whose.
const DOMAINS: &[(&str, Service)] = &[
    ("azure-devices.net", Service::AzureIotHub),
    ("azure-devices.cn", Service::AzureIotHub),
    ("hivemq.cloud", Service::HiveMqCloud),
    ("emqxsl.com", Service::Emqx),
    ("emqxsl.cn", Service::Emqx),
    ("emqxcloud.com", Service::Emqx),
    ("emqx.cloud", Service::Emqx),
    ("emqx.io", Service::Emqx),
    ("eventgrid.azure.net", Service::Other),
    ("messaging.solace.cloud", Service::Other),
    ("mosquitto.org", Service::Other),
    ("cloudmqtt.com", Service::Other),
    ("shiftr.io", Service::Other),
    ("mqtthq.com", Service::Other),
    ("flespi.io", Service::Other),
    ("beebotte.com", Service::Other),
    ("iot-as-mqtt.aliyuncs.com", Service::Other),
    ("messaging.internetofthings.ibmcloud.com", Service::Other),
    ("io.adafruit.com", Service::Other),
    ("mqtt.googleapis.com", Service::Other),
    ("iot.eclipse.org", Service::Other),
];

impl Service {
    /// The service of which `name`, in lower case, is a host.
    pub fn of(name: &str) -> Option<Service> {
        let is_under =
            |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if name.contains(".iot.") && (is_under("amazonaws.com") || is_under("amazonaws.com.cn")) {
            return Some(Service::AwsIotCore);
        }
        DOMAINS.iter().find(|(domain, _)| is_under(domain)).map(|(_, service)| *service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_services() {
        for (name, service) in [
            ("abc123-ats.iot.eu-west-1.amazonaws.com", Some(Service::AwsIotCore)),
            ("abc.iot.cn-north-1.amazonaws.com.cn", Some(Service::AwsIotCore)),
            ("hub7.azure-devices.net", Some(Service::AzureIotHub)),
            ("1a2b.s1.eu.hivemq.cloud", Some(Service::HiveMqCloud)),
            ("broker.emqx.io", Some(Service::Emqx)),
            ("test.mosquitto.org", Some(Service::Other)),
            ("s3.eu-west-1.amazonaws.com", None),
            ("notazure-devices.net", None),
            ("broker.lan", None),
            ("", None),
        ] {
            assert_eq!(Service::of(name), service, "{name}");
        }
    }
}
