//! A full-screen view of sessions, finished ones and such that go on: a list to sort, filter and search, and one
//! session as a ladder.
//!
//! Invariant: nothing here reads a terminal, a file or a clock. Keys and sessions come in, a picture goes out; what is kept
//! is bounded by the number of rows that the maker gives.

mod draw;
mod rows;
mod session;

use crate::net::Endpoint;
use crate::report::{Case, Style};

use rows::Rows;
pub use rows::Sort;
use session::Opened;

/// A key that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// Cursor keys and their like.
    Up,
    /// One line down.
    Down,
    /// The session before, while one is shown.
    Left,
    /// The next session, while one is shown.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// The first line.
    Home,
    /// The last line.
    End,
    /// Opens what is selected.
    Enter,
    /// Goes back.
    Escape,
    /// Takes back a character.
    Backspace,
}

/// What the user is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Working,
    /// Reads what the keys do.
    Help,
    /// Has had enough.
    Done,
}

/// What is seen.
#[derive(Debug)]
pub struct Screen {
    title: String,
    status: String,
    style: Style,
    rows: Rows,
    opened: Option<Opened>,
    /// The line that is being typed.
    typing: Option<String>,
    /// Sessions come in, but nothing moves.
    paused: bool,
    live: bool,
    state: State,
    /// Lines of the page that was drawn last.
    page: usize,
}

impl Screen {
    /// A screen about `title`, with at most `most` rows. `live` when sessions come while it is shown.
    pub fn new(title: String, style: Style, most: usize, live: bool) -> Screen {
        Screen {
            title,
            status: String::new(),
            style,
            rows: Rows::new(most),
            opened: None,
            typing: None,
            paused: false,
            live,
            state: State::Working,
            page: 20,
        }
    }

    /// Takes a session, new or as it stands now. It goes on unless it was `judged`.
    pub fn take(&mut self, case: &Case, judged: bool) {
        self.rows.take(case, judged, self.live, &self.style);
        if !self.paused
            && let Some(opened) = &mut self.opened
            && opened.is_of(case)
        {
            opened.renew(case.clone());
        }
    }

    /// What is said beside the title.
    pub fn tell(&mut self, status: String) {
        self.status = status;
    }

    /// Whether the user has had enough.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The session that is shown and goes on: whoever can should [`Screen::take`] it as it stands now.
    pub fn wanted(&self) -> Option<(Endpoint, Endpoint)> {
        let opened = self.opened.as_ref().filter(|_| !self.paused)?;
        self.rows.ends(opened.key())
    }

    /// A key was pressed.
    pub fn press(&mut self, key: Key) {
        if self.state == State::Help {
            self.state = State::Working;
            return;
        }
        if self.typing.is_some() {
            return self.type_key(key);
        }
        match key {
            Key::Char('q') => self.state = State::Done,
            Key::Char('?' | 'h') => self.state = State::Help,
            Key::Char('p') if self.live => self.pause(),
            Key::Char('/') => self.typing = Some(String::new()),
            _ if self.opened.is_some() => self.press_in_session(key),
            _ => self.press_in_list(key),
        }
    }

    fn pause(&mut self) {
        self.paused = !self.paused;
        self.rows.hold(self.paused);
    }

    fn press_in_list(&mut self, key: Key) {
        let page = self.page.cast_signed();
        match key {
            Key::Up | Key::Char('k') => self.rows.step(-1),
            Key::Down | Key::Char('j') => self.rows.step(1),
            Key::PageUp => self.rows.step(-page),
            Key::PageDown | Key::Char(' ') => self.rows.step(page),
            Key::Home | Key::Char('g') => self.rows.step(isize::MIN),
            Key::End | Key::Char('G') => self.rows.step(isize::MAX),
            Key::Char('s') => self.rows.sort_next(),
            Key::Char('r') => self.rows.reverse(),
            Key::Char('f') => self.rows.toggle_problems(),
            Key::Enter | Key::Right => self.open(),
            Key::Escape => self.rows.search(""),
            _ => {}
        }
    }

    fn open(&mut self) {
        if let Some(case) = self.rows.selected() {
            self.opened = Some(Opened::new(case.clone(), self.live));
        }
    }

    fn press_in_session(&mut self, key: Key) {
        let page = self.page.cast_signed();
        let Some(opened) = &mut self.opened else { return };
        match key {
            Key::Up | Key::Char('k') => opened.scroll(-1),
            Key::Down | Key::Char('j') => opened.scroll(1),
            Key::PageUp => opened.scroll(-page),
            Key::PageDown | Key::Char(' ') => opened.scroll(page),
            Key::Home | Key::Char('g') => opened.scroll(isize::MIN),
            Key::End | Key::Char('G') => opened.scroll(isize::MAX),
            Key::Char('n') => opened.find_next(1),
            Key::Char('N') => opened.find_next(-1),
            Key::Left | Key::Right => {
                self.rows.step(if key == Key::Left { -1 } else { 1 });
                self.open();
            }
            Key::Escape | Key::Backspace => self.opened = None,
            _ => {}
        }
    }

    fn type_key(&mut self, key: Key) {
        let Some(typed) = &mut self.typing else { return };
        match key {
            Key::Char(character) => typed.push(character),
            Key::Backspace if typed.pop().is_some() => {}
            Key::Enter => {
                let typed = self.typing.take().unwrap_or_default();
                if let Some(opened) = &mut self.opened {
                    opened.find(&typed);
                }
                return;
            }
            Key::Escape | Key::Backspace => {
                self.typing = None;
                if self.opened.is_none() {
                    self.rows.search("");
                }
                return;
            }
            _ => return,
        }
        if self.opened.is_none() {
            let typed = typed.clone();
            self.rows.search(&typed);
        }
    }
}

#[cfg(test)]
mod tests;
