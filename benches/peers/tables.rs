//! The tables: what was measured beside what the project wants.

use std::fmt::Write as _;
use std::io;

use super::Capture;
use super::measure::{Measured, in_turn};
use super::program::{Program, is_installed};
use super::workload::{CLIENTS, Workload, small};

const TCPDUMP: &str = "tcpdump -r FILE -w /dev/null";
const CAPINFOS: &str = "capinfos -c FILE";
const FIELDS: &str =
    "tshark -n -r FILE -Y mqtt -T fields -e frame.number -e mqtt.msgtype -e mqtt.clientid -e mqtt.topic";
const EK: &str = "tshark -n -r FILE -T ek -Y mqtt";

/// How much faster two threads should be than one.
const SPEED_UP: f64 = 1.6;

/// Most of tcpdump's time that `read` may take, on one thread and on two.
fn targets(workload: Workload) -> [Option<f64>; 2] {
    match workload {
        Workload::Small => [Some(0.75), Some(0.45)],
        Workload::Bulk => [Some(0.4); 2],
        Workload::Noise => [Some(0.5); 2],
        Workload::Connections => [Some(1.5), None],
        Workload::Lossy => [None, None],
    }
}

/// `read` beside tcpdump and others.
pub(crate) fn speed(workload: Workload, capture: &Capture, runs: usize) -> io::Result<String> {
    let mut programs = vec![Program::plain_read()];
    let with_tcpdump = is_installed("tcpdump");
    if with_tcpdump {
        programs.push(Program::called(TCPDUMP));
    }
    if is_installed("capinfos") {
        programs.push(Program::called(CAPINFOS));
    }
    let [one, two] = targets(workload);
    let mut wanted = vec![None; programs.len()];
    for (threads, target) in [(1, one), (2, two)] {
        programs.push(Program::read_on(threads));
        wanted.push(target);
    }
    let measured = in_turn(&programs, &capture.path, runs)?;
    let tcpdump = measured.get(1).filter(|_| with_tcpdump).map(|measured| measured.seconds);

    let tally = &capture.tally;
    let mut text = format!(
        "### {}: {}\n\n{} MB, {} packets, {} MQTT control packets\n\n",
        workload.name(),
        workload.about(),
        tally.bytes / 1_000_000,
        grouped(tally.frames),
        grouped(tally.packets.iter().sum())
    );
    text.push_str(
        "| program | seconds | million packets/s | × tcpdump | target | peak memory |\n|---|---|---|---|---|---|\n",
    );
    for ((program, measured), target) in programs.iter().zip(&measured).zip(wanted) {
        let ratio = tcpdump.map(|tcpdump| measured.seconds / tcpdump);
        let said = ratio.map_or("–".into(), |ratio| format!("{ratio:.2}"));
        let target = target
            .map_or(String::new(), |target| format!("≤ {target}{}", ratio.map_or("", |ratio| met(ratio <= target))));
        let rate = per_second(tally.frames, measured) / 1e6;
        line(
            &mut text,
            &[
                &code(program),
                &format!("{:.3}", measured.seconds),
                &format!("{rate:.2}"),
                &said,
                &target,
                &memory(measured),
            ],
        );
    }
    if let [.., one, two] = measured.as_slice() {
        let times = one.seconds / two.seconds;
        let _ = writeln!(
            text,
            "\nTwo threads are {times:.2} × as fast as one (target ≥ {SPEED_UP}{}).",
            met(times >= SPEED_UP)
        );
    }
    Ok(text)
}

/// `read` and `packets` beside tshark.
pub(crate) fn tshark(capture: &Capture, runs: usize) -> io::Result<String> {
    let tally = &capture.tally;
    let mut text =
        format!("### Beside tshark: `small`, {} MB, {} packets\n\n", tally.bytes / 1_000_000, grouped(tally.frames));
    if !is_installed("tshark") {
        text.push_str("tshark is not installed and left out.\n");
        return Ok(text);
    }
    let mut programs = vec![Program::called(FIELDS), Program::read_on(1), Program::read_on(2)];
    let fields = (programs.len(), 400.0);
    programs.push(Program::called(EK));
    programs.push(Program::called("mqttcap packets --format ndjson FILE"));
    let measured = in_turn(&programs, &capture.path, runs)?;
    text.push_str(
        "| program | seconds | packets/s | times as fast | target | peak memory |\n|---|---|---|---|---|---|\n",
    );
    let mut theirs = 0.0;
    for (number, (program, measured)) in programs.iter().zip(&measured).enumerate() {
        let target = if number < fields.0 { fields.1 } else { 500.0 };
        let is_theirs = number == 0 || number == fields.0;
        if is_theirs {
            theirs = measured.seconds;
        }
        let times = theirs / measured.seconds;
        let (said, target) = if is_theirs {
            (String::new(), String::new())
        } else {
            (format!("{times:.0} ×"), format!("≥ {target} ×{}", met(times >= target)))
        };
        let rate = per_second(tally.frames, measured);
        line(
            &mut text,
            &[
                &code(program),
                &format!("{:.3}", measured.seconds),
                &format!("{rate:.0}"),
                &said,
                &target,
                &memory(measured),
            ],
        );
    }
    Ok(text)
}

/// Peak memory on the same traffic for longer.
pub(crate) fn memory_by_size(megabytes: &[u64]) -> io::Result<String> {
    let mut text = format!("### Memory and the size of the capture: `small`, {} clients\n\n", grouped(CLIENTS.into()));
    let programs = [1, 2].map(Program::read_on);
    head(&mut text, "capture", &programs);
    for megabytes in megabytes {
        let capture = Capture::written("memory", |out| small::write(out, CLIENTS, megabytes * 1_000_000))?;
        let measured = in_turn(&programs, &capture.path, 1)?;
        let mut cells = vec![format!("{megabytes} MB")];
        cells.extend(measured.iter().map(memory));
        line(&mut text, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    Ok(text)
}

/// Peak memory by how many sessions are open at once.
pub(crate) fn memory_by_sessions() -> io::Result<String> {
    let mut text = "### Memory and open sessions: every client publishes a few times, then leaves\n\n".to_owned();
    let programs = [1, 2].map(Program::read_on);
    head(&mut text, "sessions open at once | target", &programs);
    for clients in [1_000, 10_000, 100_000_u32] {
        let capture = Capture::written("sessions", |out| small::write(out, clients, u64::from(clients) * 2_500))?;
        let measured = in_turn(&programs, &capture.path, 1)?;
        let target = (32 << 10) + u64::from(clients);
        let mut cells = vec![grouped(clients.into()), format!("≤ {}", tenths(target))];
        let peak = |measured: &Measured| format!("{}{}", tenths(measured.peak), met(measured.peak <= target));
        cells.extend(measured.iter().map(peak));
        line(&mut text, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text.push_str("\nThe target is 32 MiB and 1 KiB a session; what the report keeps of finished sessions comes on top, and is in what was measured.\n");
    Ok(text)
}

fn head(text: &mut String, first: &str, programs: &[Program]) {
    let names: Vec<String> = programs.iter().map(code).collect();
    let columns = first.split('|').count() + names.len();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {first} | {} |\n|{}", names.join(" | "), "---|".repeat(columns));
}

fn line(text: &mut String, cells: &[&str]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn code(program: &Program) -> String {
    if program.name.contains("FILE") { format!("`{}`", program.name) } else { program.name.clone() }
}

fn met(met: bool) -> &'static str {
    if met { ", met" } else { ", **not met**" }
}

fn memory(measured: &Measured) -> String {
    if measured.peak == 0 { "–".into() } else { format!("{} MiB", measured.peak.div_ceil(1024)) }
}

/// KiB as MiB, to a tenth.
fn tenths(kibibytes: u64) -> String {
    let tenths = (kibibytes * 10).div_ceil(1024);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[allow(clippy::cast_precision_loss)] // a packet count fits f64
fn per_second(packets: u64, measured: &Measured) -> f64 {
    packets as f64 / measured.seconds
}

/// With commas, as people write it.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
