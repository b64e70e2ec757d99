//! `certificate-not-yet-valid`: a certificate of the session is valid only from a later day on.

use super::{About, Found};
use crate::diagnosis::Severity;
use crate::diagnosis::secured::{Secured, subject_of};
use crate::diagnosis::story::Story;
use crate::diagnosis::words;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "certificate-not-yet-valid",
    severity: Severity::Warning,
    text: include_str!("certificate_not_yet_valid.md"),
};

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let Some(secured) = Secured::of(story) else { return Vec::new() };
    let now = secured.now();
    let mut all = Vec::new();
    for side in [Side::Client, Side::Server] {
        let Some(chain) = secured.tls.chain.of(side) else { continue };
        for (place, certificate) in chain.certificates.iter().enumerate().filter(|(_, it)| now < it.not_before) {
            let it = subject_of(side, place, certificate);
            let (from, made) = (words::date(certificate.not_before), words::date(now));
            let headline = format!("{it} is valid from {from} on, and this was captured on {made}.");
            all.push(Found::new(&ABOUT, headline, [chain.at]).by(side));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};
    use crate::stream::Side;
    use crate::transport::tls::Version;

    #[test]
    fn valid_from_tomorrow_on() {
        let from = |begin: i64| {
            let tale = Tale::greeted(Version::V1_2).server_hello(Version::V1_2, false);
            let session = tale.certificate(Side::Server, "broker.lan", begin, 900 * 86_400).build();
            finding(&session, "certificate-not-yet-valid")
        };
        assert!(from(86_400).unwrap().headline.starts_with("The server's certificate is valid from 1970-01-02 on"));
        assert!(from(-10).is_none());
    }
}
