//! How long a program takes and how much memory it needs.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::program::Program;

/// Pieces in which a file is read for comparison.
const PIECE: usize = 256 << 10;

/// What several runs of one program came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Median, in seconds.
    pub(crate) seconds: f64,
    /// Peak resident memory in KiB: the largest.
    pub(crate) peak: u64,
}

/// Runs all programs in turn, `runs` rounds of it, so that what else the machine does hits all alike.
pub(crate) fn in_turn(programs: &[Program], path: &Path, runs: usize) -> io::Result<Vec<Measured>> {
    let mut times = vec![Vec::new(); programs.len()];
    let mut peaks = vec![0; programs.len()];
    for _ in 0..runs {
        for ((program, times), peak) in programs.iter().zip(&mut times).zip(&mut peaks) {
            let (time, memory) = match program.command(path) {
                Some(command) => run(command)?,
                None => (read(path)?, 0),
            };
            times.push(time);
            *peak = memory.max(*peak);
        }
    }
    let medians = times.iter_mut().map(|times| {
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64()
    });
    Ok(medians.zip(peaks).map(|(seconds, peak)| Measured { seconds, peak }).collect())
}

/// Runs a program to its end.
fn run(mut command: Command) -> io::Result<(Duration, u64)> {
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let watch = thread::spawn(move || {
        let mut peak = 0;
        while let Ok(text) = fs::read_to_string(&status) {
            // A program that has ended has no memory any more.
            let Some(now) = text.lines().find_map(|line| line.strip_prefix("VmHWM:")) else { break };
            peak = now.trim().trim_end_matches(" kB").parse().unwrap_or(0).max(peak);
            thread::sleep(Duration::from_millis(5));
        }
        peak
    });
    let done = child.wait()?;
    let time = begin.elapsed();
    if !done.success() {
        return Err(io::Error::other(format!("{command:?} ended with {done}")));
    }
    Ok((time, watch.join().unwrap_or(0)))
}

/// Reads a file and does nothing else.
fn read(path: &Path) -> io::Result<Duration> {
    let mut piece = vec![0; PIECE];
    let begin = Instant::now();
    let mut file = File::open(path)?;
    while file.read(&mut piece)? > 0 {}
    Ok(begin.elapsed())
}
