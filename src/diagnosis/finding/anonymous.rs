//! `anonymous`: the client sent no user name.

use super::{About, Found};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;

pub(super) const ABOUT: About = About { id: "anonymous", severity: Severity::Info, text: include_str!("anonymous.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let (Some(connect), Some(connack)) = (&story.session.connect, &story.session.connack) else {
        return Vec::new();
    };
    let named = connect.username.is_some() || connect.has_password;
    if named || connect.authentication_method.is_some() {
        return Vec::new();
    }
    let client = story.client();
    let moments = [connect.at, connack.at];
    let found = if connack.code.0 == 0 {
        let headline = format!("The broker accepted {client} without a user name.");
        Found::new(&ABOUT, headline, moments)
            .detail("Whoever reaches the broker can use it. That may be intended inside a network that you trust.")
    } else {
        Found::new(&ABOUT, format!("{client} sent no user name."), moments)
    };
    vec![found]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn a_client_without_a_name() {
        let bare = |code| {
            Tale::connecting().connack(code).with(|session| {
                let connect = session.connect.as_mut().unwrap();
                connect.username = None;
                connect.has_password = false;
            })
        };
        assert!(finding(&bare(0).build(), "anonymous").is_some());
        assert_eq!(finding(&bare(5).build(), "anonymous").unwrap().headline, "sensor-17 sent no user name.");
        assert!(finding(&Tale::connected().build(), "anonymous").is_none());
    }
}
