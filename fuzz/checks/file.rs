//! Capture files: any bytes as a file, through all layers to every report.

use std::io::Cursor;
use std::path::Path;

use mqttcap::source::CaptureFile;

use super::reports::Analysis;

pub(crate) fn check(data: &[u8]) {
    let Ok(mut file) = CaptureFile::read_from(Path::new("fuzz"), Cursor::new(data.to_vec())) else { return };
    let mut analysis = Analysis::new();
    while let Some(frame) = file.next_frame() {
        analysis.push(&frame);
    }
    let _ = file.damage().map(ToString::to_string);
    analysis.finish();
}
