//! Lines as a device's console or a broker's log shows them: the number in them, the library whose line it is,
//! and the phrases of the tables that they contain.
//!
//! Invariant: a phrase is taken for found only if all its words stand in the line in their order.

use crate::diagnosis::symptom::{self, Library, LogLine, Symptom};

/// Words of a line that may lie between two words of a phrase: a client id, an address, a date.
const BETWEEN: usize = 10;
/// A phrase of fewer letters says too little.
const LETTERS: usize = 8;
/// Words that stand for what differs from line to line.
const PLACEHOLDERS: [&str; 8] = ["HOST", "PORT", "N", "X", "NAME", "REASON", "sec", "seconds"];

/// Lines of well-known programs that are built on a library, and of its example sketches.
const PROGRAMS: [(&str, Library); 4] = [
    ("failed, rc= try again in", Library::PubSubClient),
    ("Attempting MQTT connection failed rc", Library::PubSubClient),
    ("MQT: Attempting connection", Library::Tasmota),
    ("Connect failed to HOST:PORT, rc Retry in", Library::Tasmota),
];

/// What the tables know of a line.
pub(super) enum Known {
    /// What client libraries print.
    Printed(Vec<&'static Symptom>),
    /// What brokers log.
    Logged(Vec<&'static LogLine>),
}

/// The library whose program prints such a line.
pub(super) fn library(line: &str) -> Option<Library> {
    let line = words(line);
    PROGRAMS.iter().find(|(phrase, _)| score(phrase, &line).is_some()).map(|(_, library)| *library)
}

/// The number that a line gives as its code: after `rc`, `state`, … or in brackets at its end.
pub(super) fn code(line: &str) -> Option<i32> {
    const BEFORE: [&str; 7] = ["rc", "state", "code", "lasterror", "returncode", "connecterror", "returned"];
    let all = words(line);
    let named = all
        .iter()
        .zip(all.iter().skip(1))
        .find_map(|(word, next)| BEFORE.contains(&word.as_str()).then(|| next.parse().ok())?);
    let bracketed = || line.trim_end_matches(['.', ' ']).strip_suffix(')')?.rsplit_once('(')?.1.parse().ok();
    named.or_else(bracketed)
}

/// The phrases that fit best: those of which `asked` is a part, or else the longest that stand in it.
pub(super) fn find(asked: &str) -> Option<Known> {
    let asked = words(asked);
    if asked.iter().map(String::len).sum::<usize>() < 5 {
        return None;
    }
    let lines = best(symptom::log_lines().iter().map(|line| (line, fit(line.phrase, &asked))));
    let printed = best(symptom::all().map(|symptom| {
        let quoted = symptom.prints.split(['“', '”', '`', '(', ')']).chain([symptom.prints]);
        (symptom, quoted.filter_map(|phrase| fit(phrase, &asked)).max())
    }));
    match (printed, lines) {
        ((printed, symptoms), (logged, _)) if printed > 0 && printed >= logged => Some(Known::Printed(symptoms)),
        (_, (logged, lines)) if logged > 0 => Some(Known::Logged(lines)),
        _ => None,
    }
}

/// The best of the scores, and all that reach it.
fn best<T>(scored: impl Iterator<Item = (T, Option<usize>)>) -> (usize, Vec<T>) {
    let (mut most, mut found) = (0, Vec::new());
    for (item, score) in scored {
        let score = score.unwrap_or(0);
        if score > most {
            most = score;
            found.clear();
        }
        if score > 0 && score == most {
            found.push(item);
        }
    }
    (most, found)
}

/// How well a phrase fits: it is what was asked for, or stands in it, or is longer and has it as a part.
fn fit(phrase: &str, asked: &[String]) -> Option<usize> {
    let whole = words(phrase);
    let letters = asked.iter().map(String::len).sum::<usize>();
    if whole == asked {
        Some(2 * letters)
    } else if whole.windows(asked.len().max(1)).any(|window| window == asked) {
        Some(letters)
    } else if asked.len() > 1 && stands_in(asked, &whole) {
        Some(letters - 1)
    } else {
        score(phrase, asked)
    }
}

/// Whether all words stand in a text, in their order and near one another.
fn stands_in(words: &[String], text: &[String]) -> bool {
    let mut rest = text;
    words.iter().enumerate().all(|(number, word)| {
        let at = rest.iter().position(|other| other == word).filter(|at| number == 0 || *at <= BETWEEN);
        rest = at.and_then(|at| rest.get(at + 1..)).unwrap_or_default();
        at.is_some()
    })
}

/// The letters of a phrase whose words all stand in `line`, in their order and near one another.
fn score(phrase: &str, line: &[String]) -> Option<usize> {
    let phrase: Vec<String> = {
        let kept = phrase.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_');
        kept.filter(|word| !PLACEHOLDERS.contains(word)).flat_map(words).collect()
    };
    let letters: usize = phrase.iter().map(String::len).sum();
    if letters < LETTERS {
        return None;
    }
    stands_in(&phrase, line).then_some(letters)
}

/// The words of a text in lower case: letters and digits, and the sign of a number.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in text.replace('−', "-").chars().flat_map(char::to_lowercase) {
        let Some(word) = words.last_mut() else { break };
        let continues = character.is_alphanumeric() && (word != "-" || character.is_numeric());
        if continues {
            word.push(character);
        } else if character == '-' && word.is_empty() {
            word.push('-');
        } else if word == "-" {
            word.clear();
            if character.is_alphanumeric() {
                word.push(character);
            }
        } else if !word.is_empty() {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty() && word != "-");
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_the_sign_of_a_number() {
        assert_eq!(words("failed, rc=-2 try"), ["failed", "rc", "-2", "try"]);
        assert_eq!(words("MQTT_CONNECT_FAILED - x-ray −4"), ["mqtt", "connect", "failed", "x", "ray", "-4"]);
        assert!(words(" - -- ").is_empty());
    }

    #[test]
    fn codes_of_lines() {
        for (line, expected) in [
            ("Attempting MQTT connection...failed, rc=-2 try again in 5 seconds", Some(-2)),
            ("MQT: Connect failed to 10.0.0.2:1883, rc -4. Retry in 10 sec", Some(-4)),
            ("Timed out waiting for a response from the server (32000)", Some(32000)),
            ("mqtt_message_receive() returned -2", Some(-2)),
            ("Client sensor-17 disconnected.", None),
        ] {
            assert_eq!(code(line), expected, "{line}");
        }
    }

    #[test]
    fn a_phrase_needs_all_its_words_in_their_order() {
        let line = words("1700000000: Client sensor-17 [10.0.0.11:50000] has exceeded timeout, disconnecting.");
        assert!(score("Client NAME has exceeded timeout, disconnecting.", &line).is_some());
        assert!(score("Client NAME disconnected: exceeded timeout.", &line).is_none());
        assert!(score("timeout exceeded has Client", &line).is_none());
        assert!(score("has", &line).is_none());
    }
}
