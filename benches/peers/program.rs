//! The programs that are compared, and the machine they run on.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

/// A program and how it is called.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// As the tables name it.
    pub(crate) name: String,
    /// Its path, and the arguments, of which `FILE` is the capture; none for reading the file and nothing else.
    words: Vec<String>,
}

impl Program {
    /// `name` begins with the path of the program unless it is mqttcap.
    pub(crate) fn called(name: &str) -> Program {
        let mut words: Vec<String> = name.split(' ').map(str::to_owned).collect();
        if let Some(first) = words.first_mut().filter(|first| *first == "mqttcap") {
            env!("CARGO_BIN_EXE_mqttcap").clone_into(first);
        }
        Program { name: name.to_owned(), words }
    }

    /// Reading the file in pieces of 256 KiB.
    pub(crate) fn plain_read() -> Program {
        Program { name: "a plain read".into(), words: Vec::new() }
    }

    /// `read` with its table on this many threads.
    pub(crate) fn read_on(threads: usize) -> Program {
        Program::called(&format!("mqttcap read --threads {threads} FILE"))
    }

    /// What to run; nothing for [`Program::plain_read`].
    pub(crate) fn command(&self, path: &Path) -> Option<Command> {
        let (program, arguments) = self.words.split_first()?;
        let mut command = Command::new(program);
        for argument in arguments {
            if argument == "FILE" {
                command.arg(path)
            } else {
                command.arg(argument)
            };
        }
        Some(command)
    }
}

/// Whether a program is there.
pub(crate) fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// The machine, and the version of everything that runs.
pub(crate) fn machine(runs: usize) -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let cores = available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "unknown".into());
    let programs = ["rustc", "tcpdump", "capinfos", "tshark"].map(version);
    format!(
        "{cores} cores of {}, kernel {}. mqttcap {}, {}. Medians of {runs} runs in turn, file in page cache.\n",
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim(),
        env!("CARGO_PKG_VERSION"),
        programs.join(", "),
    )
}

/// A program with its version: the first number that it says about itself.
fn version(program: &str) -> String {
    let Ok(said) = Command::new(program).arg("--version").output() else {
        return format!("{program} is not installed and left out");
    };
    let said = [said.stdout, said.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let mut words = said.split_whitespace();
    let number = words.find(|word| word.starts_with(|first: char| first.is_ascii_digit())).unwrap_or("unknown");
    format!("{program} {}", number.trim_end_matches('.'))
}
