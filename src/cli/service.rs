//! What a capture that runs for months needs of its host: signals, a user and rights to give up.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::confine::{self, ConfineError, Held, Needed, User, UserError};

use super::failure::Failure;

/// Which rights to give up once everything is open.
#[derive(Debug, Args)]
pub(super) struct Rights {
    /// The user to go on as when root starts this: `nobody` if none is named, `root` to stay
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// Keep the right to open any file and to start programs: no Landlock, no seccomp
    #[arg(long)]
    pub(super) no_sandbox: bool,
    /// Say which rights were given up
    #[arg(short, long)]
    pub(super) verbose: bool,
}

impl Rights {
    /// The user to go on as; `None` to stay.
    pub(super) fn user(&self) -> Result<Option<User>, Failure> {
        Ok(User::of(self.user.as_deref())?)
    }

    /// Gives up what is not needed to write to `written`; says what holds.
    pub(super) fn give_up(&self, user: Option<User>, written: Vec<PathBuf>) -> Result<Held, Failure> {
        // Opened anew, a file must be the user's; a device is nobody's.
        for path in written.iter().filter(|path| path.is_file()) {
            if let Some(user) = &user {
                user.own(path).map_err(|source| Failure::Output { path: path.clone(), source })?;
            }
        }
        let needed = Needed { user, written };
        let mut held = confine::give_up_rights(&needed)?;
        if self.no_sandbox {
            held.sentences.push("Files and system calls are open to it (--no-sandbox).".into());
        } else {
            held.sentences.extend(confine::close_in(&needed).sentences);
        }
        Ok(held)
    }
}

/// What the host asks of the program.
#[derive(Debug)]
pub(super) struct Signals {
    end: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
}

impl Signals {
    /// Listens: SIGINT and SIGTERM end; SIGHUP opens files anew, or ends what a terminal started that is gone.
    pub(super) fn listen() -> io::Result<Signals> {
        let signals = Signals { end: Arc::default(), reopen: Arc::default() };
        let of_terminal = io::stdout().is_terminal() || io::stderr().is_terminal();
        let hang_up = if of_terminal { &signals.end } else { &signals.reopen };
        for (signal, flag) in [(SIGINT, &signals.end), (SIGTERM, &signals.end), (SIGHUP, hang_up)] {
            signal_hook::flag::register(signal, Arc::clone(flag))?;
        }
        Ok(signals)
    }

    /// The program is to end.
    pub(super) fn end(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    /// Files are to be opened anew; true once for each time.
    pub(super) fn reopen(&self) -> bool {
        self.reopen.swap(false, Ordering::Relaxed)
    }
}

/// Whether nobody reads standard output any more.
pub(super) fn reader_is_gone() -> bool {
    use std::os::fd::AsFd;
    let stdout = io::stdout();
    let mut asked = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
    poll(&mut asked, PollTimeout::ZERO).is_ok()
        && asked.iter().any(|asked| asked.revents().is_some_and(|events| events.intersects(gone)))
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Failure {
        Failure::arguments(error.to_string(), "--user wants a user of this system, and root to start mqttcap")
    }
}

impl From<ConfineError> for Failure {
    fn from(error: ConfineError) -> Failure {
        Failure::arguments(error.to_string(), "--user root keeps the user")
    }
}
