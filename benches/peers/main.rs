//! Times whole programs side by side on the same generated captures: mqttcap, and what others read captures with.
//!
//! `cargo bench --bench peers -- [MB] [RUNS] [huge] [write]` (1000 and 5 unless told) generates each workload into cargo's
//! target folder, runs every program in turn, several rounds, and prints medians as Markdown. `huge` adds a capture of ten times the
//! size to the memory table; `write` puts all into `docs/performance.md`. What is not installed is left out, and said.
#![allow(clippy::disallowed_methods)] // a benchmark looks at the clock and writes files

mod measure;
mod program;
mod tables;
#[path = "../workload/mod.rs"]
mod workload;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use workload::{Tally, Workload};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");
const BEGIN: &str = "<!-- what `make performance` writes -->\n";
const END: &str = "<!-- until here -->";

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |word: &str| arguments.iter().any(|argument| argument == word);
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<u64>().ok());
    let megabytes = numbers.next().unwrap_or(1000);
    let runs = usize::try_from(numbers.next().unwrap_or(5)).unwrap_or(5).max(1);

    let mut page = Page { text: String::new() };
    page.add(&program::machine(runs));
    for workload in Workload::ALL {
        let capture = Capture::of(workload, megabytes * 1000)?;
        page.add(&tables::speed(workload, &capture, runs)?);
    }
    let capture = Capture::of(Workload::Small, (megabytes / 10).max(1) * 1000)?;
    page.add(&tables::tshark(&capture, runs.min(3))?);
    drop(capture);
    let sizes = [megabytes / 10, megabytes, megabytes * 10];
    let sizes = if asked("huge") { &sizes[..] } else { &sizes[..2] };
    page.add(&tables::memory_by_size(sizes)?);
    page.add(&tables::memory_by_sessions()?);
    if asked("write") { put(&page.text) } else { Ok(()) }
}

/// Everything told so far.
struct Page {
    text: String,
}

impl Page {
    /// Told at once, too: the whole takes minutes.
    #[allow(clippy::print_stdout)] // what a benchmark is for
    fn add(&mut self, section: &str) {
        println!("{section}");
        self.text.push_str(section);
        self.text.push('\n');
    }
}

/// A generated capture, which goes when it is no longer needed.
struct Capture {
    path: PathBuf,
    tally: Tally,
}

impl Capture {
    fn of(workload: Workload, kilobytes: u64) -> io::Result<Capture> {
        Capture::written(workload.name(), |out| workload.write(out, kilobytes))
    }

    fn written(name: &str, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<Tally>) -> io::Result<Capture> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("peers-{name}.pcap"));
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
        let tally = write(&mut out)?;
        out.flush()?;
        Ok(Capture { path, tally })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // What cannot be removed goes with cargo's target folder.
        let _ = fs::remove_file(&self.path);
    }
}

/// Puts the tables into the page.
fn put(text: &str) -> io::Result<()> {
    let page = fs::read_to_string(PAGE)?;
    let parts = page.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.ok_or_else(|| io::Error::other(format!("{PAGE} lacks its marks")))?;
    fs::write(PAGE, format!("{head}{BEGIN}\n{}\n{END}{tail}", text.trim_end()))
}
