//! `mqttcap packets`: every control packet as it stands in the capture.
//!
//! Files are read twice: first to learn which connections are sessions, under which numbers and of
//! which version; then their packets are written, by each part of the engine its own. What can be read only once (standard input, a
//! pipe) is written as it passes, without session numbers, and without the packets that came before
//! a connection was known to carry MQTT.

mod merged;
mod writer;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use crate::capture::Frame;
use crate::diagnosis;
use crate::engine::{Config, Engine, Finished, Hearer, SharedObserver};
use crate::limits::Limits;
use crate::report::Extent;
use crate::report::packets::{self, Reveal};
use crate::session::{Detail, Session};
#[cfg(feature = "live")]
use crate::source::Followed;
use crate::source::{Captures, Shown};
use crate::text;

#[cfg(feature = "live")]
use super::INTERRUPTED;
use super::analyse::analyse;
use super::arguments::{Input, Packets, PacketsFormat};
use super::failure::Failure;
#[cfg(feature = "live")]
use super::file_notes::gaps;
use super::file_notes::notes_on_files;
#[cfg(feature = "live")]
use super::live;
use super::output;
use super::progress::Progress;
use super::reading;
use super::selection::Selection;
#[cfg(feature = "live")]
use super::service::Signals;
use super::sieve::Sieve;
use writer::{Form, Sessions, Writer};

/// Progress is told once in so many frames.
const LOOKED_AT: u64 = 4096;

/// Writes the packets of a capture.
pub(super) fn packets(arguments: &Packets) -> Result<ExitCode, Failure> {
    let Packets { input, look, .. } = arguments;
    let selection = Selection::of(None, arguments.client.as_deref(), arguments.host)?;
    output::keep_captures(look.output.as_deref(), &input.files)?;
    let selects = arguments.client.is_some() || arguments.host.is_some();
    #[cfg(feature = "live")]
    let followed = arguments.follow.then(|| live::one_file(input)).transpose()?;
    #[cfg(not(feature = "live"))]
    let followed: Option<&Path> = None;
    let once = input.files.iter().find(|path| followed.is_some() || !is_readable_twice(path));
    let sessions = match once {
        None => {
            let report = analyse(input, Detail::None, Extent::Problems, arguments.host.as_slice())?;
            for note in diagnosis::notes_on_counted(&report.counted) {
                say(&note.text);
            }
            Some(Sessions::of(report.cases.iter().filter(|case| selection.shows(case))))
        }
        Some(once) if selects => {
            return Err(Failure::arguments(
                format!(
                    "--client and --host need to read the capture twice, and {} can be read only once",
                    Shown(once)
                ),
                "save it to a file first: tcpdump -w trace.pcap",
            ));
        }
        Some(_) => None,
    };
    let mut out = match arguments.format {
        PacketsFormat::Table => output::open_text(look)?,
        PacketsFormat::Ndjson => output::open(look.output.as_deref())?,
    };
    let form = match arguments.format {
        PacketsFormat::Table => Form::Table(output::style(look, input.utc)),
        PacketsFormat::Ndjson => Form::Lines,
    };
    let reveal = Reveal { payload: arguments.show_payload, secrets: arguments.show_secrets };
    // Where messages go is for `read` to tell.
    let usual = Limits { followed_messages: 0, ..Limits::default() };
    let config = Config {
        limits: input.bounds.over(usual)?,
        ports: input.ports.clone(),
        detail: Detail::None,
        hosts: arguments.host.into_iter().collect(),
    };
    let (writers, skipped) = (Vec::new(), Skipped::default());
    let mut pass = Pass { form: form.clone(), writers, skipped, out: &mut out, failed: None };
    let shows_progress = !output::is_terminal(look);
    if let Some(sessions) = sessions {
        let sessions = Arc::new(sessions);
        let writer = || Writer::new(Some(Arc::clone(&sessions)), form.clone(), reveal);
        let engine = Engine::divided(config, || Some(pass.shown_to(writer())));
        pass.again(engine, input, shows_progress)?;
        return Ok(ExitCode::SUCCESS);
    }
    let engine = Engine::observed(config, pass.shown_to(Writer::new(None, form, reveal)));
    #[cfg(feature = "live")]
    if let Some(path) = followed {
        return pass.follow(engine, path);
    }
    pass.once(engine, input, shows_progress)?;
    Ok(ExitCode::SUCCESS)
}

/// Frames on their way to packets that are written.
struct Pass<'o> {
    form: Form,
    /// One for each part of the engine.
    writers: Vec<Arc<Mutex<Writer>>>,
    skipped: Skipped,
    out: &'o mut (dyn Write + Send),
    /// Why no more can be written.
    failed: Option<io::Error>,
}

impl Pass<'_> {
    /// One more writer.
    fn shown_to(&mut self, writer: Writer) -> SharedObserver {
        let writer = Arc::new(Mutex::new(writer));
        self.writers.push(Arc::clone(&writer));
        writer
    }

    /// There is something to read.
    fn begin(&mut self) -> Result<(), Failure> {
        if let Form::Table(style) = &self.form {
            packets::write_head(style, self.out)?;
        }
        Ok(())
    }

    /// Reads the captures of which it is known what is in them.
    fn again(mut self, engine: Engine, input: &Input, shows_progress: bool) -> Result<(), Failure> {
        self.begin()?;
        let threads = reading::threads(input).min(engine.parts());
        let followed = reading::follow(threads, input, engine, shows_progress, &|| false, &mut self)?;
        self.finish()?;
        say_of_files(&followed?.captures);
        Ok(())
    }

    /// Reads captures one of which can be read only once. It is written as it comes.
    fn once(mut self, mut engine: Engine, input: &Input, shows_progress: bool) -> Result<(), Failure> {
        let mut sieve = Sieve::of(input)?;
        let mut captures = Captures::open(&input.files)?;
        let mut progress = shows_progress.then(|| Progress::of(&captures));
        self.begin()?;
        while let Some(frame) = captures.next_frame() {
            let number = frame.at.frame.get();
            if sieve.passes(&frame) {
                self.push(&mut engine, &frame)?;
            }
            if number.is_multiple_of(LOOKED_AT)
                && let Some(progress) = &mut progress
            {
                progress.tell(&captures);
            }
        }
        drop(progress);
        self.end(engine)?;
        say_of_files(&captures);
        Ok(())
    }

    /// Reads a capture that is still written, until it is interrupted.
    #[cfg(feature = "live")]
    fn follow(mut self, mut engine: Engine, path: &Path) -> Result<ExitCode, Failure> {
        let mut followed = Followed::open(path)?;
        let signals = Signals::listen().map_err(Failure::Write)?;
        self.begin()?;
        while !signals.end() && !signals.reopen() && !followed.is_over() {
            match followed.next_frame()? {
                Some(frame) => self.push(&mut engine, &frame)?,
                None => self.out.flush()?,
            }
        }
        self.end(engine)?;
        for note in gaps(&followed.gaps()) {
            say(&note.text);
        }
        Ok(ExitCode::from(if signals.end() { INTERRUPTED } else { 0 }))
    }

    fn push(&mut self, engine: &mut Engine, frame: &Frame<'_>) -> Result<(), Failure> {
        engine.push(frame, &mut |session| self.skipped.add(&session));
        Ok(merged::write(&self.writers, self.out)?)
    }

    fn end(mut self, engine: Engine) -> Result<(), Failure> {
        engine.finish(&mut |session| self.skipped.add(&session));
        self.caught_up();
        self.finish()
    }

    fn finish(self) -> Result<(), Failure> {
        let Pass { skipped, out, failed, .. } = self;
        failed.map_or(Ok(()), Err)?;
        out.flush()?;
        if skipped.bytes > 0 {
            say(&format!(
                "{} of {} could not be read as packets: what lies before them is missing (`mqttcap show` tells where)",
                text::counted(skipped.bytes, "byte"),
                text::counted(skipped.sessions, "session")
            ));
        }
        Ok(())
    }
}

impl Hearer for Pass<'_> {
    fn ended(&mut self, session: Finished) {
        self.skipped.add(&session.into_session());
    }

    fn caught_up(&mut self) -> bool {
        if self.failed.is_none() {
            self.failed = merged::write(&self.writers, self.out).err();
        }
        self.failed.is_none()
    }
}

fn say_of_files(captures: &Captures) {
    for note in notes_on_files(captures) {
        say(&note.text);
    }
}

/// Talk goes to standard error; if that is closed there is nobody left to tell.
fn say(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "note: {text}");
}

/// Captured bytes that belong to no packet: they were passed over to find the next one.
#[derive(Debug, Default)]
struct Skipped {
    bytes: u64,
    sessions: u64,
}

impl Skipped {
    fn add(&mut self, session: &Session) {
        let begun = |header: Option<(u64, _)>| header.map_or(0, |(bytes, _)| bytes);
        let begun = begun(session.begun_header.client) + begun(session.begun_header.server);
        let bytes = (session.skipped_bytes.client + session.skipped_bytes.server).saturating_sub(begun);
        self.bytes += bytes;
        self.sessions += u64::from(bytes > 0);
    }
}

/// Whether reading a path again gives the same bytes.
fn is_readable_twice(path: &Path) -> bool {
    path != Path::new("-") && path.metadata().is_ok_and(|found| found.is_file() || found.is_dir())
}
