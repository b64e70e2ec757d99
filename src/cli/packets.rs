//! `mqttcap packets`: every control packet as it stands in the capture.
//!
//! Files are read twice: first to learn which connections are sessions, under which numbers and of
//! which version; then their packets are written. What can be read only once (standard input, a
//! pipe) is written as it passes, without session numbers, and without the packets that came before
//! a connection was known to carry MQTT.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use crate::capture::{Frame, FrameNumber};
use crate::diagnosis;
use crate::engine::{Config, Engine, Sorted};
use crate::limits::Limits;
use crate::lock::locked;
use crate::mqtt::{Version, parse};
use crate::net::Endpoint;
use crate::report::packets::{self, Lines, Place, Reveal};
use crate::report::{Case, Style};
use crate::session::{Detail, PacketObserver, SeenPacket, Session};
#[cfg(feature = "live")]
use crate::source::Followed;
use crate::source::{Captures, Shown};
use crate::stream::Side;
use crate::text;

#[cfg(feature = "live")]
use super::INTERRUPTED;
use super::analyse::analyse;
use super::arguments::{Input, Look, Packets, PacketsFormat};
use super::failure::Failure;
#[cfg(feature = "live")]
use super::file_notes::gaps;
use super::file_notes::notes_on_files;
#[cfg(feature = "live")]
use super::live;
use super::output;
use super::progress::Progress;
use super::selection::Selection;
#[cfg(feature = "live")]
use super::service::Signals;
use super::sieve::Sieve;

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
            let report = analyse(input, Detail::None, arguments.host.as_slice())?;
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
    let style = output::style(look, input.utc);
    let mut out = match arguments.format {
        PacketsFormat::Table => output::open_text(look)?,
        PacketsFormat::Ndjson => output::open(look.output.as_deref())?,
    };
    let form = match arguments.format {
        PacketsFormat::Table => Form::Table(style),
        PacketsFormat::Ndjson => Form::Lines(Lines::default()),
    };
    let reveal = Reveal { payload: arguments.show_payload, secrets: arguments.show_secrets };
    let pass = Pass::new(input, sessions, form, reveal, &mut out)?;
    #[cfg(feature = "live")]
    if let Some(path) = followed {
        return follow(path, pass);
    }
    write(input, look, once.is_some(), pass)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the captures, one of which may be a pipe that `passes_by`, and writes their packets.
fn write(input: &Input, look: &Look, passes_by: bool, mut pass: Pass<'_>) -> Result<(), Failure> {
    let mut sieve = Sieve::of(input)?;
    let mut captures = Captures::open(&input.files)?;
    // Where packets run over the terminal they are progress enough.
    let mut progress = (!output::is_terminal(look)).then(|| Progress::of(&captures));
    pass.begin()?;
    let mut tell = |captures: &Captures| progress.iter_mut().for_each(|progress| progress.tell(captures));
    if passes_by {
        // It is written as it comes.
        while let Some(frame) = captures.next_frame() {
            let number = frame.at.frame.get();
            if sieve.passes(&frame) {
                pass.push(&frame)?;
            }
            if number.is_multiple_of(LOOKED_AT) {
                tell(&captures);
            }
        }
    } else {
        let mut sorted = Sorted::default();
        while sieve.next_batch(&mut captures, sorted.frames_mut()) {
            pass.push_batch(&mut sorted)?;
            tell(&captures);
        }
    }
    drop(progress);
    pass.finish()?;
    for note in notes_on_files(&captures) {
        say(&note.text);
    }
    Ok(())
}

/// Writes the packets of a capture that is still written, until it is interrupted.
#[cfg(feature = "live")]
fn follow(path: &Path, mut pass: Pass<'_>) -> Result<ExitCode, Failure> {
    let mut followed = Followed::open(path)?;
    let signals = Signals::listen().map_err(Failure::Write)?;
    pass.begin()?;
    while !signals.end() && !signals.reopen() && !followed.is_over() {
        match followed.next_frame()? {
            Some(frame) => pass.push(&frame)?,
            None => pass.out.flush()?,
        }
    }
    pass.finish()?;
    for note in gaps(&followed.gaps()) {
        say(&note.text);
    }
    Ok(ExitCode::from(if signals.end() { INTERRUPTED } else { 0 }))
}

/// Frames on their way to lines.
struct Pass<'o> {
    engine: Engine,
    writer: Arc<Mutex<Writer>>,
    skipped: Skipped,
    out: &'o mut dyn Write,
}

impl<'o> Pass<'o> {
    fn new(
        input: &Input,
        sessions: Option<Sessions>,
        form: Form,
        reveal: Reveal,
        out: &'o mut dyn Write,
    ) -> Result<Pass<'o>, Failure> {
        let writer = Arc::new(Mutex::new(Writer { sessions, form, reveal, written: Vec::new() }));
        // Where messages go is for `read` to tell.
        let usual = Limits { followed_messages: 0, ..Limits::default() };
        let config = Config {
            limits: input.bounds.over(usual)?,
            ports: input.ports.clone(),
            detail: Detail::None,
            hosts: Vec::new(),
        };
        let engine = Engine::observed(config, Arc::<Mutex<Writer>>::clone(&writer));
        Ok(Pass { engine, writer, skipped: Skipped::default(), out })
    }

    /// There is something to read.
    fn begin(&mut self) -> Result<(), Failure> {
        if let Form::Table(style) = &locked(&self.writer).form {
            packets::write_head(style, self.out)?;
        }
        Ok(())
    }

    /// Takes the next frames; leaves none.
    fn push_batch(&mut self, sorted: &mut Sorted) -> Result<(), Failure> {
        sorted.sort(self.engine.parts());
        let skipped = &mut self.skipped;
        self.engine.push_batch(sorted, &mut |finished| skipped.add(&finished.into_session()));
        sorted.clear();
        Ok(drain(&self.writer, self.out)?)
    }

    fn push(&mut self, frame: &Frame<'_>) -> Result<(), Failure> {
        let skipped = &mut self.skipped;
        self.engine.push(frame, &mut |session| skipped.add(&session));
        Ok(drain(&self.writer, self.out)?)
    }

    fn finish(self) -> Result<(), Failure> {
        let Pass { engine, writer, mut skipped, out } = self;
        engine.finish(&mut |session| skipped.add(&session));
        drain(&writer, out)?;
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

fn drain(writer: &Mutex<Writer>, out: &mut dyn Write) -> io::Result<()> {
    let written = &mut locked(writer).written;
    let done = out.write_all(written);
    written.clear();
    done
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

/// The sessions that are shown, by stream and first frame: a connection that was let go and went on
/// is two sessions on one stream.
#[derive(Debug)]
struct Sessions(BTreeMap<(u32, FrameNumber), Known>);

#[derive(Debug)]
struct Known {
    number: u64,
    client: Endpoint,
    last: FrameNumber,
    version: Option<Version>,
}

impl Sessions {
    fn of<'c>(cases: impl Iterator<Item = &'c Case>) -> Sessions {
        let known = cases.filter_map(|case| {
            let wire = &case.session.wire;
            let known = Known {
                number: case.number,
                client: wire.peers.client.endpoint,
                last: wire.last.frame,
                version: case.session.version,
            };
            Some(((wire.stream?, wire.first.frame), known))
        });
        Sessions(known.collect())
    }

    /// The session of a packet; `None` when it is not shown.
    fn of_packet(&self, packet: &SeenPacket<'_>) -> Option<&Known> {
        let (began, frame) = (packet.raw.started.frame, packet.raw.completed.frame);
        let until = (packet.stream, began.max(frame));
        let (_, known) = self.0.range((packet.stream, FrameNumber::new(0))..=until).next_back()?;
        (began <= known.last).then_some(known)
    }
}

impl Known {
    fn place(&self, packet: &SeenPacket<'_>) -> Place {
        let side = if packet.sender == self.client { Side::Client } else { Side::Server };
        Place { session: Some(self.number), side }
    }
}

#[derive(Debug)]
enum Form {
    Table(Style),
    Lines(Lines),
}

/// Writes packets to memory, from where they are drained after every frame.
#[derive(Debug)]
struct Writer {
    /// `None` where the capture is read only once.
    sessions: Option<Sessions>,
    form: Form,
    reveal: Reveal,
    written: Vec<u8>,
}

impl PacketObserver for Writer {
    fn packet(&mut self, packet: &SeenPacket<'_>) {
        let Some(sessions) = &self.sessions else {
            if packet.confirmed {
                self.write(packet, Place { session: None, side: packet.side });
            }
            return;
        };
        let Some(known) = sessions.of_packet(packet) else { return };
        let (place, version) = (known.place(packet), known.version);
        if packet.version.is_some() || version.is_none() {
            return self.write(packet, place);
        }
        // Picked up late: only later packets, read the first time, told the version.
        let parsed = parse(packet.raw, version);
        self.write(&SeenPacket { parsed: &parsed, version, ..*packet }, place);
    }
}

impl Writer {
    fn write(&mut self, packet: &SeenPacket<'_>, place: Place) {
        // Writing to memory cannot fail.
        let _ = match &mut self.form {
            Form::Table(style) => packets::write_row(packet, place, self.reveal, style, &mut self.written),
            Form::Lines(lines) => lines.write(packet, place, self.reveal, &mut self.written),
        };
    }
}
