//! The user and the capabilities (capabilities(7)).
//!
//! Invariant: afterwards no capability but `CAP_NET_RAW` is held, none can be had again, and none is handed on.

use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;
use nix::unistd::{self, Gid, Uid};

use super::user::User;
use super::{ConfineError, failed};

/// Gives up what is not needed; says who goes on, with what.
pub(super) fn give_up(user: Option<&User>) -> Result<String, ConfineError> {
    // Without the right to do so, what is never held cannot be had again either.
    for capability in caps::all() {
        if capability != Capability::CAP_NET_RAW {
            let _ = caps::drop(None, CapSet::Bounding, capability);
        }
    }
    if let Some(user) = user {
        change(user)?;
    }
    let held = caps::read(None, CapSet::Permitted).map_err(failed("read the capabilities"))?;
    let kept: CapsHashSet = held.into_iter().filter(|held| *held == Capability::CAP_NET_RAW).collect();
    let _ = caps::clear(None, CapSet::Ambient);
    let operation = "give up capabilities";
    caps::set(None, CapSet::Effective, &kept).map_err(failed(operation))?;
    caps::set(None, CapSet::Permitted, &kept).map_err(failed(operation))?;
    caps::clear(None, CapSet::Inheritable).map_err(failed(operation))?;
    let _ = prctl::set_no_new_privs();
    let who = unistd::User::from_uid(Uid::effective()).ok().flatten();
    let who = who.map_or_else(|| format!("user {}", Uid::effective()), |user| user.name);
    let what = if kept.is_empty() { "without any capability" } else { "with CAP_NET_RAW only" };
    Ok(format!("Runs as {who} {what}."))
}

/// Becomes `user`, with the capabilities that are permitted.
fn change(user: &User) -> Result<(), ConfineError> {
    let operation = "change the user";
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    prctl::set_keepcaps(true).map_err(failed(operation))?;
    unistd::setgroups(&[gid]).map_err(failed(operation))?;
    unistd::setresgid(gid, gid, gid).map_err(failed(operation))?;
    unistd::setresuid(uid, uid, uid).map_err(failed(operation))?;
    prctl::set_keepcaps(false).map_err(failed(operation))
}
