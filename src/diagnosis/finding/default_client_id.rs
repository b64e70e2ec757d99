//! `default-client-id`: the client id is one that examples use.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Confidence, Severity, words};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "default-client-id", severity: Severity::Info, text: include_str!("default_client_id.md") };

/// Client ids of examples that many programs have copied.
const EXAMPLES: [&str; 6] = ["ESP8266Client", "ESP32Client", "ESP8266", "ESP32", "arduinoClient", "arduino"];

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let Some(connect) = &story.session.connect else {
        return Vec::new();
    };
    let example = connect.client_id.as_str().is_some_and(|id| EXAMPLES.contains(&id));
    if !example {
        return Vec::new();
    }
    vec![
        Found::new(
            &ABOUT,
            format!("The client id {} is one of a library's examples.", words::quoted(&connect.client_id)),
            [connect.at],
        )
        .only(Confidence::Likely)
        .by(Side::Client)
        .detail("A second device with the same program pushes this one out: give each a client id of its own."),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding, text};

    #[test]
    fn an_id_from_an_example() {
        let found = |id: &str| {
            let tale = Tale::connected().with(|session| {
                session.connect.as_mut().unwrap().client_id = text(id);
            });
            finding(&tale.build(), "default-client-id")
        };
        assert!(found("ESP8266Client").is_some());
        assert!(found("ESP8266Client-3fa1").is_none());
        assert!(found("sensor-17").is_none());
    }
}
