//! `--limit NAME=VALUE`: other bounds on memory than the usual ones.

use clap::Args;

use crate::limits::{Limits, NAMED, Named, Unit};

use super::failure::Failure;
use super::size;

/// A name this near to another may be meant for it.
const NEAR: f64 = 0.7;

/// Bounds that were asked for.
#[derive(Debug, Args)]
pub(super) struct Bounds {
    #[arg(long = "limit", value_name = "NAME=VALUE", help = help())]
    pub(super) limits: Vec<String>,
}

impl Bounds {
    /// `usual`, changed as was asked.
    pub(super) fn over(&self, usual: Limits) -> Result<Limits, Failure> {
        let mut limits = usual;
        for given in &self.limits {
            let (name, value) = given.split_once('=').ok_or_else(|| {
                Failure::arguments(
                    format!("--limit {given:?} has no value"),
                    "--limit NAME=VALUE, as in --limit connections=500000",
                )
            })?;
            let named = find(name)?;
            let value = number(value, named.unit).filter(|value| named.set(&mut limits, *value));
            if value.is_none() {
                let example = if named.unit == Unit::Bytes { "a number of bytes, as in 64MiB" } else { "a number" };
                let hint = format!("{name} takes {example}; it is {} otherwise", shown(named, &usual));
                return Err(Failure::arguments(format!("--limit {given:?} has no value that can be used"), hint));
            }
        }
        Ok(limits)
    }
}

fn find(name: &str) -> Result<&'static Named, Failure> {
    NAMED.iter().find(|named| named.name() == name).ok_or_else(|| {
        let near = NAMED.iter().map(|named| (strsim::jaro_winkler(name, &named.name()), named.name()));
        let nearest =
            near.filter(|(nearness, _)| *nearness >= NEAR).max_by(|(one, _), (other, _)| one.total_cmp(other));
        let hint = match nearest {
            Some((_, nearest)) => format!("did you mean {nearest}? `mqttcap read --help` lists all limits"),
            None => "`mqttcap read --help` lists all limits".into(),
        };
        Failure::arguments(format!("there is no limit {name:?}"), hint)
    })
}

/// A number, of bytes with a unit too.
fn number(value: &str, unit: Unit) -> Option<u64> {
    let with_unit = if unit == Unit::Bytes { size::with_unit(value) } else { None };
    with_unit.or_else(|| value.trim().parse().ok())
}

fn help() -> String {
    let all = NAMED.iter().map(|named| format!("{}={}", named.name(), shown(named, &Limits::default())));
    let all: Vec<String> = all.collect();
    format!("Change a bound on memory (repeatable); these are the usual ones: {}", all.join(", "))
}

/// The value of a limit, as it may be typed.
fn shown(named: &Named, limits: &Limits) -> String {
    let value = named.of(limits);
    if named.unit == Unit::Bytes { size::shown(value) } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(given: &[&str]) -> Result<Limits, Failure> {
        Bounds { limits: given.iter().map(|given| (*given).to_owned()).collect() }.over(Limits::default())
    }

    #[test]
    fn names_and_units() {
        let limits = over(&["connections=5", "fragment-bytes=64MiB", "packet-bytes=10KB", "connections=7"]).unwrap();
        let wanted = Limits { connections: 7, fragment_bytes: 64 << 20, packet_bytes: 10_000, ..Limits::default() };
        assert_eq!(limits, wanted);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |given: &str| over(&[given]).map_err(|failure| (failure.to_string(), failure.hint())).unwrap_err();
        assert!(said("conections=5").1.contains("did you mean connections?"));
        assert!(!said("xyz=5").1.contains("did you mean"));
        assert!(said("connections").0.contains("has no value"));
        assert!(said("connections=5MiB").1.contains("it is 100000 otherwise"));
        assert!(said("fragment-bytes=many").1.contains("it is 4MiB otherwise"));
        assert!(said("fragment-bytes=99999999999GiB").1.contains("bytes"));
    }
}
