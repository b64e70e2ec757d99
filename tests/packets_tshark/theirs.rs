//! What tshark tells: PDML, in which every field has its bytes and stands in the order of the wire.

use std::path::Path;
use std::process::Command;

use roxmltree::{Document, Node};

use crate::told::{Frames, Told};

/// Whether tshark is there to be asked, in the version whose errors are listed. Says so where it is not.
pub(crate) fn is_comparable() -> bool {
    let said = Command::new("tshark").arg("-v").output().map(|done| String::from_utf8_lossy(&done.stdout).into_owned());
    let version = said.as_ref().ok().and_then(|said| said.lines().next());
    let listed = version.is_some_and(|version| version.contains(" 4.0."));
    if !listed {
        eprintln!("skipped: what tshark 4.0 gets wrong is known; here is {}", version.unwrap_or("no tshark"));
    }
    listed
}

/// The packets that tshark shows of a capture; `ports` are those that it has to be told.
pub(crate) fn packets(path: &Path, ports: &[&str]) -> Frames {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path).args(["-Y", "mqtt", "-T", "pdml", "-J", "mqtt icmp icmpv6"]);
    for port in ports {
        command.args(["-d", &format!("tcp.port=={port},mqtt")]);
    }
    let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
    if said.is_empty() {
        return Frames::new(); // not a capture in its eyes
    }
    let document = Document::parse(&said).unwrap();
    let frames = document.descendants().filter(|node| node.has_tag_name("packet"));
    let told = frames.map(|frame| {
        let number = frame.descendants().find(|node| node.attribute("name") == Some("num")).unwrap();
        let packets = frame.descendants().filter(|node| node.has_tag_name("proto") && named(*node) == "mqtt");
        (show(number).parse().unwrap(), packets.map(packet).collect())
    });
    told.collect()
}

fn packet(proto: Node<'_, '_>) -> Told {
    let mut told = Told::default();
    let mut publish = false;
    for field in proto.descendants().filter(|node| node.has_tag_name("field")) {
        match named(field) {
            "mqtt.msgtype" => {
                publish = number(field) == 3;
                told.number("type", number(field));
            }
            "mqtt.len" => told.number("length", 1 + size(field) + number(field)),
            // tshark shows these bits of other packets too, which MQTT 3.1 has there.
            "mqtt.qos" if publish => told.number("qos", number(field)),
            "mqtt.dupflag" if publish => told.flag("dup", number(field)),
            "mqtt.retain" if publish => told.flag("retain", number(field)),
            "mqtt.msgid" => told.number("packet_id", number(field)),
            "mqtt.topic" => told.bytes("topic", &bytes(field)),
            "mqtt.msg" | "mqtt.msg_text" => told.flag("payload_length", size(field)),
            "mqtt.protoname" => told.bytes("protocol_name", &bytes(field)),
            "mqtt.ver" => told.number("protocol_level", number(field)),
            "mqtt.conflag.cleansess" => told.flag("clean_start", number(field)),
            "mqtt.conflag.willflag" => told.flag("will", number(field)),
            "mqtt.conflag.qos" => told.flag("will_qos", number(field)),
            "mqtt.conflag.retain" => told.flag("will_retain", number(field)),
            "mqtt.conflag.passwd" => told.flag("has_password", number(field)),
            "mqtt.kalive" => told.number("keep_alive", number(field)),
            "mqtt.clientid" => told.bytes("client_id", &bytes(field)),
            "mqtt.username" => told.bytes("username", &bytes(field)),
            "mqtt.willtopic" => told.bytes("will_topic", &bytes(field)),
            "mqtt.willmsg_len" => told.number("will_payload_length", number(field)),
            "mqtt.conack.flags.sp" => told.flag("session_present", number(field)),
            "mqtt.sub.qos" | "mqtt.subscription_options_qos" => told.number("requested_qos", number(field)),
            "mqtt.subscription_options_nl" => told.flag("no_local", number(field)),
            "mqtt.subscription_options_rap" => told.flag("retain_as_published", number(field)),
            "mqtt.subscription_options_retain" => told.flag("retain_handling", number(field)),
            "mqtt.conack.val" | "mqtt.suback.qos" => told.number("reason_code", number(field)),
            name if name.ends_with(".reason_code") => told.number("reason_code", number(field)),
            "mqtt.property_id" => told.text(list(field), &property(field)),
            _ => {}
        }
    }
    told
}

/// Which list a property stands in.
fn list(id: Node<'_, '_>) -> &'static str {
    let within_will = id.ancestors().any(|node| named(node) == "mqtt.will_properties");
    if within_will { "will_property" } else { "property" }
}

/// A property: its id and the fields between it and the next one.
fn property(id: Node<'_, '_>) -> String {
    let number_of = number(id);
    let fields = id.next_siblings().skip(1).filter(Node::is_element);
    let values =
        fields.take_while(|field| named(*field) != "mqtt.property_id").filter_map(|field| match named(field) {
            name if name.ends_with("_len") => None,
            "mqtt.prop_number" | "mqtt.property.max_qos" | "mqtt.property.topic_alias" => {
                Some(number(field).to_string())
            }
            // Its bytes begin with the length.
            "mqtt.property.content_type" => Some(bytes(field)[2..].escape_ascii().to_string()),
            _ => Some(bytes(field).escape_ascii().to_string()),
        });
    let value = match number_of {
        0x16 => "(secret)".to_owned(), // Authentication Data, which mqttcap does not show
        _ => values.collect::<Vec<_>>().join("="),
    };
    format!("{number_of}: {value}")
}

fn named<'a>(node: Node<'a, '_>) -> &'a str {
    node.attribute("name").unwrap_or_default()
}

fn show<'a>(node: Node<'a, '_>) -> &'a str {
    node.attribute("show").unwrap_or_default()
}

fn size(node: Node<'_, '_>) -> u64 {
    node.attribute("size").unwrap().parse().unwrap()
}

fn number(node: Node<'_, '_>) -> u64 {
    match show(node) {
        "True" => 1,
        "False" => 0,
        show => show.strip_prefix("0x").map_or_else(|| show.parse(), |hex| u64::from_str_radix(hex, 16)).unwrap(),
    }
}

/// The bytes of the field; what tshark concluded from other packets has its text only.
fn bytes(node: Node<'_, '_>) -> Vec<u8> {
    let Some(hex) = node.attribute("value") else { return show(node).as_bytes().to_vec() };
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}
