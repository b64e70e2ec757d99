//! The full-screen view, driven by keys in a real terminal (tmux); its pictures are golden files.
//!
//! `UPDATE_GOLDENS=1 cargo test --test browse` writes them anew: to be looked at before they are accepted.
#![cfg(all(unix, feature = "tui"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, clippy::print_stderr)] // a test may fail

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A terminal of its own with `mqttcap browse` in it.
struct Terminal {
    socket: String,
}

impl Terminal {
    fn open(name: &str, columns: u16, lines: u16, arguments: &str) -> Terminal {
        let terminal = Terminal { socket: format!("mqttcap-{name}-{}", std::process::id()) };
        let program = env!("CARGO_BIN_EXE_mqttcap");
        let capture = root().join("captures/demo.pcapng");
        let command = format!("'{program}' browse '{}' --utc {arguments}", capture.display());
        let size = [columns.to_string(), lines.to_string()];
        let [columns, lines] = &size;
        let started = terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", lines, &command]);
        assert!(started.status.success(), "{started:?}");
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        Command::new("tmux").args(["-L", &self.socket]).args(arguments).output().unwrap()
    }

    fn picture(&self) -> String {
        let shown = self.tmux(&["capture-pane", "-p"]).stdout;
        let lines: Vec<String> =
            String::from_utf8(shown).unwrap().lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n") + "\n"
    }

    /// The picture once it has stood still and shows `sign`.
    fn shows(&self, sign: &str) -> String {
        let begun = Instant::now();
        let mut last = String::new();
        loop {
            let picture = self.picture();
            if picture == last && picture.contains(sign) {
                return picture;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no {sign:?} in\n{picture}");
            last = picture;
            sleep(Duration::from_millis(50));
        }
    }

    fn press(&self, keys: &[&str]) {
        for key in keys {
            assert!(self.tmux(&["send-keys", key]).status.success());
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn has_tmux() -> bool {
    let has = Command::new("tmux").arg("-V").output().is_ok_and(|output| output.status.success());
    if !has {
        eprintln!("skipped: there is no tmux to drive the full-screen view in");
    }
    has
}

fn is_golden(name: &str, picture: &str) {
    let path = root().join("tests/screens").join(name).with_extension("txt");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(&path, picture).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == picture, "{}:\n{golden}\nnow:\n{picture}", path.display());
}

#[test]
fn the_list_is_sorted_and_sifted() {
    if !has_tmux() {
        return;
    }
    let terminal = Terminal::open("list", 80, 24, "");
    is_golden("list", &terminal.shows("by start"));
    terminal.press(&["s", "s"]);
    is_golden("list-by-severity", &terminal.shows("by severity"));
    terminal.press(&["f"]);
    is_golden("list-wrong-only", &terminal.shows("f all"));
    terminal.press(&["/", "refused"]);
    is_golden("list-typing", &terminal.shows("/refused_"));
    terminal.press(&["Enter"]);
    terminal.shows("with “refused”");
    terminal.press(&["Escape", "f"]);
    terminal.shows("9 sessions");
    terminal.press(&["?"]);
    is_golden("help", &terminal.shows("Any key"));
}

#[test]
fn a_session_is_opened_and_searched() {
    if !has_tmux() {
        return;
    }
    let terminal = Terminal::open("session", 80, 24, "");
    terminal.shows("by start");
    terminal.press(&["Down", "Enter"]);
    is_golden("session", &terminal.shows("Session 2"));
    terminal.press(&["/", "wireshark", "Enter"]);
    terminal.shows("next “wireshark”");
    terminal.press(&["Right"]);
    terminal.shows("Session 3");
    terminal.press(&["Escape", "q"]);
}

#[test]
fn a_wide_terminal_shows_more() {
    if !has_tmux() {
        return;
    }
    let terminal = Terminal::open("wide", 200, 30, "");
    is_golden("wide", &terminal.shows("by start"));
}

#[test]
fn ascii_without_colour() {
    if !has_tmux() {
        return;
    }
    let terminal = Terminal::open("ascii", 80, 24, "--ascii --color never");
    let list = terminal.shows("by start");
    terminal.press(&["Enter"]);
    let session = terminal.shows("Session 1");
    assert!(list.is_ascii(), "{list}");
    assert!(session.is_ascii(), "{session}");
}

#[test]
fn without_a_terminal_it_says_so() {
    let capture = root().join("captures/demo.pcapng");
    let output = Command::new(env!("CARGO_BIN_EXE_mqttcap")).arg("browse").arg(capture).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("needs a terminal") && said.contains("hint:"), "{said}");
}
