//! `no-sni`: the client did not say which name it wants, and the handshake failed.

use super::{About, Found};
use crate::diagnosis::secured::Secured;
use crate::diagnosis::story::Story;
use crate::diagnosis::{Confidence, Severity};
use crate::stream::Side;

pub(super) const ABOUT: About = About { id: "no-sni", severity: Severity::Info, text: include_str!("no_sni.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let Some(secured) = Secured::of(story) else { return Vec::new() };
    let Some(hello) = secured.tls.client_hello.as_ref().filter(|hello| hello.server_name.is_none()) else {
        return Vec::new();
    };
    let by_server = story.close_by(Side::Server).is_some() || secured.failure_of(Side::Server).is_some();
    let refused = secured.failure_of(Side::Client).is_some() || by_server;
    if secured.tls.is_complete() || !refused {
        return Vec::new();
    }
    let headline = format!("{} did not say which server name it wants (no SNI).", secured.client());
    vec![
        Found::new(&ABOUT, headline, [hello.at])
            .by(Side::Client)
            .only(Confidence::Certain)
            .detail("Servers with several names, and cloud brokers, cannot choose their certificate then. Connect by name, not by address."),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};
    use crate::stream::Side;
    use crate::transport::tls::Version;

    #[test]
    fn it_matters_where_the_handshake_fails() {
        let nameless = || Tale::greeted(Version::V1_2).with(|session| {
            session.tls.as_mut().unwrap().client_hello.as_mut().unwrap().server_name = None;
        });
        assert!(finding(&nameless().alert(Side::Server, 40, 0.01).build(), "no-sni").is_some());
        assert!(finding(&nameless().build(), "no-sni").is_none());
        assert!(finding(&Tale::greeted(Version::V1_2).alert(Side::Server, 40, 0.01).build(), "no-sni").is_none());
    }
}
