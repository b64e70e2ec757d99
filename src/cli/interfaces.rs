//! `mqttcap interfaces`: what can be captured on, and why something cannot.

use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style as Ansi};
use serde::Serialize;

use crate::source::{InterfaceError, InterfaceInfo, give_right, interfaces, try_open};
use crate::text;

use super::arguments::{Interfaces, ListFormat};
use super::failure::Failure;
use super::output;

/// An interface in the list of `--format json`.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    /// `up`, `no link`, `down`; null for what is no network interface.
    state: Option<String>,
    default: bool,
    addresses: Vec<String>,
    description: Option<String>,
    /// Why it cannot be captured on; null if it can.
    problem: Option<String>,
}

/// Lists what can be captured on.
pub(super) fn list(arguments: &Interfaces) -> Result<ExitCode, Failure> {
    let found = interfaces()?;
    if found.is_empty() {
        return Err(InterfaceError::None.into());
    }
    let tried: Vec<(InterfaceInfo, Option<InterfaceError>)> = found
        .into_iter()
        .map(|interface| {
            let problem = try_open(&interface).err();
            (interface, problem)
        })
        .collect();
    let forbidden = tried.iter().any(|(_, problem)| matches!(problem, Some(InterfaceError::Permission { .. })));
    let listed: Vec<Listed> =
        tried.into_iter().map(|(interface, problem)| listed(interface, problem.as_ref())).collect();
    let mut out = match arguments.format {
        ListFormat::Table => output::open_text(&arguments.look)?,
        ListFormat::Json => output::open(arguments.look.output.as_deref())?,
    };
    match arguments.format {
        ListFormat::Table => write_table(&listed, &mut out)?,
        ListFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &listed).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    if forbidden {
        let hint = Ansi::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
        // If standard error is closed there is nobody to tell.
        let _ = writeln!(anstream::stderr(), "{hint}hint:{hint:#} the right CAP_NET_RAW is missing: {}", give_right());
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(interface: InterfaceInfo, problem: Option<&InterfaceError>) -> Listed {
    Listed {
        state: interface.state.map(|state| state.to_string()),
        default: interface.is_default,
        addresses: interface.addresses.iter().map(ToString::to_string).collect(),
        description: interface.description,
        problem: problem.map(InterfaceError::brief),
        name: text::escape(interface.name.as_bytes(), 64),
    }
}

fn write_table(listed: &[Listed], out: &mut dyn Write) -> std::io::Result<()> {
    let widest = listed.iter().map(|interface| interface.name.chars().count()).max().unwrap_or(0);
    for interface in listed {
        let state = interface.state.as_deref().unwrap_or("–");
        let mut about = interface.addresses.clone();
        about.extend(interface.description.as_ref().map(|description| text::escape(description.as_bytes(), 120)));
        about.extend(interface.default.then(|| "(default)".to_owned()));
        // That it is down is said already.
        let problem = interface.problem.as_ref().filter(|problem| interface.state.as_ref() != Some(problem));
        about.extend(problem.map(|problem| format!("cannot be opened: {problem}")));
        let line = format!("{:widest$}  {state:7}  {}", interface.name, about.join("  "));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
