//! Captures through the loop of `live`: what is kept of them, and what is counted.

mod scraped;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::capture::{Frame, FrameNumber, Timestamp};
use crate::diagnosis::{self, Note};
use crate::engine::{Config, Engine};
use crate::limits::Limits;
use crate::record::{Bounds, Flight, Folder, Recording, Rotation, Window};
use crate::report::{Case, Report};
use crate::session::{Detail, Session};
use crate::source::CaptureFile;

use super::super::failure::Failure;
use super::super::service::Signals;
use super::feed::Feed;
use super::news::{News, Status, Teller};
use super::problems::Problems;
use super::witness::{Clock, Witness};

/// A file as if it were captured now, without its pauses.
struct Replay {
    file: CaptureFile,
    is_over: bool,
}

impl Feed for Replay {
    fn name(&self) -> String {
        "replay".into()
    }

    fn read(&mut self, take: &mut dyn FnMut(&Frame<'_>)) -> Result<usize, Failure> {
        for taken in 0..64 {
            let Some(frame) = self.file.next_frame() else {
                self.is_over = true;
                return Ok(taken);
            };
            take(&frame);
        }
        Ok(64)
    }

    fn dropped(&mut self) -> u64 {
        0
    }

    fn is_prompt(&self) -> bool {
        false
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn notes(&mut self) -> Vec<Note> {
        Vec::new()
    }
}

/// Tells nobody.
struct Silent;

impl Teller for Silent {
    fn tell(&mut self, _: &Case, _: News<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn status(&mut self, _: &Status) -> Result<(), Failure> {
        Ok(())
    }

    fn interval(&self) -> Duration {
        Duration::ZERO
    }

    fn report(&mut self, _: &Report) -> Result<(), Failure> {
        Ok(())
    }
}

fn witness() -> Witness {
    Witness { teller: Box::new(Silent), recording: None, problems: None, metrics: None, clock: Clock::default() }
}

fn config() -> Config {
    Config { limits: Limits::default(), ports: Vec::new(), detail: Detail::Folded, hosts: Vec::new() }
}

fn run(path: &Path, witness: &mut Witness) -> Report {
    let mut feed = Replay { file: CaptureFile::open(path).unwrap(), is_over: false };
    super::follow::follow(config(), &mut feed, witness, None, &Signals::listen().unwrap()).unwrap()
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    sorted(&folder, "pcapng")
}

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name).with_extension("pcapng")
}

fn sorted(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = found.filter(|path| path.extension().is_some_and(|is| is == extension)).collect();
    found.sort();
    found
}

/// The sessions of files that follow one another.
fn sessions(files: &[PathBuf]) -> Vec<Session> {
    let mut captures = crate::source::Captures::open(files).unwrap();
    let mut engine = Engine::new(config());
    let mut found = Vec::new();
    while let Some(frame) = captures.next_frame() {
        engine.push(&frame, &mut |session| found.push(*session));
    }
    engine.finish(&mut |session| found.push(*session));
    found.sort_by_key(|session| session.wire.first.frame);
    found
}

fn problems(folder: &Path, window: Window, bounds: Bounds) -> Problems {
    Problems::new(Flight::new(window), Folder::open(folder, bounds, TimeZone::UTC).unwrap(), "replay".into())
}

const WINDOW: Window = Window { bytes: 32 << 20, before: Duration::from_mins(1), after: Duration::from_secs(5) };
const BOUNDS: Bounds = Bounds { files: 1000, bytes: 1 << 30 };

#[test]
fn what_is_kept_of_a_problem_tells_the_same_problem() {
    let mut wrong = Vec::new();
    let mut files = 0;
    for path in captures() {
        let folder = tempfile::tempdir().unwrap();
        let mut witness = witness();
        witness.problems = Some(problems(folder.path(), WINDOW, BOUNDS));
        run(&path, &mut witness);
        for kept in sorted(folder.path(), "pcapng") {
            files += 1;
            let document = std::fs::read_to_string(kept.with_extension("json")).unwrap();
            let document: Value = serde_json::from_str(&document).unwrap();
            let said = &document["session"];
            let outcome = said["outcome"]["id"].as_str().unwrap();
            let client = (said["client"]["address"].as_str(), said["client"]["port"].as_u64());
            let found: Vec<&str> = sessions(std::slice::from_ref(&kept))
                .iter()
                .filter(|session| {
                    let peer = &session.wire.peers.client;
                    let address = peer.address().map(|address| address.to_string());
                    (address.as_deref(), peer.port().map(u64::from)) == client
                })
                .map(|session| diagnosis::diagnose(session).outcome.id)
                .collect();
            if !found.contains(&outcome) {
                wrong.push(format!("{}: {outcome}, re-read {found:?}", path.file_stem().unwrap().display()));
            }
        }
    }
    assert!(files > 20, "{files}");
    assert!(wrong.is_empty(), "{} of {files}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_client_that_fell_silent_is_kept_from_its_first_packet() {
    let folder = tempfile::tempdir().unwrap();
    let mut witness = witness();
    let window = Window { before: Duration::from_secs(1), ..WINDOW };
    witness.problems = Some(problems(folder.path(), window, BOUNDS));
    run(&capture("keepalive-timeout"), &mut witness);
    let kept = sorted(folder.path(), "pcapng");
    let found = sessions(&kept);
    let keep_alives: Vec<_> = found.iter().filter_map(|session| session.connect.as_ref()?.keep_alive.into()).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(keep_alives.len(), 1, "the CONNECT is in the file, which tells the Keep Alive");
}

#[test]
fn a_problem_has_its_verdict_and_its_frames_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let mut witness = witness();
    witness.problems = Some(problems(folder.path(), WINDOW, BOUNDS));
    let report = run(&capture("demo"), &mut witness);
    let kept = sorted(folder.path(), "pcapng");
    let wrong = |case: &&Case| case.is_problem() || case.verdict.findings.iter().any(super::watch::is_news);
    assert_eq!(kept.len(), report.cases.iter().filter(wrong).count());
    for path in kept {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_digit() || b"problem_.pcapng".contains(&byte)), "{name}");
        let document: Value = serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        assert_eq!(document["capture"], name);
        let outcome = &document["session"]["outcome"];
        let is_problem = ["warning", "error"].contains(&outcome["severity"].as_str().unwrap());
        let sentence = outcome["sentence"].as_str().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count();
        let frames = if is_problem { 1 + outcome["frames"].as_array().unwrap().len() } else { 0 };
        assert_eq!(holds(sentence), frames, "in the header and with each frame that proves it: {sentence}");
        // Each frame of the file is the frame of the live capture that the document says.
        let live = frames_of(&capture("demo"));
        let runs = document["frames"].as_array().unwrap();
        let number = |run: &Value, which: &str| usize::try_from(run[which].as_u64().unwrap()).unwrap();
        let frames = frames_of(&path);
        let told: usize = runs.iter().map(|run| number(run, "count")).sum();
        assert_eq!(told, frames.len());
        for run in runs {
            for next in 0..number(run, "count") {
                assert_eq!(frames[number(run, "file") + next - 1], live[number(run, "live") + next - 1]);
            }
        }
    }
}

/// Time, bytes and original length of each frame.
fn frames_of(path: &Path) -> Vec<(Timestamp, Vec<u8>, u32)> {
    let mut file = CaptureFile::open(path).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = file.next_frame() {
        frames.push((frame.at.time, frame.data.to_vec(), frame.original_length));
    }
    frames
}

fn recording(path: &Path, rotation: Rotation) -> Recording {
    Recording::open(path, rotation, "replay", Timestamp(1_795_291_200_000_000_000), TimeZone::UTC).unwrap()
}

/// What is written of `path` with this rotation.
fn rotated(path: &Path, folder: &Path, rotation: Rotation) -> Vec<PathBuf> {
    let mut witness = witness();
    witness.recording = Some(recording(&folder.join("trace.pcapng"), rotation));
    run(path, &mut witness);
    sorted(folder, "pcapng")
}

/// Frames of all files are those of the capture, and so is what is said of them.
fn assert_same(files: &[PathBuf], capture: &Path) {
    let joined: Vec<_> = files.iter().flat_map(|file| frames_of(file)).collect();
    assert_eq!(joined, frames_of(capture));
    let told = |sessions: Vec<Session>| -> Vec<_> {
        let told = |session: &Session| (diagnosis::diagnose(session).outcome.sentence, session.wire.first.frame);
        sessions.iter().map(told).collect()
    };
    assert_eq!(told(sessions(files)), told(sessions(std::slice::from_ref(&capture.to_owned()))));
}

#[test]
fn every_frame_is_written_as_it_was() {
    for path in captures() {
        let folder = tempfile::tempdir().unwrap();
        let files = rotated(&path, folder.path(), Rotation::default());
        assert_eq!(files, [folder.path().join("trace.pcapng")]);
        assert_eq!(frames_of(&files[0]), frames_of(&path), "{}", path.display());
    }
}

#[test]
fn files_that_rotate_join_to_the_same_report() {
    let path = capture("demo");
    for rotation in [
        Rotation { size: Some(2048), ..Rotation::default() },
        Rotation { time: Some(Duration::from_secs(10)), ..Rotation::default() },
    ] {
        let folder = tempfile::tempdir().unwrap();
        let files = rotated(&path, folder.path(), rotation);
        assert!(files.len() > 5, "{}", files.len());
        for file in &files {
            let length = file.metadata().unwrap().len();
            assert!(rotation.size.is_none_or(|size| length <= size), "{length}");
            let times: Vec<Timestamp> = frames_of(file).into_iter().map(|(time, ..)| time).collect();
            let lasted = times[times.len() - 1].nanoseconds_since(times[0]);
            assert!(rotation.time.is_none_or(|_| lasted < 10_000_000_000), "{lasted}");
        }
        assert_same(&files, &path);
    }
}

#[test]
fn only_the_newest_files_are_kept_over_several_runs() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { size: Some(2048), keep: Some(3), ..Rotation::default() };
    std::fs::write(folder.path().join("trace_notes.txt"), "mine").unwrap();
    let first = rotated(&capture("demo"), folder.path(), rotation);
    assert_eq!(first.len(), 3);
    let second = rotated(&capture("demo"), folder.path(), rotation);
    assert_eq!(second.len(), 3);
    assert!(second.iter().all(|file| !first.contains(file)), "numbers go on");
    assert!(folder.path().join("trace_notes.txt").exists());
}

#[test]
fn opened_anew_a_file_that_was_moved_goes_on_under_its_name_and_one_that_was_not_goes_on() {
    let capture = capture("demo");
    for moved in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("trace.pcapng"), folder.path().join("old.pcapng"));
        let mut recording = recording(&path, Rotation::default());
        let mut file = CaptureFile::open(&capture).unwrap();
        while let Some(frame) = file.next_frame() {
            if frame.at.frame == FrameNumber::new(50) {
                if moved {
                    std::fs::rename(&path, &old).unwrap();
                }
                recording.reopen();
            }
            recording.frame(&frame);
        }
        recording.close();
        let files = if moved { vec![old, path] } else { vec![path] };
        assert_same(&files, &capture);
    }
}

/// A file system that is gone when this is dropped.
struct Small(tempfile::TempDir);

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_disk_that_is_full_costs_frames_which_are_told_and_nothing_else() {
    let small = tempfile::tempdir().unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(small.path()).output();
    if !mount.is_ok_and(|done| done.status.success()) {
        return;
    }
    let small = Small(small);
    let ballast = small.0.path().join("ballast");
    std::fs::write(&ballast, vec![0; 56 << 10]).unwrap();
    let path = small.0.path().join("trace.pcapng");
    let mut recording = recording(&path, Rotation::default());
    let (began, capture) = (Instant::now(), capture("ws-big"));
    let pass = |recording: &mut Recording, second: u64| {
        let mut file = CaptureFile::open(&capture).unwrap();
        while let Some(frame) = file.next_frame() {
            recording.frame(&frame);
        }
        recording.tick(began + Duration::from_secs(second), 0);
    };
    let frames = frames_of(&capture).len() as u64;
    recording.tick(began, 0);
    for second in [1, 2, 3] {
        pass(&mut recording, second);
    }
    let told: Vec<String> = std::iter::from_fn(|| recording.news()).collect();
    assert_eq!(told.len(), 1, "once, not at every try: {told:?}");
    assert!(told[0].contains("trace.pcapng") && told[0].contains("No space left on device"), "{}", told[0]);
    assert_eq!(recording.missing(), 3 * frames);
    // There is room again, and writing is tried again in time.
    std::fs::remove_file(&ballast).unwrap();
    recording.tick(began + Duration::from_secs(9), 0);
    pass(&mut recording, 10);
    recording.close();
    let told: Vec<String> = std::iter::from_fn(|| recording.news()).collect();
    assert!(told.len() == 1 && told[0].contains("again"), "{told:?}");
    assert_eq!(frames_of(&path), frames_of(&capture), "nothing of what failed is left behind");
}
