//! News on the full screen.

use std::time::Duration;

use crate::net::Endpoint;
use crate::report::{Case, Report, Style};
use crate::screen::Screen;

use super::super::failure::Failure;
use super::super::terminal::{Input, Terminal};
use super::news::{News, Status, Teller};

/// Most rows of the list.
const ROWS: usize = 5_000;

/// The view of sessions as they come.
pub(super) struct FullScreen {
    screen: Screen,
    terminal: Terminal,
    interrupted: bool,
    noted: Option<String>,
}

impl FullScreen {
    /// Takes the terminal over, to show what is captured on `name`.
    pub(super) fn open(name: String, style: Style) -> Result<FullScreen, Failure> {
        let screen = Screen::new(name, style, ROWS, true);
        Ok(FullScreen { screen, terminal: Terminal::open()?, interrupted: false, noted: None })
    }
}

impl Teller for FullScreen {
    fn tell(&mut self, case: &Case, news: News<'_>) -> Result<(), Failure> {
        match news {
            News::Seen => self.screen.take(case, false),
            News::Judged { .. } => self.screen.take(case, true),
            News::Finding(_) | News::Over | News::Corrected => {}
        }
        Ok(())
    }

    fn status(&mut self, status: &Status) -> Result<(), Failure> {
        while let Some(input) = self.terminal.input(Duration::ZERO)? {
            match input {
                Input::Key(key) => self.screen.press(key),
                Input::Interrupt => self.interrupted = true,
                Input::Other => {}
            }
        }
        let words = status.in_words();
        self.screen.tell(self.noted.as_ref().map_or_else(|| words.clone(), |noted| format!("{noted} · {words}")));
        self.terminal.draw(&mut self.screen)
    }

    fn note(&mut self, text: &str) {
        self.noted = Some(text.to_owned());
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(50)
    }

    fn wanted(&self) -> Option<(Endpoint, Endpoint)> {
        self.screen.wanted()
    }

    fn is_done(&self) -> bool {
        self.interrupted || self.screen.is_done()
    }

    /// The view is its own report.
    fn report(&mut self, _report: &Report) -> Result<(), Failure> {
        Ok(())
    }
}
