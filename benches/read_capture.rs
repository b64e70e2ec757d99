//! Times `mqttcap read` with its table as a whole program on captures that it generates itself.
//!
//! `cargo bench --bench read_capture -- [MEGABYTES] [RUNS]` (1000 and 5 unless told) writes the
//! captures into cargo's target folder, reads each several times and prints medians and peak memory.
//! One file is a tenth of the other: equal memory shows that it does not grow with the file.
#![allow(clippy::disallowed_methods)] // a benchmark looks at the clock and writes files

mod workload;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<u64>().ok());
    let megabytes = numbers.next().unwrap_or(1000);
    let runs = usize::try_from(numbers.next().unwrap_or(5)).unwrap_or(5).max(1);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));

    let mut out = io::stdout().lock();
    writeln!(out, "{}", machine())?;
    writeln!(out, "median of {runs} runs, file in page cache\n")?;
    writeln!(out, "| program | capture | packets | seconds | packets/s | peak memory |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for megabytes in [megabytes / 10, megabytes] {
        let path = folder.join(format!("small-messages-{megabytes}.pcap"));
        let packets = generate(&path, megabytes * 1_000_000)?;
        let name = format!("{megabytes} MB, 10,000 clients");
        let mqttcap = PathBuf::from(env!("CARGO_BIN_EXE_mqttcap"));
        let path_text = path.display().to_string();
        report(&mut out, "mqttcap read", &name, packets, runs, &mqttcap, &["read", &path_text])?;
        if Command::new("tcpdump").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok() {
            let arguments = ["-r", &path_text, "-w", "/dev/null"];
            report(&mut out, "tcpdump -w /dev/null", &name, packets, runs, Path::new("tcpdump"), &arguments)?;
        }
        fs::remove_file(&path)?;
    }
    Ok(())
}

fn report(
    out: &mut impl Write,
    program: &str,
    name: &str,
    packets: u64,
    runs: usize,
    path: &Path,
    arguments: &[&str],
) -> io::Result<()> {
    let mut times = Vec::new();
    let mut peak = 0;
    for _ in 0..runs {
        let (time, memory) = run(path, arguments)?;
        times.push(time);
        peak = peak.max(memory);
    }
    times.sort();
    let seconds = times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // a packet count fits f64
    let rate = packets as f64 / seconds;
    let memory = peak / 1024;
    writeln!(out, "| {program} | {name} | {packets} | {seconds:.2} | {:.2} million | {memory} MiB |", rate / 1e6)
}

/// Runs a program to its end: how long it took, and its peak resident memory in KiB.
fn run(path: &Path, arguments: &[&str]) -> io::Result<(Duration, u64)> {
    let begin = Instant::now();
    let mut child = Command::new(path).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Ok(text) = fs::read_to_string(&status) {
            let memory = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let memory = memory.and_then(|memory| memory.trim().trim_end_matches(" kB").parse().ok());
            peak = memory.unwrap_or(0).max(peak);
        }
        if child.try_wait()?.is_some() {
            return Ok((begin.elapsed(), peak));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn generate(path: &Path, bytes: u64) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let frames = workload::small::write(&mut out, workload::CLIENTS, bytes)?.frames;
    out.flush()?;
    Ok(frames)
}

/// The machine and the versions, as far as they can be read.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("mqttcap {}, {} cores, {}", env!("CARGO_PKG_VERSION"), cores, model.trim_start_matches([' ', '\t', ':']))
}
