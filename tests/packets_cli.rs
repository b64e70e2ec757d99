//! `packets` as it is called: selections, inputs, outputs, widths.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use std::collections::BTreeSet;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// Three clients and their broker; it has 3 CONNECTs (tshark -Y mqtt.msgtype==1).
fn many() -> String {
    text(&support::root().join("captures/broker-killed-many.pcapng"))
}

fn refused() -> String {
    text(&support::root().join("captures/bad-password-v5.pcapng"))
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn mqttcap() -> Command {
    let mut command = Command::cargo_bin("mqttcap").unwrap();
    command.env_remove("NO_COLOR").env_remove("COLUMNS").env("TZ", "UTC").arg("packets");
    command
}

fn output(arguments: &[&str]) -> String {
    String::from_utf8(mqttcap().args(arguments).assert().code(0).get_output().stdout.clone()).unwrap()
}

fn lines(arguments: &[&str]) -> Vec<Value> {
    let text = output(&[&["--format", "ndjson"], arguments].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_client_is_selected() {
    let all = lines(&[&many()]);
    let one = lines(&["--client", "gate*", &many()]);
    let connects: Vec<_> = one.iter().filter(|line| line["type"] == "CONNECT").collect();
    assert_eq!((connects.len(), &connects[0]["fields"]["client_id"]), (1, &"gateway-2".into()));
    let sessions: BTreeSet<String> = one.iter().map(|line| line["session"].to_string()).collect();
    assert!(sessions.len() == 1 && one.len() < all.len());
    assert!(all.iter().filter(|line| sessions.contains(&line["session"].to_string())).eq(one.iter()));
}

#[test]
fn a_host_is_selected() {
    assert!(lines(&["--host", "192.0.2.1", &many()]).is_empty());
    let shown = output(&["--host", "192.0.2.1", &many()]);
    assert_eq!(shown.lines().count(), 1, "only the head: {shown}");
    mqttcap().args(["--host", "nowhere", &many()]).assert().code(2);
}

#[test]
#[cfg(feature = "live")] // libpcap compiles the expression
fn a_filter_of_libpcap_chooses_frames() {
    let all = lines(&[&many()]);
    let one = lines(&["--bpf", "host 10.0.0.12", &many()]);
    // The frames keep their numbers; tshark -Y 'ip.addr == 10.0.0.12 && mqtt' has them too.
    assert!(!one.is_empty() && one.len() < all.len());
    assert!(one.iter().all(|line| all.iter().any(|known| known["frame"] == line["frame"])));
    assert!(lines(&["--bpf", "udp", &many()]).is_empty());
    let done = mqttcap().args(["--bpf", "host and", &many()]).assert().code(2);
    let said = String::from_utf8(done.get_output().stderr.clone()).unwrap();
    assert!(
        said.starts_with("error: --bpf: \"host and\" is no filter expression: ") && said.contains("\nhint: "),
        "{said}"
    );
}

#[test]
fn standard_input_is_read_once() {
    let bytes = std::fs::read(many()).unwrap();
    let done = mqttcap().args(["--format", "ndjson", "-"]).write_stdin(bytes.clone()).assert().code(0);
    let text = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    let read: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(read.iter().all(|line| line["session"].is_null()));
    let mut file = lines(&[&many()]);
    for line in &mut file {
        line["session"] = Value::Null;
    }
    assert_eq!(read, file, "the same packets, without numbers");
    let refused = mqttcap().args(["--client", "x", "-"]).write_stdin(bytes).assert().code(2);
    let said = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(said.contains("hint: save it to a file first"), "{said}");
}

#[test]
fn several_files_are_one_capture() {
    let (one, other, both) = (lines(&[&many()]), lines(&[&refused()]), lines(&[&many(), &refused()]));
    assert_eq!(both.len(), one.len() + other.len());
    let connects = both.iter().filter(|line| line["type"] == "CONNECT");
    let sessions: BTreeSet<u64> = connects.map(|line| line["session"].as_u64().unwrap()).collect();
    assert_eq!(sessions.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn payloads_are_cut_where_asked() {
    let published = text(&support::root().join("captures/any-interface.pcapng"));
    let payloads = |option: &[&str]| -> Vec<Value> {
        let all = lines(&[option, &[&published]].concat());
        all.into_iter().filter(|line| line["type"] == "PUBLISH").map(|line| line["fields"].clone()).collect()
    };
    let (none, whole, cut) = (payloads(&[]), payloads(&["--show-payload"]), payloads(&["--show-payload=1"]));
    assert!(!none.is_empty());
    for ((none, whole), cut) in none.iter().zip(&whole).zip(&cut) {
        let length = none["payload_length"].as_u64().unwrap();
        assert!(none["payload"].is_null() && none["payload_more"].is_null());
        assert_eq!(whole["payload"].as_str().unwrap().len() as u64, length);
        assert_eq!((cut["payload"].as_str().unwrap().len(), &cut["payload_more"]), (1, &(length - 1).into()));
    }
    let table = output(&["--show-payload=1", &published]);
    assert!(table.contains("payload: ") && table.contains(" more"), "{table}");
    assert!(!output(&[&published]).contains("payload: "));
    mqttcap().args(["--show-payload=x", &published]).assert().code(2);
}

#[test]
fn secrets_are_shown_when_asked_for_only() {
    // The password of this capture is "wrong" (captures/scenarios).
    assert!(!output(&["--show-payload", &refused()]).contains("wrong"));
    assert!(lines(&[&refused()])[0]["fields"]["password"].is_null());
    assert_eq!(lines(&["--show-secrets", &refused()])[0]["fields"]["password"], "wrong");
    assert!(output(&["--show-secrets", &refused()]).contains("password: wrong"));
}

#[test]
fn an_output_file_gets_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = text(&folder.path().join("packets.ndjson"));
    assert_eq!(output(&["--format", "ndjson", "--output", &path, &many()]), "");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), output(&["--format", "ndjson", &many()]));
    mqttcap().args(["--output", &many(), &many()]).assert().code(2);
}

#[test]
fn a_bad_file_is_one_clear_line_and_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let letter = text(&folder.path().join("letter.txt"));
    std::fs::write(&letter, "Dear Sir or Madam,\n").unwrap();
    for file in ["no-such-file.pcap", &letter] {
        let done = mqttcap().arg(file).assert().code(2).stdout("");
        let said = String::from_utf8(done.get_output().stderr.clone()).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines.len() == 2 && lines[0].starts_with("error: ") && lines[1].starts_with("hint: "), "{said}");
    }
}

#[test]
fn tables_fit_the_page() {
    for path in support::captures() {
        for (columns, width) in [("80", 80), ("200", 200)] {
            for ascii in [&[][..], &["--ascii"]] {
                let path = text(&path);
                let arguments = [ascii, &["--show-payload=64", &path]].concat();
                let done = mqttcap().env("COLUMNS", columns).args(&arguments).assert().code(0);
                let shown = String::from_utf8(done.get_output().stdout.clone()).unwrap();
                assert!(ascii.is_empty() || shown.is_ascii(), "{path}");
                for line in shown.lines() {
                    assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{path}: {line}");
                }
            }
        }
    }
}
