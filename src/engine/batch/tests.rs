//! However many threads work, and however many frames they are given at once, the same is told.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::*;
use crate::capture::Order;
use crate::diagnosis;
use crate::engine::{Config, SharedObserver};
use crate::limits::Limits;
use crate::session::{Detail, PacketObserver, SeenPacket};
use crate::source::CaptureFile;

/// The committed captures.
fn captures() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/captures");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng"))
        .collect();
    captures.sort();
    assert!(captures.len() > 90);
    captures
}

/// An engine that divides all it can.
fn engine() -> Engine {
    let limits = Limits::default();
    let mut engine =
        Engine::divided(Config { limits, ports: Vec::new(), hosts: Vec::new(), detail: Detail::Folded }, || None);
    engine.one_by_one = 0;
    engine
}

fn tell(told: &mut String, finished: Finished) {
    let session = finished.into_session();
    let verdict = diagnosis::diagnose(&session);
    writeln!(told, "{session:?}\n{verdict:?}").unwrap();
}

/// Everything that is told of a capture, in the order in which it is told, by threads that take turns.
fn told(path: &Path, frames_at_once: usize, threads: usize) -> String {
    told_by(engine(), path, frames_at_once, threads)
}

fn told_by(mut engine: Engine, path: &Path, frames_at_once: usize, threads: usize) -> String {
    let mut told = String::new();
    let mut tell = |finished| tell(&mut told, finished);
    let nothing = || false;
    let waiting = Waiting::of(threads, 2, &nothing);
    engine.push_in_turns(reader(path, frames_at_once), threads, waiting, &mut tell);
    let facts = engine.finish_all(threads, &mut tell);
    format!("{told}{facts:?}")
}

/// Reads up to so many frames at once.
fn reader(path: &Path, frames_at_once: usize) -> Next<'static> {
    let mut file = CaptureFile::open(path).unwrap();
    Box::new(move |batch| {
        while batch.len() < frames_at_once
            && let Some(frame) = file.next_frame()
        {
            batch.push(&frame);
        }
        !batch.is_empty()
    })
}

/// The same, where each thread reads for itself.
fn told_together(path: &Path, frames_at_once: usize, threads: usize) -> String {
    let mut engine = engine();
    let mut told = String::new();
    let mut tell = |finished| tell(&mut told, finished);
    let read = || reader(path, frames_at_once);
    thread::scope(|scope| {
        let others = (1..threads).map(|_| read()).collect();
        let mut lanes = Lanes::start(scope, read(), others, &engine.division(), Waiting::of(threads, 2, &|| false));
        while engine.push_together(&mut lanes, &mut tell).unwrap() {}
    });
    let facts = engine.finish_all(threads, &mut tell);
    format!("{told}{facts:?}")
}

#[test]
fn threads_that_read_for_themselves_change_nothing() {
    for path in captures() {
        for frames_at_once in [7, 100_000] {
            let one = told(&path, frames_at_once, 1);
            for threads in [1, 2, 3, 8] {
                let together = told_together(&path, frames_at_once, threads);
                assert_eq!(together, one, "{}, {frames_at_once} at once by {threads}", path.display());
            }
        }
    }
}

#[test]
fn threads_that_do_not_read_the_same_are_found_out() {
    let path = captures().swap_remove(0);
    let mut engine = engine();
    thread::scope(|scope| {
        let mut shorter = reader(&path, 4);
        let others: Vec<Next<'_>> = vec![Box::new(move |batch| shorter(&mut Batch::new()) && shorter(batch))];
        let mut lanes = Lanes::start(scope, reader(&path, 4), others, &engine.division(), Waiting::of(2, 2, &|| false));
        assert_eq!(engine.push_together(&mut lanes, &mut |_| ()), Err(OutOfStep));
    });
}

#[test]
fn threads_that_take_turns_change_nothing() {
    for path in captures() {
        for frames_at_once in [7, 100_000] {
            let one = told(&path, frames_at_once, 1);
            for threads in [2, 3, 8] {
                assert_eq!(told(&path, frames_at_once, threads), one, "{}, {frames_at_once} at once", path.display());
            }
        }
    }
}

/// What a part knows of the others may be as old as the batch: no committed capture depends on it.
#[test]
fn batches_change_nothing() {
    for path in captures() {
        let mut undivided = engine();
        undivided.one_by_one = u64::MAX;
        let each = told_by(undivided, &path, 1, 1);
        for frames_at_once in [1, 2, 50, 100_000] {
            assert_eq!(told(&path, frames_at_once, 2), each, "{}, {frames_at_once} at once", path.display());
        }
    }
}

/// The packets that an observer was shown, and where they belong.
#[derive(Debug, Default)]
struct Shown {
    latest: Vec<String>,
    all: Vec<(Order, String)>,
}

impl PacketObserver for Shown {
    fn packet(&mut self, packet: &SeenPacket<'_>) {
        let (opened, frames, packet) = (packet.opened, packet.raw.frames, packet.raw.packet_type());
        self.latest.push(format!("{packet:?} in {frames:?} of the connection from {opened}"));
    }

    fn belongs(&mut self, order: Order) {
        self.all.extend(self.latest.drain(..).map(|packet| (order, packet)));
    }
}

/// What several observers were shown, in order.
fn shown(path: &Path, frames_at_once: usize, threads: usize) -> Vec<String> {
    let limits = Limits::default();
    let mut seats = Vec::new();
    let config = Config { limits, ports: Vec::new(), hosts: Vec::new(), detail: Detail::None };
    let mut engine = Engine::divided(config, || {
        seats.push(Arc::new(Mutex::new(Shown::default())));
        seats.last().map(|seat| Arc::<Mutex<Shown>>::clone(seat) as SharedObserver)
    });
    engine.one_by_one = 0;
    engine.push_in_turns(reader(path, frames_at_once), threads, Waiting::of(threads, 2, &|| false), &mut |_| ());
    engine.finish(&mut |_| ());
    let mut all: Vec<_> = seats.iter().flat_map(|seat| std::mem::take(&mut seat.lock().unwrap().all)).collect();
    all.sort_by_key(|(order, _)| *order);
    all.into_iter().map(|(_, packet)| packet).collect()
}

#[test]
fn observers_of_the_parts_are_together_shown_what_one_is_shown() {
    for path in captures() {
        let one = Arc::new(Mutex::new(Shown::default()));
        let config = Config { limits: Limits::default(), ports: Vec::new(), hosts: Vec::new(), detail: Detail::None };
        let mut engine = Engine::observed(config, Arc::<Mutex<Shown>>::clone(&one));
        let mut file = CaptureFile::open(&path).unwrap();
        while let Some(frame) = file.next_frame() {
            engine.push(&frame, &mut |_| ());
        }
        engine.finish(&mut |_| ());
        let one: Vec<String> = one.lock().unwrap().all.drain(..).map(|(_, packet)| packet).collect();
        for frames_at_once in [7, 100_000] {
            for threads in [1, 2] {
                assert_eq!(shown(&path, frames_at_once, threads), one, "{}", path.display());
            }
        }
    }
}
