//! The program `mqttcap`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mqttcap::cli::run(std::env::args_os())
}
