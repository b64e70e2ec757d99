//! The user that a program goes on as when root started it.

use std::path::Path;

use nix::unistd;

/// Who is taken when nobody is named.
pub const NOBODY: &str = "nobody";

/// A user of this system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The number of the first group.
    pub gid: u32,
}

/// Why a user cannot be gone on as.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// There is none of that name.
    #[error("there is no user {0}")]
    Unknown(String),
    /// Only root can go on as somebody else.
    #[error("only root can go on as {0}")]
    NotRoot(String),
}

impl User {
    /// The user to go on as: the one that was named, else nobody; `None` if the process is not root's, or root was
    /// named.
    pub fn of(named: Option<&str>) -> Result<Option<User>, UserError> {
        if !unistd::geteuid().is_root() {
            return match named {
                Some(name) => Err(UserError::NotRoot(name.to_owned())),
                None => Ok(None),
            };
        }
        let name = named.unwrap_or(NOBODY);
        match unistd::User::from_name(name) {
            Ok(Some(user)) if user.uid.is_root() => Ok(None),
            Ok(Some(user)) => Ok(Some(User { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() })),
            // A small system may know root only.
            _ if named.is_none() => Ok(None),
            _ => Err(UserError::Unknown(name.to_owned())),
        }
    }

    /// Gives the user a file or folder that was made for it.
    pub fn own(&self, path: &Path) -> std::io::Result<()> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
    }
}
