//! Measures `mqttcap live` on a veth pair into which tcpreplay sends a generated capture of 10,000 clients.
//!
//! `cargo bench --bench live_capture -- drops` sends it at rising rates to mqttcap and to `tcpdump -w /dev/null`, one
//! after the other, and prints what each lost. `… -- memory MINUTES` sends it again and again as fast as it can be sent
//! and prints the memory once a minute. Needs root, Linux, iproute2, tcpdump and tcpreplay.
#![allow(clippy::disallowed_methods)] // a benchmark looks at the clock and writes files

mod workload;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const GATEWAY: &str = "mqlive-bench-g";
const CLIENT: &str = "mqlive-bench-c";
/// Packets a second; `None` is as fast as tcpreplay can.
const RATES: [Option<u32>; 6] = [Some(50_000), Some(100_000), Some(200_000), Some(300_000), Some(400_000), None];
/// Bytes of the capture that is sent.
const BYTES: u64 = 100_000_000;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let minutes = arguments.iter().find_map(|argument| argument.parse::<u64>().ok()).unwrap_or(10);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("live.pcap");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    let packets = workload::small::write(&mut out, workload::CLIENTS, BYTES)?.frames;
    out.flush()?;
    drop(out);
    connect()?;
    let done = if arguments.iter().any(|argument| argument == "memory") {
        memory(&path, minutes)
    } else if arguments.iter().any(|argument| argument == "drops") {
        drops(&path, packets)
    } else {
        let usage = "cargo bench --bench live_capture -- drops | memory MINUTES";
        Err(io::Error::new(io::ErrorKind::InvalidInput, usage))
    };
    disconnect();
    fs::remove_file(&path)?;
    done
}

fn drops(path: &Path, packets: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| packets/s asked for | sent | program | packets seen | lost | peak memory |\n|---|---|---|---|---|---|"
    )?;
    for rate in RATES {
        for mqttcap in [false, true] {
            let mut capture = if mqttcap { start_mqttcap()? } else { start_tcpdump()? };
            let begun = Instant::now();
            send(path, rate.map_or_else(|| vec!["-t".into()], |rate| vec!["-p".into(), rate.to_string()]))?;
            // tcpreplay reads the capture into memory first: a second, about.
            let took = begun.elapsed();
            sleep(Duration::from_millis(1500));
            let peak = memory_of(&capture, "VmHWM:") / 1024;
            let seen = end(&mut capture, mqttcap)?;
            let asked = rate.map_or("as fast as possible".to_owned(), |rate| rate.to_string());
            let name = if mqttcap { "mqttcap live" } else { "tcpdump -w /dev/null" };
            let lost = packets.saturating_sub(seen);
            writeln!(
                out,
                "| {asked} | {packets} in {:.1} s | {name} | {seen} | {lost} | {peak} MiB |",
                took.as_secs_f64()
            )?;
        }
    }
    Ok(())
}

fn memory(path: &Path, minutes: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut capture = start_mqttcap()?;
    let begun = Instant::now();
    let mut replay = inside(CLIENT, "tcpreplay");
    replay.args(["-K", "-q", "-t", "-l", "100000000", "-i", "v0", "--duration", &(minutes * 60).to_string()]).arg(path);
    let mut replay = replay.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    writeln!(out, "| minute | memory |\n|---|---|")?;
    for minute in 0..=minutes {
        while begun.elapsed() < Duration::from_secs(minute * 60 + 5) {
            sleep(Duration::from_millis(100));
        }
        writeln!(out, "| {minute} | {} MiB |", memory_of(&capture, "VmRSS:") / 1024)?;
    }
    replay.wait()?;
    let peak = memory_of(&capture, "VmHWM:") / 1024;
    let seen = end(&mut capture, true)?;
    writeln!(out, "\n{seen} packets seen; peak {peak} MiB")
}

fn start_mqttcap() -> io::Result<Child> {
    let mut command = inside(GATEWAY, env!("CARGO_BIN_EXE_mqttcap"));
    command.args(["live", "-i", "v0", "--only", "problems", "--user", "root", "--output"]).arg(report());
    start(command)
}

fn start_tcpdump() -> io::Result<Child> {
    let mut command = inside(GATEWAY, "tcpdump");
    command.args(["-i", "v0", "-Z", "root", "-w", "/dev/null"]);
    start(command)
}

fn start(mut command: Command) -> io::Result<Child> {
    let child = command.stdout(Stdio::null()).stderr(File::create(said())?).spawn()?;
    sleep(Duration::from_secs(1));
    Ok(child)
}

/// Ends a capture; the packets that it saw.
fn end(capture: &mut Child, mqttcap: bool) -> io::Result<u64> {
    Command::new("kill").args(["-INT", &capture.id().to_string()]).status()?;
    capture.wait()?;
    let (text, after) = if mqttcap {
        (fs::read_to_string(report())?, " packets over ")
    } else {
        (fs::read_to_string(said())?, " packets captured")
    };
    let number = text.split_once(after).and_then(|(before, _)| before.split_whitespace().last());
    Ok(number.and_then(|number| number.replace(',', "").parse().ok()).unwrap_or(0))
}

fn said() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("live.err")
}

fn report() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("live.txt")
}

fn memory_of(child: &Child, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let memory = text.lines().find_map(|line| line.strip_prefix(field));
    memory.and_then(|memory| memory.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn send(path: &Path, more: Vec<String>) -> io::Result<()> {
    let mut command = inside(CLIENT, "tcpreplay");
    command.args(["-K", "-q", "-i", "v0"]).args(more).arg(path).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().map(drop)
}

fn inside(end: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", end, program]);
    command
}

fn connect() -> io::Result<()> {
    disconnect();
    for words in [
        format!("netns add {GATEWAY}"),
        format!("netns add {CLIENT}"),
        format!("-n {GATEWAY} link add v0 type veth peer name v0 netns {CLIENT}"),
        format!("-n {GATEWAY} link set v0 up"),
        format!("-n {CLIENT} link set v0 up"),
    ] {
        if !Command::new("ip").args(words.split(' ')).status()?.success() {
            return Err(io::Error::other(format!("ip {words} failed: is this root on Linux?")));
        }
    }
    Ok(())
}

fn disconnect() {
    for end in [GATEWAY, CLIENT] {
        let _ = Command::new("ip").args(["netns", "del", end]).stderr(Stdio::null()).status();
    }
}
