//! Files, TCP ports and signals, by Landlock (landlock(7)), Linux 5.13 and later.
//!
//! Invariant: nothing is opened for writing but what was named, no TCP connection is made and no port bound.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    Scope, path_beneath_rules,
};

/// The newest version that is known here; an older kernel does what it can.
const VERSION: ABI = ABI::V6;
/// What libpcap looks at when it opens an interface, the program's own numbers, and names in filter expressions.
const READ: [&str; 8] = [
    "/sys/class/net",
    "/sys/devices",
    "/proc/self",
    "/etc/services",
    "/etc/protocols",
    "/etc/hosts",
    "/etc/ethers",
    "/etc/nsswitch.conf",
];
/// What a full-screen view talks to.
const TERMINAL: &str = "/dev/tty";

/// Closes the process in; says how far.
pub(super) fn close_in(written: &[PathBuf]) -> String {
    let places: Vec<PathBuf> = written.iter().map(|path| place(path)).collect();
    match restrict(&places) {
        Ok(RulesetStatus::NotEnforced) => "Landlock does not hold: this kernel lacks it.".into(),
        Err(error) => format!("Landlock does not hold: {error}."),
        Ok(status) => {
            let mut names: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
            names.dedup();
            let what = if names.is_empty() { "no file".into() } else { format!("only in {}", names.join(", ")) };
            let as_far =
                if status == RulesetStatus::PartiallyEnforced { ", as far as this kernel knows it" } else { "" };
            format!("Writes {what} and reaches no TCP port (Landlock{as_far}).")
        }
    }
}

/// Where a file is made anew: its folder. A device is itself.
fn place(path: &Path) -> PathBuf {
    let is_made = std::fs::metadata(path).map_or(true, |found| found.is_file());
    match path.parent() {
        Some(folder) if is_made && folder != Path::new("") => folder.to_owned(),
        Some(_) if is_made => PathBuf::from("."),
        _ => path.to_owned(),
    }
}

fn restrict(places: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    let write: BitFlags<AccessFs> = AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
        | AccessFs::ReadFile
        | AccessFs::ReadDir;
    let terminal = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    Ruleset::default()
        .handle_access(AccessFs::from_all(VERSION))?
        .handle_access(AccessNet::from_all(VERSION))?
        .scope(Scope::from_all(VERSION))?
        .create()?
        .add_rules(path_beneath_rules(places, write))?
        .add_rules(path_beneath_rules(READ, AccessFs::ReadFile | AccessFs::ReadDir))?
        .add_rules(path_beneath_rules([TERMINAL], terminal))?
        .restrict_self()
        .map(|status| status.ruleset)
}
