//! Gives up what is not needed once everything is open: the user, all rights but that to capture, files, system calls.
//!
//! Invariant: what stays is enough to open an interface again that went away, to write where it was told to, and
//! nothing else. A kernel that lacks one of the means is no error: [`Held`] says what holds. This comes before any
//! thread is started, because a right is given up by a thread for itself; and after the time zone was read.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod rights;
mod user;

use std::path::PathBuf;

pub use user::{NOBODY, User, UserError};

/// What is still needed.
#[derive(Clone, Debug, Default)]
pub struct Needed {
    /// The user to go on as, when started by root; `None` to stay.
    pub user: Option<User>,
    /// Files that are written to, also anew, and folders in which files are made.
    pub written: Vec<PathBuf>,
}

/// What holds from now on, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// A sentence each.
    pub sentences: Vec<String>,
}

/// Why a right could not be given up that has to be.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation}: {reason}")]
pub struct ConfineError {
    operation: &'static str,
    reason: String,
}

/// Gives up the user and every right but `CAP_NET_RAW`.
#[cfg(target_os = "linux")]
pub fn give_up_rights(needed: &Needed) -> Result<Held, ConfineError> {
    rights::give_up(needed.user.as_ref()).map(|sentence| Held { sentences: vec![sentence] })
}

/// Only Linux knows the right to capture apart from others.
#[cfg(not(target_os = "linux"))]
pub fn give_up_rights(_: &Needed) -> Result<Held, ConfineError> {
    Ok(Held { sentences: vec!["Rights are only given up on Linux.".into()] })
}

/// Closes the process in, as far as the kernel can.
#[cfg(target_os = "linux")]
pub fn close_in(needed: &Needed) -> Held {
    Held { sentences: vec![files::close_in(&needed.written), calls::close_in()] }
}

/// Only Linux has Landlock and seccomp.
#[cfg(not(target_os = "linux"))]
pub fn close_in(_: &Needed) -> Held {
    Held { sentences: vec!["The process is only closed in on Linux.".into()] }
}

/// The reason of a failed operation.
#[cfg(target_os = "linux")]
fn failed<E: std::fmt::Display>(operation: &'static str) -> impl FnOnce(E) -> ConfineError {
    move |error| ConfineError { operation, reason: error.to_string() }
}
