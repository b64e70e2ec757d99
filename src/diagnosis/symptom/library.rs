//! Client libraries: their names, and which sessions they can have had.

use crate::diagnosis::story::Story;
use crate::mqtt::Version;

/// A client library, in the order in which reports name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Library {
    PubSubClient,
    PahoPython,
    Mosquitto,
    EspMqtt,
    MqttJs,
    PahoJava,
    PahoC,
    PahoJs,
    ArduinoMqtt,
    AsyncMqttClient,
    ArduinoMqttClient,
    Tasmota,
    EspHome,
    HomeAssistant,
    Rumqttc,
    HiveMq,
    AwsSdk,
    AzureSdk,
    NodeRed,
    Zephyr,
    Umqtt,
    Aiomqtt,
    PahoGo,
}

impl Library {
    /// The name under which people know it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Library::PubSubClient => "PubSubClient",
            Library::Tasmota => "Tasmota",
            Library::PahoPython => "Paho Python",
            Library::Mosquitto => "mosquitto clients",
            Library::EspMqtt => "esp-mqtt",
            Library::MqttJs => "MQTT.js",
            Library::PahoJava => "Paho Java",
            Library::PahoC => "Paho C",
            Library::PahoJs => "Paho JavaScript",
            Library::ArduinoMqtt => "arduino-mqtt",
            Library::AsyncMqttClient => "AsyncMqttClient",
            Library::ArduinoMqttClient => "ArduinoMqttClient",
            Library::EspHome => "ESPHome",
            Library::HomeAssistant => "Home Assistant",
            Library::Rumqttc => "rumqttc",
            Library::HiveMq => "HiveMQ client",
            Library::AwsSdk => "AWS IoT SDK v2",
            Library::AzureSdk => "Azure IoT SDK",
            Library::NodeRed => "Node-RED",
            Library::Zephyr => "Zephyr",
            Library::Umqtt => "umqtt.simple",
            Library::Aiomqtt => "aiomqtt",
            Library::PahoGo => "Paho Go",
        }
    }

    /// Whether the session can have been this library's.
    pub(crate) fn fits(self, story: &Story<'_>) -> bool {
        let speaks = match story.version() {
            None | Some(Version::V311) => true,
            Some(Version::V5) => self.speaks_v5(),
            Some(Version::V31) => matches!(
                self,
                Library::PubSubClient
                    | Library::PahoPython
                    | Library::Mosquitto
                    | Library::EspMqtt
                    | Library::MqttJs
                    | Library::PahoJava
                    | Library::PahoC
                    | Library::PahoJs
                    | Library::PahoGo
                    | Library::Zephyr
            ),
        };
        let able = match self {
            // It publishes with QoS 0 only and subscribes with QoS 0 and 1.
            Library::PubSubClient | Library::Tasmota => !story.used_qos_above(0) && !story.subscribed_above(1),
            // It publishes with QoS 0 and 1 only.
            Library::Umqtt => !story.used_qos_above(1),
            Library::PahoJs => story.websocket().is_some(),
            _ => true,
        };
        speaks && able && (story.websocket().is_none() || self.speaks_websocket())
    }

    fn speaks_websocket(self) -> bool {
        !matches!(
            self,
            Library::PubSubClient
                | Library::Tasmota
                | Library::Mosquitto
                | Library::ArduinoMqtt
                | Library::AsyncMqttClient
                | Library::ArduinoMqttClient
                | Library::EspHome
                | Library::Umqtt
        )
    }

    fn speaks_v5(self) -> bool {
        !matches!(
            self,
            Library::PubSubClient
                | Library::Tasmota
                | Library::ArduinoMqtt
                | Library::AsyncMqttClient
                | Library::ArduinoMqttClient
                | Library::EspHome
                | Library::AzureSdk
                | Library::PahoJs
                | Library::PahoGo
                | Library::Umqtt
        )
    }
}

/// The library whose habit of naming clients fits the client id.
pub(crate) fn hinted(story: &Story<'_>) -> Option<Library> {
    let connect = story.session.connect.as_ref()?;
    let id = connect.client_id.as_str()?;
    let habits = [
        ("ESP8266Client", Library::PubSubClient),
        ("ESP32Client", Library::PubSubClient),
        ("mqttjs_", Library::MqttJs),
        ("mosq-", Library::Mosquitto),
        ("mosqpub|", Library::Mosquitto),
        ("mosqsub|", Library::Mosquitto),
        ("DVES_", Library::Tasmota),
        ("umqtt_client", Library::Umqtt),
    ];
    habits.into_iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, library)| library)
}
