//! `--format json` and `ndjson`: the same facts for programs.
//!
//! Invariant: a fact that is absent is `null`, never left out. Characters that a terminal acts on
//! are written as `\u` escapes: the values stay exact and the output harmless.

use std::io::{self, Write};

use schemars::Schema;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::diagnosis::Finding;
use crate::text;

use super::model::{Case, Report};
use super::schema;

pub use schema::Run;

/// Writes the whole report as one document.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let document = schema::Document::of(report);
    put(&document, PrettyFormatter::new(), out)?;
    writeln!(out)
}

/// Writes one session a line, then a line that sums them up.
pub fn write_lines(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for case in &report.cases {
        write_line(case, out)?;
    }
    write_summary(report, out)
}

/// Writes the line that sums up.
pub fn write_summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    put_line(&schema::SummaryLine::of(report), out)
}

/// Writes a finding of a session that goes on, as one line.
pub fn write_finding(case: &Case, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    put_line(&schema::FindingLine::of(case, finding), out)
}

/// Writes one session beside the capture `name` of its frames: `runs` are the numbers that these have in the capture
/// and had when the session was judged, which are those that the session tells.
pub fn write_evidence(case: &Case, name: &str, runs: &[Run], left_out: u64, out: &mut dyn Write) -> io::Result<()> {
    put(&schema::EvidenceDocument::of(case, name, runs, left_out), PrettyFormatter::new(), out)?;
    writeln!(out)
}

/// Writes one session as one line.
pub fn write_line(case: &Case, out: &mut dyn Write) -> io::Result<()> {
    put(&schema::SessionLine::of(case), CompactFormatter, out)?;
    writeln!(out)
}

/// Writes a value as one line.
pub(super) fn put_line(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    put(value, CompactFormatter, out)?;
    writeln!(out)
}

/// Writes a value as part of a line.
pub(super) fn put_value(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    put(value, CompactFormatter, out)
}

/// Writes the JSON Schema of the document that [`write()`] writes.
pub fn write_schema(out: &mut dyn Write) -> io::Result<()> {
    put_schema(&schema::json_schema(), out)
}

/// Writes a schema.
pub(super) fn put_schema(schema: &Schema, out: &mut dyn Write) -> io::Result<()> {
    put(schema, PrettyFormatter::new(), out)?;
    writeln!(out)
}

fn put(value: &impl Serialize, layout: impl Formatter, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Harmless(layout));
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// A layout whose strings hold nothing that a terminal acts on.
struct Harmless<F>(F);

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return out.write_all(fragment.as_bytes());
        }
        for part in fragment.split_inclusive(text::is_unseen) {
            let plain = part.trim_end_matches(text::is_unseen);
            out.write_all(plain.as_bytes())?;
            for character in part.chars().skip_while(|character| !text::is_unseen(*character)) {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }
    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }
    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }
    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }
    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }
    fn end_object_key<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_key(out)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }
    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}
