//! `plain-text-password`: a password was sent without encryption.

use super::{About, Found};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "plain-text-password", severity: Severity::Warning, text: include_str!("plain_text_password.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let peers = &story.session.wire.peers;
    let inside = peers.client.endpoint.address.is_loopback();
    let Some(connect) = story.session.connect.as_ref().filter(|c| c.has_password && !inside) else {
        return Vec::new();
    };
    vec![
        Found::new(
            &ABOUT,
            format!("{} sent its password without encryption.", story.client()),
            [connect.at],
        )
        .by(Side::Client)
        .detail("Anyone on the way can read it, and it stands in this capture: take care to whom you give the file. Use TLS (port 8883), and change the password."),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn a_password_in_the_clear() {
        let found = finding(&Tale::healthy().build(), "plain-text-password").unwrap();
        assert_eq!(found.headline, "sensor-17 sent its password without encryption.");
    }

    #[test]
    fn none_was_sent_or_it_stayed_inside_the_host() {
        let none = Tale::healthy().with(|session| session.connect.as_mut().unwrap().has_password = false);
        assert!(finding(&none.build(), "plain-text-password").is_none());
        let inside = Tale::healthy().with(|session| {
            session.wire.peers.client.endpoint.address = [127, 0, 0, 1].into();
        });
        assert!(finding(&inside.build(), "plain-text-password").is_none());
    }
}
