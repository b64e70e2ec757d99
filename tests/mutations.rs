//! Every capture of `captures/`, damaged at random from a fixed seed, through all layers to every report: no panic, no
//! hang, and memory that stays under a mark.
//!
//! `MQTTCAP_MUTATIONS=100000 cargo test --release --test mutations -- --nocapture` tries many and says what it took. An
//! input that fails is written into cargo's target folder, ready for `fuzz/seeds/file`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr
)] // a test may fail

#[path = "../fuzz/checks/mod.rs"]
#[allow(dead_code)] // fuzzing has checks of single layers too
mod checks;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::{Compression, write::GzEncoder};

/// Mutations in a usual test run.
const FEW: u64 = 2000;
const SEED: u64 = 0x6d71_7474;
/// Peak resident memory of the whole run, all captures included, in KiB.
const MEMORY: u64 = 192 << 10;
/// Longer than any of these inputs can honestly take, on a loaded machine and without optimisation.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn damaged_captures_are_read_to_their_end() {
    let captures = captures();
    assert!(captures.len() > 100, "{} captures", captures.len());
    let count = std::env::var("MQTTCAP_MUTATIONS").map_or(FEW, |count| count.parse().unwrap());
    let (mut bytes, mut slowest) = (0, Duration::ZERO);
    let begin = Instant::now();
    for number in 0..count {
        let mut random = Random(SEED ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (name, capture) = random.one_of(&captures);
        let other = &random.one_of(&captures).1;
        let trial = Trial { number, name, input: mutated(capture, other, &mut random) };
        let begin = Instant::now();
        checks::file::check(&trial.input);
        slowest = slowest.max(begin.elapsed());
        assert!(begin.elapsed() < PATIENCE, "it takes {:?}", begin.elapsed());
        bytes += trial.input.len();
    }
    let peak = peak_memory();
    eprintln!("{count} mutations, {bytes} bytes, {:?}, slowest {slowest:?}, peak {peak:?} KiB", begin.elapsed());
    assert!(peak.is_none_or(|peak| peak < MEMORY), "{peak:?} KiB");
}

/// An input on trial: named and kept when the check panics.
struct Trial<'c> {
    number: u64,
    name: &'c str,
    input: Vec<u8>,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mutation-{}", self.number));
            eprintln!("mutation {} of {}: {}", self.number, self.name, path.display());
            let _ = std::fs::write(path, &self.input);
        }
    }
}

fn captures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "pcapng")).collect();
    paths.sort();
    paths.iter().map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect()
}

/// Peak resident memory of this process in KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches(" kB").parse().ok()
}

/// `capture` with frames and bytes changed, lost, doubled and out of place; some frames may be of `other`.
fn mutated(capture: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut blocks = blocks(capture);
    for _ in 0..random.below(6) {
        let (at, to) = (random.below(blocks.len()), random.below(blocks.len()));
        match random.below(7) {
            0 => drop(blocks.remove(at)),
            1 => blocks.swap(at, to),
            2 => blocks.insert(to, blocks[at].clone()),
            3 => blocks[at.min(to)..at.max(to)].reverse(),
            4 => blocks.insert(to, random.one_of(&self::blocks(other)).clone()),
            // Only what a frame carries, so that its block stays readable.
            5 => damage(inside(&mut blocks[at]), random),
            _ => set_time(&mut blocks[at], random),
        }
        if blocks.is_empty() {
            return Vec::new();
        }
    }
    let mut bytes = blocks.concat();
    if random.below(2) == 0 {
        for _ in 0..=random.below(4) {
            reshape(&mut bytes, random);
        }
    }
    if random.below(32) == 0 {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&bytes).unwrap();
        bytes = gzip.finish().unwrap();
        reshape(&mut bytes, random);
    }
    bytes
}

/// The blocks of a whole, little-endian pcapng file.
fn blocks(mut capture: &[u8]) -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    while capture.len() >= 12 {
        let length = u32::from_le_bytes(capture[4..8].try_into().unwrap()) as usize;
        let (block, rest) = capture.split_at(length);
        blocks.push(block.to_vec());
        capture = rest;
    }
    blocks
}

/// What an Enhanced Packet Block carries after its fixed fields.
fn inside(block: &mut [u8]) -> &mut [u8] {
    let end = block.len().saturating_sub(4).max(28);
    block.get_mut(28..end).unwrap_or_default()
}

/// Gives an Enhanced Packet Block another time: a little off, or anything at all.
fn set_time(block: &mut [u8], random: &mut Random) {
    let Some(time) = block.get_mut(12..20) else { return };
    match random.below(3) {
        0 => time[4..].iter_mut().for_each(|byte| *byte ^= random.byte()),
        1 => time.iter_mut().for_each(|byte| *byte = random.extreme()),
        _ => time.iter_mut().for_each(|byte| *byte = random.byte()),
    }
}

/// Changes a few bytes in place; those near the beginning, where headers are, more often.
fn damage(bytes: &mut [u8], random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    for _ in 0..=random.below(8) {
        let reach = if random.below(2) == 0 { bytes.len().min(80) } else { bytes.len() };
        let at = random.below(reach);
        bytes[at] = match random.below(3) {
            0 => bytes[at] ^ (1 << random.below(8)),
            1 => random.extreme(),
            _ => random.byte(),
        };
    }
}

/// Changes, cuts, doubles or moves bytes anywhere.
fn reshape(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let some = 1 << random.below(11);
    let length = (bytes.len() - at).min(random.below(some));
    match random.below(6) {
        0 | 1 => damage(bytes, random),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..at + length)),
        4 => {
            let twice = bytes[at..at + length].to_vec();
            bytes.splice(at..at, twice);
        }
        _ => {
            let moved: Vec<u8> = bytes.drain(at..at + length).collect();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, moved);
        }
    }
}

/// `SplitMix64`: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; zero when `end` is.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// A byte at the edge of something.
    fn extreme(&mut self) -> u8 {
        *self.one_of(&[0, 1, 0x7f, 0x80, 0xfe, 0xff])
    }

    fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
