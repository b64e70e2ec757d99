//! The picture: a title, the list or one session, and a line of keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style as Ink};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Cell, Clear, Paragraph, Row as TableRow, Table, TableState};

use crate::diagnosis::Severity;
use crate::text::{counted, number};

use super::rows::{Choice, Line};
use super::{Screen, State};

/// What each key does, in the order in which it is told.
const KEYS: [(&str, &str); 12] = [
    ("arrows, PgUp, PgDn", "move; also j, k, g, G and space"),
    ("Enter", "open the session that is selected"),
    ("Esc", "back to the list; in the list: show all again"),
    ("left, right", "in a session: the one before, the next"),
    ("/", "search: in the list by client, address and how it ended;"),
    ("", "in a session by text; n and N go on and back"),
    ("f", "only sessions that went wrong, or all"),
    ("s", "sort by start, activity, severity, client, messages"),
    ("r", "reverse the order"),
    ("p", "while capturing: hold the picture still"),
    ("?", "this page"),
    ("q", "quit"),
];

/// Columns of the list: head, width, whether it is set to the right, what stands in it.
struct Column {
    head: &'static str,
    width: Constraint,
    right: bool,
    cell: fn(&Line) -> &str,
}

const NUMBER: Column = right("#", 5, |line| &line.number);
const CLIENT: Column =
    Column { head: "Client", width: Constraint::Min(16), right: false, cell: |line| &line.row.client };
const FROM: Column = left("From", 21, |line| &line.row.from);
const SERVER: Column = left("Server", 21, |line| &line.row.server);
const VERSION: Column = left("MQTT", 5, |line| &line.row.version);
const STARTED: Column = left("Started", 8, |line| &line.row.started);
const LASTED: Column = right("Lasted", 9, |line| &line.row.lasted);
const SENT: Column = right("Sent", 8, |line| &line.row.sent);
const RECEIVED: Column = right("Received", 8, |line| &line.row.received);
const ENDED: Column = left("State", 25, |line| &line.row.ended);

const CLIENT_AT_MOST: Column = Column { width: Constraint::Max(40), ..CLIENT };
const ENDED_WITH_THE_REST: Column = Column { width: Constraint::Min(25), ..ENDED };

const WIDE: [Column; 10] =
    [NUMBER, CLIENT_AT_MOST, FROM, SERVER, VERSION, STARTED, LASTED, SENT, RECEIVED, ENDED_WITH_THE_REST];
const NARROW: [Column; 6] = [NUMBER, CLIENT, VERSION, STARTED, LASTED, ENDED];
/// Columns that the wide list needs.
const WIDE_FROM: u16 = 150;

const fn left(head: &'static str, width: u16, cell: fn(&Line) -> &str) -> Column {
    Column { head, width: Constraint::Length(width), right: false, cell }
}

const fn right(head: &'static str, width: u16, cell: fn(&Line) -> &str) -> Column {
    Column { head, width: Constraint::Length(width), right: true, cell }
}

impl Screen {
    /// Draws what is to be seen.
    pub fn draw(&mut self, frame: &mut Frame<'_>) {
        let areas = Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]);
        let [title, body, keys] = areas.areas(frame.area());
        frame.render_widget(Clear, frame.area());
        let below = if self.opened.is_some() { self.draw_session(frame, body) } else { self.draw_list(frame, body) };
        self.draw_title(frame, title);
        let below = match &self.typing {
            Some(typed) => format!("/{typed}_"),
            None => below,
        };
        frame.render_widget(Paragraph::new(self.style.set(&below)).style(self.ink(faint())), keys);
        if self.state == State::Help {
            Screen::draw_help(frame, body);
        }
    }

    fn draw_title(&self, frame: &mut Frame<'_>, area: Rect) {
        let mut words = format!(" {}", self.title);
        if !self.status.is_empty() {
            words += ": ";
            words += &self.status;
        }
        if self.paused {
            words = format!(" PAUSED {words}");
        }
        let line = Text::styled(self.style.set(&words), Ink::new().add_modifier(Modifier::REVERSED | Modifier::BOLD));
        let bar = Paragraph::new(line).style(Ink::new().add_modifier(Modifier::REVERSED));
        frame.render_widget(bar, area);
    }

    /// Draws the list; the line of keys.
    fn draw_list(&mut self, frame: &mut Frame<'_>, area: Rect) -> String {
        self.page = usize::from(area.height.saturating_sub(1)).max(1);
        let columns: &[Column] = if area.width >= WIDE_FROM { &WIDE } else { &NARROW };
        let color = self.style.color;
        let (lines, selected) = self.rows.shown();
        // Only what is seen is set: rows may be many.
        let height = usize::from(area.height.saturating_sub(1));
        let first = selected.saturating_sub(height.saturating_sub(1));
        let rows = lines.iter().skip(first).take(height).map(|line| {
            let cells = columns.iter().map(|column| {
                let text = Text::raw((column.cell)(line));
                let cell = Cell::from(if column.right { text.right_aligned() } else { text });
                if column.head == ENDED.head && color { cell.style(severity(line.severity)) } else { cell }
            });
            TableRow::new(cells)
        });
        let head = columns.iter().map(|column| {
            let text = Text::raw(column.head);
            Cell::from(if column.right { text.right_aligned() } else { text })
        });
        let none = lines.is_empty();
        let table = Table::new(rows.collect::<Vec<_>>(), columns.iter().map(|column| column.width))
            .header(TableRow::new(head).style(if color { faint() } else { Ink::new() }))
            .column_spacing(2)
            .row_highlight_style(Ink::new().add_modifier(Modifier::REVERSED));
        let mut state = TableState::new().with_selected((!none).then_some(selected - first));
        frame.render_stateful_widget(table, area, &mut state);
        let (all, shown, let_go) = self.rows.counts();
        if none {
            self.draw_nothing(frame, area, all);
        }
        self.keys_of_list(all, shown, let_go)
    }

    fn draw_nothing(&self, frame: &mut Frame<'_>, area: Rect, all: usize) {
        let words = match (all, self.live) {
            (0, true) => "No session yet. Connections that were open before are seen with their next packets.",
            (0, false) => "There is no MQTT session in this capture.",
            _ => "No session is like that. Esc shows all again.",
        };
        let below = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
        frame.render_widget(Paragraph::new(words).centered().style(self.ink(faint())), below);
    }

    fn keys_of_list(&self, all: usize, shown: usize, let_go: u64) -> String {
        let Choice { sort, reversed, problems, searched } = self.rows.choice();
        let mut words =
            if shown == all { counted(all as u64, "session") } else { format!("{shown} of {}", number(all as u64)) };
        if !searched.is_empty() {
            words = format!("{words} with “{searched}”");
        }
        if let_go > 0 {
            words = format!("{words}, {} let go", counted(let_go, "older one"));
        }
        let wrong = if *problems { "f all" } else { "f wrong only" };
        let order = if *reversed { " (r)" } else { "" };
        format!(" {words} · Enter open  / find  {wrong}  s by {}{order}  ? help  q quit", sort.name())
    }

    /// Draws the session that is shown; the line of keys.
    fn draw_session(&mut self, frame: &mut Frame<'_>, area: Rect) -> String {
        self.page = usize::from(area.height).saturating_sub(1).max(1);
        self.style.width = usize::from(area.width);
        let Some(opened) = &mut self.opened else { return String::new() };
        let (lines, percent) = opened.seen(&self.style, usize::from(area.height));
        let lines: Vec<Text<'_>> = lines.to_vec();
        frame.render_widget(Paragraph::new(lines), area);
        let found = match opened.searched() {
            "" => "/ search".to_owned(),
            text => format!("n next “{text}”"),
        };
        format!(" {percent} % · Esc list  ← → other session  {found}  ? help  q quit")
    }

    fn draw_help(frame: &mut Frame<'_>, area: Rect) {
        let lines = KEYS.iter().map(|(key, does)| {
            let key = Span::styled(format!(" {key:>18}  "), Ink::new().add_modifier(Modifier::BOLD));
            Text::from(vec![key, Span::raw(*does)])
        });
        let mut lines: Vec<Text<'_>> = lines.collect();
        lines.insert(0, Text::raw(""));
        lines.push(Text::raw(""));
        lines.push(Text::raw(" Any key closes this page."));
        frame.render_widget(Clear, area);
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn ink(&self, ink: Ink) -> Ink {
        if self.style.color { ink } else { Ink::new() }
    }
}

fn faint() -> Ink {
    Ink::new().add_modifier(Modifier::DIM)
}

fn severity(severity: Severity) -> Ink {
    match severity {
        Severity::Ok => Ink::new().fg(Color::Green),
        Severity::Info => faint(),
        Severity::Warning => Ink::new().fg(Color::Yellow),
        Severity::Error => Ink::new().fg(Color::Red),
    }
}
