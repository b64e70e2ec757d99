//! `certificate-expires-soon`: a certificate of the session runs out, or has run out.

use super::{About, Found};
use crate::diagnosis::Severity;
use crate::diagnosis::secured::{Secured, subject_of};
use crate::diagnosis::story::Story;
use crate::diagnosis::words;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "certificate-expires-soon",
    severity: Severity::Warning,
    text: include_str!("certificate_expires_soon.md"),
};

/// Seconds that leave time to act.
const SOON: i64 = 21 * 86_400;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let Some(secured) = Secured::of(story) else { return Vec::new() };
    let now = secured.now();
    let mut all = Vec::new();
    for side in [Side::Client, Side::Server] {
        let Some(chain) = secured.tls.chain.of(side) else { continue };
        for (place, certificate) in chain.certificates.iter().enumerate() {
            let (it, end) = (subject_of(side, place, certificate), certificate.not_after);
            if end < now {
                let ago = words::days(now - end);
                let headline = format!("{it} expired on {}, {ago} before this capture.", words::date(end));
                all.push(Found::new(&ABOUT, headline, [chain.at]).named("certificate-expires-soon:expired").by(side));
            } else if end - now < SOON {
                let left = words::days(end - now);
                let headline = format!("{it} expires on {}, {left} after this capture.", words::date(end));
                all.push(Found::new(&ABOUT, headline, [chain.at]).by(side));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};
    use crate::stream::Side;
    use crate::transport::tls::Version;

    const DAY: i64 = 86_400;

    #[test]
    fn three_weeks_are_soon() {
        let until = |days: i64| {
            let tale = Tale::greeted(Version::V1_2).server_hello(Version::V1_2, false);
            finding(&tale.certificate(Side::Server, "broker.lan", -DAY, days * DAY).build(), "certificate-expires-soon")
        };
        assert!(until(5).unwrap().headline.ends_with(", 5 days after this capture."));
        assert!(until(30).is_none());
        let past = until(-2).unwrap();
        assert_eq!(past.id, "certificate-expires-soon:expired");
        assert!(past.headline.contains("2 days before this capture"), "{}", past.headline);
    }
}
