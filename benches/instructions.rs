//! Counts the instructions of `mqttcap read` on small fixed captures, and compares them with those on record.
//!
//! `cargo bench --bench instructions` fails where a capture takes over 3 % more than `benches/instructions.toml` says, and names
//! the functions that rose most; `… -- record` writes the file. Counts depend on compiler, C library and processor: where these
//! are others than on record nothing is compared. Needs valgrind; says so where it is not there.
#![allow(clippy::print_stdout, clippy::disallowed_methods)] // what a benchmark is for; it reads and writes files

mod workload;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use toml::{Table, Value};
use workload::Workload;

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.toml");
/// Kilobytes of each workload: some thousand packets.
const INPUTS: [(Workload, u64); 5] = [
    (Workload::Small, 2000),
    (Workload::Bulk, 4000),
    (Workload::Connections, 3000),
    (Workload::Noise, 4000),
    (Workload::Lossy, 2000),
];
/// A rise or fall of more than this share is told.
const TOLERANCE: f64 = 0.03;
/// Functions with a larger share of the instructions are on record.
const LISTED: f64 = 0.002;

/// Instructions of each function without those it calls.
type Counts = BTreeMap<String, i64>;

fn main() -> io::Result<ExitCode> {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: valgrind is not installed");
        return Ok(ExitCode::SUCCESS);
    }
    let here = conditions();
    if std::env::args().any(|argument| argument == "record") {
        return record(here);
    }
    // Before the first record there is no file.
    let on_record: Table = fs::read_to_string(RECORD).unwrap_or_default().parse().map_err(io::Error::other)?;
    for (what, now) in &here {
        let then = on_record.get(what);
        if then != Some(now) {
            println!("not compared: {what} is {now} here, {} on record", then.unwrap_or(&Value::from("nothing")));
            return Ok(ExitCode::SUCCESS);
        }
    }
    let mut risen = false;
    for (workload, kilobytes) in INPUTS {
        let counts = counted(workload, kilobytes)?;
        let then = on_record.get(workload.name()).and_then(Value::as_table).cloned().unwrap_or_default();
        risen |= compare(workload.name(), &counts, &then);
    }
    Ok(if risen { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the counts depend on beside the program.
fn conditions() -> Table {
    let first = |program: &str, arguments: &[&str]| {
        let said = Command::new(program).args(arguments).output().map(|done| done.stdout).unwrap_or_default();
        Value::from(String::from_utf8_lossy(&said).lines().next().unwrap_or("unknown").to_owned())
    };
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = processor.lines().find_map(|line| line.strip_prefix("flags")).unwrap_or_default();
    // The C library chooses its memcpy by these; valgrind knows no later ones.
    let known = ["avx2", "erms", "fsrm"].into_iter().filter(|known| flags.split(' ').any(|flag| flag == *known));
    Table::from_iter([
        ("compiler".to_owned(), first("rustc", &["--version"])),
        ("c_library".to_owned(), first("ldd", &["--version"])),
        ("valgrind".to_owned(), first("valgrind", &["--version"])),
        ("processor".to_owned(), Value::from(known.collect::<Vec<_>>().join(" "))),
    ])
}

fn record(mut table: Table) -> io::Result<ExitCode> {
    for (workload, kilobytes) in INPUTS {
        let counts = counted(workload, kilobytes)?;
        let total: i64 = counts.values().sum();
        let mut of_workload = Table::from_iter([("total".to_owned(), Value::from(total))]);
        let listed = counts.into_iter().filter(|(_, count)| share(*count, total) > LISTED);
        of_workload.extend(listed.map(|(function, count)| (function, Value::from(count))));
        println!("{}: {total}", workload.name());
        table.insert(workload.name().to_owned(), Value::from(of_workload));
    }
    let head = "# Instructions of `mqttcap read`, and of its functions without what they call: `make instructions` writes this.\n";
    fs::write(RECORD, format!("{head}{table}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Says how the counts differ from those on record. Whether they rose.
fn compare(name: &str, counts: &Counts, then: &Table) -> bool {
    let total: i64 = counts.values().sum();
    let Some(before) = then.get("total").and_then(Value::as_integer) else {
        println!("{name}: {total}; nothing is on record: `make instructions` records it");
        return true;
    };
    let change = share(total - before, before);
    println!("{name}: {total}, {:+.2} %", 100.0 * change);
    if change < -TOLERANCE {
        println!("  less than on record: `make instructions` records it");
    }
    if change <= TOLERANCE {
        return false;
    }
    // A function that is not on record took less than all that are.
    let least = then.values().filter_map(Value::as_integer).min().unwrap_or(0);
    let on_record = |function: &str| then.get(function).and_then(Value::as_integer).unwrap_or(least);
    let mut rises: Vec<(i64, &String)> = counts.iter().map(|(name, count)| (count - on_record(name), name)).collect();
    rises.sort_by_key(|(rise, _)| -rise);
    println!("  more than {:.0} % above the record; it rose most in", 100.0 * TOLERANCE);
    for (rise, function) in rises.into_iter().take(5) {
        let known = if then.contains_key(function) { "" } else { "at most " };
        println!("  {rise:+} {function} ({known}{} on record)", on_record(function));
    }
    true
}

#[allow(clippy::cast_precision_loss)] // a count fits f64
fn share(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}

/// Runs `mqttcap read` under callgrind.
fn counted(workload: Workload, kilobytes: u64) -> io::Result<Counts> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let capture = folder.join(format!("instructions-{}.pcap", workload.name()));
    let profile = folder.join(format!("instructions-{}.callgrind", workload.name()));
    let mut bytes = Vec::new();
    workload.write(&mut bytes, kilobytes)?;
    fs::write(&capture, bytes)?;
    let mut command = Command::new("valgrind");
    command.args(["-q", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no"]);
    command.arg(format!("--callgrind-out-file={}", profile.display()));
    command.arg(env!("CARGO_BIN_EXE_mqttcap")).args(["read", "--threads", "1"]).arg(&capture);
    let done = command.stdout(Stdio::null()).stderr(Stdio::inherit()).status()?;
    if !done.success() {
        return Err(io::Error::other(format!("{command:?} ended with {done}")));
    }
    let counts = of_profile(&fs::read_to_string(&profile)?);
    fs::remove_file(capture)?;
    fs::remove_file(profile)?;
    Ok(counts)
}

/// The costs of each function in a profile: <https://valgrind.org/docs/manual/cl-format.html>.
fn of_profile(profile: &str) -> Counts {
    let mut counts = Counts::new();
    let mut function = String::new();
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("fn=") {
            without_hash(name).clone_into(&mut function);
        } else if line.starts_with("calls=") {
            lines.next(); // what the called function cost
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse().ok()).unwrap_or(0);
            *counts.entry(function.clone()).or_default() += cost;
        }
    }
    counts
}

/// `a::b::h0123456789abcdef` is `a::b`.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => path,
        _ => name,
    }
}
