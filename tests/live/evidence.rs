//! What is kept and served while capturing, with the rights that are left after those that are not needed are gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{Lab, wait_for};

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = found.filter(|path| path.extension().is_some_and(|is| is == ending)).collect();
    found.sort();
    found
}

/// The lines of JSON that `mqttcap read` makes of files: each session's client and outcome.
fn read(files: &[PathBuf]) -> Vec<(String, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqttcap"));
    let done = command.arg("read").args(["--format", "ndjson"]).args(files).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    sessions(&String::from_utf8(done.stdout).unwrap())
}

fn sessions(lines: &str) -> Vec<(String, String)> {
    let values = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let told = values.filter(|value| value["kind"] == "session");
    told.map(|session| (session["client"].to_string(), session["outcome"]["id"].to_string())).collect()
}

#[test]
fn evidence_is_kept_and_metrics_are_served_as_nobody() {
    let Some(mut lab) = Lab::new(&["mosquitto", "mosquitto_pub", "mosquitto_sub", "bash"]) else { return };
    let broker = lab.broker();
    let folder = lab.folder.path().join("kept");
    fs::create_dir(&folder).unwrap();
    let mut open = fs::metadata(&folder).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o777);
    fs::set_permissions(&folder, open).unwrap();
    // The folder above is root's only.
    let mut above = fs::metadata(lab.folder.path()).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut above, 0o755);
    fs::set_permissions(lab.folder.path(), above).unwrap();
    let (trace, problems) = (folder.join("trace.pcapng"), folder.join("problems"));
    let (trace, problems_name) = (trace.to_str().unwrap(), problems.to_str().unwrap());
    let keep =
        ["-w", trace, "--rotate-size", "2KiB", "--on-problem", problems_name, "--after", "1s", "--metrics", "9464"];
    let live = lab.live(&[&["-i", "v0", "--format", "ndjson"], &keep[..]].concat());

    lab.publish("sensor", &["-q", "1"]);
    let mut subscriber = lab.inside(&lab.client, "mosquitto_sub");
    subscriber.args(["-h", "10.77.0.1", "-t", "plant/#", "-i", "dashboard"]);
    lab.start(subscriber);
    wait_for("the subscriber", || {
        lab.publish("sensor", &["-q", "1"]);
        let ask = "exec 3<>/dev/tcp/127.0.0.1/9464; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
        let answer = lab.inside(&lab.gateway, "bash").args(["-c", ask]).output().unwrap();
        String::from_utf8_lossy(&answer.stdout).contains("mqttcap_publishes_total{sender=\"server\",qos=\"0\"}")
    });
    lab.stop(broker, "KILL");
    wait_for("the evidence", || !files(&problems, "json").is_empty());
    let (status, written, said) = live.end("TERM");
    assert_eq!(status.code(), Some(130), "{said}");

    let kept = files(&folder, "pcapng");
    assert!(kept.len() > 1, "{kept:?} {said}");
    // In both, sessions come in the order of their end or of their beginning.
    let (mut told, mut found) = (sessions(&written), read(&kept));
    told.sort();
    found.sort();
    assert_eq!(found, told);
    for capture in files(&problems, "pcapng") {
        let document: serde_json::Value =
            serde_json::from_slice(&fs::read(capture.with_extension("json")).unwrap()).unwrap();
        let session = &document["session"];
        let same = (session["client"].to_string(), session["outcome"]["id"].to_string());
        assert!(read(std::slice::from_ref(&capture)).contains(&same), "{same:?}");
    }
}
