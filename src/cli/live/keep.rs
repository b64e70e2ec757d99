//! Opens what `live` keeps and serves: what needs rights before they are given up, the rest after.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::tz::TimeZone;

use crate::capture::Timestamp;
use crate::confine::User;
use crate::record::{Flight, Folder, Recording, Trouble};

use super::super::failure::Failure;
use super::super::keeping;
use super::metrics::{self, Metrics};
use super::news::Teller;
use super::problems::Problems;
use super::witness::{Clock, Witness};

/// What is open.
pub(super) struct Keeping {
    recording: Option<Recording>,
    /// The folder of the files, if there will be others.
    rotates_in: Option<PathBuf>,
    problems: Option<Problems>,
    on_problem: Option<PathBuf>,
    listener: Option<TcpListener>,
}

impl Keeping {
    /// Opens the files and the address; `source` is what is captured on, `user` who goes on.
    pub(super) fn open(
        arguments: &keeping::Keeping,
        source: &str,
        user: Option<&User>,
        utc: bool,
    ) -> Result<Keeping, Failure> {
        let zone = if utc { TimeZone::UTC } else { TimeZone::system() };
        let rotation = arguments.rotation()?;
        let listener = arguments.metrics.map(metrics::listen).transpose()?;
        let open = |path: &PathBuf| Recording::open(path, rotation, source, now(), zone.clone());
        let recording = arguments.write.as_ref().map(open).transpose()?;
        let flight = || Flight::new(arguments.window());
        let open = |path: &PathBuf| {
            let is_new = !path.exists();
            let folder = Folder::open(path, arguments.bounds(), zone.clone())?;
            match user {
                Some(user) if is_new => user.own(path).map_err(|source| Trouble { path: path.clone(), source })?,
                _ => {}
            }
            Ok::<_, Trouble>(folder)
        };
        let folder = arguments.on_problem.as_ref().map(open).transpose()?;
        let problems = folder.map(|folder| Problems::new(flight(), folder, source.to_owned()));
        let rotates = rotation.size.is_some() || rotation.time.is_some();
        let rotates_in = arguments.write.as_deref().filter(|_| rotates).map(|path| folder_of(path).to_owned());
        Ok(Keeping { recording, rotates_in, problems, on_problem: arguments.on_problem.clone(), listener })
    }

    /// Files and folders that are written to.
    pub(super) fn written(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let file = self.recording.as_ref().map(|recording| recording.current().to_owned());
        file.into_iter().chain(self.on_problem.clone())
    }

    /// Begins, with the rights that are left: a folder that is closed to them is said now, not at the first problem.
    pub(super) fn begin(self, teller: Box<dyn Teller>) -> Result<Witness, Failure> {
        for folder in self.rotates_in.iter().chain(&self.on_problem) {
            may_write(folder)?;
        }
        let metrics = self.listener.map(Metrics::serve).transpose()?;
        let Keeping { recording, problems, .. } = self;
        Ok(Witness { teller, recording, problems, metrics, clock: Clock::default() })
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Fails if no file can be made in `folder`.
fn may_write(folder: &Path) -> Result<(), Failure> {
    let probe = folder.join(format!(".mqttcap-{}", std::process::id()));
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&probe);
    match made.and_then(|_| std::fs::remove_file(&probe)) {
        Ok(()) => Ok(()),
        Err(error) => Err(Failure::arguments(
            format!("cannot make files in {}: {error}", crate::source::Shown(folder)),
            "started by root, mqttcap goes on as nobody: give the folder to that user, or name another with --user",
        )),
    }
}

#[allow(clippy::disallowed_methods)] // the edge
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        Failure::arguments(
            trouble.to_string(),
            "name a file or folder that may be written to; folders of files are not made",
        )
    }
}
