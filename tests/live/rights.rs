//! With and without the right to capture, and what is left of root's.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::lab::{Lab, command};

const NOBODY: [&str; 5] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];

/// A copy of the program that nobody in particular may run.
fn copy(lab: &Lab) -> PathBuf {
    let folder = lab.folder.path();
    assert!(command("chmod").arg("755").arg(folder).status().unwrap().success());
    let program = folder.join("mqttcap");
    fs::copy(env!("CARGO_BIN_EXE_mqttcap"), &program).unwrap();
    program
}

fn as_nobody(lab: &Lab, program: &Path, arguments: &[&str]) -> Output {
    let mut command = lab.inside(&lab.gateway, NOBODY[0]);
    command.args(&NOBODY[1..]).arg(program).args(arguments).output().unwrap()
}

fn status_of(id: u32) -> HashMap<String, String> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    text.lines().filter_map(|line| line.split_once(":\t")).map(|(key, value)| (key.into(), value.into())).collect()
}

#[test]
fn the_missing_right_is_named_with_the_command_that_gives_it() {
    let Some(lab) = Lab::new(&["setpriv", "setcap"]) else { return };
    let program = copy(&lab);
    let done = as_nobody(&lab, &program, &["live", "-i", "v0", "--seconds", "1"]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "error: cannot capture on v0: the right CAP_NET_RAW is missing");
    let command_line = lines[1].strip_prefix("hint: sudo ").unwrap();
    assert_eq!(command_line, format!("setcap cap_net_raw=eip {}", program.display()));

    let done = as_nobody(&lab, &program, &["interfaces"]);
    let (listed, said) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(listed.contains("no right to capture"), "{listed}");
    assert!(said.contains("setcap cap_net_raw=eip"), "{said}");

    // What is advised helps.
    let words: Vec<&str> = command_line.split(' ').collect();
    if !command(words[0]).args(&words[1..]).status().unwrap().success() {
        eprintln!("skipped: this file system has no capabilities");
        return;
    }
    let done = as_nobody(&lab, &program, &["live", "-i", "v0", "--seconds", "1", "--verbose"]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(said.contains("with CAP_NET_RAW only."), "{said}");
    let done = as_nobody(&lab, &program, &["interfaces", "--format", "json"]);
    let list: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let v0 = list.as_array().unwrap().iter().find(|interface| interface["name"] == "v0").unwrap();
    assert_eq!(v0["problem"], serde_json::Value::Null);
    assert_eq!(v0["state"], "up");
    assert_eq!(v0["addresses"][0], crate::lab::BROKER);
}

#[test]
fn root_goes_on_as_nobody_with_one_capability() {
    let Some(lab) = Lab::new(&[]) else { return };
    let live = lab.live(&["-i", "v0", "-v"]);
    crate::lab::wait_for("rights to be given up", || {
        live.said().contains("Starts no program") || live.said().contains("seccomp")
    });
    let status = status_of(live.child.id());
    assert!(status["Uid"].split('\t').all(|id| id == "65534"), "{status:?}");
    assert!(status["Gid"].split('\t').all(|id| id != "0"), "{status:?}");
    // 1 << 13, capabilities(7).
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(status[set], "0000000000002000", "{set}");
    }
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(status[set], "0000000000000000", "{set}");
    }
    assert_eq!(status["NoNewPrivs"], "1");
    if !live.said().contains("seccomp does not hold") {
        assert_eq!(status["Seccomp"], "2");
    }
}

#[test]
fn root_can_stay_and_can_go_on_as_somebody() {
    let Some(lab) = Lab::new(&[]) else { return };
    let live = lab.live(&["-i", "v0", "--user", "root", "--no-sandbox", "-v"]);
    crate::lab::wait_for("rights to be given up", || live.said().contains("--no-sandbox"));
    let status = status_of(live.child.id());
    assert!(status["Uid"].starts_with('0'), "{status:?}");
    assert_eq!(status["CapEff"], "0000000000002000");
    assert_eq!(status["Seccomp"], "0");
    let done = Command::new(env!("CARGO_BIN_EXE_mqttcap"))
        .args(["live", "-i", "lo", "--user", "no-such-user"])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8(done.stderr).unwrap().starts_with("error: there is no user no-such-user\n"));
}
