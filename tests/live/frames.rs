//! What the kernel's filter lets pass: real frames with VLAN tags and in tunnels, on an interface and on all of them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::lab::{Lab, command, wait_for};

/// Two healthy sessions, of one client.
fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/healthy-v311-qos1.pcapng")
}

/// The sample with its frames changed by tcprewrite.
fn rewritten(lab: &Lab, changes: &[&str]) -> PathBuf {
    let path = lab.folder.path().join(format!("{}.pcap", changes.join("")));
    // tcprewrite writes the older format only.
    let plain = lab.folder.path().join("plain.pcap");
    let done = command("tcpdump").arg("-r").arg(sample()).arg("-w").arg(&plain).stderr(Stdio::null()).status();
    assert!(done.unwrap().success());
    let mut command = command("tcprewrite");
    command.args(changes).arg(format!("--infile={}", plain.display())).arg(format!("--outfile={}", path.display()));
    assert!(command.status().unwrap().success(), "{changes:?}");
    path
}

fn seen(lab: &Lab, frames: &Path, arguments: &[&str]) -> bool {
    let live = lab.live(arguments);
    let mut replay = lab.inside(&lab.client, "tcpreplay");
    replay.args(["-q", "-t", "-i", "v0"]).arg(frames).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(replay.status().unwrap().success());
    std::thread::sleep(std::time::Duration::from_millis(300));
    let (_, written, said) = live.end("INT");
    assert!(!said.contains("error"), "{said}");
    written.contains("✓ left properly")
}

#[test]
fn tagged_frames_pass_on_an_interface_and_on_any() {
    let Some(lab) = Lab::new(&["tcpreplay", "tcprewrite", "tcpdump"]) else { return };
    let tagged = rewritten(&lab, &["--enet-vlan=add", "--enet-vlan-tag=7", "--enet-vlan-pri=0", "--enet-vlan-cfi=0"]);
    // Frames are on their way to the other end: whoever takes the tag off, the sender or the receiver, it is told apart.
    for arguments in [&["-i", "v0"][..], &["-i", "any"], &["-i", "v0,lo"]] {
        assert!(seen(&lab, &tagged, arguments), "{arguments:?}");
    }
}

#[test]
fn what_is_not_wanted_never_reaches_the_program() {
    let Some(lab) = Lab::new(&["tcpreplay", "tcprewrite", "tcpdump"]) else { return };
    let plain = rewritten(&lab, &[]);
    let tagged = rewritten(&lab, &["--enet-vlan=add", "--enet-vlan-tag=7", "--enet-vlan-pri=0", "--enet-vlan-cfi=0"]);
    for frames in [&plain, &tagged] {
        assert!(seen(&lab, frames, &["-i", "v0", "--only-port", "1883"]));
        assert!(!seen(&lab, frames, &["-i", "v0", "--only-port", "8883"]));
        assert!(seen(&lab, frames, &["-i", "v0", "--host", "10.0.0.2"]));
        assert!(!seen(&lab, frames, &["-i", "v0", "--host", "10.0.0.99"]));
        assert!(seen(&lab, frames, &["-i", "v0", "--bpf", "port 1883"]));
        assert!(!seen(&lab, frames, &["-i", "v0", "--bpf", "port 1884"]));
    }
    assert!(seen(&lab, &tagged, &["-i", "v0", "--bpf", "vlan 7 and port 1883"]));
    assert!(!seen(&lab, &tagged, &["-i", "v0", "--bpf", "vlan 8 and port 1883"]));
}

#[test]
fn what_is_in_a_tunnel_passes() {
    let Some(mut lab) = Lab::new(&["mosquitto", "mosquitto_pub"]) else { return };
    if !lab.tunnel(["10.78.0.1", "10.78.0.2"]) {
        eprintln!("skipped: no VXLAN here");
        return;
    }
    lab.broker();
    // On the cable there is only UDP.
    let live = lab.live(&["-i", "v0", "--only-port", "1883"]);
    let mut client = lab.inside(&lab.client, "mosquitto_pub");
    assert!(client.args(["-h", "10.78.0.1", "-t", "plant/7", "-m", "x", "-i", "inside"]).status().unwrap().success());
    let (_, written, said) = live.end("INT");
    assert!(written.contains("inside"), "{written}{said}");
    assert!(written.contains("10.78.0.1:1883"), "{written}");
}

#[test]
fn a_filter_that_is_none_is_refused() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut live = lab.live(&["-i", "v0", "--bpf", "prot 1883"]);
    assert_eq!(live.ended().code(), Some(2));
    wait_for("the reason", || live.said().contains("error: \"prot 1883\" is no filter expression for v0"));
}
