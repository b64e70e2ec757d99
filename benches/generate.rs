//! Writes the captures that the benchmarks read.
//!
//! `cargo bench --bench generate -- FOLDER [MB]` writes the five workloads, each of about 100 MB unless told, into a folder;
//! of short connections 200 for every MB.

mod workload;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use workload::Workload;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "cargo bench --bench generate -- FOLDER [MB]"));
    };
    let megabytes: u64 = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(100);
    fs::create_dir_all(&folder)?;
    let mut said = io::stdout().lock();
    for workload in Workload::ALL {
        let path = folder.join(workload.name()).with_extension("pcap");
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
        let tally = workload.write(&mut out, megabytes * 1000)?;
        out.flush()?;
        let (frames, packets) = (tally.frames, tally.packets.iter().sum::<u64>());
        writeln!(said, "{}: {} bytes, {frames} frames, {packets} control packets", path.display(), tally.bytes)?;
    }
    Ok(())
}
