//! What is told of sessions: the same as `read` tells of what tcpdump captured, and soon.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::lab::{BROKER, Lab, wait_for};

const PROGRAMS: [&str; 4] = ["mosquitto", "mosquitto_pub", "mosquitto_sub", "tcpdump"];

/// What of a session does not depend on how frames are numbered and how exact their times are.
fn story(session: &Value) -> Value {
    let timeline = session["timeline"].as_array().unwrap();
    let timeline: Vec<Value> = timeline.iter().map(|event| serde_json::json!([event["side"], event["kind"]])).collect();
    let findings: Vec<&Value> = session["findings"].as_array().unwrap().iter().map(|finding| &finding["id"]).collect();
    serde_json::json!({
        "client": session["client"], "server": session["server"], "client_id": session["client_id"],
        "version": session["version"], "keep_alive": session["keep_alive"], "counts": session["counts"],
        "outcome": session["outcome"]["id"], "code": session["outcome"]["code"], "findings": findings, "timeline": timeline,
    })
}

/// The sessions of lines of JSON, in the order of their clients.
fn stories(lines: &str) -> Vec<Value> {
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut stories: Vec<Value> = lines.filter(|line| line["kind"] == "session").map(|line| story(&line)).collect();
    stories.sort_by_key(|story| (story["client"]["address"].to_string(), story["client"]["port"].as_u64()));
    stories
}

#[test]
fn the_same_is_told_as_of_what_tcpdump_captured() {
    let Some(mut lab) = Lab::new(&PROGRAMS) else { return };
    let broker = lab.broker();
    let capture = lab.folder.path().join("tcpdump.pcap");
    let mut tcpdump = lab.inside(&lab.gateway, "tcpdump");
    tcpdump.args(["-i", "v0", "-U", "-Z", "root", "-w"]).arg(&capture);
    let tcpdump = lab.start(tcpdump);
    wait_for("tcpdump", || capture.exists());
    let live = lab.live(&["-i", "v0", "--format", "ndjson"]);
    let mut subscriber = lab.inside(&lab.client, "mosquitto_sub");
    subscriber.args(["-h", BROKER, "-t", "plant/#", "-q", "1", "-i", "listener", "-V", "5"]);
    let subscriber = lab.start(subscriber);
    for (number, more) in [
        &["-q", "0"][..],
        &["-q", "1"],
        &["-q", "2", "-V", "5"],
        &["-V", "mqttv31", "-r"],
        &["--will-topic", "plant/gone", "--will-payload", "x", "-k", "5"],
        // Nobody listens on this port.
        &["-p", "1884"],
        // The name of one that is there: it is taken over.
        &["-i", "listener"],
    ]
    .into_iter()
    .enumerate()
    {
        lab.publish(&format!("sensor-{number}"), more);
    }
    // Whoever listens tries again a second after it was taken over.
    sleep(Duration::from_millis(1500));
    lab.stop(broker, "KILL");
    sleep(Duration::from_millis(3500));
    // It knocks for ever: what came between the two ends below only one would see.
    lab.stop(subscriber, "KILL");
    let size = || fs::metadata(&capture).map_or(0, |file| file.len());
    wait_for("tcpdump to have written all", || {
        let before = size();
        sleep(Duration::from_millis(500));
        size() == before
    });
    lab.stop(tcpdump, "INT");
    let (status, live, said) = live.end("INT");
    assert_eq!(status.code(), Some(130), "{said}");
    let read =
        Command::new(env!("CARGO_BIN_EXE_mqttcap")).arg("read").arg(&capture).args(["--format", "ndjson"]).output();
    let read = stories(&String::from_utf8(read.unwrap().stdout).unwrap());
    let exact = |line: &str| line.contains("\"started\":") && !line.contains("000Z\",\"ended\"");
    assert!(live.lines().any(exact), "time is stamped in nanoseconds");
    let live = stories(&live);
    assert!(read.len() >= 8, "{read:#?}");
    assert_eq!(live.len(), read.len());
    for (live, read) in live.iter().zip(&read) {
        assert_eq!(live, read);
    }
}

#[test]
fn an_end_is_told_within_a_second() {
    let Some(mut lab) = Lab::new(&PROGRAMS) else { return };
    let broker = lab.broker();
    let live = lab.live(&["-i", "v0"]);
    let mut subscriber = lab.inside(&lab.client, "mosquitto_sub");
    subscriber.args(["-h", BROKER, "-t", "plant/#", "-i", "listener"]);
    lab.start(subscriber);
    sleep(Duration::from_millis(500));
    lab.stop(broker, "KILL");
    let waited = wait_for("the end to be told", || live.written().contains("listener"));
    assert!(waited < Duration::from_millis(1200), "{waited:?}");
}

/// Lets nothing through to the broker, so that its clients get no answer.
fn deafen(lab: &Lab) -> bool {
    let rule = ["-A", "INPUT", "-p", "tcp", "--dport", "1883", "-j", "DROP"];
    let done = lab.inside(&lab.gateway, "iptables").args(rule).status().is_ok_and(|status| status.success());
    if !done {
        eprintln!("skipped: iptables cannot drop packets here");
    }
    done
}

#[test]
fn a_client_that_gets_no_answer_is_told_before_it_gives_up() {
    let Some(mut lab) = Lab::new(&PROGRAMS) else { return };
    if !deafen(&lab) {
        return;
    }
    let live = lab.live(&["-i", "v0"]);
    let mut client = lab.inside(&lab.client, "mosquitto_pub");
    client.args(["-h", BROKER, "-t", "plant/1", "-m", "21", "-i", "sensor"]);
    lab.start(client);
    wait_for("the vain attempt to be told", || live.written().contains("knocked on"));
}
