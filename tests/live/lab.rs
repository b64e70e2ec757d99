//! Two network namespaces with a cable between them: a gateway with the broker, and a client.
//!
//! Invariant: names are this process's own, and everything is gone when the lab is dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The gateway's address.
pub const BROKER: &str = "10.77.0.1";
/// The client's.
pub const CLIENT: &str = "10.77.0.2";

pub struct Lab {
    pub gateway: String,
    pub client: String,
    pub folder: tempfile::TempDir,
    started: Vec<Child>,
}

/// A running `mqttcap live`.
pub struct Live {
    pub child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// Whether what a test needs is here; else says why it is skipped.
pub fn has(programs: &[&str]) -> bool {
    let id = Command::new("id").arg("-u").output();
    let is_root = id.is_ok_and(|done| done.stdout.trim_ascii() == b"0");
    let missing: Vec<&&str> = programs.iter().filter(|program| !is_there(program)).collect();
    if !is_root {
        eprintln!("skipped: network namespaces need root");
    } else if !missing.is_empty() {
        eprintln!("skipped: not installed: {missing:?}");
    }
    is_root && missing.is_empty()
}

fn is_there(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    path.split(':').any(|folder| Path::new(folder).join(program).exists())
}

pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin");
    command
}

fn ip(arguments: &[&str]) -> bool {
    let done = command("ip").args(arguments).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

impl Lab {
    /// Connects the two; `None`, with a word why, where that cannot be done.
    pub fn new(programs: &[&str]) -> Option<Lab> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !has(&[programs, &["ip"]].concat()) {
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = |end| format!("mqlive-{}-{number}-{end}", std::process::id());
        let lab =
            Lab { gateway: name("g"), client: name("c"), folder: tempfile::tempdir().unwrap(), started: Vec::new() };
        let made = ip(&["netns", "add", &lab.gateway]) && ip(&["netns", "add", &lab.client]);
        if !made || !lab.connect() {
            eprintln!("skipped: no network namespaces or no veth here");
            return None;
        }
        Some(lab)
    }

    /// Lays the cable, and gives the ends their addresses.
    pub fn connect(&self) -> bool {
        let (gateway, client) = (self.gateway.as_str(), self.client.as_str());
        let address = |address| format!("{address}/24");
        ip(&["-n", gateway, "link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", client])
            && ip(&["-n", gateway, "addr", "add", &address(BROKER), "dev", "v0"])
            && ip(&["-n", client, "addr", "add", &address(CLIENT), "dev", "v0"])
            && [gateway, client].iter().all(|end| ip(&["-n", end, "link", "set", "lo", "up"]))
            && [gateway, client].iter().all(|end| ip(&["-n", end, "link", "set", "v0", "up"]))
    }

    /// Changes a link: `["set", "v0", "down"]`.
    pub fn link(&self, end: &str, change: &[&str]) {
        assert!(ip(&[&["-n", end, "link"], change].concat()), "{change:?}");
    }

    /// Lays a tunnel beside the cable: VXLAN, with an address at each end; false where the kernel has none.
    pub fn tunnel(&self, addresses: [&str; 2]) -> bool {
        let ends = [(&self.gateway, BROKER, CLIENT, addresses[0]), (&self.client, CLIENT, BROKER, addresses[1])];
        ends.iter().all(|(end, local, remote, address)| {
            let kind = ["type", "vxlan", "id", "42", "dstport", "4789", "dev", "v0"];
            ip(&[&["-n", end, "link", "add", "vx0"], &kind[..], &["local", local, "remote", remote]].concat())
                && ip(&["-n", end, "addr", "add", &format!("{address}/24"), "dev", "vx0"])
                && ip(&["-n", end, "link", "set", "vx0", "up"])
        })
    }

    /// A command inside a namespace.
    pub fn inside(&self, end: &str, program: &str) -> Command {
        let mut command = command("ip");
        command.args(["netns", "exec", end, program]).stdin(Stdio::null());
        command
    }

    /// Starts a command that ends with the lab.
    pub fn start(&mut self, mut command: Command) -> usize {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.started.push(child);
        self.started.len() - 1
    }

    /// Sends a signal to what was started, and waits for its end.
    pub fn stop(&mut self, index: usize, signal: &str) {
        send(&self.started[index], signal);
        self.started[index].wait().unwrap();
    }

    /// A broker that takes everybody.
    pub fn broker(&mut self) -> usize {
        let config = self.folder.path().join("mosquitto.conf");
        fs::write(&config, "user root\nlistener 1883 0.0.0.0\nallow_anonymous true\n").unwrap();
        let mut command = self.inside(&self.gateway, "mosquitto");
        command.arg("-c").arg(config);
        let index = self.start(command);
        wait_for("the broker", || {
            let mut probe = self.inside(&self.client, "mosquitto_pub");
            probe.args(["-h", BROKER, "-t", "probe", "-n", "-i", "probe"]);
            probe.stderr(Stdio::null()).status().unwrap().success()
        });
        index
    }

    /// One message of a client.
    pub fn publish(&self, id: &str, more: &[&str]) {
        let mut command = self.inside(&self.client, "mosquitto_pub");
        command.args(["-h", BROKER, "-t", "plant/7", "-m", "21.5", "-i", id]).args(more);
        command.stderr(Stdio::null()).status().unwrap();
    }

    /// `mqttcap live` on the gateway, once it captures.
    pub fn live(&self, arguments: &[&str]) -> Live {
        self.live_as(Path::new(env!("CARGO_BIN_EXE_mqttcap")), &[], arguments)
    }

    /// The same of another executable, after other programs.
    pub fn live_as(&self, program: &Path, before: &[&str], arguments: &[&str]) -> Live {
        let at = |name: &str| self.folder.path().join(format!("{}-{name}", arguments.join("").replace('/', "_")));
        let (out, err) = (at("out"), at("err"));
        let mut words: Vec<&str> = before.to_vec();
        words.push(program.to_str().unwrap());
        let mut command = self.inside(&self.gateway, words[0]);
        command.args(&words[1..]).arg("live").args(arguments);
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let mut live = Live { child: command.spawn().unwrap(), out, err };
        wait_for("the capture to begin", || live.has_ended() || live.said().contains("capturing on"));
        live
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.started {
            let _ = child.kill();
            let _ = child.wait();
        }
        for end in [&self.gateway, &self.client] {
            ip(&["netns", "del", end]);
        }
    }
}

impl Live {
    /// What was written so far.
    pub fn written(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// What was said so far, beside that.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal.
    pub fn send(&self, signal: &str) {
        send(&self.child, signal);
    }

    /// Ends it; its status, and all that was written and said.
    pub fn end(mut self, signal: &str) -> (ExitStatus, String, String) {
        self.send(signal);
        let status = self.ended();
        (status, self.written(), self.said())
    }

    /// Waits for the end.
    pub fn ended(&mut self) -> ExitStatus {
        wait_for("the end", || self.has_ended());
        self.child.wait().unwrap()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(child: &Child, signal: &str) {
    let sent = command("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
}

/// Waits until something is so, ten seconds at most.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "waited too long for {what}");
        sleep(Duration::from_millis(20));
    }
    begun.elapsed()
}
