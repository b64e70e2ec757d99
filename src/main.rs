//! The program `mqttcap`.

use std::process::ExitCode;

/// Sessions come and go by the hundred thousand, on several threads.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    mqttcap::cli::run(std::env::args_os())
}
