//! From what was asked for to its entry.

use std::fmt::Write as _;

use crate::diagnosis::symptom::{self, Library};

use super::console::Known;
use super::entry::{self, Entry};
use super::{Explanation, Kind, client_code, console, suggest};

/// The longest question that is looked at, in characters.
const LONGEST: usize = 200;

/// Explains `what`, as `client` means it if that is a known library.
pub(super) fn explain(what: &str, client: Option<&str>) -> Explanation {
    let what: String = what.trim().chars().take(LONGEST).collect();
    let (named, rest) = split_library(&what);
    let library = client.and_then(library).or(named);
    let entries = entry::all();
    number(rest, library, &entries)
        .or_else(|| property(&what, &entries))
        .or_else(|| word(&what, &entries))
        .or_else(|| line(&what, library, &entries))
        .unwrap_or_else(|| unknown(&what, &entries))
}

/// A text without what does not tell names apart: case, spaces, dashes, quotation marks.
pub(super) fn normal(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() {
            out.push(character);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

fn library(name: &str) -> Option<Library> {
    let name = normal(name).replace('-', "");
    symptom::all().map(|symptom| symptom.library).find(|library| normal(library.name()).replace('-', "") == name)
}

/// The library named before a number, and the rest.
fn split_library(what: &str) -> (Option<Library>, &str) {
    what.char_indices()
        .filter(|(_, character)| character.is_whitespace())
        .filter_map(|(at, _)| Some((library(what.get(..at)?)?, what.get(at..)?)))
        .next_back()
        .map_or((None, what), |(library, rest)| (Some(library), rest.trim()))
}

/// How a number was written.
enum Number {
    /// `0x87`: a code on the wire.
    Hex(u8),
    /// `rc=5`, `-2`: what a program printed.
    Printed(i32),
    /// `135`: either.
    Plain(i32),
}

fn parse(text: &str) -> Option<Number> {
    let text = text.trim().to_lowercase().replace('−', "-");
    if let Some(hex) = text.strip_prefix("0x") {
        return u8::from_str_radix(hex, 16).ok().map(Number::Hex);
    }
    if let Ok(number) = text.parse::<i32>() {
        let printed = number < 0;
        return Some(if printed { Number::Printed(number) } else { Number::Plain(number) });
    }
    let words = ["rc", "return code", "returncode", "exit code", "state", "error", "lasterror", "code", "reason"];
    let rest = words.iter().find_map(|word| text.strip_prefix(word))?;
    let rest = rest.trim_start_matches([' ', '=', ':', '(']).trim_end_matches(')');
    match rest.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16).ok().map(Number::Hex),
        None => rest.parse().ok().map(Number::Printed),
    }
}

fn number(text: &str, library: Option<Library>, entries: &[Entry]) -> Option<Explanation> {
    let parsed = parse(text)?;
    let (code, on_wire) = match parsed {
        Number::Hex(code) => (i32::from(code), true),
        Number::Printed(code) | Number::Plain(code) => (code, false),
    };
    let reason = format!("0x{code:02X}");
    let printed = format!("rc={code}");
    let property = format!("property {code}");
    let find = |kind: Kind, name: &str| {
        entries
            .iter()
            .find(|entry| entry.kind == kind && (entry.name == name || entry.aliases.iter().any(|a| a == name)))
    };
    let mut parts: Vec<&Entry> = Vec::new();
    let own = if on_wire { None } else { client_code::of(code, library) };
    if library.is_none() {
        let small = (0..6).contains(&code);
        let return_code = find(Kind::ReturnCode, &printed).filter(|_| small);
        let reason_code = find(Kind::ReasonCode, &reason).filter(|_| code >= 0);
        let as_property = find(Kind::Property, &property).filter(|_| code >= 0);
        if on_wire {
            parts.extend(reason_code.or(return_code).or(as_property));
        } else {
            parts.extend(return_code);
            parts.extend(reason_code);
            if parts.is_empty() && own.is_none() {
                parts.extend(as_property);
            }
        }
    }
    let parts = parts.into_iter().chain(own.as_ref());
    let mut all: Vec<&Entry> = parts.collect();
    if all.is_empty() {
        return None;
    }
    let first = all.remove(0);
    let mut explanation = copy(first);
    for entry in all {
        let _ = write!(explanation.body, "\n\n**{}**\n\n{}", entry.title, entry.body);
        explanation.see_also.extend(entry.see_also.iter().cloned());
    }
    // `0x18` is a reason code and a property: the other one is a question away.
    if on_wire && find(Kind::Property, &property).is_some() && explanation.kind != Kind::Property {
        explanation.see_also.push(property);
    }
    let mut seen = Vec::new();
    explanation.see_also.retain(|name| {
        let new = !seen.contains(name);
        seen.push(name.clone());
        new
    });
    Some(explanation)
}

fn property(what: &str, entries: &[Entry]) -> Option<Explanation> {
    let lower = what.to_lowercase();
    let number = lower.strip_prefix("property")?.trim_start_matches([' ', '=']);
    let id = match number.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    let alias = format!("property {id}");
    let found = entries.iter().find(|entry| entry.aliases.contains(&alias))?;
    Some(copy(found))
}

/// A name. An id with dashes means the outcome or finding, words mean the code.
fn word(what: &str, entries: &[Entry]) -> Option<Explanation> {
    // A finding that comes in kinds has one text for all.
    let stem = what.split_once(':').map_or(what, |(stem, _)| stem);
    let asked = normal(stem);
    let is = |entry: &&Entry| {
        let stripped = |name: &str| normal(name.strip_prefix("Connection Refused, ").unwrap_or(name));
        normal(&entry.name) == asked
            || entry.aliases.iter().any(|alias| normal(alias) == asked || stripped(alias) == asked)
    };
    let mut found: Vec<&Entry> = entries.iter().filter(|entry| entry.kind != Kind::ClientCode).filter(is).collect();
    let dashed = stem.contains('-');
    found.sort_by_key(|entry| match entry.kind {
        Kind::Outcome | Kind::Finding => !dashed,
        Kind::ReturnCode => true,
        _ => dashed,
    });
    let (first, others) = found.split_first()?;
    let mut explanation = copy(first);
    for other in others {
        if !explanation.see_also.contains(&other.name) {
            explanation.see_also.push(other.name.clone());
        }
    }
    Some(explanation)
}

/// A line that a library prints or a broker logs, whole or in part: `ECONNREFUSED`, `failed, rc=-2 try again`.
fn line(what: &str, library: Option<Library>, entries: &[Entry]) -> Option<Explanation> {
    let code = console::code(what).map(|code| format!("rc={code}"));
    let program = library.or_else(|| console::library(what));
    let of_program = || number(code.as_deref()?, Some(program?), entries);
    let known = || {
        Some(match console::find(what)? {
            Known::Printed(symptoms) => client_code::printed(&symptoms),
            Known::Logged(lines) => client_code::logged(&lines),
        })
    };
    of_program().or_else(known).or_else(|| number(code.as_deref()?, None, entries))
}

fn unknown(what: &str, entries: &[Entry]) -> Explanation {
    let names = entries.iter().flat_map(|entry| entry.aliases.iter().chain([&entry.name])).map(String::as_str);
    let near = suggest::nearest(what, names);
    let body = if near.is_empty() {
        "Ask for a code (`0x87`, `135`, `rc=5`), a line that a client printed or a broker logged (`failed, rc=-2`), the id of an outcome or a finding, a property, or a packet type.".to_owned()
    } else {
        "Did you mean one of the names below?".to_owned()
    };
    Explanation { title: "Nothing is known by this name".to_owned(), kind: Kind::Unknown, body, see_also: near }
}

fn copy(entry: &Entry) -> Explanation {
    Explanation {
        title: entry.title.clone(),
        kind: entry.kind,
        body: entry.body.clone(),
        see_also: entry.see_also.clone(),
    }
}
