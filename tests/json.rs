//! Every document that `read --format json` writes is valid under the schema that `schema` prints.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use assert_cmd::Command;
use serde_json::Value;

fn mqttcap(arguments: &[&str]) -> String {
    let done = Command::cargo_bin("mqttcap").unwrap().args(arguments).assert().success();
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

#[test]
fn documents_of_all_captures_are_valid() {
    let schema: Value = serde_json::from_str(&mqttcap(&["schema"])).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for path in support::captures().into_iter().chain(support::shared_captures()) {
        let text = mqttcap(&["read", path.to_str().unwrap(), "--format", "json"]);
        let document: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    }
}

#[test]
fn lines_of_packets_of_all_captures_are_valid() {
    let schema: Value = serde_json::from_str(&mqttcap(&["schema", "packets"])).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for path in support::captures().into_iter().chain(support::shared_captures()) {
        let options = ["--format", "ndjson", "--show-payload=200"];
        let text = mqttcap(&[&["packets", path.to_str().unwrap()][..], &options].concat());
        for line in text.lines() {
            let packet: Value = serde_json::from_str(line).unwrap();
            let errors: Vec<String> = validator.iter_errors(&packet).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:?} in {line}", path.display());
        }
    }
    let stranger = serde_json::json!({"frame": 1, "fields": {"topic": 1}});
    assert!(!validator.is_valid(&stranger), "the schema says something");
}

#[test]
fn a_session_has_what_the_interface_promises() {
    let path = support::root().join("captures/refusals-v5.pcapng");
    let text = mqttcap(&["read", path.to_str().unwrap(), "--format", "json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "mqttcap/1");
    let sessions = document["sessions"].as_array().unwrap();
    // Frames, codes and the Reason String are what tshark shows for this capture.
    let refused = sessions.iter().find(|session| session["client_id"] == "sensor-87").unwrap();
    assert_eq!(refused["version"], "5.0");
    assert_eq!(refused["version_from"], "connect");
    assert_eq!(refused["outcome"]["id"], "refused-not-authorized");
    assert_eq!(refused["outcome"]["code"], 0x87);
    assert_eq!(refused["outcome"]["code_name"], "Not authorized");
    assert_eq!(refused["outcome"]["reason_string"], "token expired");
    let stream = refused["tcp_stream"].as_u64().unwrap();
    assert_eq!(refused["filter"], format!("tcp.stream eq {stream}"));
    assert_eq!(refused["counts"]["client"]["CONNECT"], 1);
    assert_eq!(refused["counts"]["server"]["CONNACK"], 1);
}
