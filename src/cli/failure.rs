//! Why mqttcap could not do what was asked, in one line, with one line of advice.

use std::io;
use std::path::PathBuf;

/// What stopped the program.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The arguments make no sense.
    #[error("{message}")]
    Arguments {
        /// What is wrong with them.
        message: String,
        /// What to type instead.
        hint: String,
    },
    /// A capture could not be read.
    #[error("{message}")]
    Capture {
        /// Which, and why.
        message: String,
        /// What to do.
        hint: String,
    },
    /// No session of that number.
    #[error("there is no session {number}: {}", numbered(*.count))]
    NoSuchSession {
        /// What was asked for.
        number: u64,
        /// How many there are.
        count: u64,
    },
    /// Nothing to explain under that name.
    #[error("nothing is known of {what:?}")]
    Unexplained {
        /// What was asked for.
        what: String,
        /// What may have been meant.
        suggestions: Vec<String>,
    },
    /// The file to write to could not be opened.
    #[error("cannot write {}: {source}", crate::source::Shown(.path))]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Writing failed half-way.
    #[error("cannot write the report: {0}")]
    Write(#[from] io::Error),
}

impl Failure {
    /// The arguments make no sense.
    pub(super) fn arguments(message: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure::Arguments { message: message.into(), hint: hint.into() }
    }

    /// One line of advice.
    pub(super) fn hint(&self) -> String {
        match self {
            Failure::Arguments { hint, .. } | Failure::Capture { hint, .. } => hint.clone(),
            Failure::NoSuchSession { count: 0, .. } => "`mqttcap read FILE` says what the capture holds instead".into(),
            Failure::NoSuchSession { .. } => "`mqttcap read FILE` lists the sessions with their numbers".into(),
            Failure::Unexplained { suggestions, .. } if suggestions.is_empty() => {
                "`mqttcap explain` lists everything that it can explain".into()
            }
            Failure::Unexplained { suggestions, .. } => {
                format!("did you mean {}?", suggestions.join(" or "))
            }
            Failure::Output { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room on that disk, or write elsewhere".into()
            }
            Failure::Output { .. } => "--output wants a file in a folder that exists and may be written to".into(),
            Failure::Write(_) => "is the disk full?".into(),
        }
    }

    /// The same, of a write to the file `path` if there is one.
    #[cfg(feature = "live")]
    pub(super) fn in_file(self, path: Option<&std::path::Path>) -> Failure {
        match (self, path) {
            (Failure::Write(source), Some(path)) => Failure::Output { path: path.to_owned(), source },
            (other, _) => other,
        }
    }

    /// Whether only the reader of our output went away, as `head` does.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Failure::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<clap::Error> for Failure {
    /// clap's message on one line, its tip as the hint.
    fn from(error: clap::Error) -> Failure {
        let text = error.to_string();
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let message = text.split("\n\n").next().unwrap_or_default();
        let message = one_line(message.trim_start_matches("error: "));
        let tip = text.split_once("tip: ").map(|(_, tip)| tip.split("\n\n").next().unwrap_or_default());
        let hint = tip.map_or_else(|| "`mqttcap --help` shows commands and options".to_owned(), one_line);
        Failure::Arguments { message, hint }
    }
}

fn numbered(count: u64) -> String {
    match count {
        0 => "the capture has none".into(),
        1 => "the capture has one, number 1".into(),
        count => format!("the capture has {}, numbered 1 to {count}", crate::text::number(count)),
    }
}
