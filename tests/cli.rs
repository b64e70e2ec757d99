//! The program as it is called: exit codes, standard output and standard error.
// A test may fail by panicking, and looks at the files that the program wrote.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::Stdio;

use assert_cmd::Command;
use serde_json::Value;

fn mqttcap() -> Command {
    let mut command = Command::cargo_bin("mqttcap").unwrap();
    command.env_remove("NO_COLOR").env_remove("COLUMNS").env("TZ", "UTC");
    command
}

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

/// Standard output of a call that succeeds.
fn output(arguments: &[&str], file: &Path) -> String {
    let done = mqttcap().args(arguments).arg(file).assert().code(0);
    assert_eq!(done.get_output().stderr, b"", "talk belongs to standard error, and there is none");
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

/// The two lines that a failing call says.
fn failure(arguments: &[&str]) -> (String, String) {
    let done = mqttcap().args(arguments).assert().code(2);
    assert_eq!(done.get_output().stdout, b"", "{arguments:?}: no data when it fails");
    let said = String::from_utf8(done.get_output().stderr.clone()).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let [error, hint] = lines.as_slice() else { panic!("{arguments:?}: two lines, not {said}") };
    assert!(error.starts_with("error: ") && hint.starts_with("hint: "), "{said}");
    ((*error).to_owned(), (*hint).to_owned())
}

#[test]
fn a_file_alone_is_read() {
    let file = capture("bad-password-v5.pcapng");
    let read = output(&["read"], &file);
    assert_eq!(output(&[], &file), read);
    assert!(read.contains("bad-password-v5.pcapng: 10 packets"), "{read}");
    assert!(read.contains("sensor-17"), "{read}");
    assert!(!read.contains('\u{1b}'), "no colour into a pipe");
    assert!(output(&["--color", "always"], &file).contains('\u{1b}'));
    assert!(output(&["--ascii"], &file).is_ascii());
}

#[test]
fn the_password_is_never_shown() {
    for name in ["bad-password-v5.pcapng", "bad-password-v311.pcapng"] {
        let file = capture(name);
        for arguments in [&["read", "-v"][..], &["read", "--format", "json"], &["show", "-s", "1"]] {
            let said = output(arguments, &file);
            assert!(!said.contains("wrong\"") && !said.contains(" wrong "), "{said}");
        }
    }
}

/// The first PUBLISH comes before anything tells that this is MQTT 5.0; its message is `21.5`, as the record says.
#[test]
fn packets_before_the_version_showed_are_read_by_it() {
    let lines =
        output(&["packets", "--format", "ndjson", "--show-payload"], &capture("picked-up-mid-session-v5.pcapng"));
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["type"], &first["fields"]["payload"]), (&"PUBLISH".into(), &"21.5".into()));
    assert_eq!(first["fields"]["payload_length"], 4);
}

#[test]
fn json_is_one_document() {
    let file = capture("broker-killed-many.pcapng");
    let document: Value = serde_json::from_str(&output(&["read", "--format", "json"], &file)).unwrap();
    assert_eq!(document["schema"], "mqttcap/1");
    assert_eq!(document["summary"]["sessions"], 3);
    assert_eq!(document["sessions"].as_array().unwrap().len(), 3);
    let ids: Vec<&Value> = document["sessions"].as_array().unwrap().iter().map(|one| &one["client_id"]).collect();
    assert_eq!(ids, ["sensor-17", "dashboard-1", "gateway-2"]);
    let schema: Value = serde_json::from_slice(&mqttcap().arg("schema").output().unwrap().stdout).unwrap();
    assert!(jsonschema::is_valid(&schema, &document));
}

#[test]
fn lines_end_with_a_summary() {
    let lines = output(&["read", "--format", "ndjson"], &capture("broker-killed-many.pcapng"));
    let kinds: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone()).collect();
    assert_eq!(kinds, ["session", "session", "session", "summary"]);
}

#[test]
fn a_selection_keeps_the_numbers() {
    let file = capture("broker-killed-many.pcapng");
    let read = output(&["read", "--client", "gate*"], &file);
    assert!(read.contains("3 sessions of 3 clients"), "{read}");
    assert!(read.contains("3  gateway-2") && !read.contains("dashboard-1"), "{read}");
    let none = output(&["read", "--host", "192.0.2.1"], &file);
    assert!(none.contains("None of them matches"), "{none}");
}

#[test]
fn one_session_is_shown() {
    let file = capture("bad-password-v5.pcapng");
    let shown = output(&["show", "-s", "1"], &file);
    assert!(shown.contains("CONNACK Not authorized (0x87)"), "{shown}");
    let document: Value = serde_json::from_str(&output(&["show", "-s", "1", "--format", "json"], &file)).unwrap();
    assert_eq!(document["sessions"][0]["number"], 1);
    let (error, hint) = failure(&["show", file.to_str().unwrap(), "-s", "9"]);
    assert!(error.contains("no session 9") && hint.contains("mqttcap read"), "{error} {hint}");
}

#[test]
fn what_cannot_be_read_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (error, _) = failure(&["read", "no-such-file.pcap"]);
    assert!(error.contains("no such file"), "{error}");
    let (error, _) = failure(&[&path("empty.pcap", b"")]);
    assert!(error.contains("empty"), "{error}");
    let (error, _) = failure(&[&path("letter.txt", b"Dear Sir or Madam,\n")]);
    assert!(error.contains("not a pcap"), "{error}");
    failure(&[folder.path().to_str().unwrap()]);
}

#[test]
fn wrong_arguments_are_one_clear_line() {
    let file = capture("bad-password-v5.pcapng");
    let file = file.to_str().unwrap();
    failure(&["read"]);
    failure(&["read", file, "--formt", "json"]);
    failure(&["read", file, "--format", "xml"]);
    failure(&["read", file, "--client", "[a"]);
    failure(&["read", file, "--port", "0"]);
    failure(&["read", file, "--fail-on", "Every Thing"]);
    failure(&["read", file, "--output", file]);
    failure(&["show", file]);
}

#[test]
fn a_cut_file_is_read_up_to_the_cut() {
    let whole = std::fs::read(capture("broker-killed-many.pcapng")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pcapng");
    std::fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    let read = output(&["read"], &path);
    assert!(read.contains("ends in the middle") && read.contains("sensor-17"), "{read}");
}

#[test]
fn an_output_file_gets_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.txt");
    let file = capture("bad-password-v5.pcapng");
    let said = output(&["read", "--output", path.to_str().unwrap()], &file);
    assert_eq!(said, "");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), output(&["read"], &file));
}

#[test]
fn fail_on_sets_the_exit_status() {
    let file = capture("bad-password-v5.pcapng");
    mqttcap().args(["read", "-q", "--fail-on", "info"]).arg(&file).assert().code(1).stdout("");
    mqttcap().args(["read", "-q", "--fail-on", "session-taken-over"]).arg(&file).assert().code(0);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_mqttcap"))
        .args(["read", "--format", "json"])
        .arg(capture("broker-killed-many.pcapng"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stderr), (Some(0), Vec::new()));
}

#[test]
fn standard_input_is_read() {
    let bytes = std::fs::read(capture("bad-password-v5.pcapng")).unwrap();
    let done = mqttcap().args(["read", "-"]).write_stdin(bytes).assert().code(0);
    let said = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    assert!(said.starts_with("standard input: 10 packets"), "{said}");
}

#[test]
fn help_has_examples() {
    let help = String::from_utf8(mqttcap().arg("--help").output().unwrap().stdout).unwrap();
    assert!(help.contains("mqttcap show trace.pcap -s 3"), "{help}");
    mqttcap().args(["read", "--help"]).assert().code(0);
    mqttcap().arg("--version").assert().code(0);
}

#[test]
fn limits_can_be_changed() {
    let file = capture("bad-password-v5.pcapng");
    let path = file.to_str().unwrap();
    let (error, hint) = failure(&["read", path, "--limit", "conections=5"]);
    assert!(error.contains("no limit \"conections\"") && hint.contains("did you mean connections?"), "{error} {hint}");
    let (error, hint) = failure(&["packets", path, "--limit", "held-bytes-total=much"]);
    assert!(error.contains("held-bytes-total=much") && hint.contains("128MiB"), "{error} {hint}");
    let usual = output(&["read"], &file);
    assert_eq!(output(&["read", "--limit", "connections=500000", "--limit", "fragment-bytes=64MiB"], &file), usual);
    // What is not kept is counted.
    let counted = output(&["read", "--format", "json", "--limit", "finished-sessions=0"], &file);
    let document: Value = serde_json::from_str(&counted).unwrap();
    assert_eq!(document["sessions"].as_array().unwrap().len(), 0);
    assert_eq!(document["summary"]["sessions"], 1);
    assert_eq!(document["summary"]["counted_only"][0]["sessions"], 1);
    assert_eq!(document["capture"]["notes"][0]["id"], "capture-left-out");
    let help = mqttcap().args(["read", "--help"]).assert().code(0);
    let help = String::from_utf8_lossy(&help.get_output().stdout).into_owned();
    assert!(help.contains("connections=100000") && help.contains("held-bytes-total=128MiB"), "{help}");
}
