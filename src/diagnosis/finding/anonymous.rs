//! `anonymous`: the client was accepted without a user name.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::Severity;

pub(super) const ABOUT: About = About {
    id: "anonymous",
    severity: Severity::Info,
    text: include_str!("anonymous.md"),
};

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let (Some(connect), Some(connack)) = (&story.session.connect, &story.session.connack) else {
        return Vec::new();
    };
    let named = connect.username.is_some() || connect.has_password;
    let proved = named || connect.authentication_method.is_some();
    if proved || connack.code.0 != 0 {
        return Vec::new();
    }
    vec![
        Found::new(
            &ABOUT,
            format!("The broker accepted {} without a user name.", story.client()),
            [connect.at, connack.at],
        )
        .detail("Whoever reaches the broker can use it. That may be intended inside a network that you trust."),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn nobody_is_let_in() {
        let bare = |code| {
            Tale::connecting().connack(code).with(|session| {
                let connect = session.connect.as_mut().unwrap();
                connect.username = None;
                connect.has_password = false;
            })
        };
        assert!(finding(&bare(0).build(), "anonymous").is_some());
        assert!(finding(&bare(5).build(), "anonymous").is_none());
        assert!(finding(&Tale::connected().build(), "anonymous").is_none());
    }
}
