//! The terminal while a full-screen view has it.
//!
//! Invariant: whatever happens, the terminal is given back as it was.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::screen::{Key, Screen};

use super::failure::Failure;

/// The terminal, taken over.
pub(super) struct Terminal(DefaultTerminal);

/// What came from the user.
pub(super) enum Input {
    /// A key that means something.
    Key(Key),
    /// The terminal has another size, or a key means nothing.
    Other,
    /// Ctrl-C.
    Interrupt,
}

impl Terminal {
    /// Takes the terminal over.
    pub(super) fn open() -> Result<Terminal, Failure> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(Failure::arguments(
                "the full-screen view needs a terminal",
                "`mqttcap read FILE` and `mqttcap live` write to anything",
            ));
        }
        Ok(Terminal(ratatui::try_init()?))
    }

    /// Shows `screen`.
    pub(super) fn draw(&mut self, screen: &mut Screen) -> Result<(), Failure> {
        self.0.draw(|frame| screen.draw(frame))?;
        Ok(())
    }

    /// What the user does within `wait`.
    #[allow(clippy::unused_self)] // keys come only while the terminal is taken over
    pub(super) fn input(&self, wait: Duration) -> Result<Option<Input>, Failure> {
        if !event::poll(wait)? {
            return Ok(None);
        }
        Ok(Some(match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => of_key(key),
            _ => Input::Other,
        }))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn of_key(key: KeyEvent) -> Input {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Input::Key(match key.code {
        KeyCode::Char('c' | 'd') if control => return Input::Interrupt,
        KeyCode::Char('f') if control => Key::PageDown,
        KeyCode::Char('b') if control => Key::PageUp,
        KeyCode::Char(character) if !control => Key::Char(character),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        _ => return Input::Other,
    })
}
