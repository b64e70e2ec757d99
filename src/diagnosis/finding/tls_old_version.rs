//! `tls-old-version`: the session is encrypted with a version of TLS that is no longer safe.

use super::{About, Found};
use crate::diagnosis::Severity;
use crate::diagnosis::secured::Secured;
use crate::diagnosis::story::Story;
use crate::stream::Side;
use crate::transport::tls::Version;

pub(super) const ABOUT: About =
    About { id: "tls-old-version", severity: Severity::Warning, text: include_str!("tls_old_version.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let Some(secured) = Secured::of(story) else { return Vec::new() };
    let (hello, answer) = (secured.tls.client_hello.as_ref(), secured.tls.server_hello.as_ref());
    let (client, server) = (secured.client(), secured.server());
    if let Some(answer) = answer.filter(|answer| answer.version < Version::V1_2) {
        let headline = format!("{client} and {server} encrypt with {}, which is no longer safe.", answer.version);
        return vec![Found::new(&ABOUT, headline, [answer.at])];
    }
    let offered = hello.and_then(|hello| Some((hello.at, hello.highest()?)));
    let old = offered.filter(|(_, version)| *version < Version::V1_2 && answer.is_none());
    old.map(|(at, version)| {
        let headline = format!("{client} offers {server} no version above {version}, which is no longer safe.");
        Found::new(&ABOUT, headline, [at]).by(Side::Client)
    })
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};
    use crate::transport::tls::Version;

    #[test]
    fn tls_1_1_is_old_and_1_2_is_not() {
        let agreed = |version| Tale::greeted(Version(version)).server_hello(Version(version), false).build();
        let found = finding(&agreed(0x0302), "tls-old-version").unwrap();
        assert_eq!(
            found.headline,
            "10.0.0.21 and broker.lan (10.0.0.5:8883) encrypt with TLS 1.1, which is no longer safe."
        );
        assert!(finding(&agreed(0x0303), "tls-old-version").is_none());
        let offered = finding(&Tale::greeted(Version(0x0301)).build(), "tls-old-version").unwrap();
        assert!(offered.headline.contains("no version above TLS 1.0"));
    }
}
