//! `keepalive-disabled`: the client switched the Keep Alive off.

use super::{About, Found};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "keepalive-disabled", severity: Severity::Info, text: include_str!("keepalive_disabled.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let (Some(connect), Some(0)) = (&story.session.connect, story.keep_alive()) else {
        return Vec::new();
    };
    vec![
        Found::new(
            &ABOUT,
            format!("{} switched the Keep Alive off (0).", story.client()),
            [connect.at],
        )
        .by(Side::Client)
        .detail("Neither side notices when the other is gone, and idle timers on the way can end the connection unseen."),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn a_keep_alive_of_zero() {
        let off = || Tale::connected_v5().with(|session| session.connect.as_mut().unwrap().keep_alive = 0);
        assert!(finding(&off().build(), "keepalive-disabled").is_some());
        let server = off().with(|session| session.connack.as_mut().unwrap().server_keep_alive = Some(30));
        assert!(finding(&server.build(), "keepalive-disabled").is_none());
        assert!(finding(&Tale::connected().build(), "keepalive-disabled").is_none());
    }
}
