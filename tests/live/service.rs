//! What a capture that runs for months meets: interfaces that go away, full disks, readers that leave, signals.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::lab::{Lab, command, wait_for};

const PROGRAMS: [&str; 2] = ["mosquitto", "mosquitto_pub"];

#[test]
fn an_interface_that_goes_away_is_waited_for() {
    let Some(mut lab) = Lab::new(&PROGRAMS) else { return };
    lab.broker();
    let live = lab.live(&["-i", "v0,lo"]);
    lab.publish("before", &[]);
    let times = |words: &str| live.said().matches(words).count();
    let times_up = || times("v0 is up again");

    lab.link(&lab.gateway, &["set", "v0", "down"]);
    wait_for("down to be said", || live.said().contains("v0 is down; waiting"));
    // A link that comes up may go once more: what counts is that it is up after this.
    let before = times_up();
    lab.link(&lab.gateway, &["set", "v0", "up"]);
    wait_for("up to be said", || times_up() > before);
    lab.publish("after-down", &[]);

    let missed = times("v0 has no link; waiting");
    lab.link(&lab.client, &["set", "v0", "down"]);
    wait_for("the cable to be missed", || times("v0 has no link; waiting") > missed);
    let before = times_up();
    lab.link(&lab.client, &["set", "v0", "up"]);
    wait_for("up to be said", || times_up() > before);
    lab.publish("after-cable", &[]);

    // What came just before is not lost.
    lab.link(&lab.gateway, &["del", "v0"]);
    wait_for("gone to be said", || live.said().contains("v0 is gone; waiting"));
    let before = times_up();
    assert!(lab.connect());
    wait_for("up to be said", || times_up() > before);
    lab.publish("after-all", &[]);

    let (status, written, said) = live.end("TERM");
    assert_eq!(status.code(), Some(130), "{said}");
    for client in ["before", "after-down", "after-cable", "after-all"] {
        assert!(written.contains(client), "{client}: {written}{said}");
    }
}

#[test]
fn an_interface_that_is_down_at_first_is_waited_for() {
    let Some(mut lab) = Lab::new(&PROGRAMS) else { return };
    lab.broker();
    lab.link(&lab.gateway, &["set", "v0", "down"]);
    let live = lab.live(&["-i", "v0"]);
    wait_for("down to be said", || live.said().contains("v0 is down; waiting"));
    lab.link(&lab.gateway, &["set", "v0", "up"]);
    wait_for("up to be said", || live.said().contains("v0 is up again"));
    lab.publish("sensor", &[]);
    let (_, written, said) = live.end("INT");
    assert!(written.contains("sensor"), "{written}{said}");
}

#[test]
fn a_full_disk_ends_it_with_one_line() {
    let Some(mut lab) = Lab::new(&PROGRAMS) else { return };
    let disk = lab.folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted =
        command("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&disk).stderr(Stdio::null()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: nothing can be mounted here");
        return;
    }
    lab.broker();
    let out = disk.join("sessions.ndjson");
    let mut live = lab.live(&["-i", "v0", "--format", "ndjson", "--output", out.to_str().unwrap()]);
    // Fails when there is no room for it all.
    let _ = fs::write(disk.join("filler"), vec![0; 128 << 10]);
    lab.publish("sensor", &[]);
    let status = live.ended();
    let said = live.said();
    assert!(command("umount").arg(&disk).status().unwrap().success());
    assert_eq!(status.code(), Some(2), "{said}");
    let error = format!("error: cannot write {}: No space left on device", out.display());
    assert_eq!(said.lines().filter(|line| line.contains("error:")).count(), 1, "{said}");
    assert!(said.contains(&error), "{said}");
    assert!(said.contains("captured "), "{said}");
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut command = lab.inside(&lab.gateway, env!("CARGO_BIN_EXE_mqttcap"));
    let mut child = command.args(["live", "-i", "v0"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none());
    // Nothing is there to be written: it has to look.
    drop(child.stdout.take());
    wait_for("the end", || child.try_wait().unwrap().is_some());
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert_eq!(said.lines().count(), 1, "only what it captures on is said: {said}");
}

#[test]
fn a_hang_up_opens_the_output_anew() {
    let Some(mut lab) = Lab::new(&PROGRAMS) else { return };
    lab.broker();
    let (out, old) = (lab.folder.path().join("log/out.ndjson"), lab.folder.path().join("log/out.ndjson.1"));
    fs::create_dir(out.parent().unwrap()).unwrap();
    // The log belongs to whom the program goes on as.
    let folder = lab.folder.path();
    assert!(command("chmod").arg("755").arg(folder).status().unwrap().success());
    assert!(command("chown").arg("nobody").arg(out.parent().unwrap()).status().unwrap().success());
    let live = lab.live(&["-i", "v0", "--format", "ndjson", "--output", out.to_str().unwrap()]);
    lab.publish("alpha", &[]);
    wait_for("the first session", || fs::read_to_string(&out).unwrap().contains("alpha"));
    fs::rename(&out, &old).unwrap();
    live.send("HUP");
    wait_for("a new file", || out.exists());
    lab.publish("omega", &[]);
    wait_for("the second session", || fs::read_to_string(&out).unwrap().contains("omega"));
    let (status, _, said) = live.end("TERM");
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(!fs::read_to_string(&old).unwrap().contains("omega"));
}
